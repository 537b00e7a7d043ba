"""What is known of an index while tracing: the counter of a `for` loop of known length lies between 0 and the length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.ir import dims
from treadle.runtime.composites.arrays import known_array
from treadle.runtime.tensor import SymbolicTensor

Interval = tuple[Any, Any]


def interval(tensor: Any) -> Interval | None:
    """(least, greatest) value of an integer scalar, if that can be told."""
    known = known_array(tensor)
    if known is not None:
        return (int(known), int(known)) if known.shape == () else None
    if not isinstance(tensor, SymbolicTensor) or tensor.type.shape:
        return None
    return _of_value(tensor.trace, tensor.value)


def _of_value(trace: Any, value: Any) -> Interval | None:
    if value.known is not None:
        k = value.known.item() if value.known.shape == () else None
        return None if k is None or not dims.is_known(k) else (int(k), int(k))
    if value is getattr(trace, "counter", None):
        return None if trace.count is None else (0, trace.count - 1)
    producer = value.producer
    if producer is None:
        outer = next((t for t, v in trace.captures if v is value), None)
        return interval(outer) if outer is not None else None
    rule = _RULES.get(producer.op.name)
    if rule is None:
        return None
    operands = [_of_value(trace, o) for o in producer.operands]
    return None if any(o is None for o in operands) else rule(*operands)


def _product(a: Interval, b: Interval) -> Interval:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


_RULES: dict[str, Callable[..., Interval | None]] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "subtract": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "multiply": lambda a, b: _product(a, b) if dims.is_known(*a, *b) else None,
    "floormod": lambda a, b: (0, b[1] - 1) if dims.is_known(*b) and b[0] > 0 else None,
    "cast": lambda a: a,
    "identity": lambda a: a,
}
