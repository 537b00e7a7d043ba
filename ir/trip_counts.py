"""How often a `while` loop runs, where that follows from the loop itself: `for i in range(start, limit, step)`.

    condition: i < limit (or <=, >, >=, !=)      start, limit and step are integer constants, or sizes
    body:      i + step (or i - step)

Such a loop is a `scan` of that length: its gradient stacks what it needs instead of running the body again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle.ir import dims
from treadle.ir.dims import Dim, Size
from treadle.ir.graph import Graph, Operation, Value

_MIRRORED = {"less": "greater", "greater": "less", "less_equal": "greater_equal", "greater_equal": "less_equal",
             "not_equal": "not_equal"}


def known_trip_count(operation: Operation) -> Size | None:
    """How many rounds a `while` operation makes, or None if it depends on more than constants and sizes."""
    attributes = operation.attributes
    return trip_count(operation.operands, attributes["condition"], attributes["body"], attributes["carried"])


def as_scan_if_counted(operands: Sequence[Any], condition: Graph, body: Graph, carried: int) -> dict[str, Any] | None:
    """The attributes of a `scan` of the same operands that does what the `while` does, or None."""
    length = trip_count(operands, condition, body, carried)
    if length is None:
        return None
    return {"body": body, "carried": carried, "scanned": 0, "length": length, "reverse": False}


def trip_count(operands: Sequence[Any], condition: Graph, body: Graph, carried: int) -> Size | None:
    """`known_trip_count` for the parts of a `while`; the operands may be IR values or the tensors of a trace."""
    test = condition.outputs[0].producer if condition.outputs else None
    if test is None or test.op.name not in _MIRRORED or any("effect" in o.op.traits for o in condition.walk()):
        return None
    places = {v: i for i, v in enumerate(condition.inputs)}
    x, y = test.operands
    for relation, counter, bound in ((test.op.name, x, y), (_MIRRORED[test.op.name], y, x)):
        i = places.get(counter, carried)
        if i >= carried or not counter.dtype.is_integer:
            continue
        place = places.get(bound, -1)
        if 0 <= place < carried and body.outputs[place] is not body.inputs[place]:
            continue  # the bound changes
        limit = _known(operands[place] if place >= 0 else bound)
        start, step = _known(operands[i]), _step(body, i)
        if limit is None or start is None or step is None:
            continue
        return _count(start, limit, step, relation, counter.dtype)
    return None


def _known(value: Any) -> Size | None:
    """The integer or size that a scalar holds, if that is known."""
    value = getattr(value, "value", value)  # what stands for a tensor in its trace
    if not isinstance(value, Value):
        return None
    producer = value.producer
    if producer is not None and "constant" in producer.op.traits:
        array = producer.attributes["value"]
        return int(array) if array.shape == () and array.dtype.kind in "iu" else None
    known = None if value.known is None or value.known.shape else value.known[()]
    return known if isinstance(known, (int, Dim)) else None


def _step(body: Graph, i: int) -> int | None:
    """What the body adds to its carried value i."""
    producer, counter = body.outputs[i].producer, body.inputs[i]
    if producer is None or producer.op.name not in ("add", "subtract"):
        return None
    x, y = producer.operands
    if producer.op.name == "add" and y is counter:
        x, y = y, x
    step = _known(y) if x is counter else None
    if not isinstance(step, int):
        return None
    return step if producer.op.name == "add" else -step


def _count(start: Size, limit: Size, step: int, relation: str, dtype: Any) -> Size | None:
    """How often `start`, `start + step` ... stand in the relation to `limit` before the first that does not."""
    if not dims.is_known(start, limit):
        if relation != "less" or step < 1:
            return None
        rounds = dims.floordiv(limit - start + (step - 1), step)
        return rounds if _is_natural(rounds) else dims.maximum(0, rounds)
    holds = {"less": start < limit, "less_equal": start <= limit, "greater": start > limit,
             "greater_equal": start >= limit, "not_equal": start != limit}[relation]
    if not holds:
        return 0
    distance = limit - start
    if relation == "not_equal":
        if step == 0 or distance % step or distance // step < 0:
            return None
        return distance // step
    if step == 0 or (step > 0) != (relation in ("less", "less_equal")):
        return None  # it runs on, until the counter overflows
    count = -(-distance // step) if relation in ("less", "greater") else distance // step + 1
    return count if dtype.min <= start + count * step <= dtype.max else None


def _is_natural(size: Size) -> bool:
    """True if the size can't be negative: a sum of products of symbols."""
    return isinstance(size, Dim) and not size.atoms and all(c > 0 for c in size.terms.values())
