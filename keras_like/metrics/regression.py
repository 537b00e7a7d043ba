"""Errors of real numbers."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.losses.regression import (
    cosine,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from treadle.keras_like.losses.weighting import same_rank
from treadle.keras_like.metrics.aggregates import FunctionMetric, Mean


class MeanSquaredError(FunctionMetric):
    """The mean of (y_true - y_pred)^2.

    >>> from treadle import keras
    >>> float(keras.metrics.MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]]))
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(FunctionMetric):
    """The mean of |y_true - y_pred|."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(FunctionMetric):
    """The mean of 100 * |y_true - y_pred| / |y_true|."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(FunctionMetric):
    """The mean of log(cosh(y_pred - y_true))."""

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(log_cosh, name, dtype)


class CosineSimilarity(FunctionMetric):
    """The mean of the cosine of the angle between `y_true` and `y_pred` along `axis`."""

    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)^2)).

    >>> from treadle import keras
    >>> float(keras.metrics.RootMeanSquaredError()([0.0, 0.0], [3.0, 3.0]))
    3.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = same_rank(tf.cast(y_true, self.dtype), tf.cast(y_pred, self.dtype))
        super().update_state(tf.square(y_pred - y_true), sample_weight=sample_weight)

    def result(self) -> Any:
        return tf.sqrt(super().result())


class MeanRelativeError(Mean):
    """The mean of |y_true - y_pred| / normalizer; 0 where the normalizer is 0.

    >>> from treadle import keras
    >>> float(keras.metrics.MeanRelativeError(normalizer=[1.0, 2.0])([1.0, 2.0], [2.0, 4.0]))
    1.0
    """

    _direction = "down"

    def __init__(self, normalizer: Any, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.normalizer = tf.cast(normalizer, self.dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = same_rank(tf.cast(y_true, self.dtype), tf.cast(y_pred, self.dtype))
        error = tf.abs(y_true - y_pred)
        super().update_state(tf.math.divide_no_nan(error, self.normalizer), sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "normalizer": self.normalizer.numpy().tolist()}
