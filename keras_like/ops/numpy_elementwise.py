"""`keras.ops`, element by element: functions of one tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, numeric, promoted, tensor

# --- exponentials and powers ------------------------------------------------------------------------------------------


def exp(x: Any) -> Any:
    """e^x.

    >>> from treadle import keras
    >>> keras.ops.exp([0, 1]).numpy().round(3).tolist()  # integers become floats
    [1.0, 2.7179999351501465]
    """
    return tf.exp(floating(x))


def exp2(x: Any) -> Any:
    """2^x."""
    x = floating(x)
    return tf.pow(tf.constant(2, x.dtype), x)


def expm1(x: Any) -> Any:
    """e^x - 1, exact for small x."""
    return tf.math.expm1(floating(x))


def log(x: Any) -> Any:
    """The natural logarithm."""
    return tf.math.log(floating(x))


def log10(x: Any) -> Any:
    """The logarithm to the base 10."""
    x = floating(x)
    return tf.math.log(x) / tf.constant(math.log(10.0), x.dtype)


def log2(x: Any) -> Any:
    """The logarithm to the base 2."""
    x = floating(x)
    return tf.math.log(x) / tf.constant(math.log(2.0), x.dtype)


def log1p(x: Any) -> Any:
    """log(1 + x), exact for small x."""
    return tf.math.log1p(floating(x))


def sqrt(x: Any) -> Any:
    """The square root."""
    return tf.sqrt(floating(x))


@operation
def cbrt(x: Any) -> Any:
    """The cube root, of negative numbers, too."""
    x = floating(x)
    magnitude = tf.abs(x)
    positive = magnitude > 0
    root = tf.pow(tf.where(positive, magnitude, tf.ones_like(x)), tf.constant(1 / 3, x.dtype))
    root = tf.where(tf.math.is_finite(root), root - (root - magnitude / (root * root)) / 3, root)  # a step of Newton's
    return tf.where(positive, tf.sign(x) * root, x)


def square(x: Any) -> Any:
    """x * x."""
    return tf.square(numeric(x))


def reciprocal(x: Any) -> Any:
    """1 / x."""
    return tf.math.reciprocal(floating(x))


# --- trigonometry -----------------------------------------------------------------------------------------------------


def sin(x: Any) -> Any:
    """The sine of x, in radians."""
    return tf.sin(floating(x))


def cos(x: Any) -> Any:
    """The cosine of x, in radians."""
    return tf.cos(floating(x))


def tan(x: Any) -> Any:
    """The tangent of x, in radians."""
    return tf.tan(floating(x))


def arcsin(x: Any) -> Any:
    """The angle, in radians, whose sine is x."""
    return tf.asin(floating(x))


def arccos(x: Any) -> Any:
    """The angle, in radians, whose cosine is x."""
    return tf.acos(floating(x))


def arctan(x: Any) -> Any:
    """The angle, in radians, whose tangent is x."""
    return tf.atan(floating(x))


def sinh(x: Any) -> Any:
    """(e^x - e^-x) / 2."""
    return tf.sinh(floating(x))


def cosh(x: Any) -> Any:
    """(e^x + e^-x) / 2."""
    return tf.cosh(floating(x))


def tanh(x: Any) -> Any:
    """sinh(x) / cosh(x)."""
    return tf.tanh(floating(x))


def arcsinh(x: Any) -> Any:
    """The inverse of sinh."""
    return tf.asinh(floating(x))


def arccosh(x: Any) -> Any:
    """The inverse of cosh."""
    return tf.acosh(floating(x))


def arctanh(x: Any) -> Any:
    """The inverse of tanh."""
    return tf.atanh(floating(x))


@operation
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at 0."""
    x = floating(x)
    zero = tf.equal(x, tf.zeros_like(x))
    angle = tf.constant(math.pi, x.dtype) * tf.where(zero, tf.ones_like(x), x)
    return tf.where(zero, tf.ones_like(x), tf.sin(angle) / angle)


def deg2rad(x: Any) -> Any:
    """x * pi / 180."""
    x = floating(x)
    return x * tf.constant(math.pi / 180, x.dtype)


def rad2deg(x: Any) -> Any:
    """x * 180 / pi."""
    x = floating(x)
    return x * tf.constant(180 / math.pi, x.dtype)


@operation
def i0(x: Any) -> Any:
    """The modified Bessel function of order 0."""
    x = floating(x)
    return tf.math.bessel_i0(x) if x.dtype.size > 2 else tf.cast(tf.math.bessel_i0(tf.cast(x, "float32")), x.dtype)


# --- rounding and signs -----------------------------------------------------------------------------------------------


def floor(x: Any) -> Any:
    """The largest integer at most x, as a float."""
    return tf.floor(floating(x))


def ceil(x: Any) -> Any:
    """The smallest integer at least x, as a float."""
    return tf.math.ceil(floating(x))


def trunc(x: Any) -> Any:
    """The integer next to x towards 0; integers stay what they are."""
    x = tensor(x)
    return tf.where(x < 0, tf.math.ceil(x), tf.floor(x)) if x.dtype.is_floating else x


def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to `decimals` places (negative: to tens, hundreds ...); halves go to the even neighbour.

    >>> from treadle import keras
    >>> keras.ops.round([0.5, 1.5, 2.345], decimals=0).numpy().tolist()
    [0.0, 2.0, 2.0]
    """
    x = numeric(x)
    if x.dtype.is_integer and decimals >= 0:
        return x
    if decimals == 0:
        return tf.round(x)
    exact = floating(x) if x.dtype.size > 2 or x.dtype.is_integer else tf.cast(x, "float32")
    factor = tf.constant(10.0 ** (decimals if decimals > 0 else -decimals), exact.dtype)
    rounded = tf.round(exact * factor) / factor if decimals > 0 else tf.round(exact / factor) * factor
    return tf.cast(rounded, x.dtype)


def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    x = numeric(x)
    return tf.minimum(x, tf.ones_like(x)) if x.dtype.is_unsigned else tf.sign(x)


@operation
def signbit(x: Any) -> Any:
    """True for negative numbers, -0.0 and NaNs of negative sign among them."""
    x = numeric(x)
    if not x.dtype.is_floating:
        return x < 0
    return tf.bitcast(x, f"int{8 * x.dtype.size}") < 0


def negative(x: Any) -> Any:
    """-x."""
    x = numeric(x)
    return tf.zeros_like(x) - x if x.dtype.is_unsigned else tf.negative(x)


def absolute(x: Any) -> Any:
    """|x|; of complex numbers, the modulus."""
    x = tensor(x)
    return x if x.dtype.is_bool or x.dtype.is_unsigned else tf.abs(x)


def fabs(x: Any) -> Any:
    """|x| as a float."""
    return tf.abs(floating(x))


abs = absolute

# --- complex numbers --------------------------------------------------------------------------------------------------


def real(x: Any) -> Any:
    """The real part."""
    x = tensor(x)
    return tf.math.real(x) if x.dtype.is_complex else x


@operation
def imag(x: Any) -> Any:
    """The imaginary part; 0 for real numbers."""
    x = tensor(x)
    return tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x)


def conjugate(x: Any) -> Any:
    """The complex conjugate."""
    x = tensor(x)
    return tf.math.conj(x) if x.dtype.is_complex else x


conj = conjugate


@operation
def angle(x: Any) -> Any:
    """The angle of a complex number: 0 or pi for real ones."""
    x = floating(x)
    return tf.atan2(tf.math.imag(x), tf.math.real(x)) if x.dtype.is_complex else tf.atan2(tf.zeros_like(x), x)


@operation
def isreal(x: Any) -> Any:
    """True where the imaginary part is 0."""
    x = tensor(x)
    part = imag(x)
    return tf.equal(part, tf.zeros_like(part))


# --- checks -----------------------------------------------------------------------------------------------------------


def _parts(x: Any) -> list[Any]:
    """The real and imaginary parts of a complex tensor; a real one as floats."""
    x = tensor(x)
    return [tf.math.real(x), tf.math.imag(x)] if x.dtype.is_complex else [floating(x)]


def isnan(x: Any) -> Any:
    """True where x is not a number."""
    found = [tf.math.is_nan(part) for part in _parts(x)]
    return found[0] if len(found) == 1 else tf.logical_or(*found)


def isinf(x: Any) -> Any:
    """True where x is infinite."""
    found = [tf.math.is_inf(part) for part in _parts(x)]
    return found[0] if len(found) == 1 else tf.logical_or(*found)


def isfinite(x: Any) -> Any:
    """True where x is neither infinite nor NaN."""
    found = [tf.math.is_finite(part) for part in _parts(x)]
    return found[0] if len(found) == 1 else tf.logical_and(*found)


def isposinf(x: Any) -> Any:
    """True where x is inf."""
    x = floating(x)
    return tf.equal(x, tf.constant(math.inf, x.dtype))


def isneginf(x: Any) -> Any:
    """True where x is -inf."""
    x = floating(x)
    return tf.equal(x, tf.constant(-math.inf, x.dtype))


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with NaN, inf and -inf replaced; the infinities, if nothing else is said, by the largest and smallest number."""
    x = numeric(x)
    if not x.dtype.is_floating:
        return x
    for found, value in ((isnan(x), nan), (isposinf(x), x.dtype.max if posinf is None else posinf),
                         (isneginf(x), x.dtype.min if neginf is None else neginf)):
        x = tf.where(found, tf.constant(np.asarray(value, x.dtype.as_numpy_dtype)), x)
    return x


def logical_not(x: Any) -> Any:
    """not x; numbers are true unless 0."""
    return tf.logical_not(tf.cast(tensor(x), "bool"))


def bitwise_invert(x: Any) -> Any:
    """Each bit turned around."""
    x = tensor(x)
    return tf.logical_not(x) if x.dtype.is_bool else tf.bitwise.invert(x)


bitwise_not = bitwise_invert


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """x, but at least `x_min` and at most `x_max`.

    >>> from treadle import keras
    >>> keras.ops.clip([-2, 0.5, 7], 0, 1).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    x, *bounds = promoted(numeric(x), *(b for b in (x_min, x_max) if b is not None))
    if x_min is not None:
        x = tf.maximum(x, bounds[0])
    return x if x_max is None else tf.minimum(x, bounds[-1])


@operation
def copy(x: Any) -> Any:
    """x as a new tensor."""
    return tf.identity(tensor(x))
