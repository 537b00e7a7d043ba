"""How predictions vary with the truth: correlations, and the share of variance that is explained."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.losses.weighting import as_aligned_pair, same_rank
from treadle.keras_like.metrics.aggregates import FunctionMetric
from treadle.keras_like.metrics.base import Metric


def _centred(x: Any, axis: Any) -> Any:
    return x - tf.reduce_mean(x, axis=axis, keepdims=True)


def pearson_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """The covariance over the product of the standard deviations, along `axis`.

    >>> from treadle import keras
    >>> keras.metrics.pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).numpy().round(4).tolist()
    [1.0]
    """
    y_true, y_pred = (_centred(y, axis) for y in as_aligned_pair(y_true, y_pred))
    y_true = y_true / tf.math.reduce_std(y_true, axis=axis, keepdims=True)
    y_pred = y_pred / tf.math.reduce_std(y_pred, axis=axis, keepdims=True)
    return tf.reduce_mean(y_true * y_pred, axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """2 * covariance / (variance of both + squared difference of the means), along `axis`.

    >>> from treadle import keras
    >>> keras.metrics.concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).numpy().round(4).tolist()
    [1.0]
    """
    y_true, y_pred = as_aligned_pair(y_true, y_pred)
    mean_true = tf.reduce_mean(y_true, axis=axis, keepdims=True)
    mean_pred = tf.reduce_mean(y_pred, axis=axis, keepdims=True)
    products = (y_true - mean_pred) * (y_pred - mean_pred)
    scale = (tf.math.reduce_variance(y_true, axis=axis, keepdims=True)
             + tf.math.reduce_variance(y_pred, axis=axis, keepdims=True) + tf.square(mean_true - mean_pred))
    return tf.reduce_mean(2.0 * products / (scale + epsilon()), axis=axis)


class PearsonCorrelation(FunctionMetric):
    """The mean of `pearson_correlation`."""

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: Any = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(FunctionMetric):
    """The mean of `concordance_correlation`."""

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: Any = -1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)


class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2), of inputs [batch, outputs].

    Args:
        class_aggregation: None (a score per output), "uniform_average" (default), "variance_weighted_average".
        num_regressors: how many independent variables the score is adjusted for; used while there are more examples than that.

    >>> from treadle import keras
    >>> round(float(keras.metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
                 name: str | None = "r2_score", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise tf.errors.InvalidArgumentError(
                "`class_aggregation` is None, 'uniform_average' or 'variance_weighted_average'. "
                f"Received: class_aggregation={class_aggregation!r}.")
        if num_regressors < 0:
            raise tf.errors.InvalidArgumentError(
                f"`num_regressors` is not negative. Received: num_regressors={num_regressors!r}.")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_weight(name="num_samples")
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if y_pred.shape.rank != 2 or y_true.shape.rank != 2 or y_pred.shape[1] is None:
            raise tf.errors.InvalidArgumentError(
                "`R2Score` takes inputs of the shape (batch, outputs), the number of outputs known. Received: "
                f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}.")
        for attribute, name in (("squared_sum", "squared_sum"), ("sum", "sum"), ("total_mse", "residual"),
                                ("count", "count")):
            setattr(self, attribute, self.add_weight(name=name, shape=(y_pred.shape[1],)))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = same_rank(tf.cast(y_true, self.dtype), tf.cast(y_pred, self.dtype))
        if not self._built:
            self._build(y_true, y_pred)
        weight = tf.cast(1.0 if sample_weight is None else sample_weight, self.dtype)
        if weight.shape.rank == 1:
            weight = tf.expand_dims(weight, 1)
        weight = tf.broadcast_to(weight, tf.shape(y_true))
        for variable, value in ((self.sum, y_true), (self.squared_sum, tf.square(y_true)),
                                (self.total_mse, tf.square(y_true - y_pred)), (self.count, tf.ones_like(y_true))):
            variable.assign_add(tf.cast(tf.reduce_sum(value * weight, axis=0), variable.dtype))
        self.num_samples.assign_add(tf.cast(tf.size(y_true), self.num_samples.dtype))

    def result(self) -> Any:
        if not self._built:
            raise tf.errors.FailedPreconditionError("`R2Score` has no result before its first update.")
        total = self.squared_sum - tf.square(self.sum) / self.count
        scores = 1.0 - self.total_mse / total
        scores = tf.where(tf.math.is_inf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = tf.reduce_mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = tf.reduce_sum(total * scores) / tf.reduce_sum(total)
        if self.num_regressors == 0:
            return scores
        spare = self.num_samples - float(self.num_regressors) - 1.0
        adjusted = 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / tf.where(spare > 0, spare, 1.0)
        return tf.where(spare > 0, adjusted, scores)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_aggregation": self.class_aggregation,
                "num_regressors": self.num_regressors}

shield_functions(globals())
