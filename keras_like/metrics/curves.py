"""Curves over thresholds: the area under them, and the best point under a constraint."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.metrics.base import Metric
from treadle.keras_like.metrics.confusion import Counts, are_even, count_confusion, even_thresholds, ratio


class _Curve(Metric):
    """Accumulates all four counts at thresholds."""

    _direction = "up"

    def _make_counts(self, shape: tuple) -> None:
        for name in Counts._fields:
            setattr(self, name, self.add_weight(name=name, shape=shape))

    def _add(self, counts: Counts) -> None:
        for name in Counts._fields:
            getattr(self, name).assign_add(getattr(counts, name))


class _AtPoint(_Curve):
    """The largest of one rate over the thresholds at which another is at least `value`."""

    _value_name = ""

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise tf.errors.InvalidArgumentError(
                f"`{self._value_name}` is between 0 and 1. Received: {self._value_name}={value!r}.")
        if num_thresholds <= 0:
            raise tf.errors.InvalidArgumentError(
                f"`num_thresholds` is a positive integer. Received: num_thresholds={num_thresholds!r}.")
        setattr(self, self._value_name, value)
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [0.0, *even_thresholds(num_thresholds), 1.0]
        self._make_counts((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self._add(count_confusion(y_true, y_pred, self.thresholds, even=len(self.thresholds) > 1,
                                  class_id=self.class_id, sample_weight=sample_weight))

    def _best(self, constrained: Any, wanted: Any) -> Any:
        return tf.reduce_max(tf.where(constrained >= self.value, wanted, 0.0))

    def _recall(self) -> Any:
        return ratio(self.true_positives, self.false_negatives)

    def _precision(self) -> Any:
        return ratio(self.true_positives, self.false_positives)

    def _specificity(self) -> Any:
        return ratio(self.true_negatives, self.false_positives)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_id": self.class_id, "num_thresholds": self.num_thresholds,
                self._value_name: self.value}


class SensitivityAtSpecificity(_AtPoint):
    """The best sensitivity (recall) at the thresholds whose specificity is at least `specificity`.

    >>> from treadle import keras
    >>> float(keras.metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    _value_name = "specificity"

    def __init__(self, specificity: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: Any = None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._specificity(), self._recall())


class SpecificityAtSensitivity(_AtPoint):
    """The best specificity at the thresholds whose sensitivity (recall) is at least `sensitivity`."""

    _value_name = "sensitivity"

    def __init__(self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: Any = None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._recall(), self._specificity())


class PrecisionAtRecall(_AtPoint):
    """The best precision at the thresholds whose recall is at least `recall`."""

    _value_name = "recall"

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._recall(), self._precision())


class RecallAtPrecision(_AtPoint):
    """The best recall at the thresholds whose precision is at least `precision`."""

    _value_name = "precision"

    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: Any = None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._precision(), self._recall())


class AUC(_Curve):
    """The area under a curve, from its points at thresholds.

    Args:
        num_thresholds: how many, evenly between 0 and 1. Default 200.
        curve: "ROC" (default: true over false positive rate), "PR" (precision over recall), "PRGAIN" (their gains).
        summation_method: "interpolation" (default), "minoring", "majoring": heights between two points.
        thresholds: used instead of `num_thresholds`.
        multi_label: whether the area is computed for each label (last axis) and averaged.
        num_labels: the number of labels, if the state is to be there before the first batch.
        label_weights: weights of the labels.
        from_logits: whether predictions are logits.

    >>> from treadle import keras
    >>> round(float(keras.metrics.AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])), 4)
    0.75
    """

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
                 name: str | None = None, dtype: Any = None, thresholds: Any = None, multi_label: bool = False,
                 num_labels: int | None = None, label_weights: Any = None, from_logits: bool = False):
        super().__init__(name=name, dtype=dtype)
        self.curve, self.summation_method = str(curve).upper(), str(summation_method).lower()
        if self.curve not in ("ROC", "PR", "PRGAIN"):
            raise tf.errors.InvalidArgumentError(f"`curve` is 'ROC', 'PR' or 'PRGAIN'. Received: curve={curve!r}.")
        if self.summation_method not in ("interpolation", "majoring", "minoring"):
            raise tf.errors.InvalidArgumentError("`summation_method` is 'interpolation', 'majoring' or 'minoring'. "
                                                 f"Received: summation_method={summation_method!r}.")
        if thresholds is None and num_thresholds <= 1:
            raise tf.errors.InvalidArgumentError(
                f"`num_thresholds` is an integer > 1. Received: num_thresholds={num_thresholds!r}.")
        if num_labels and not multi_label:
            raise tf.errors.InvalidArgumentError(
                f"`num_labels` is for `multi_label=True` only. Received: num_labels={num_labels!r}.")
        self._given = None if thresholds is None else sorted(float(t) for t in thresholds)
        inner = even_thresholds(num_thresholds) if self._given is None else self._given
        self.num_thresholds = len(inner) + 2
        self._even = self._given is None or are_even([0.0, *inner, 1.0])
        self.thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, "float32").tolist()
        if not multi_label:
            self._make_counts((self.num_thresholds,))
        elif num_labels:
            self._make_counts((self.num_thresholds, num_labels))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = tf.cast(y_pred, tf.float32)
        if not hasattr(self, "true_positives"):
            if y_pred.shape.rank != 2 or y_pred.shape[1] is None:
                raise tf.errors.InvalidArgumentError(
                    f"With `multi_label`, `y_pred` has the shape (batch, labels). Received: {tuple(y_pred.shape)}.")
            self._make_counts((self.num_thresholds, y_pred.shape[1]))
        self._add(count_confusion(
            y_true, tf.sigmoid(y_pred) if self.from_logits else y_pred, self.thresholds, even=self._even,
            sample_weight=sample_weight, multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights))

    def result(self) -> Any:
        counts = Counts(*(tf.convert_to_tensor(getattr(self, name)) for name in Counts._fields))
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_pr(counts)
        else:
            x, y = _points(self.curve, counts)
            heights = {"interpolation": (y[:-1] + y[1:]) / 2.0, "minoring": tf.minimum(y[:-1], y[1:]),
                       "majoring": tf.maximum(y[:-1], y[1:])}[self.summation_method]
            areas = (x[:-1] - x[1:]) * heights
        area = tf.reduce_sum(areas, axis=0)
        if not self.multi_label:
            return area
        if self.label_weights is None:
            return tf.reduce_mean(area)
        return tf.math.divide_no_nan(tf.reduce_sum(area * self.label_weights), tf.reduce_sum(self.label_weights))

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "num_thresholds": self.num_thresholds, "curve": self.curve,
                  "summation_method": self.summation_method, "multi_label": self.multi_label,
                  "num_labels": self.num_labels, "label_weights": self.label_weights, "from_logits": self.from_logits}
        return config if self._given is None else {**config, "thresholds": self._given}


def _points(curve: str, counts: Counts) -> tuple[Any, Any]:
    """The curve's x and y at each threshold."""
    tp, fp, tn, fn = counts
    if curve == "ROC":
        return ratio(fp, tn), ratio(tp, fn)
    if curve == "PR":
        return ratio(tp, fn), ratio(tp, fp)
    scale = tf.math.divide_no_nan(tp + fn, tn + fp)
    none = tf.equal(tp, 0.0)
    recall = tf.where(none, 0.0, 1.0 - scale * tf.math.divide_no_nan(fn, tp))
    precision = tf.where(none, 1.0, 1.0 - scale * tf.math.divide_no_nan(fp, tp))
    return tf.maximum(recall, 0.0), precision


def _interpolated_pr(counts: Counts) -> Any:
    """Areas under the PR curve between thresholds, true positives linear in positives. Source: Davis, Goadrich, ICML 2006."""
    tp, fn = counts.true_positives, counts.false_negatives
    positives = tp + counts.false_positives
    step = tp[:-1] - tp[1:]
    slope = tf.math.divide_no_nan(step, tf.maximum(positives[:-1] - positives[1:], 0.0))
    intercept = tp[1:] - slope * positives[1:]
    both = tf.logical_and(positives[:-1] > 0, positives[1:] > 0)
    growth = tf.where(both, tf.math.divide_no_nan(positives[:-1], tf.maximum(positives[1:], 0.0)), 1.0)
    return tf.math.divide_no_nan(slope * (step + intercept * tf.math.log(growth)), tf.maximum(tp[1:] + fn[1:], 0.0))
