"""Intersection over union of classes, for segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.warning import warn
from treadle.keras_like.metrics.base import Metric


class IoU(Metric):
    """The mean over classes of (both) / (either): how often label and prediction are the class.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes that count.
        ignore_class: a label whose examples do not count.
        sparse_y_true, sparse_y_pred: whether they are class numbers (default), or scores of classes along `axis`.
        dtype: the dtype of the counts. Default: int32.

    >>> from treadle import keras
    >>> round(float(keras.metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    def __init__(self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
                 ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1):
        super().__init__(name=name, dtype=dtype or "int32")
        if max(target_class_ids) >= num_classes:
            raise tf.errors.InvalidArgumentError(
                f"`target_class_ids` are below `num_classes`. Received: target_class_ids={list(target_class_ids)}, "
                f"num_classes={num_classes}.")
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, list(target_class_ids), ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_weight(name="total_confusion_matrix", shape=(num_classes, num_classes), dtype=self.dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        labels, predictions = _flat(y_true, self.sparse_y_true, self.axis), _flat(y_pred, self.sparse_y_pred, self.axis)
        if sample_weight is None:
            weights = tf.ones(tf.shape(labels), self.dtype)
        else:
            weights = tf.convert_to_tensor(sample_weight)
            if weights.dtype.is_floating and "int" in self.dtype:
                warn(f"`{type(self).__name__}` counts in {self.dtype}: fractions of weights are cut off. Pass "
                              "dtype='float32' to keep them.")
            weights = tf.cast(weights, self.dtype)
            weights = tf.broadcast_to(tf.reshape(weights, [-1]) if weights.shape.rank else weights, tf.shape(labels))
        inside = tf.logical_and(_within(labels, self.num_classes), _within(predictions, self.num_classes))
        if self.ignore_class is not None:
            inside = tf.logical_and(inside, tf.not_equal(labels, self.ignore_class))
        cell = tf.where(inside, labels * self.num_classes + predictions, 0)
        weights = tf.where(inside, weights, tf.zeros_like(weights))
        counts = tf.math.unsorted_segment_sum(weights, cell, self.num_classes ** 2)
        self.total_cm.assign_add(tf.reshape(counts, [self.num_classes, self.num_classes]))

    def result(self) -> Any:
        matrix = tf.cast(self.total_cm, tf.float32)
        both = tf.linalg.diag_part(matrix)
        either = tf.reduce_sum(matrix, axis=0) + tf.reduce_sum(matrix, axis=1) - both
        both, either = tf.gather(both, self.target_class_ids), tf.gather(either, self.target_class_ids)
        seen = either > 1e-9
        shares = tf.where(seen, both / (either + epsilon()), 0.0)
        return tf.reduce_sum(shares) / (tf.reduce_sum(tf.cast(seen, tf.float32)) + epsilon())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes, "target_class_ids": self.target_class_ids,
                "ignore_class": self.ignore_class, "sparse_y_true": self.sparse_y_true,
                "sparse_y_pred": self.sparse_y_pred, "axis": self.axis}

    def _config_without(self, *names: str) -> dict[str, Any]:
        return {k: v for k, v in IoU.get_config(self).items() if k not in names}


def _flat(y: Any, sparse: bool, axis: int) -> Any:
    """Class numbers, as a vector."""
    return tf.reshape(tf.cast(y if sparse else tf.argmax(tf.convert_to_tensor(y), axis=axis), tf.int32), [-1])


def _within(classes: Any, count: int) -> Any:
    return tf.logical_and(classes >= 0, classes < count)


class BinaryIoU(IoU):
    """`IoU` of two classes, for predictions that are class 1 from `threshold` on.

    >>> from treadle import keras
    >>> round(float(keras.metrics.BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.5833
    """

    def __init__(self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None,
                 dtype: Any = None):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, tf.cast(tf.cast(y_pred, tf.float32) >= self.threshold, tf.int32), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {"target_class_ids": self.target_class_ids, "threshold": self.threshold, **Metric.get_config(self)}


class MeanIoU(IoU):
    """`IoU` of all classes.

    >>> from treadle import keras
    >>> round(float(keras.metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
                 sparse_y_true: bool = True, sparse_y_pred: bool = True, axis: int = -1):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """`IoU` for one-hot labels, and predictions that are scores of classes."""

    def __init__(self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None, dtype: Any = None,
                 ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot labels, and predictions that are scores of classes."""

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None, ignore_class: int | None = None,
                 sparse_y_pred: bool = False, axis: int = -1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return self._config_without("target_class_ids", "sparse_y_true")
