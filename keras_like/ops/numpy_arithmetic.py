"""`keras.ops`, element by element: arithmetic, comparisons and bits of two tensors, which are broadcast."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.ops.numpy_elementwise import absolute, isnan
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, tensor

# --- arithmetic -------------------------------------------------------------------------------------------------------


def _numbers(x1: Any, x2: Any) -> list[Any]:
    """Both as tensors of one dtype; bools as int32."""
    x1, x2 = promoted(x1, x2)
    return [tf.cast(x1, "int32"), tf.cast(x2, "int32")] if x1.dtype.is_bool else [x1, x2]


def add(x1: Any, x2: Any) -> Any:
    """x1 + x2; of bools, `or`.

    >>> from treadle import keras
    >>> keras.ops.add([1, 2], [0.5, 0.5]).numpy().tolist()  # dtypes mix
    [1.5, 2.5]
    """
    x1, x2 = promoted(x1, x2)
    return tf.logical_or(x1, x2) if x1.dtype.is_bool else tf.add(x1, x2)


def subtract(x1: Any, x2: Any) -> Any:
    """x1 - x2."""
    return tf.subtract(*_numbers(x1, x2))


def multiply(x1: Any, x2: Any) -> Any:
    """x1 * x2; of bools, `and`."""
    x1, x2 = promoted(x1, x2)
    return tf.logical_and(x1, x2) if x1.dtype.is_bool else tf.multiply(x1, x2)


def divide(x1: Any, x2: Any) -> Any:
    """x1 / x2, a float.

    >>> from treadle import keras
    >>> keras.ops.divide(3, 2).numpy().item()
    1.5
    """
    return tf.divide(*promoted(x1, x2, floating=True))


true_divide = divide


@operation
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0."""
    return tf.math.divide_no_nan(*promoted(x1, x2, floating=True))


def floor_divide(x1: Any, x2: Any) -> Any:
    """floor(x1 / x2)."""
    return tf.math.floordiv(*_numbers(x1, x2))


def mod(x1: Any, x2: Any) -> Any:
    """The remainder of floor division, with the sign of x2."""
    return tf.math.floormod(*_numbers(x1, x2))


@operation
def fmod(x1: Any, x2: Any) -> Any:
    """The remainder of division rounded towards 0, with the sign of x1."""
    x, y = _numbers(x1, x2)
    rest = tf.truncatemod(x, y)
    if not x.dtype.is_floating:
        return rest
    # rest = x - q y, and q does not change: which gives it its gradient, and changes nothing else.
    quotient = x / y
    q = tf.stop_gradient(tf.where(quotient < 0, tf.math.ceil(quotient), tf.floor(quotient)))
    dx, dy, q = (tf.where(tf.math.is_finite(v), v, tf.zeros_like(v))
                 for v in (x - tf.stop_gradient(x), y - tf.stop_gradient(y), q))
    return rest + dx - q * dy


def power(x1: Any, x2: Any) -> Any:
    """x1 to the power x2."""
    return tf.pow(*_numbers(x1, x2))


def ldexp(x1: Any, x2: Any) -> Any:
    """x1 * 2^x2, for integers x2. Raises DtypeError for others."""
    exponent = tensor(x2)
    if not exponent.dtype.is_integer:
        raise tf.errors.DtypeError(f"The exponent of `ldexp` must be an integer. Received: x2 of {exponent.dtype.name}.")
    x = floating(x1)
    exponent = tf.cast(exponent, x.dtype)
    half = tf.floor(exponent / 2)  # in two steps: 2^x2 may be out of range where the result is not
    two = tf.constant(2, x.dtype)
    return x * tf.pow(two, half) * tf.pow(two, exponent - half)


@operation
def hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1^2 + x2^2), without overflow."""
    a, b = (tf.abs(x) for x in promoted(x1, x2, floating=True))
    longer, shorter = tf.maximum(a, b), tf.minimum(a, b)
    zero = tf.zeros_like(longer)
    ratio = shorter / tf.where(tf.equal(longer, zero), tf.ones_like(longer), longer)
    found = longer * tf.sqrt(1 + ratio * ratio)
    infinite = tf.logical_or(tf.math.is_inf(a), tf.math.is_inf(b))
    return tf.where(infinite, tf.constant(math.inf, a.dtype), found)


def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point (x2, x1), between -pi and pi."""
    return tf.atan2(*promoted(x1, x2, floating=True))


def logaddexp(x1: Any, x2: Any) -> Any:
    """log(exp(x1) + exp(x2)), without overflow."""
    a, b = promoted(x1, x2, floating=True)
    difference = a - b
    found = tf.maximum(a, b) + tf.math.log1p(tf.exp(-tf.abs(difference)))
    return tf.where(isnan(difference), a + b, found)  # both are infinite, or one is NaN


def logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2^x1 + 2^x2), without overflow."""
    a, b = promoted(x1, x2, floating=True)
    scale = tf.constant(math.log(2.0), a.dtype)
    return logaddexp(a * scale, b * scale) / scale


@operation
def heaviside(x1: Any, x2: Any) -> Any:
    """0 where x1 < 0, x2 where x1 is 0, 1 where x1 > 0."""
    x, middle = promoted(x1, x2, floating=True)
    zero = tf.zeros_like(x)
    step = tf.where(x > zero, tf.ones_like(x), tf.where(isnan(x), x, zero))
    return tf.where(tf.equal(x, zero), middle, step)


@operation
def nextafter(x1: Any, x2: Any) -> Any:
    """The float next to x1 in the direction of x2."""
    return tf.math.nextafter(*promoted(x1, x2, floating=True))


def maximum(x1: Any, x2: Any) -> Any:
    """The larger of both; NaN if one is NaN."""
    x1, x2 = promoted(x1, x2)
    return tf.logical_or(x1, x2) if x1.dtype.is_bool else tf.maximum(x1, x2)


def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of both; NaN if one is NaN."""
    x1, x2 = promoted(x1, x2)
    return tf.logical_and(x1, x2) if x1.dtype.is_bool else tf.minimum(x1, x2)


def fmax(x1: Any, x2: Any) -> Any:
    """The larger of both; a NaN counts only beside another."""
    x1, x2 = promoted(x1, x2)
    return _without_nans(x1, x2, maximum(x1, x2))


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of both; a NaN counts only beside another."""
    x1, x2 = promoted(x1, x2)
    return _without_nans(x1, x2, minimum(x1, x2))


def _without_nans(x1: Any, x2: Any, found: Any) -> Any:
    if not x1.dtype.is_floating:
        return found
    return tf.where(isnan(x1), x2, tf.where(isnan(x2), x1, found))


@operation
def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor of integers."""
    x1, x2 = _integers("gcd", x1, x2)
    a, b = absolute(x1), absolute(x2)
    a, b = a + tf.zeros_like(b), b + tf.zeros_like(a)

    def step(a: Any, b: Any) -> Any:
        zero = tf.equal(b, tf.zeros_like(b))
        return tf.where(zero, a, b), tf.where(zero, b, tf.math.floormod(a, tf.where(zero, tf.ones_like(b), b)))

    return tf.while_loop(lambda a, b: tf.reduce_any(tf.not_equal(b, tf.zeros_like(b))), step, (a, b))[0]


@operation
def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple of integers; 0 if one is 0."""
    x1, x2 = _integers("lcm", x1, x2)
    common = gcd(x1, x2)
    divisor = tf.where(tf.equal(common, tf.zeros_like(common)), tf.ones_like(common), common)
    return absolute(tf.math.floordiv(absolute(x1), divisor) * absolute(x2))


def _integers(name: str, x1: Any, x2: Any) -> list[Any]:
    found = promoted(x1, x2)
    if not found[0].dtype.is_integer:
        raise tf.errors.DtypeError(f"`{name}` takes integers. Received: {found[0].dtype.name}.")
    return found


# --- comparisons ------------------------------------------------------------------------------------------------------


def equal(x1: Any, x2: Any) -> Any:
    """x1 == x2."""
    return tf.equal(*promoted(x1, x2))


def not_equal(x1: Any, x2: Any) -> Any:
    """x1 != x2."""
    return tf.not_equal(*promoted(x1, x2))


def less(x1: Any, x2: Any) -> Any:
    """x1 < x2."""
    return tf.less(*_numbers(x1, x2))


def less_equal(x1: Any, x2: Any) -> Any:
    """x1 <= x2."""
    return tf.less_equal(*_numbers(x1, x2))


def greater(x1: Any, x2: Any) -> Any:
    """x1 > x2."""
    return tf.greater(*_numbers(x1, x2))


def greater_equal(x1: Any, x2: Any) -> Any:
    """x1 >= x2."""
    return tf.greater_equal(*_numbers(x1, x2))


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """|x1 - x2| <= atol + rtol * |x2|. Infinities are close to themselves; NaNs only with `equal_nan`."""
    a, b = promoted(x1, x2, floating=True)
    finite = tf.logical_and(tf.math.is_finite(a), tf.math.is_finite(b))
    near = tf.abs(a - b) <= tf.constant(atol, a.dtype) + tf.constant(rtol, a.dtype) * tf.abs(b)
    found = tf.where(finite, near, tf.equal(a, b))
    return tf.logical_or(found, tf.logical_and(isnan(a), isnan(b))) if equal_nan else found


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """True if all elements are close; see `isclose`."""
    return tf.reduce_all(isclose(x1, x2, rtol, atol, equal_nan))


# --- truth and bits ---------------------------------------------------------------------------------------------------


def logical_and(x1: Any, x2: Any) -> Any:
    """x1 and x2; numbers are true unless 0."""
    return tf.logical_and(tf.cast(tensor(x1), "bool"), tf.cast(tensor(x2), "bool"))


def logical_or(x1: Any, x2: Any) -> Any:
    """x1 or x2; numbers are true unless 0."""
    return tf.logical_or(tf.cast(tensor(x1), "bool"), tf.cast(tensor(x2), "bool"))


def logical_xor(x1: Any, x2: Any) -> Any:
    """True where one is true, and the other is not."""
    return tf.not_equal(tf.cast(tensor(x1), "bool"), tf.cast(tensor(x2), "bool"))


def bitwise_and(x: Any, y: Any) -> Any:
    """Bits that both have."""
    x, y = promoted(x, y)
    return tf.logical_and(x, y) if x.dtype.is_bool else tf.bitwise.bitwise_and(x, y)


def bitwise_or(x: Any, y: Any) -> Any:
    """Bits that one of both has."""
    x, y = promoted(x, y)
    return tf.logical_or(x, y) if x.dtype.is_bool else tf.bitwise.bitwise_or(x, y)


def bitwise_xor(x: Any, y: Any) -> Any:
    """Bits in which both differ."""
    x, y = promoted(x, y)
    return tf.not_equal(x, y) if x.dtype.is_bool else tf.bitwise.bitwise_xor(x, y)


def bitwise_left_shift(x: Any, y: Any) -> Any:
    """The bits of x moved y places up."""
    return tf.bitwise.left_shift(*_numbers(x, y))


def bitwise_right_shift(x: Any, y: Any) -> Any:
    """The bits of x moved y places down; the sign stays."""
    return tf.bitwise.right_shift(*_numbers(x, y))


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift
