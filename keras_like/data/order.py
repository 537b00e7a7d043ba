"""Orders: which row comes when. The buffer shuffle, and the regrouping of index arrays into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from treadle.keras_like.data.seed import generators

_DRAWS = 256


def shuffled(items: Iterator[Any], buffer_size: int | None, seed: np.random.SeedSequence) -> Iterator[Any]:
    """The items in the order of a shuffle buffer.

    The buffer holds `buffer_size` items (all of them for None). Each step hands out a random one and puts the next
    item in its place, so an item comes out at most `buffer_size - 1` places early. What is left at the end comes out in
    random order.
    """
    drawing, draining = generators(seed, 2)
    held = list(items if buffer_size is None else islice(items, buffer_size))
    if buffer_size is not None and len(held) == buffer_size:
        draws: Iterator[int] = iter(())
        for item in items:
            slot = next(draws, None)
            if slot is None:
                draws = iter(drawing.integers(0, buffer_size, _DRAWS).tolist())
                slot = next(draws)
            yield held[slot]
            held[slot] = item
    for slot in draining.permutation(len(held)).tolist():
        yield held[slot]


def shuffled_positions(count: int, buffer_size: int | None, seed: np.random.SeedSequence) -> np.ndarray:
    """What `shuffled(range(count), ...)` yields, computed at once.

    The item that leaves at step `t` is the one that came into the same slot when that slot was last drawn, or the
    slot's first item. A stable sort of the draws by slot brings the two draws next to each other.
    """
    drawing, draining = generators(seed, 2)
    size = count if buffer_size is None else min(buffer_size, count)
    steps = count - size
    if not steps:
        return draining.permutation(count)
    slots = drawing.integers(0, size, steps)
    # Sorting 16-bit integers takes linear time.
    by_slot = np.argsort(slots.astype(np.uint16) if size <= 1 << 16 else slots, kind="stable")
    grouped = slots[by_slot]
    starts = np.append(True, grouped[1:] != grouped[:-1])
    arrived = size + by_slot
    leaving = np.empty(steps, np.int64)
    leaving[by_slot] = np.where(starts, grouped, np.roll(arrived, 1))
    held = np.arange(size)
    ends = np.append(starts[1:], True)
    held[grouped[ends]] = arrived[ends]
    return np.concatenate([leaving, held[draining.permutation(size)]])


def regrouped(chunks: Iterable[np.ndarray], multiple: int) -> Iterator[np.ndarray]:
    """The same indices in arrays whose lengths are multiples of `multiple`, but for the last."""
    carried = np.empty(0, np.int64)
    for chunk in chunks:
        indices = np.concatenate([carried, chunk]) if len(carried) else chunk
        whole = len(indices) // multiple * multiple
        if whole:
            yield indices[:whole]
        carried = indices[whole:]
    if len(carried):
        yield carried


def pieces(chunks: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The same indices in arrays of at most `length`."""
    for chunk in chunks:
        for start in range(0, len(chunk), length):
            yield chunk[start:start + length]
