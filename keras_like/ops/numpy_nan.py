"""`keras.ops`: reductions that leave NaNs out."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops import numpy_reductions as reductions
from treadle.keras_like.ops.axes import Axis, at_least_single, float_dtype
from treadle.keras_like.ops.numpy_elementwise import isnan
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import numeric, tensor


def _filled(x: Any, value: Any) -> Any:
    """x with `value` in place of NaNs."""
    x = numeric(x)
    return tf.where(isnan(x), tf.constant(np.asarray(value, x.dtype.as_numpy_dtype)), x) if x.dtype.is_floating else x


def _none_left(x: Any, axis: Any, keepdims: bool) -> Any:
    """True where all along `axis` are NaN."""
    return tf.reduce_all(isnan(x), axis=axis, keepdims=keepdims)


def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of what is not NaN.

    >>> from treadle import keras
    >>> keras.ops.nansum([1.0, float("nan"), 2.0]).numpy().item()
    3.0
    """
    return reductions.sum(_filled(x, 0), axis, keepdims)


def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product of what is not NaN."""
    return reductions.prod(_filled(x, 1), axis, keepdims)


@operation
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """`cumsum`, NaNs counting as 0."""
    return reductions.cumsum(_filled(x, 0), axis, dtype)


@operation
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """`cumprod`, NaNs counting as 1."""
    return reductions.cumprod(_filled(x, 1), axis, dtype)


def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of what is not NaN."""
    x = tensor(x)
    return tf.cast(_mean(at_least_single(x), axis, keepdims), float_dtype(x))


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    count = tf.reduce_sum(tf.cast(tf.logical_not(isnan(x)), x.dtype), axis=axis, keepdims=keepdims)
    return tf.reduce_sum(_filled(x, 0), axis=axis, keepdims=keepdims) / count


def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The variance of what is not NaN."""
    x = tensor(x)
    wide = at_least_single(x)
    return tf.cast(_mean(tf.square(wide - _mean(wide, axis, True)), axis, keepdims), float_dtype(x))


def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of the variance of what is not NaN."""
    return tf.sqrt(nanvar(x, axis, keepdims))


def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest of what is not NaN; NaN if nothing is."""
    return _extreme(reductions.max, x, -np.inf, axis, keepdims)


def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest of what is not NaN; NaN if nothing is."""
    return _extreme(reductions.min, x, np.inf, axis, keepdims)


def _extreme(function: Any, x: Any, worst: float, axis: Any, keepdims: bool) -> Any:
    x = tensor(x)
    if not x.dtype.is_floating:
        return function(x, axis, keepdims)
    found = function(_filled(x, worst), axis, keepdims)
    return tf.where(_none_left(x, axis, keepdims), tf.constant(np.nan, x.dtype), found)


@operation
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the largest of what is not NaN; -1 if nothing is."""
    return _place(reductions.argmax, x, -np.inf, axis, keepdims)


@operation
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The place of the smallest of what is not NaN; -1 if nothing is."""
    return _place(reductions.argmin, x, np.inf, axis, keepdims)


def _place(function: Any, x: Any, worst: float, axis: Any, keepdims: bool) -> Any:
    x = tensor(x)
    if not x.dtype.is_floating:
        return function(x, axis, keepdims)
    return tf.where(_none_left(x, axis, keepdims), -1, function(_filled(x, worst), axis, keepdims))
