"""F-scores: weighted harmonic means of precision and recall, per class."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.metrics.base import Metric


class FBetaScore(Metric):
    """(1 + beta^2) * precision * recall / (beta^2 * precision + recall), of labels and predictions [batch, classes].

    Args:
        average: None (default; a score per class), "micro" (of the counts of all classes), "macro" (mean of the scores),
            "weighted" (mean by the number of true labels).
        beta: how much more recall counts than precision.
        threshold: a prediction above it is positive. Default: the largest of each example is.

    >>> from treadle import keras
    >>> scores = keras.metrics.FBetaScore()([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])
    >>> [round(float(score), 4) for score in scores]
    [0.6667, 0.0]
    """

    _direction = "up"

    def __init__(self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
                 name: str | None = "fbeta_score", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise tf.errors.InvalidArgumentError(
                f"`average` is None, 'micro', 'macro' or 'weighted'. Received: average={average!r}.")
        if not isinstance(beta, float) or beta <= 0.0:
            raise tf.errors.InvalidArgumentError(f"`beta` is a positive float. Received: beta={beta!r}.")
        if threshold is not None and (not isinstance(threshold, float) or not 0.0 < threshold <= 1.0):
            raise tf.errors.InvalidArgumentError(
                f"`threshold` is a float above 0 and at most 1. Received: threshold={threshold!r}.")
        self.average, self.beta, self.threshold = average, beta, threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if y_pred.shape.rank != 2 or y_true.shape.rank != 2 or y_pred.shape[1] is None:
            raise tf.errors.InvalidArgumentError(
                f"`{type(self).__name__}` takes inputs of the shape (batch, classes), the number of classes known. Received: "
                f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}.")
        shape = () if self.average == "micro" else (y_pred.shape[1],)
        for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights"):
            setattr(self, name, self.add_weight(name=name, shape=shape, dtype=self.dtype))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = tf.cast(y_true, self.dtype), tf.cast(y_pred, self.dtype)
        if not self._built:
            self._build(y_true, y_pred)
        if self.threshold is None:
            largest = y_pred >= tf.reduce_max(y_pred, axis=-1, keepdims=True)
            chosen = tf.logical_and(largest, tf.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        chosen = tf.cast(chosen, self.dtype)
        weight = 1.0 if sample_weight is None else tf.expand_dims(tf.cast(sample_weight, self.dtype), 1)
        for variable, count in ((self.true_positives, chosen * y_true), (self.false_positives, chosen * (1.0 - y_true)),
                                (self.false_negatives, (1.0 - chosen) * y_true), (self.intermediate_weights, y_true)):
            variable.assign_add(tf.reduce_sum(count * weight, axis=self.axis))

    def result(self) -> Any:
        if not self._built:
            raise tf.errors.FailedPreconditionError(f"`{type(self).__name__}` has no result before its first update.")
        found = tf.convert_to_tensor(self.true_positives)
        precision = found / (found + self.false_positives + epsilon())
        recall = found / (found + self.false_negatives + epsilon())
        square = self.beta ** 2
        scores = (1.0 + square) * precision * recall / (square * precision + recall + epsilon())
        if self.average == "weighted":
            weights = tf.convert_to_tensor(self.intermediate_weights)
            return tf.reduce_sum(scores * weights / (tf.reduce_sum(weights) + epsilon()))
        return scores if self.average is None else tf.reduce_mean(scores)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall): `FBetaScore` with beta = 1.

    >>> from treadle import keras
    >>> round(float(keras.metrics.F1Score(average="micro")([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])), 4)
    0.5
    """

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str | None = "f1_score",
                 dtype: Any = None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "beta"}
