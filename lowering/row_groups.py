"""Groups of operations that compute rows of one matrix: what a program on rows (`lowering.native.rows`) may consist of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from treadle.ir import dtypes
from treadle.ir.graph import Operation, Value
from treadle.ir.ops.arrays import broadcast_to, sum_to_shape
from treadle.ir.types import TensorType
from treadle.lowering.native.rows import ALONG_ROWS, ELEMENTWISE, MASK, PER_ROW, PERIODIC, SAME, SINGLE, WHOLE

WIDEST = 1024  # elements of a row that is needed as a whole


@dataclass(frozen=True)
class Rows:
    """A matrix of `count` elements, in rows of `width`."""

    count: int
    width: int

    def of_result(self, type: TensorType) -> int | None:
        """The kind of a value that is computed of the rows; None if it is not one."""
        if type.count == self.count:
            return WHOLE
        return PER_ROW if type.count == self.count // self.width and type.shape and type.shape[-1] == 1 else None

    def of_operand(self, type: TensorType, beside: TensorType, kind: int) -> tuple[int, int] | None:
        """The kind and the period of an operand of an operation whose result has the type `beside`, of a kind."""
        is_mask = type.dtype is dtypes.bool_
        if not is_mask and type.dtype is not dtypes.float32:
            return None
        shape, whole = (1,) * (len(beside.shape) - len(type.shape)) + tuple(type.shape), tuple(beside.shape)
        if type.count == 1 and not is_mask:
            return SINGLE, 0
        if shape == whole:
            return None if is_mask and kind == PER_ROW else (MASK if is_mask else kind, 0)
        if kind == PER_ROW or not whole:
            return None
        if not is_mask and whole[-1] == self.width and shape == (*whole[:-1], 1):
            return PER_ROW, 0
        start = next((i for i, size in enumerate(shape) if size != 1), len(shape))
        count = int(type.count)  # type: ignore[arg-type]
        if shape[start:] == whole[start:] and count % self.width == 0:
            return MASK if is_mask else PERIODIC, count
        return None


class Group:
    """Operations that become one: in their order, with the kinds of their results and of what they take from outside."""

    def __init__(self, rows: Rows, reads: Mapping[Operation, Sequence[Value]]):
        self.rows = rows
        self.reads = reads  # what each operation of the graph takes
        self.operations: list[Operation] = []
        self.kinds: dict[Value, int] = {}
        self.outside: dict[Value, tuple[int, int]] = {}

    def operands(self, operation: Operation) -> list[Value]:
        """What it takes: numbers that were spread over a shape as they were before."""
        return [self._source(v) for v in self.reads[operation]]

    def _source(self, value: Value) -> Value:
        producer = value.producer
        if value not in self.kinds and producer is not None and producer.op is broadcast_to:
            source = self.reads[producer][0]
            if source.type.count == 1:
                return source
        return value

    def add(self, operation: Operation, kind: int) -> None:
        """Take an operation in that `kind_of` allowed."""
        for value in self.operands(operation):
            if value not in self.kinds:
                found = self._operand(value, operation, kind)
                assert found is not None
                self.outside[value] = found
        self.operations.append(operation)
        self.kinds[operation.results[0]] = kind
        self.outside.pop(operation.results[0], None)

    def kind_of(self, operation: Operation) -> int | None:
        """The kind of an operation's result; None if it cannot be one of the group's."""
        name, operands = operation.op.name, self.operands(operation)
        if len(operation.results) != 1:
            return None
        type = operation.results[0].type
        kind = self.rows.of_result(type)
        if kind is None or type.dtype is not dtypes.float32:
            return None
        if name in ALONG_ROWS:
            return kind if self._is_along_rows(operation, operands[0], kind) else None
        if name in SAME:
            same = operands[0] in self.kinds and self.kinds[operands[0]] == kind == WHOLE
            return kind if same and operands[0].type.count == type.count else None
        if name not in ELEMENTWISE and operation.op is not broadcast_to:
            return None
        return None if any(self._operand(v, operation, kind) is None for v in operands) else kind

    def _operand(self, value: Value, operation: Operation, kind: int) -> tuple[int, int] | None:
        beside = operation.operands[0].type if operation.op.name in ALONG_ROWS else operation.results[0].type
        found = self.rows.of_operand(value.type, beside, WHOLE if operation.op.name in ALONG_ROWS else kind)
        if found is None or value in self.kinds and found[0] != self.kinds[value]:
            return None
        known = self.outside.get(value, found)
        return found if known == found else None

    def _is_along_rows(self, operation: Operation, operand: Value, kind: int) -> bool:
        shape, width = operand.type.shape, self.rows.width
        if operand.type.count != self.rows.count or not shape or shape[-1] != width or width > WIDEST:
            return False
        if self._operand(operand, operation, WHOLE) != (WHOLE, 0):
            return False
        last = len(shape) - 1
        if operation.op.name == "softmax":
            return bool(operation.attributes["axis"] == last)
        if operation.op is sum_to_shape:
            return bool(kind == PER_ROW and operation.results[0].type.shape == (*shape[:-1], 1))
        return bool(kind == PER_ROW and operation.attributes["axis"] == (last,) and operation.attributes["keepdims"])

    @property
    def needs_rows(self) -> bool:
        """Whether rows must stay whole."""
        kinds = [*self.kinds.values(), *(kind for kind, _ in self.outside.values())]
        return PER_ROW in kinds or any(o.op.name in ALONG_ROWS for o in self.operations)
