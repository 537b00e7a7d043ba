"""Series: where the values that one repeat gives its blocks one by one are those that another repeat makes block by block.

A forward chain makes `h0, h1, h2, ...`; the backward chain takes them in reverse. If both become a `scan`, the stacked
results of the one are what the other runs over: no value need stand by itself. For that they must have the same blocks:
`aligned` leaves the odd ones at the ends (the first layer has no gradient for its input) out of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from treadle.ir.graph import Value
from treadle.ir.passes.repeats import Repeat

_ENDS = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2))  # blocks that may be left out at the two ends
_ROUNDS = 8


class Series(NamedTuple):
    """A value for each block of a repeat: a result of the block, or with `entering` what is carried into it.

    `place` is a source (operation, result) or the place among what is carried.
    """

    repeat: Repeat
    entering: bool
    place: tuple[int, int] | int
    values: tuple[Value, ...]


class Index:
    """The series of some repeats, found by their values: those that some repeat takes."""

    def __init__(self, repeats: Sequence[Repeat]):
        self._at: dict[Value, list[tuple[Series, int]]] = {}
        taken = {v for repeat in repeats for rows in rows_of(repeat) for v in rows}
        made = {o: (repeat, i % repeat.period) for repeat in repeats for i, o in enumerate(repeat.operations)}
        sources = {(*made[v.producer], v.index): None for v in taken if v.producer in made}
        for repeat, j, r in sources:
            self._add(Series(repeat, False, (j, r), repeat.results((j, r))))
        for repeat in repeats:
            for c, (source, first) in enumerate(repeat.carried):
                if (repeat, *source) in sources or first in taken:
                    self._add(Series(repeat, True, c, (first, *repeat.results(source)[:-1])))

    def _add(self, series: Series) -> None:
        for block, value in enumerate(series.values):
            self._at.setdefault(value, []).append((series, block))

    def locate(self, values: Sequence[Value]) -> Iterator[tuple[Series, int, int]]:
        """Series of which `values` are a part, forwards or backwards: with the first and the last block."""
        count = len(values)
        for series, block in self._at.get(values[0], ()):
            if series.values[block:block + count] == tuple(values):
                yield series, block, block + count - 1
            elif block - count + 1 >= 0 and series.values[block - count + 1:block + 1] == tuple(values[::-1]):
                yield series, block - count + 1, block

    def best(self, values: Sequence[Value]) -> Series | None:
        """The series that has the values, and no others if there is one."""
        return min((s for s, *_ in self.locate(values)), key=lambda s: len(s.values), default=None)


def rows_of(repeat: Repeat) -> list[tuple[Value, ...]]:
    """What the blocks take one by one, each once."""
    return list(dict.fromkeys([s.values for row in repeat.slots for s in row if s.rows is not None]))


def aligned(repeats: Sequence[Repeat], fewest: int) -> list[Repeat]:
    """The repeats, shorter at the ends where their series then fit; those left with too few blocks are gone."""
    found = list(repeats)
    for _ in range(_ROUNDS):
        index = Index(found)
        cuts = [_taken(r, index) for r in found]
        if not any(cuts):
            cuts = [_made(r, found, index) for r in found]
            if not any(cuts):
                break
        found = [r.trimmed(*cut) if cut else r for r, cut in zip(found, cuts)]
    return [r for r in found if r.count >= fewest]


def _taken(repeat: Repeat, index: Index) -> tuple[int, int] | None:
    """The blocks to keep so that what they take is a series."""
    for values in rows_of(repeat):
        for low, high in _ENDS:
            part = values[low:len(values) - high]
            if len(part) > 1 and any(s.repeat is not repeat for s, *_ in index.locate(part)):
                if low or high:
                    return low, len(values) - 1 - high
                break
    return None


def _made(repeat: Repeat, others: Sequence[Repeat], index: Index) -> tuple[int, int] | None:
    """The blocks to keep so that others need all of what they make."""
    wanted: Counter[tuple[int, int]] = Counter()
    for other in others:
        for values in rows_of(other) if other is not repeat else ():
            wanted.update({(low, high) for s, low, high in index.locate(values) if s.repeat is repeat})
    if not wanted:
        return None
    (low, high), _ = max(wanted.items(), key=lambda w: (w[1], w[0][1] - w[0][0]))
    return (low, high) if 0 < repeat.count - 1 - (high - low) <= 2 else None
