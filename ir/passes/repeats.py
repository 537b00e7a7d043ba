"""Finding what repeats: blocks of operations that do the same to other values, one after the other.

    %0 = matmul(%x, %w0)                 two blocks of two operations. The slots of a block, operand by operand:
    %1 = tanh(%0)                          matmul 0: carried, the tanh of the block before (first: %x)
    %2 = matmul(%1, %w1)                   matmul 1: each block its own, (%w0, %w1)
    %3 = tanh(%2)                          tanh 0:   inside, the matmul of the same block

Operations are the same if op, attributes and types are. Where a sequence of such repeats with some period is found by
numbers for operations (like the period of a text); that the blocks are also wired in the same way is seen afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from treadle.ir.attributes import attribute_key
from treadle.ir.fingerprint import graph_fingerprint
from treadle.ir.graph import Graph, Operation, Value

_CONTEXT = 6  # operations in a row that tell places apart
_MOST_PERIODS = 16  # of the gaps between equal places, the most common ones are tried


class Slot(NamedTuple):
    """Where one operand of a block's operation comes from; `values` has it for each block.

    `source` is (operation in the block, result): of the same block if `inside`, else of the block before. None: from
    outside.
    """

    inside: bool
    source: tuple[int, int] | None
    values: tuple[Value, ...]

    @property
    def is_fixed(self) -> bool:
        """True if all blocks use the same value from outside."""
        return self.source is None and all(v is self.values[0] for v in self.values)

    @property
    def rows(self) -> tuple[Value, ...] | None:
        """The values from outside, where each block has its own."""
        return self.values if self.source is None and not self.is_fixed else None

    @property
    def is_carried(self) -> bool:
        """True for what the block before gives."""
        return self.source is not None and not self.inside


@dataclass(frozen=True, eq=False)
class Repeat:
    """`count` blocks of `period` operations each; `slots` are those of the block's operations in order."""

    operations: Sequence[Operation]
    period: int
    slots: tuple[tuple[Slot, ...], ...]

    @property
    def count(self) -> int:
        return len(self.operations) // self.period

    @property
    def block(self) -> Sequence[Operation]:
        """The first block."""
        return self.operations[:self.period]

    @property
    def carried(self) -> list[tuple[tuple[int, int], Value]]:
        """What goes from block to block: the source and the first block's value."""
        return list(dict.fromkeys((s.source, s.values[0]) for row in self.slots for s in row if s.is_carried))  # type: ignore[misc]

    def results(self, source: tuple[int, int]) -> tuple[Value, ...]:
        """That result of each block."""
        return tuple([self.operations[i].results[source[1]] for i in range(source[0], len(self.operations), self.period)])

    def trimmed(self, first: int, last: int) -> Repeat:
        """The blocks from `first` to `last`."""
        cut = slice(first, last + 1)
        return replace(self, operations=self.operations[first * self.period:(last + 1) * self.period],
                       slots=tuple(tuple(s._replace(values=s.values[cut]) for s in row) for row in self.slots))


def find_repeats(operations: Sequence[Operation], fewest: int, may: Callable[[Operation], bool]) -> list[Repeat]:
    """The repeats of `fewest` blocks and more, in order; those that save most are taken first. `may`: allowed inside."""
    numbers = _numbers(operations, may)
    where = {o: i for i, o in enumerate(operations)}
    rejected: set[tuple[int, int]] = set()
    found: list[tuple[int, Repeat]] = []
    while True:
        for start, stop, period in _candidates(numbers, fewest):
            if (start, period) in rejected:
                continue
            best = _boundary(operations, where, start, stop, period, fewest)
            repeat = next(filter(None, (_wired(operations, where, begin, period, (stop - begin) // period, fewest)
                                        for begin in dict.fromkeys((best, start)))), None)
            if repeat is not None:
                parts = [repeat] if repeat.carried else list(_parts(operations, where, start, stop, repeat))
                found += [(where[part.operations[0]], part) for part in parts]
                taken = [where[o] for part in parts for o in part.operations]
                numbers[taken] = -1 - np.array(taken)
                break
            rejected.add((start, period))
        else:
            return [r for _, r in sorted(found, key=lambda f: f[0])]


def _numbers(operations: Sequence[Operation], may: Callable[[Operation], bool]) -> np.ndarray:
    """A number for each operation, equal for those that do the same; negative and unique where it may not be rolled."""
    known: dict[Any, int] = {}
    numbers = []
    for place, operation in enumerate(operations):
        if not may(operation):
            numbers.append(-1 - place)
            continue
        key = (operation.op, *[_attribute_key(a) for a in operation.attributes.values()],
               *[o.type for o in operation.operands], *[r.type for r in operation.results])
        numbers.append(known.setdefault(key, len(known)))
    return np.array(numbers, np.int64)


def _attribute_key(attribute: Any) -> Any:
    if isinstance(attribute, Graph):
        return graph_fingerprint(attribute) or id(attribute)
    if isinstance(attribute, tuple):
        return tuple([_attribute_key(a) for a in attribute])
    return attribute_key(attribute)


def _candidates(numbers: np.ndarray, fewest: int) -> list[tuple[int, int, int]]:
    """(start, stop, period) of what repeats, numbers only, the largest saving first."""
    if len(numbers) < _CONTEXT:
        return []
    context = np.zeros(len(numbers) - _CONTEXT + 1, np.uint64)
    for i in range(_CONTEXT):
        context = context * np.uint64(0x9E3779B97F4A7C15) + numbers[i:i + len(context)].astype(np.uint64)
    order = np.argsort(context, kind="stable")
    gaps = np.diff(order)[np.diff(context[order]) == 0]
    periods, counts = np.unique(gaps, return_counts=True)
    common = periods[np.argsort(-counts, kind="stable")][:_MOST_PERIODS]
    found = []
    for period in map(int, common):
        same = np.concatenate([[False], numbers[:-period] == numbers[period:], [False]])
        starts, stops = np.flatnonzero(np.diff(same.astype(np.int8)) == 1), np.flatnonzero(np.diff(same.astype(np.int8)) == -1)
        for start, stop in zip(map(int, starts), map(int, stops)):
            if (stop - start) // period + 1 >= fewest:
                found.append((start, stop + period, period))
    return sorted(found, key=lambda c: (c[0] + c[2] - c[1], c[2], c[0]))


def _boundary(operations: Sequence[Operation], where: dict[Operation, int], start: int, stop: int, period: int,
              fewest: int) -> int:
    """Where the blocks had best begin: the first place that the fewest values cross to go from block to block."""
    begin = start + max((stop - start) // period // 2 - 1, 0) * period
    last: dict[Value, int] = {}
    for place in range(begin, min(begin + 3 * period, stop)):
        for value in operations[place].operands:
            made = -1 if value.producer is None else where.get(value.producer, -1)
            if begin <= made < begin + period and place - made < 2 * period:
                last[value] = place
    crossing = np.zeros(period, np.int64)
    for value, place in last.items():
        for boundary in range(where[value.producer] + 1, place + 1):  # type: ignore[index]
            crossing[(boundary - start) % period] += 1
    shifts = min(period, stop - start - fewest * period + 1)
    return start + int(np.argmin(crossing[:shifts]))


def _wired(operations: Sequence[Operation], where: dict[Operation, int], start: int, period: int, count: int,
           fewest: int) -> Repeat | None:
    """The longest row of blocks, of those given, that are wired alike; None if that is too short."""
    signatures = []
    for block in range(start, start + count * period, period):
        signature = []
        for operation in operations[block:block + period]:
            for value in operation.operands:
                place = -1 if value.producer is None else where.get(value.producer, -1)
                near = place >= 0 and place >= block - period
                signature.append((place - block, value.index) if near else None)
        signatures.append(signature)
    best = (0, 0)
    first = 1
    while first < count:
        last = first
        while last + 1 < count and signatures[last + 1] == signatures[first]:
            last += 1
        # The block before them is the first of the row if it is the same inside.
        fits = all((s is not None and s[0] >= 0) == (b is not None and b[0] >= 0) and (b is None or b[0] < 0 or s == b)
                   for s, b in zip(signatures[first - 1], signatures[first]))
        found = (first - 1 if fits else first, last)
        best = max(best, found, key=lambda r: r[1] - r[0])
        first = last + 1
    low, high = best
    if high - low + 1 < fewest:
        return None
    begin = start + low * period
    chosen = operations[begin:begin + (high - low + 1) * period]
    wiring = iter(signatures[low + 1])
    slots: list[tuple[Slot, ...]] = []
    for j in range(period):
        row: list[Slot] = []
        for k in range(len(chosen[j].operands)):
            at = next(wiring)
            values = tuple([o.operands[k] for o in chosen[j::period]])
            if at is None:
                if any(v.producer is not None and where.get(v.producer, -1) >= begin for v in values):
                    return None  # of a block further back than the one before
                row.append(Slot(False, None, values))
            else:
                row.append(Slot(at[0] >= 0, (at[0] % period, at[1]), values))
        slots.append(tuple(row))
    return Repeat(chosen, period, tuple(slots))


def _parts(operations: Sequence[Operation], where: dict[Operation, int], start: int, stop: int,
           repeat: Repeat) -> Iterator[Repeat]:
    """What of a repeat that carries nothing has nothing to do with the rest, each with all the blocks it has itself.

    The updates of ten weights in each layer are ten repeats: each may begin and end at another layer.
    """
    period, begin = repeat.period, where[repeat.operations[0]]
    if any(where.get(v.producer, -1) >= start for row in repeat.slots for s in row if s.source is None  # type: ignore[arg-type]
           for v in s.values):
        start = begin  # operations before the first block, that the blocks use, stay before them
    group = list(range(period))  # for each operation of the block the first one it is connected with
    for j, row in enumerate(repeat.slots):
        for slot in row:
            if slot.inside:
                a, b = group[j], group[slot.source[0]]  # type: ignore[index]
                group = [min(a, b) if g in (a, b) else g for g in group]
    for first in dict.fromkeys(group):
        offsets = [j for j in range(period) if group[j] == first]
        rows = [repeat.slots[j] for j in offsets]

        def fits(block: int, offsets: list[int] = offsets, rows: Sequence[tuple[Slot, ...]] = rows) -> bool:
            at = begin + block * period
            if at + offsets[0] < start or at + offsets[-1] >= stop:
                return False
            for j, row in zip(offsets, rows):
                for slot, value in zip(row, operations[at + j].operands):
                    if slot.inside:
                        i, r = slot.source  # type: ignore[misc]
                        if value is not operations[at + i].results[r]:
                            return False
                    elif slot.is_fixed and value is not slot.values[0] or (
                            value.producer is not None and where.get(value.producer, -1) >= start):
                        return False
            return True

        low, high = 0, repeat.count - 1
        while fits(low - 1):
            low -= 1
        while fits(high + 1):
            high += 1
        chosen = [operations[begin + block * period + j] for block in range(low, high + 1) for j in offsets]
        slots = []
        for i, row in enumerate(rows):
            slots.append(tuple([
                Slot(s.inside, (offsets.index(s.source[0]), s.source[1]) if s.source else None,
                     tuple([o.operands[k] for o in chosen[i::len(offsets)]])) for k, s in enumerate(row)]))
        yield Repeat(chosen, len(offsets), tuple(slots))
