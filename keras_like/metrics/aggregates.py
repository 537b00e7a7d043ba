"""Sums and means of values, and of functions of (y_true, y_pred)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.tracking import mask_of
from treadle.keras_like.losses.weighting import apply_mask, same_rank
from treadle.keras_like.metrics.base import Metric


def per_sample(values: Any, sample_weight: Any, reduce: Callable, dtype: Any) -> tuple[Any, Any]:
    """Values and weights with only the batch axis left; the others are reduced, after weighting."""
    mask = mask_of(values)
    values = tf.cast(values, dtype)
    if sample_weight is not None:
        weight = apply_mask(tf.cast(sample_weight, dtype), mask, dtype, "sum")
        values, weight = same_rank(values, weight)
        rank = weight.shape.rank
        if values.shape.rank > rank:
            values = reduce(values, axis=list(range(rank, values.shape.rank)))
        sample_weight = tf.broadcast_to(weight, tf.shape(values))
        values = values * sample_weight
        if rank > 1:
            sample_weight = reduce(sample_weight, axis=list(range(1, rank)))
    if values.shape.rank > 1:
        values = reduce(values, axis=list(range(1, values.shape.rank)))
    return values, sample_weight


class Sum(Metric):
    """The weighted sum of values.

    >>> from treadle import keras
    >>> metric = keras.metrics.Sum()
    >>> metric.update_state([1.0, 2.0])
    >>> float(metric([3.0], sample_weight=[2.0]))
    9.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_weight(name="total", dtype=self.dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = per_sample(values, sample_weight, tf.reduce_sum, self.dtype)
        self.total.assign_add(tf.reduce_sum(values))

    def result(self) -> Any:
        return tf.cast(self.total, self.dtype)


class Mean(Metric):
    """The weighted mean of values: sum(values * weights) / sum(weights).

    >>> from treadle import keras
    >>> metric = keras.metrics.Mean()
    >>> metric.update_state([1.0, 3.0])
    >>> float(metric([5.0]))
    3.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_weight(name="total", dtype=self.dtype)
        self.count = self.add_weight(name="count", dtype=self.dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = per_sample(values, sample_weight, tf.reduce_mean, self.dtype)
        self.total.assign_add(tf.reduce_sum(values))
        self.count.assign_add(tf.cast(tf.size(values), self.dtype) if weight is None else tf.reduce_sum(weight))

    def result(self) -> Any:
        return tf.math.divide_no_nan(tf.convert_to_tensor(self.total), tf.convert_to_tensor(self.count))


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)`, which returns a value per example.

    >>> from treadle import keras
    >>> metric = keras.metrics.MeanMetricWrapper(keras.losses.mean_squared_error)
    >>> float(metric([[0.0], [1.0]], [[1.0], [1.0]]))
    0.5
    """

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        mask = mask_of(y_pred)
        values = tf.autograph.tf_convert(self._fn)(y_true, y_pred, **self._fn_kwargs)
        super().update_state(values, sample_weight=apply_mask(sample_weight, mask, self.dtype, "sum"))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": describe(self._fn), **describe(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        if isinstance(config.get("fn"), dict):
            config = {**config, "fn": from_description(config["fn"])}
        return cls(**config)


class FunctionMetric(MeanMetricWrapper):
    """A built-in mean: its class fixes the function, and its arguments are attributes and entries of the configuration."""

    def __init__(self, fn: Callable, name: str | None, dtype: Any, **kwargs: Any):
        super().__init__(fn, name=name, dtype=dtype, **kwargs)
        vars(self).update(kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), **self._fn_kwargs}
