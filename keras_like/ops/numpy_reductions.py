"""`keras.ops`: one number out of many, along axes. `axis` is an integer, several, or None for all of them."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.ops.axes import Axis, at_least_single, float_dtype
from treadle.keras_like.ops.numpy_arithmetic import maximum, minimum
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, numeric, promoted, summed, tensor

# --- sums -------------------------------------------------------------------------------------------------------------


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum along `axis`. Integers of less than 32 bits are widened first.

    >>> from treadle import keras
    >>> keras.ops.sum([[1, 2], [3, 4]], axis=0).numpy().tolist()
    [4, 6]
    """
    return tf.reduce_sum(summed(x), axis=axis, keepdims=keepdims)


def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product along `axis`. Integers of less than 32 bits are widened first."""
    return tf.reduce_prod(summed(x) if dtype is None else tensor(x, dtype), axis=axis, keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean along `axis`; of integers, a float."""
    x = tensor(x)
    return tf.cast(tf.reduce_mean(at_least_single(x), axis=axis, keepdims=keepdims), float_dtype(x))


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the squared distances from the mean."""
    x = tensor(x)
    return tf.cast(tf.math.reduce_variance(at_least_single(x), axis=axis, keepdims=keepdims), float_dtype(x).real_dtype)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of the variance."""
    x = tensor(x)
    return tf.cast(tf.math.reduce_std(at_least_single(x), axis=axis, keepdims=keepdims), float_dtype(x).real_dtype)


def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """sum(x * weights) / sum(weights) along `axis`; the mean without weights.

    `weights` has the shape of x, or is a vector for the one axis.
    """
    if weights is None:
        return mean(floating(x), axis)
    x, weights = promoted(x, weights, floating=True)
    if weights.shape.rank != x.shape.rank:
        if not isinstance(axis, int) or weights.shape.rank != 1:
            raise tf.errors.InvalidArgumentError(
                "`weights` must have the shape of `x`, or be a vector with `axis` an integer. Received: weights of shape "
                f"{weights.shape}, axis={axis}.")
        weights = tf.reshape(weights, [-1 if a == axis % x.shape.rank else 1 for a in range(x.shape.rank)])
    weights = tf.broadcast_to(weights, tf.shape(x))
    return tf.reduce_sum(x * weights, axis=axis) / tf.reduce_sum(weights, axis=axis)


def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many elements are not 0."""
    return tf.reduce_sum(tf.cast(tf.cast(tensor(x), "bool"), "int32"), axis=axis)


@operation
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The sums of the elements so far, along `axis`; of all elements in a row without one."""
    return _running(tf.cumsum, x, axis, dtype)


@operation
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """The products of the elements so far, along `axis`; of all elements in a row without one."""
    return _running(tf.math.cumprod, x, axis, dtype)


def _running(function: Any, x: Any, axis: int | None, dtype: Any) -> Any:
    x = numeric(x) if dtype is None else tensor(x, dtype)
    return function(tf.reshape(x, [-1]) if axis is None else x, axis=axis or 0)


# --- extremes ---------------------------------------------------------------------------------------------------------


def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element along `axis`, and at least `initial`."""
    x = tensor(x)
    if x.dtype.is_bool:
        return tf.reduce_any(x if initial is None else tf.logical_or(x, tf.cast(initial, "bool")), axis=axis,
                             keepdims=keepdims)
    found = tf.reduce_max(x, axis=axis, keepdims=keepdims)
    return found if initial is None else maximum(found, tensor(initial, x.dtype))


def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element along `axis`, and at most `initial`."""
    x = tensor(x)
    if x.dtype.is_bool:
        return tf.reduce_all(x if initial is None else tf.logical_and(x, tf.cast(initial, "bool")), axis=axis,
                             keepdims=keepdims)
    found = tf.reduce_min(x, axis=axis, keepdims=keepdims)
    return found if initial is None else minimum(found, tensor(initial, x.dtype))


def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element along `axis`."""
    return max(x, axis, keepdims)


def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element along `axis`."""
    return min(x, axis, keepdims)


def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element less the smallest."""
    x = numeric(x)
    return tf.reduce_max(x, axis=axis, keepdims=keepdims) - tf.reduce_min(x, axis=axis, keepdims=keepdims)


@operation
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the largest element along `axis`, the first one if there are several; of all in a row without one.

    >>> from treadle import keras
    >>> keras.ops.argmax([[1, 5, 2], [7, 0, 0]], axis=1).numpy().tolist()
    [1, 0]
    """
    return _place(tf.argmax, x, axis, keepdims)


@operation
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the smallest element along `axis`, the first one if there are several."""
    return _place(tf.argmin, x, axis, keepdims)


def _place(function: Any, x: Any, axis: int | None, keepdims: bool) -> Any:
    x = numeric(x)
    found = function(tf.reshape(x, [-1]) if axis is None else x, axis=0 if axis is None else axis, output_type="int32")
    if keepdims:
        found = tf.reshape(found, [1] * x.shape.rank) if axis is None else tf.expand_dims(found, axis)
    return found


# --- truth ------------------------------------------------------------------------------------------------------------


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """True if all elements along `axis` are true (not 0)."""
    return tf.reduce_all(tf.cast(tensor(x), "bool"), axis=axis, keepdims=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """True if an element along `axis` is true (not 0)."""
    return tf.reduce_any(tf.cast(tensor(x), "bool"), axis=axis, keepdims=keepdims)
