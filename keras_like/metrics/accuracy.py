"""How often predictions are right."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.losses.weighting import same_rank
from treadle.keras_like.metrics.aggregates import FunctionMetric


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where `y_pred` equals `y_true`, else 0."""
    y_pred = tf.convert_to_tensor(y_pred)
    y_true, y_pred = same_rank(tf.cast(y_true, y_pred.dtype), y_pred)
    return tf.cast(tf.equal(y_true, y_pred), floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where `y_pred > threshold` equals `y_true`, else 0.

    >>> from treadle import keras
    >>> keras.metrics.binary_accuracy([1.0, 1.0, 0.0], [0.9, 0.2, 0.3]).numpy().tolist()
    [1.0, 0.0, 1.0]
    """
    y_true, y_pred = same_rank(tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred))
    chosen = tf.cast(y_pred, floatx()) > tf.cast(threshold, floatx())
    return tf.cast(tf.equal(y_true, tf.cast(chosen, y_true.dtype)), floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where `y_true` and `y_pred` are largest at the same place of the last axis, else 0: [..., classes] -> [...].

    >>> from treadle import keras
    >>> keras.metrics.categorical_accuracy([[0.0, 1.0]], [[0.2, 0.8]]).numpy().tolist()
    [1.0]
    """
    return _matches(tf.argmax(tf.convert_to_tensor(y_true), axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where `y_pred` is largest at place `y_true` of the last axis, else 0: [...] (or [..., 1]), [..., classes] -> [...].

    >>> from treadle import keras
    >>> keras.metrics.sparse_categorical_accuracy([1], [[0.2, 0.8]]).numpy().tolist()
    [1.0]
    """
    matches = _matches(tf.convert_to_tensor(y_true), y_pred)
    return tf.squeeze(matches, -1) if (matches.shape.rank or 0) > 1 and matches.shape[-1] == 1 else matches


def _matches(labels: Any, y_pred: Any) -> Any:
    y_pred = tf.convert_to_tensor(y_pred)
    shape = tf.shape(labels)
    column = labels.shape.rank == y_pred.shape.rank and labels.shape[-1] == 1
    if column:
        labels = tf.squeeze(labels, -1)
    matches = tf.cast(tf.equal(labels, tf.cast(tf.argmax(y_pred, axis=-1), labels.dtype)), floatx())
    return tf.reshape(matches, shape) if column else matches


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the place at which `y_true` is largest is among the `k` largest of `y_pred`: [..., classes] -> [...].

    >>> from treadle import keras
    >>> keras.metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.9, 0.8]], k=2).numpy().tolist()
    [1.0]
    """
    return sparse_top_k_categorical_accuracy(tf.argmax(tf.convert_to_tensor(y_true), axis=-1), y_pred, k=k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the class `y_true` is among the `k` largest of `y_pred`: [...], [..., classes] -> [...].

    With `from_sorted_ids`, `y_pred` holds class numbers, best first.

    >>> from treadle import keras
    >>> keras.metrics.sparse_top_k_categorical_accuracy([2], [[0.1, 0.9, 0.8]], k=2).numpy().tolist()
    [1.0]
    """
    y_pred = tf.convert_to_tensor(y_pred)
    labels = tf.cast(y_true, y_pred.dtype if from_sorted_ids else tf.int32)
    shape, rank = tf.shape(labels), labels.shape.rank
    if y_pred.shape.rank > 2:
        y_pred = tf.reshape(y_pred, [-1, tf.shape(y_pred)[-1]])
    if rank > 1:
        labels = tf.reshape(labels, [-1])
    if from_sorted_ids:
        matches = tf.reduce_any(tf.equal(labels[:, None], y_pred[:, :k]), axis=1)
    else:
        matches = tf.nn.in_top_k(labels, tf.cast(y_pred, tf.float32), k)
    matches = tf.cast(matches, floatx())
    return tf.reshape(matches, shape) if rank > 1 else matches


class Accuracy(FunctionMetric):
    """How often `y_pred` equals `y_true`.

    >>> from treadle import keras
    >>> float(keras.metrics.Accuracy()([1, 2, 3, 4], [1, 2, 3, 0]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(FunctionMetric):
    """How often `y_pred > threshold` equals `y_true`."""

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is that of the true class, for one-hot labels."""

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(FunctionMetric):
    """How often the largest prediction is that of the true class, for class numbers."""

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(FunctionMetric):
    """How often the true class is among the `k` largest predictions, for one-hot labels."""

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(FunctionMetric):
    """How often the true class is among the `k` largest predictions, for class numbers."""

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None,
                 from_sorted_ids: bool = False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config if self.from_sorted_ids else {k: v for k, v in config.items() if k != "from_sorted_ids"}


shield_functions(globals())
