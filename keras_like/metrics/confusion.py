"""True and false positives and negatives at thresholds: what precision, recall and the areas under curves are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.variable import account_for
from treadle.keras_like.losses.weighting import same_rank

# below every prediction
LOWEST = -1e10


class Counts(NamedTuple):
    """Weighted numbers of examples, [thresholds], or [thresholds, labels] for multi-label counts."""

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any


def as_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """Thresholds as a list.

    Raises InvalidArgumentError for one outside [0, 1].
    """
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    if any(t is None or t < 0 or t > 1 for t in found):
        raise tf.errors.InvalidArgumentError(f"Thresholds are between 0 and 1. Received: thresholds={thresholds!r}.")
    return found


def even_thresholds(count: int) -> list[float]:
    """The inner ones of `count` thresholds evenly between 0 and 1."""
    account_for("list of thresholds", (count,), 64)
    return [(i + 1) / (count - 1) for i in range(count - 2)]


def are_even(thresholds: Any) -> bool:
    """Whether thresholds lie evenly between 0 and 1, both included."""
    count = len(thresholds)
    return count > 2 and np.allclose(thresholds, np.arange(count, dtype=np.float32) / (count - 1), atol=epsilon())


def count_confusion(y_true: Any, y_pred: Any, thresholds: Any, even: bool = False, top_k: int | None = None,
                    class_id: int | None = None, sample_weight: Any = None, multi_label: bool = False,
                    label_weights: Any = None) -> Counts:
    """Count how predictions above each threshold agree with the labels.

    Args:
        y_true: labels, true unless 0.
        y_pred: predictions.
        thresholds: a list; ascending if `even`.
        even: whether thresholds lie evenly between 0 and 1 (but for epsilons at the ends). One pass then puts predictions
            into buckets.
        top_k: count only the `top_k` largest predictions of the last axis as positive.
        class_id: count only this class.
        sample_weight: per example, or per prediction.
        multi_label: count each label (last axis) by itself.
        label_weights: per label.
    """
    dtype = tf.float32
    y_pred, y_true = same_rank(tf.cast(y_pred, dtype), tf.cast(y_true, dtype))
    weight = None
    if sample_weight is not None:
        _, weight = same_rank(y_true, tf.expand_dims(tf.cast(sample_weight, dtype), -1), expand_rank_1=False)
    if top_k is not None:
        y_pred = _only_top(y_pred, top_k)
    if class_id is not None:
        if y_pred.shape.rank == 1:
            raise tf.errors.InvalidArgumentError(
                f"With `class_id`, `y_pred` needs an axis of classes. Received: y_pred.shape={tuple(y_pred.shape)}.")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    weights = tf.ones_like(y_pred) if weight is None else tf.broadcast_to(weight, tf.shape(y_pred))
    if label_weights is not None:
        weights = weights * tf.cast(label_weights, dtype)
    shape = [-1, tf.shape(y_pred)[-1]] if multi_label else [-1, 1]
    labels, predictions = tf.reshape(tf.cast(y_true, tf.bool), shape), tf.reshape(y_pred, shape)
    weights = tf.reshape(weights, shape)
    of_true, of_false = tf.where(labels, weights, 0.0), tf.where(labels, 0.0, weights)
    count = _by_bucket if even else _by_comparison
    positives = [count(predictions, part, thresholds) for part in (of_true, of_false)]
    negatives = [tf.reduce_sum(part, axis=0) - found for part, found in zip((of_true, of_false), positives)]
    counts = Counts(positives[0], positives[1], negatives[1], negatives[0])
    return counts if multi_label else Counts(*(c[:, 0] for c in counts))


def _by_comparison(predictions: Any, weights: Any, thresholds: Any) -> Any:
    """The weights of predictions above each threshold: [examples, labels] -> [thresholds, labels]."""
    above = predictions[None] > tf.constant(thresholds, tf.float32)[:, None, None]
    return tf.reduce_sum(tf.where(above, weights[None], 0.0), axis=1)


def _by_bucket(predictions: Any, weights: Any, thresholds: Any) -> Any:
    """The same for even thresholds: the weights in buckets between them, summed from above."""
    count = len(thresholds)
    bucket = tf.cast(tf.math.ceil(tf.clip_by_value(predictions, 0.0, 1.0) * float(count - 1)), tf.int32) - 1
    if thresholds[0] >= 0.0:
        # a prediction of 0 is above no threshold, unless the first one is a little less than 0
        weights = tf.where(bucket >= 0, weights, 0.0)
    bucket = tf.maximum(bucket, 0)
    labels = tf.shape(weights)[1]
    flat = tf.reshape(bucket * labels + tf.range(labels)[None, :], [-1])
    sums = tf.math.unsorted_segment_sum(tf.reshape(weights, [-1]), flat, count * labels)
    return tf.cumsum(tf.reshape(sums, [count, labels]), axis=0, reverse=True)


def _only_top(predictions: Any, k: int) -> Any:
    """Predictions, but `LOWEST` for those that are not among the `k` largest of the last axis."""
    chosen = tf.nn.top_k(predictions, k).indices
    mask = tf.reduce_sum(tf.one_hot(chosen, tf.shape(predictions)[-1], dtype=predictions.dtype), axis=-2)
    return predictions * mask + LOWEST * (1.0 - mask)


def ratio(part: Any, rest: Any) -> Any:
    """part / (part + rest), 0 for 0 / 0."""
    part = tf.convert_to_tensor(part)
    return tf.math.divide_no_nan(part, part + rest)
