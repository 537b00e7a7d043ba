"""Special functions, element by element: the gamma and error functions and their relatives, Bessel functions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dtypes
from treadle.ir.op import op
from treadle.ir.ops.elementwise import exp, log, log1p, negative, reciprocal, sign, square
from treadle.ir.ops.rules import FLOATS, broadcast_shapes, require, same_dtype, unary, unbroadcast
from treadle.ir.types import TensorType

_SINGLE_AND_DOUBLE = (dtypes.float32, dtypes.float64)

# --- gamma ----------------------------------------------------------------------------------------------------------


def _at_least_single(function: Callable) -> Callable[..., Any]:
    """A lowering rule that computes 16-bit floats in float32."""
    def lower(xp: Any, *arrays: Any) -> Any:
        if arrays[0].dtype.itemsize > 2:
            return function(xp, *arrays)
        dtype = dtypes.as_dtype(arrays[0].dtype)
        return xp.cast(function(xp, *[xp.cast(a, dtypes.float32) for a in arrays]), dtype)
    return lower


def _pair(a: TensorType, x: TensorType) -> TensorType:
    require(a, _SINGLE_AND_DOUBLE, "a")
    return TensorType.of(same_dtype(a, x), broadcast_shapes(a.shape, x.shape))


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.lax.lgamma(x)),
    vjp=(lambda g, y, x: g * digamma(x),), traits="elementwise")
def lgamma(x):
    """log |Gamma(x)|, where Gamma(n) = (n - 1)! for whole numbers."""


@op(infer=unary(*FLOATS), lower=_at_least_single(
    lambda xp, x: xp.where(x == 0, xp.asarray(np.nan, x.dtype), xp.lax.digamma(x))),  # JAX 0.12 gives -inf at 0
    vjp=(lambda g, y, x: g * polygamma(x - x + 1, x),), traits="elementwise")
def digamma(x):
    """The derivative of lgamma."""


@op(infer=_pair, lower=lambda xp, a, x: xp.lax.polygamma(*xp.broadcast_arrays(a, x)),
    vjp=(None, lambda g, y, a, x: unbroadcast(g * polygamma(a + 1, x), x)), traits="elementwise")
def polygamma(a, x):
    """The a-th derivative of digamma at x, for whole numbers a. No gradient with respect to a."""


@op(infer=_pair, lower=lambda xp, x, q: xp.lax.zeta(*xp.broadcast_arrays(x, q)),
    vjp=(None, lambda g, y, x, q: unbroadcast(negative(g * x * zeta(x + 1, q)), q)), traits="elementwise")
def zeta(x, q):
    """Hurwitz' zeta function, the sum of (q + n)^-x over n = 0, 1 ... No gradient with respect to x."""


def _gamma_density(a: Any, x: Any) -> Any:
    """x^(a - 1) exp(-x) / Gamma(a): the derivative of igamma with respect to x."""
    return exp((a - 1) * log(x) - x - lgamma(a))


@op(infer=_pair, lower=lambda xp, a, x: xp.lax.igamma(*xp.broadcast_arrays(a, x)),
    vjp=(lambda g, y, a, x: unbroadcast(g * igamma_gradient_a(a, x), a),
         lambda g, y, a, x: unbroadcast(g * _gamma_density(a, x), x)), traits="elementwise")
def igamma(a, x):
    """The lower regularised incomplete gamma function: the integral of t^(a-1) exp(-t) / Gamma(a) from 0 to x."""


@op(infer=_pair, lower=lambda xp, a, x: xp.lax.igammac(*xp.broadcast_arrays(a, x)),
    vjp=(lambda g, y, a, x: unbroadcast(negative(g * igamma_gradient_a(a, x)), a),
         lambda g, y, a, x: unbroadcast(negative(g * _gamma_density(a, x)), x)), traits="elementwise")
def igammac(a, x):
    """1 - igamma(a, x), exact where that is small."""


@op(infer=_pair, lower=lambda xp, a, x: xp.lax.igamma_grad_a(*xp.broadcast_arrays(a, x)), traits="elementwise")
def igamma_gradient_a(a, x):
    """The derivative of igamma with respect to a. No gradient of its own."""


def _betainc_type(a: TensorType, b: TensorType, x: TensorType) -> TensorType:
    require(a, _SINGLE_AND_DOUBLE, "a")
    return TensorType.of(same_dtype(a, b, x), broadcast_shapes(a.shape, b.shape, x.shape))


def _beta_density(g: Any, y: Any, a: Any, b: Any, x: Any) -> Any:
    logs = (a - 1) * log(x) + (b - 1) * log1p(negative(x)) - (lgamma(a) + lgamma(b) - lgamma(a + b))
    return unbroadcast(g * exp(logs), x)


@op(infer=_betainc_type, lower=lambda xp, a, b, x: xp.special.betainc(*xp.broadcast_arrays(a, b, x)),
    vjp=(None, None, _beta_density), traits="elementwise")
def betainc(a, b, x):
    """The regularised incomplete beta function. No gradient with respect to a and b, as in TensorFlow."""


# --- errors ---------------------------------------------------------------------------------------------------------

_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


@op(infer=unary(*FLOATS), lower=lambda xp, x: xp.special.erf(x),
    vjp=(lambda g, y, x: g * (exp(negative(square(x))) * _TWO_OVER_ROOT_PI),), traits="elementwise")
def erf(x):
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""


@op(infer=unary(*FLOATS), lower=lambda xp, x: xp.special.erfc(x),
    vjp=(lambda g, y, x: g * (exp(negative(square(x))) * -_TWO_OVER_ROOT_PI),), traits="elementwise")
def erfc(x):
    """1 - erf(x), exact where that is small."""


@op(infer=unary(*FLOATS), lower=lambda xp, x: xp.special.erfinv(x),
    vjp=(lambda g, y, x: g * (exp(square(y)) / _TWO_OVER_ROOT_PI),), traits="elementwise")
def erfinv(x):
    """The number whose erf is x; NaN outside [-1, 1]."""


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.special.ndtri(x)),
    vjp=(lambda g, y, x: g * (exp(square(y) * 0.5) * math.sqrt(2 * math.pi)),), traits="elementwise")
def ndtri(x):
    """The number below which a standard normal variable lies with probability x."""


# --- Bessel functions -----------------------------------------------------------------------------------------------


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.special.i0(x)),
    vjp=(lambda g, y, x: g * bessel_i1(x),), traits="elementwise")
def bessel_i0(x):
    """The modified Bessel function of the first kind, of order 0."""


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.lax.bessel_i0e(x)),
    vjp=(lambda g, y, x: g * (bessel_i1e(x) - sign(x) * y),), traits="elementwise")
def bessel_i0e(x):
    """exp(-|x|) bessel_i0(x)."""


def _not_zero(x: Any) -> Any:
    """1 where x is not 0, else 0, in the dtype of x."""
    return square(sign(x))


def _i1_slope(zeroth: Any, first: Any, x: Any) -> Any:
    """The derivative of I1: I0(x) - I1(x) / x, which is 1/2 at 0."""
    nonzero = _not_zero(x)
    return zeroth - first * reciprocal(x + (1 - nonzero)) * nonzero - 0.5 * (1 - nonzero)


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.special.i1(x)),
    vjp=(lambda g, y, x: g * _i1_slope(bessel_i0(x), y, x),), traits="elementwise")
def bessel_i1(x):
    """The modified Bessel function of the first kind, of order 1."""


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.lax.bessel_i1e(x)),
    vjp=(lambda g, y, x: g * (_i1_slope(bessel_i0e(x), y, x) - sign(x) * y),), traits="elementwise")
def bessel_i1e(x):
    """exp(-|x|) bessel_i1(x)."""


@op(infer=unary(*FLOATS), lower=_at_least_single(lambda xp, x: xp.special.spence(x)),
    vjp=(lambda g, y, x: g * (log(x) / (1 - x)),), traits="elementwise")
def spence(x):
    """Spence's function, the integral of log(t) / (1 - t) from 1 to x."""


@op(infer=unary(*_SINGLE_AND_DOUBLE), lower=lambda xp, x: xp.special.expi(x),
    vjp=(lambda g, y, x: g * exp(x) / x,), traits="elementwise")
def expint(x):
    """The exponential integral Ei, the integral of exp(t) / t from -infinity to x."""
