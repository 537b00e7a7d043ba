"""Elementwise arithmetic, powers, exponentials, casts. `elementary.py` has trigonometry and rounding."""

from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Dtype
from treadle.ir.op import Operand, on_sizes, op
from treadle.ir.operators import TABLE
from treadle.ir.ops.preconditions import all_hold
from treadle.ir.ops.rules import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    NUMBERS,
    REALS,
    SIGNED,
    as_operands,
    binary,
    conj,
    known_divisor,
    require,
    show,
    unary,
    unbroadcast,
)
from treadle.ir.ops.select import select
from treadle.ir.types import TensorType

INEXACT = FLOATS + COMPLEX

# --- arithmetic -----------------------------------------------------------------------------------------------------


@op(infer=binary(*NUMBERS), lower=lambda xp, x, y: xp.add(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g, x), lambda g, z, x, y: unbroadcast(g, y)),
    sizes=on_sizes(np.add), traits="elementwise commutative exact")
def add(x, y):
    """x + y, element by element, with broadcasting. Integers wrap around.

    >>> import treadle as tf
    >>> tf.add([1, 2], 3).numpy().tolist()
    [4, 5]
    """


@op(infer=binary(*NUMBERS), lower=lambda xp, x, y: xp.subtract(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g, x), lambda g, z, x, y: unbroadcast(negative(g), y)),
    sizes=on_sizes(np.subtract), traits="elementwise exact")
def subtract(x, y):
    """x - y, element by element, with broadcasting. Integers wrap around."""


@op(infer=binary(*NUMBERS), lower=lambda xp, x, y: xp.multiply(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g * conj(y), x), lambda g, z, x, y: unbroadcast(g * conj(x), y)),
    sizes=on_sizes(np.multiply), traits="elementwise commutative exact")
def multiply(x, y):
    """x * y, element by element, with broadcasting. Integers wrap around."""


@op(infer=unary(*SIGNED, *INEXACT), lower=lambda xp, x: xp.negative(x), vjp=(lambda g, y, x: negative(g),),
    sizes=on_sizes(np.negative), traits="elementwise exact")
def negative(x):
    """-x, element by element."""


def _abs_gradient(g: Any, y: Any, x: Any) -> Any:
    return cast(g, dtype=x.dtype) * sign(x) if x.dtype.is_complex else g * sign(x)


@op(infer=lambda x: unary(*SIGNED, *INEXACT)(x).with_dtype(x.dtype.real_dtype), lower=lambda xp, x: xp.abs(x),
    vjp=(_abs_gradient,), sizes=on_sizes(np.abs), traits="elementwise exact")
def abs_(x):
    """|x|, element by element; of complex numbers the magnitude. The gradient at 0 is 0."""


def _sign_gradient(g: Any, y: Any, x: Any) -> Any:
    if not x.dtype.is_complex:
        return zeros_like(x)
    # x / |x| turns with x and does not grow: only the part of g across x counts.
    real = TABLE["real"]
    along = cast(real(g * conj(y)), dtype=x.dtype)
    return divide_no_nan(g - y * along, cast(abs_(x), dtype=x.dtype))


@op(infer=unary(*SIGNED, *INEXACT), lower=lambda xp, x: xp.sign(x), vjp=(_sign_gradient,), traits="elementwise")
def sign(x):
    """-1, 0 or 1 with the sign of x; x / |x| for complex numbers; NaN for NaN."""


def _maximum_gradients(g: Any, z: Any, x: Any, y: Any) -> Any:
    first, zero = TABLE["greater_equal"](x, y), zeros_like(g)
    return unbroadcast(select(first, g, zero), x), unbroadcast(select(first, zero, g), y)


def _minimum_gradients(g: Any, z: Any, x: Any, y: Any) -> Any:
    first, zero = TABLE["less_equal"](x, y), zeros_like(g)
    return unbroadcast(select(first, g, zero), x), unbroadcast(select(first, zero, g), y)


@op(infer=binary(*REALS), lower=lambda xp, x, y: xp.maximum(x, y), vjp=_maximum_gradients,
    sizes=on_sizes(np.frompyfunc(dims.maximum, 2, 1)), traits="elementwise commutative")
def maximum(x, y):
    """The larger of x and y; NaN if either is. Where they are equal, the gradient goes to x."""


@op(infer=binary(*REALS), lower=lambda xp, x, y: xp.minimum(x, y), vjp=_minimum_gradients,
    sizes=on_sizes(np.frompyfunc(dims.minimum, 2, 1)), traits="elementwise commutative")
def minimum(x, y):
    """The smaller of x and y; NaN if either is. Where they are equal, the gradient goes to x."""


@op(infer=unary(*NUMBERS), lower=lambda xp, x: xp.multiply(x, x), vjp=(lambda g, y, x: g * (conj(x) * 2),),
    sizes=on_sizes(np.square), traits="elementwise exact")
def square(x):
    """x * x, element by element."""


def _squared_difference(xp: Any, x: Any, y: Any) -> Any:
    d = xp.subtract(x, y)
    return xp.multiply(xp.conj(d), d) if xp.iscomplexobj(d) else xp.multiply(d, d)


def _squared_difference_gradients(g: Any, z: Any, x: Any, y: Any) -> Any:
    # |d|^2 is real: only the real part of g counts.
    g = cast(TABLE["real"](g), dtype=x.dtype) if x.dtype.is_complex else g
    d = g * ((x - y) * 2)
    return unbroadcast(d, x), unbroadcast(negative(d), y)


@op(infer=binary(*NUMBERS), lower=_squared_difference, vjp=_squared_difference_gradients,
    traits="elementwise commutative")
def squared_difference(x, y):
    """(x - y)^2, element by element; conj(x - y) * (x - y) for complex numbers."""


# --- division -------------------------------------------------------------------------------------------------------


@op(infer=binary(*INEXACT), lower=lambda xp, x, y: xp.divide(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g / conj(y), x),
         lambda g, z, x, y: unbroadcast(negative(g * conj(z / y)), y)),
    traits="elementwise")
def divide_float(x, y):
    """x / y for floating and complex tensors of one dtype."""


def truediv(x: Any, y: Any, name: str | None = None) -> Any:
    """x / y, element by element. Integers are converted first: 8 and 16 bits to float32, more to float64.

    >>> import treadle as tf
    >>> tf.truediv(7, 2).dtype.name
    'float64'
    """
    x, y = as_operands(x, y)
    if x.dtype.is_integer and y.dtype is x.dtype:
        wide = dtypes.float32 if x.dtype.size <= 2 else dtypes.float64
        x, y = cast(x, dtype=wide), cast(y, dtype=wide)
    return divide_float(x, y)


def _divisor_valid(x: Any, y: Any) -> Any:
    return all_hold(y, "not_equal", 0) if y.dtype.is_integer else None


def _divisor_invalid(x: np.ndarray, y: np.ndarray) -> Exception:
    return errors.InvalidArgumentError("Integer division by zero", see="division-by-zero")


def _floordiv(xp: Any, x: Any, y: Any) -> Any:
    return xp.floor(xp.divide(x, y)) if xp.issubdtype(x.dtype, xp.floating) else xp.floor_divide(x, y)


@op(infer=binary(*REALS), lower=_floordiv, sizes=known_divisor(np.floor_divide), traits="elementwise",
    valid=_divisor_valid, invalid=_divisor_invalid)
def floordiv(x, y):
    """The largest integer not above x / y, in the dtype of x. No gradient."""


@op(infer=binary(*REALS), lower=lambda xp, x, y: xp.remainder(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g, x), lambda g, z, x, y: unbroadcast(negative(g * floordiv(x, y)), y)),
    sizes=known_divisor(np.remainder), traits="elementwise", valid=_divisor_valid, invalid=_divisor_invalid)
def floormod(x, y):
    """x - floor(x / y) * y: the remainder with the sign of y."""


def _truncatediv(xp: Any, x: Any, y: Any) -> Any:
    if xp.issubdtype(x.dtype, xp.floating):
        return xp.trunc(xp.divide(x, y))
    return xp.lax.div(*xp.broadcast_arrays(x, y))


@op(infer=binary(*REALS), lower=_truncatediv, traits="elementwise", valid=_divisor_valid, invalid=_divisor_invalid)
def truncatediv(x, y):
    """x / y rounded towards zero, in the dtype of x. No gradient."""


@op(infer=binary(*REALS), lower=lambda xp, x, y: xp.lax.rem(*xp.broadcast_arrays(x, y)), traits="elementwise",
    valid=_divisor_valid, invalid=_divisor_invalid)
def truncatemod(x, y):
    """x - truncatediv(x, y) * y: the remainder with the sign of x. No gradient."""


def _zero_where(xp: Any, test: Any, value: Any) -> Any:
    return xp.where(test, xp.zeros((), value.dtype), value)


@op(infer=binary(*INEXACT), lower=lambda xp, x, y: _zero_where(xp, y == 0, xp.divide(x, y)),
    vjp=(lambda g, z, x, y: unbroadcast(divide_no_nan(g, conj(y)), x),
         lambda g, z, x, y: unbroadcast(g * conj(divide_no_nan(divide_no_nan(negative(x), y), y)), y)),
    traits="elementwise")
def divide_no_nan(x, y):
    """x / y, and 0 where y is 0."""


@op(infer=binary(*INEXACT), lower=lambda xp, x, y: _zero_where(xp, y == 0, xp.multiply(x, y)),
    vjp=(lambda g, z, x, y: unbroadcast(multiply_no_nan(g, conj(y)), x),
         lambda g, z, x, y: unbroadcast(multiply_no_nan(conj(x), g), y)),
    traits="elementwise")
def multiply_no_nan(x, y):
    """x * y, and 0 where y is 0, even if x is infinite or NaN."""


def _not_zero(x: Any) -> Any:
    return cast(TABLE["not_equal"](x, 0), dtype=x.dtype)


@op(infer=binary(*INEXACT), lower=lambda xp, x, y: _zero_where(xp, x == 0, xp.divide(x, y)),
    vjp=(lambda g, z, x, y: unbroadcast(g * conj(xdivy(_not_zero(x), y)), x),
         lambda g, z, x, y: unbroadcast(g * conj(xdivy(negative(x), square(y))), y)),
    traits="elementwise")
def xdivy(x, y):
    """x / y, and 0 where x is 0."""


@op(infer=binary(*INEXACT), lower=lambda xp, x, y: _zero_where(xp, x == 0, xp.multiply(x, xp.log(y))),
    vjp=(lambda g, z, x, y: unbroadcast(g * conj(xlogy(_not_zero(x), y)), x),
         lambda g, z, x, y: unbroadcast(g * conj(xdivy(x, y)), y)),
    traits="elementwise")
def xlogy(x, y):
    """x * log(y), and 0 where x is 0."""


@op(infer=binary(*INEXACT), lower=lambda xp, x, y: _zero_where(xp, x == 0, xp.multiply(x, xp.log1p(y))),
    vjp=(lambda g, z, x, y: unbroadcast(g * conj(xlog1py(_not_zero(x), y)), x),
         lambda g, z, x, y: unbroadcast(g * conj(xdivy(x, y + 1)), y)),
    traits="elementwise")
def xlog1py(x, y):
    """x * log(1 + y), and 0 where x is 0."""


# --- powers and exponentials ----------------------------------------------------------------------------------------


def _pow(xp: Any, x: Any, y: Any) -> Any:
    return xp.lax.pow(*xp.broadcast_arrays(x, y)) if xp.issubdtype(x.dtype, xp.inexact) else xp.power(x, y)


def _pow_gradient_y(g: Any, z: Any, x: Any, y: Any) -> Any:
    # log(x) matters where x is above 0 (a real power) or not 0 (a complex one); elsewhere the gradient is 0.
    safe = TABLE["not_equal"](x, 0) if x.dtype.is_complex else TABLE["greater"](x, 0)
    logs = select(safe, log(select(safe, x, ones_like(x))), zeros_like(x))
    return unbroadcast(g * conj(z * logs), y)


def _power_valid(x: Any, y: Any) -> Any:
    if not y.dtype.is_integer or y.dtype.is_unsigned:
        return None
    return all_hold(y, "greater_equal", 0)


def _power_invalid(x: np.ndarray, y: np.ndarray) -> Exception:
    return errors.InvalidArgumentError("Integers to negative integer powers are not allowed")


@op(infer=binary(*NUMBERS), lower=_pow,
    vjp=(lambda g, z, x, y: unbroadcast(g * conj(y * pow_(x, y - 1)), x), _pow_gradient_y), traits="elementwise",
    valid=_power_valid, invalid=_power_invalid)
def pow_(x, y):
    """x to the power y, element by element. Integer powers wrap around; negative ones of integers are an error."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.sqrt(x), vjp=(lambda g, y, x: g * 0.5 / conj(y),),
    traits="elementwise")
def sqrt(x):
    """Square root, element by element: NaN for negative numbers, -0.0 for -0.0."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.lax.rsqrt(x),
    vjp=(lambda g, y, x: g * (conj(y * square(y)) * -0.5),), traits="elementwise")
def rsqrt(x):
    """1 / sqrt(x), element by element."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.reciprocal(x),
    vjp=(lambda g, y, x: negative(g * conj(square(y))),), traits="elementwise")
def reciprocal(x):
    """1 / x, element by element."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.exp(x), vjp=(lambda g, y, x: g * conj(y),), traits="elementwise")
def exp(x):
    """e to the power x, element by element."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.expm1(x), vjp=(lambda g, y, x: g * conj(exp(x)),),
    traits="elementwise")
def expm1(x):
    """exp(x) - 1, exact for small x."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.log(x), vjp=(lambda g, y, x: g / conj(x),), traits="elementwise")
def log(x):
    """Natural logarithm, element by element: -inf for 0, NaN for negative numbers."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.log1p(x), vjp=(lambda g, y, x: g / conj(x + 1),),
    traits="elementwise")
def log1p(x):
    """log(1 + x), exact for small x."""


# --- dtypes ---------------------------------------------------------------------------------------------------------


def _bitcast_infer(input: TensorType, *, type: Any) -> TensorType:
    require(input, REALS, "input")
    require(input.with_dtype(type), REALS, "type")
    old, new, shape = input.dtype.size, type.size, input.shape
    if old > new:
        shape = (*shape, old // new)
    elif old < new:
        if not shape or (dims.is_known(shape[-1]) and shape[-1] != new // old):
            raise errors.InvalidArgumentError(
                f"{new // old} numbers of {input.dtype.name} make one of {type.name}: the last axis must have that "
                f"size. Received: shape {show(shape)}.")
        shape = shape[:-1]
    return TensorType.of(type, shape)


@op(infer=_bitcast_infer, lower=lambda xp, x, *, type: xp.lax.bitcast_convert_type(x, type.numpy))
def bitcast(input: Operand(), *, type: Dtype):  # type: ignore[valid-type]
    """The same bits read as another dtype. A smaller dtype adds an axis at the end, a larger one takes it away.

    >>> import treadle as tf
    >>> tf.bitcast(1.0, tf.int32).numpy()
    np.int32(1065353216)
    """


def _cast(xp: Any, x: Any, *, dtype: Any) -> Any:
    return xp.cast(xp.real(x) if xp.iscomplexobj(x) and not dtype.is_complex else x, dtype)


@op(infer=lambda x, *, dtype: x.with_dtype(dtype), lower=_cast,
    vjp=(lambda g, y, x, *, dtype: cast(g, dtype=x.dtype) if dtype.is_differentiable else None,),
    sizes=lambda x, *, dtype: x.known if dtype.is_integer else None, traits="elementwise")
def cast(x: Operand(), *, dtype: Dtype):  # type: ignore[valid-type]
    """`x` converted to `dtype`.

    Fractions are cut off (-1.7 becomes -1); a number beyond an integer dtype's range becomes its smallest or largest
    value and NaN becomes 0, on every platform; of complex numbers the real part is kept.

    >>> import treadle as tf
    >>> tf.cast([1.8, -1.8, 1e20], tf.int32).numpy().tolist()
    [1, -1, 2147483647]
    """


@op(infer=lambda input: input, lower=lambda xp, x: xp.zeros(x.shape, x.dtype),
    sizes=lambda x: np.zeros(x.type.shape, object), traits="exact")
def zeros_like(input: Operand()):  # type: ignore[valid-type]
    """Zeros of the tensor's shape and dtype."""


@op(infer=lambda input: input, lower=lambda xp, x: xp.ones(x.shape, x.dtype),
    sizes=lambda x: np.ones(x.type.shape, object), traits="exact")
def ones_like(input: Operand()):  # type: ignore[valid-type]
    """Ones of the tensor's shape and dtype."""


@op(infer=unary(*INTEGERS, *FLOATS, *COMPLEX), lower=lambda xp, x: xp.conj(x), vjp=(lambda g, y, x: conj(g),),
    sizes=on_sizes(lambda x: x), traits="elementwise")
def conj_(x):
    """The complex conjugate, element by element; a real tensor as it is."""


TABLE["truediv"] = truediv
