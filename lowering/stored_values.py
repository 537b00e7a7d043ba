"""Which values of a fused group are kept in memory for who needs them outside, and which are computed again of those.

A gradient needs values from in between, and memory is what a fusion saves. So of the values that only arithmetic outside needs,
which XLA does while it reads, as few matrices are kept as lead to all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from treadle.ir import dtypes
from treadle.ir.graph import Operation, Value
from treadle.lowering.native.rows import ALONG_ROWS, ELEMENTWISE, PER_ROW, SAME, WHOLE
from treadle.lowering.row_groups import Group

Users = Mapping[Value, Collection[Operation]]


class Stored:
    """The `values` of a group to keep, and the operations to carry out `again` outside of it."""

    def __init__(self, group: Group, users: Users, outputs: set[Value]):
        self._group = group
        self._backwards = [o.results[0] for o in reversed(group.operations)]
        members = set(group.operations)
        needed: dict[Value, bool] = {}  # and whether it must be there, for a product, say
        for value in self._backwards:
            outside = [o for o in users.get(value, ()) if o not in members]
            if outside or value in outputs:
                needed[value] = value in outputs or not all(_joins(o, users, outputs) for o in outside)
        firm = self._firm(needed)
        kept = firm | {v for n in needed for v in self._matrices(n)}
        kept = self._fewest(kept, firm)
        self.again: set[Operation] = set()
        rows = {v for v in needed if group.kinds[v] == PER_ROW}
        for value in needed:
            if value not in rows:
                self._compute(value, kept, rows)
        for value in self._backwards:
            if value in rows and not needed.get(value) and _is_elementwise(value):
                inner = self._operands(value)
                if inner and rows.issuperset(inner):
                    rows.discard(value)
                    self.again.add(value.producer)  # type: ignore[arg-type]
        self.values = [o.results[0] for o in group.operations if o.results[0] in kept or o.results[0] in rows]

    def _operands(self, value: Value) -> list[Value]:
        """The values of the group that a value is computed of."""
        producer = value.producer
        assert producer is not None
        return [v for v in dict.fromkeys(self._group.operands(producer)) if v in self._group.kinds]

    def _matrices(self, value: Value) -> list[Value]:
        """A matrix itself; for another shape of one, that."""
        if self._group.kinds[value] != WHOLE:
            return []
        if value.producer.op.name in SAME:  # type: ignore[union-attr]
            return [m for v in self._operands(value) for m in self._matrices(v)]
        return [value]

    def _firm(self, needed: Mapping[Value, bool]) -> set[Value]:
        return {m for v, firm in needed.items() if firm for m in self._matrices(v)}

    def _fewest(self, kept: set[Value], firm: set[Value]) -> set[Value]:
        """As few matrices as lead to all that are kept, the firm ones among them."""
        best = self._without(kept, firm)
        for value in self._backwards:
            if self._group.kinds[value] == WHOLE and value not in best and value.producer.op.name not in SAME:  # type: ignore[union-attr]
                other = self._without(best | {value}, firm | {value})
                if len(other) < len(best):
                    best = other
        return best

    def _without(self, kept: set[Value], firm: set[Value]) -> set[Value]:
        """Without those that follow from others."""
        for value in self._backwards:
            if value in kept and value not in firm and self._follows(value, kept - {value}):
                kept = kept - {value}
        return kept

    def _follows(self, value: Value, kept: set[Value]) -> bool:
        if value in kept or self._group.kinds[value] == PER_ROW:
            return True
        return _is_elementwise(value) and all(self._follows(v, kept) for v in self._operands(value))

    def _compute(self, value: Value, kept: set[Value], rows: set[Value]) -> None:
        """Note what is to be done again for a value."""
        if value in kept or value.producer in self.again:
            return
        if self._group.kinds[value] == PER_ROW:
            rows.add(value)
            return
        self.again.add(value.producer)  # type: ignore[arg-type]
        for v in self._operands(value):
            self._compute(v, kept, rows)


def _is_elementwise(value: Value) -> bool:
    name = value.producer.op.name  # type: ignore[union-attr]
    return name in ELEMENTWISE or name in SAME or name == "broadcast_to"


def _joins(operation: Operation, users: Users, outputs: set[Value]) -> bool:
    """Whether an operation may become part of others that read its operands: then these need not be in memory."""
    if operation.op.name in SAME:
        result = operation.results[0]
        return result not in outputs and all(_joins(o, users, outputs) for o in users.get(result, ()))
    compares = operation.results[0].type.dtype is dtypes.bool_  # with what was computed in the fusion, bit for bit
    return "elementwise" in operation.op.traits and not compares or operation.op.name in ALONG_ROWS
