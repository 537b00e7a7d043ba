"""Losses of real numbers: differences, relative differences, angles."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.weighting import as_aligned_pair


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)^2) over the last axis: [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
    [2.5]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis: [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
    [1.5]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / max(|y_true|, epsilon)) over the last axis: [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.mean_absolute_percentage_error([[2.0, 1.0]], [[1.0, 1.0]]).numpy().tolist()
    [25.0]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    return 100.0 * tf.reduce_mean(tf.abs((y_true - y_pred) / tf.maximum(tf.abs(y_true), epsilon())), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis, both at least epsilon: [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.mean_squared_logarithmic_error([[1.0, 2.0]], [[1.0, 2.0]]).numpy().tolist()
    [0.0]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    difference = tf.math.log(tf.maximum(y_pred, epsilon()) + 1.0) - tf.math.log(tf.maximum(y_true, epsilon()) + 1.0)
    return tf.reduce_mean(tf.square(difference), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """-cos of the angle between the vectors along `axis`: -1 for the same direction, 0 for orthogonal or zero vectors.

    >>> from treadle import keras
    >>> keras.losses.cosine_similarity([[0.0, 2.0]], [[0.0, 1.0]]).numpy().tolist()
    [-1.0]
    """
    return -cosine(y_true, y_pred, axis)


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """cos of the angle between the vectors along `axis`."""
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    return tf.reduce_sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(x: Any, axis: int) -> Any:
    return tf.nn.l2_normalize(x, axis=axis, epsilon=epsilon() ** 2)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """mean over the last axis of e^2 / 2 where |e| <= delta, delta * |e| - delta^2 / 2 elsewhere; e = y_pred - y_true.

    >>> from treadle import keras
    >>> keras.losses.huber([[0.0, 0.0]], [[1.0, 3.0]]).numpy().tolist()
    [1.5]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    error = y_pred - y_true
    size = tf.abs(error)
    return tf.reduce_mean(tf.where(size <= delta, 0.5 * tf.square(error), delta * size - 0.5 * delta * delta), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis: about e^2 / 2 for small errors, |e| - log(2) for large ones.

    >>> from treadle import keras
    >>> keras.losses.log_cosh([[1.0]], [[1.0]]).numpy().tolist()
    [0.0]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    error = y_pred - y_true
    return tf.reduce_mean(error + tf.nn.softplus(-2.0 * error) - math.log(2.0), axis=-1)


class MeanSquaredError(FunctionLoss):
    """`mean_squared_error`, reduced.

    >>> from treadle import keras
    >>> float(keras.losses.MeanSquaredError()([[0.0], [1.0]], [[1.0], [3.0]]))
    2.5
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error",
                 dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(FunctionLoss):
    """`mean_absolute_error`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error",
                 dtype: Any = None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """`mean_absolute_percentage_error`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """`mean_squared_logarithmic_error`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(FunctionLoss):
    """`cosine_similarity`, reduced."""

    def __init__(self, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "cosine_similarity", dtype: Any = None):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(FunctionLoss):
    """`huber`, reduced."""

    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "huber_loss", dtype: Any = None):
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(FunctionLoss):
    """`log_cosh`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None):
        super().__init__(log_cosh, reduction, name, dtype)


shield_functions(globals())
