"""Comparison, logic and bits, element by element."""

from collections.abc import Callable
from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.op import Op, Operand, op
from treadle.ir.operators import TABLE
from treadle.ir.ops.rules import ALL, BOOL, INTEGERS, REALS, as_operands, binary, broadcast_shapes, unary

# --- comparison -----------------------------------------------------------------------------------------------------


@op(infer=binary(*ALL, result=dtypes.bool_), lower=lambda xp, x, y: xp.equal(x, y),
    traits="elementwise commutative exact")
def equal(x, y):
    """True where x and y are equal; NaN equals nothing."""


@op(infer=binary(*ALL, result=dtypes.bool_), lower=lambda xp, x, y: xp.not_equal(x, y),
    traits="elementwise commutative exact")
def not_equal(x, y):
    """True where x and y differ; NaN differs from everything."""


@op(infer=binary(*REALS, result=dtypes.bool_), lower=lambda xp, x, y: xp.less(x, y), traits="elementwise exact")
def less(x, y):
    """True where x < y."""


@op(infer=binary(*REALS, result=dtypes.bool_), lower=lambda xp, x, y: xp.less_equal(x, y), traits="elementwise exact")
def less_equal(x, y):
    """True where x <= y."""


@op(infer=binary(*REALS, result=dtypes.bool_), lower=lambda xp, x, y: xp.greater(x, y), traits="elementwise exact")
def greater(x, y):
    """True where x > y."""


@op(infer=binary(*REALS, result=dtypes.bool_), lower=lambda xp, x, y: xp.greater_equal(x, y),
    traits="elementwise exact")
def greater_equal(x, y):
    """True where x >= y."""


# --- logic ----------------------------------------------------------------------------------------------------------


@op(infer=binary(*BOOL), lower=lambda xp, x, y: xp.logical_and(x, y), traits="elementwise commutative exact")
def logical_and(x: Operand(dtypes.bool_), y: Operand(dtypes.bool_)):  # type: ignore[valid-type]
    """True where x and y both hold. Both are evaluated."""


@op(infer=binary(*BOOL), lower=lambda xp, x, y: xp.logical_or(x, y), traits="elementwise commutative exact")
def logical_or(x: Operand(dtypes.bool_), y: Operand(dtypes.bool_)):  # type: ignore[valid-type]
    """True where x or y holds. Both are evaluated."""


@op(infer=binary(*BOOL), lower=lambda xp, x, y: xp.logical_xor(x, y), traits="elementwise commutative exact")
def logical_xor(x: Operand(dtypes.bool_), y: Operand(dtypes.bool_)):  # type: ignore[valid-type]
    """True where exactly one of x and y holds."""


@op(infer=unary(*BOOL), lower=lambda xp, x: xp.logical_not(x), traits="elementwise exact")
def logical_not(x: Operand(dtypes.bool_)):  # type: ignore[valid-type]
    """True where x does not hold."""


# --- bits -----------------------------------------------------------------------------------------------------------


@op(infer=binary(*INTEGERS), lower=lambda xp, x, y: xp.bitwise_and(x, y), traits="elementwise commutative exact")
def bitwise_and(x, y):
    """The bits set in both x and y."""


@op(infer=binary(*INTEGERS), lower=lambda xp, x, y: xp.bitwise_or(x, y), traits="elementwise commutative exact")
def bitwise_or(x, y):
    """The bits set in x or y."""


@op(infer=binary(*INTEGERS), lower=lambda xp, x, y: xp.bitwise_xor(x, y), traits="elementwise commutative exact")
def bitwise_xor(x, y):
    """The bits set in exactly one of x and y."""


@op(infer=unary(*INTEGERS), lower=lambda xp, x: xp.invert(x), traits="elementwise exact")
def invert(x):
    """The bits not set in x."""


@op(infer=binary(*INTEGERS), lower=lambda xp, x, y: xp.lax.shift_left(*xp.broadcast_arrays(x, y)), traits="elementwise")
def left_shift(x, y):
    """x shifted left by y bits; 0 where y is outside 0 to the number of bits."""


def _right_shift(xp: Any, x: Any, y: Any) -> Any:
    x, y = xp.broadcast_arrays(x, y)
    unsigned = xp.issubdtype(x.dtype, xp.unsignedinteger)
    return (xp.lax.shift_right_logical if unsigned else xp.lax.shift_right_arithmetic)(x, y)


@op(infer=binary(*INTEGERS), lower=_right_shift, traits="elementwise")
def right_shift(x, y):
    """x shifted right by y bits; the sign is kept."""


# --- Python's operators ---------------------------------------------------------------------------------------------


def _logical_or_bitwise(logical: Op, bitwise: Op) -> Callable[..., Any]:
    """Python's `&`, `|` and `^`: logical on bools, bitwise on integers."""
    def apply(x: Any, y: Any) -> Any:
        x, y = as_operands(x, y)
        return (logical if x.dtype.is_bool else bitwise)(x, y)
    return apply


def _equality(compare: Op, otherwise: bool) -> Callable[..., Any]:
    """Python's `==` and `!=`: element by element; against None, or where the shapes do not fit, one answer for all."""
    def apply(x: Any, y: Any) -> Any:
        if y is None:
            return otherwise
        x, y = as_operands(x, y)
        try:
            broadcast_shapes(x.type.shape, y.type.shape)
        except errors.InvalidArgumentError:
            return as_operands(otherwise)[0]
        return compare(x, y)
    return apply


TABLE["_and"] = _logical_or_bitwise(logical_and, bitwise_and)
TABLE["_or"] = _logical_or_bitwise(logical_or, bitwise_or)
TABLE["_xor"] = _logical_or_bitwise(logical_xor, bitwise_xor)
TABLE["_invert"] = lambda x: (logical_not if x.dtype.is_bool else invert)(x)
TABLE["_tensor_equal"] = _equality(equal, False)
TABLE["_tensor_not_equal"] = _equality(not_equal, True)
