"""Elementary functions, element by element: trigonometric, hyperbolic, sigmoid-like; rounding; complex parts."""

from typing import Any

from treadle.ir import dtypes
from treadle.ir.op import on_sizes, op
from treadle.ir.ops.elementwise import INEXACT, cast, negative, rsqrt, square
from treadle.ir.ops.rules import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    NUMBERS,
    binary,
    broadcast_shapes,
    conj,
    require,
    same_dtype,
    unary,
    unbroadcast,
)
from treadle.ir.types import TensorType

# --- trigonometric --------------------------------------------------------------------------------------------------


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.sin(x), vjp=(lambda g, y, x: g * conj(cos(x)),), traits="elementwise")
def sin(x):
    """Sine of x in radians."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.cos(x), vjp=(lambda g, y, x: negative(g * conj(sin(x))),),
    traits="elementwise")
def cos(x):
    """Cosine of x in radians."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.tan(x), vjp=(lambda g, y, x: g * conj(square(y) + 1),),
    traits="elementwise")
def tan(x):
    """Tangent of x in radians."""


def _one_minus_square(x: Any) -> Any:
    """1 - x^2 without the cancellation near 1."""
    return (1 - x) * (1 + x)


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.arcsin(x),
    vjp=(lambda g, y, x: g * conj(rsqrt(_one_minus_square(x))),), traits="elementwise")
def asin(x):
    """The angle in [-pi/2, pi/2] whose sine is x; NaN outside [-1, 1]."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.arccos(x),
    vjp=(lambda g, y, x: negative(g * conj(rsqrt(_one_minus_square(x)))),), traits="elementwise")
def acos(x):
    """The angle in [0, pi] whose cosine is x; NaN outside [-1, 1]."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.arctan(x), vjp=(lambda g, y, x: g / conj(square(x) + 1),),
    traits="elementwise")
def atan(x):
    """The angle in [-pi/2, pi/2] whose tangent is x."""


def _atan2_infer(y: TensorType, x: TensorType) -> TensorType:
    require(y, FLOATS, "y")
    return TensorType.of(same_dtype(y, x), broadcast_shapes(y.shape, x.shape))


@op(infer=_atan2_infer, lower=lambda xp, y, x: xp.arctan2(y, x),
    vjp=(lambda g, z, y, x: unbroadcast(g * (x / (square(x) + square(y))), y),
         lambda g, z, y, x: unbroadcast(g * (negative(y) / (square(x) + square(y))), x)), traits="elementwise")
def atan2(y, x):
    """The angle in [-pi, pi] from the positive x axis to the point (x, y)."""


# --- hyperbolic and sigmoid-like ------------------------------------------------------------------------------------


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.sinh(x), vjp=(lambda g, y, x: g * conj(cosh(x)),),
    traits="elementwise")
def sinh(x):
    """Hyperbolic sine, (exp(x) - exp(-x)) / 2."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.cosh(x), vjp=(lambda g, y, x: g * conj(sinh(x)),),
    traits="elementwise")
def cosh(x):
    """Hyperbolic cosine, (exp(x) + exp(-x)) / 2."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.tanh(x), vjp=(lambda g, y, x: g * conj(1 - square(y)),),
    traits="elementwise")
def tanh(x):
    """Hyperbolic tangent, sinh(x) / cosh(x)."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.arcsinh(x), vjp=(lambda g, y, x: g / conj(cosh(y)),),
    traits="elementwise")
def asinh(x):
    """The number whose hyperbolic sine is x."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.arccosh(x), vjp=(lambda g, y, x: g / conj(sinh(y)),),
    traits="elementwise")
def acosh(x):
    """The number of at least 0 whose hyperbolic cosine is x; NaN below 1."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.arctanh(x), vjp=(lambda g, y, x: g / conj(_one_minus_square(x)),),
    traits="elementwise")
def atanh(x):
    """The number whose hyperbolic tangent is x; NaN outside [-1, 1]."""


@op(infer=unary(*INEXACT), lower=lambda xp, x: xp.lax.logistic(x), vjp=(lambda g, y, x: g * conj(y * (1 - y)),),
    traits="elementwise")
def sigmoid(x):
    """1 / (1 + exp(-x)), element by element.

    >>> import treadle as tf
    >>> tf.sigmoid(0.0).numpy()
    np.float32(0.5)
    """


def _softplus(xp: Any, x: Any) -> Any:
    lax = xp.lax
    return lax.max(x, lax.full_like(x, 0)) + lax.log1p(lax.exp(lax.neg(lax.abs(x))))


@op(infer=unary(*FLOATS), lower=_softplus, vjp=(lambda g, y, features: g * sigmoid(features),), traits="elementwise")
def softplus(features):
    """log(1 + exp(x)), element by element."""


@op(infer=unary(*FLOATS), lower=lambda xp, x: x / (xp.abs(x) + xp.ones((), x.dtype)),
    vjp=(lambda g, y, features: g * square(1 - abs(y)),), traits="elementwise")
def softsign(features):
    """x / (1 + |x|), element by element."""


# --- rounding and tests ---------------------------------------------------------------------------------------------


@op(infer=unary(*FLOATS), lower=lambda xp, x: xp.floor(x), traits="elementwise exact")
def floor(x):
    """The largest whole number not above x. No gradient."""


@op(infer=unary(*FLOATS), lower=lambda xp, x: xp.ceil(x), traits="elementwise exact")
def ceil(x):
    """The smallest whole number not below x. No gradient."""


@op(infer=unary(*INTEGERS, *FLOATS), lower=lambda xp, x: xp.round(x) if xp.issubdtype(x.dtype, xp.floating) else x,
    sizes=on_sizes(lambda x: x), traits="elementwise")
def round_(x):
    """The nearest whole number; of two equally near the even one (0.5 -> 0, 1.5 -> 2). No gradient.

    >>> import treadle as tf
    >>> tf.round([0.5, 1.5, -2.5]).numpy().tolist()
    [0.0, 2.0, -2.0]
    """


def _test(x: TensorType) -> TensorType:
    return unary(*FLOATS)(x).with_dtype(dtypes.bool_)


@op(infer=_test, lower=lambda xp, x: xp.isnan(x), traits="elementwise exact")
def is_nan(x):
    """True where x is NaN."""


@op(infer=_test, lower=lambda xp, x: xp.isinf(x), traits="elementwise exact")
def is_inf(x):
    """True where x is infinite."""


@op(infer=_test, lower=lambda xp, x: xp.isfinite(x), traits="elementwise exact")
def is_finite(x):
    """True where x is neither NaN nor infinite."""


@op(infer=binary(dtypes.float32, dtypes.float64), lower=lambda xp, x, y: xp.nextafter(x, y), traits="elementwise")
def nextafter(x1, x2):
    """The next number after x1 towards x2 that the dtype can represent. No gradient."""


# --- complex numbers ------------------------------------------------------------------------------------------------


def _real_type(input: TensorType) -> TensorType:
    return input.with_dtype(input.dtype.real_dtype)


@op(infer=lambda input: _real_type(unary(*NUMBERS)(input)), lower=lambda xp, x: xp.real(x),
    vjp=(lambda g, y, input: cast(g, dtype=input.dtype),), sizes=on_sizes(lambda x: x), traits="elementwise")
def real(input):
    """The real part; a real tensor as it is."""


@op(infer=lambda input: _real_type(unary(*NUMBERS)(input)), lower=lambda xp, x: xp.imag(x),
    vjp=(lambda g, y, input: complex(g - g, g) if input.dtype.is_complex else g - g,), traits="elementwise")
def imag(input):
    """The imaginary part; 0 for a real tensor."""


def _angle_gradient(g: Any, y: Any, input: Any) -> Any:
    if not input.dtype.is_complex:
        return g - g
    # d angle = imag(d z / z), so the cotangent of z is 1j * g / conj(z).
    return complex(g - g, g) / conj(input)


@op(infer=lambda input: _real_type(unary(*FLOATS, *COMPLEX)(input)),
    lower=lambda xp, x: xp.angle(x).astype(xp.real(x).dtype),  # jax.numpy gives float64 for some scalars
    vjp=(_angle_gradient,), traits="elementwise")
def angle(input):
    """The argument of a complex number in radians; of a real one 0 or pi."""


_COMPLEX_OF = {dtypes.float32: dtypes.complex64, dtypes.float64: dtypes.complex128}


def _complex_infer(real: TensorType, imag: TensorType) -> TensorType:
    require(real, tuple(_COMPLEX_OF), "real")
    return TensorType.of(_COMPLEX_OF[same_dtype(real, imag)], broadcast_shapes(real.shape, imag.shape))


@op(infer=_complex_infer, lower=lambda xp, x, y: xp.lax.complex(*xp.broadcast_arrays(x, y)),
    vjp=(lambda g, z, x, y: unbroadcast(real(g), x), lambda g, z, x, y: unbroadcast(imag(g), y)), traits="elementwise")
def complex(real, imag):
    """real + 1j * imag, element by element: float32 parts give complex64, float64 parts complex128."""
