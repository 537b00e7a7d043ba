"""Python's operators for everything an op accepts: IR values and the user's tensors.

The ops themselves are defined on top of the IR, so they are looked up here by name when an operator is first used.
"""

from __future__ import annotations

from typing import Any

from treadle.ir import errors

TABLE: dict[str, Any] = {}


def _binary(name: str, swap: bool = False, reflected: str = ""):
    def operate(self, other):
        try:
            return TABLE[name](other, self) if swap else TABLE[name](self, other)
        except Exception as error:
            if isinstance(error, errors.DtypeError) and _knows(other, reflected):
                return NotImplemented
            errors.hide_frames(error)
            raise
    return operate


def _knows(other: Any, method: str) -> bool:
    """True for an object that is no tensor, but says itself what an operator with a tensor on its left does."""
    kind = type(other)
    return hasattr(kind, method) and not hasattr(kind, "__array__") and not hasattr(other, "dtype") and (
        kind.__module__ != "builtins")


def _unary(name: str):
    def operate(self):
        try:
            return TABLE[name](self)
        except Exception as error:
            errors.hide_frames(error)
            raise
    return operate


class Operators:
    """Arithmetic on values. `==` stays identity here; the user's `Tensor` makes it elementwise."""

    __slots__ = ()

    __add__, __radd__ = _binary("add", reflected="__radd__"), _binary("add", swap=True)
    __sub__, __rsub__ = _binary("subtract", reflected="__rsub__"), _binary("subtract", swap=True)
    __mul__, __rmul__ = _binary("multiply", reflected="__rmul__"), _binary("multiply", swap=True)
    __truediv__, __rtruediv__ = _binary("truediv", reflected="__rtruediv__"), _binary("truediv", swap=True)
    __floordiv__, __rfloordiv__ = _binary("floordiv", reflected="__rfloordiv__"), _binary("floordiv", swap=True)
    __mod__, __rmod__ = _binary("floormod", reflected="__rmod__"), _binary("floormod", swap=True)
    __pow__, __rpow__ = _binary("pow", reflected="__rpow__"), _binary("pow", swap=True)
    __matmul__, __rmatmul__ = _binary("matmul", reflected="__rmatmul__"), _binary("matmul", swap=True)
    __and__, __rand__ = _binary("_and", reflected="__rand__"), _binary("_and", swap=True)
    __or__, __ror__ = _binary("_or", reflected="__ror__"), _binary("_or", swap=True)
    __xor__, __rxor__ = _binary("_xor", reflected="__rxor__"), _binary("_xor", swap=True)
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __neg__, __pos__, __invert__, __abs__ = _unary("negative"), lambda self: self, _unary("_invert"), _unary("abs")
    __array_priority__ = 100

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self
