"""Focal losses: crossentropies in which examples that are already right count less. Source: arXiv:1708.02002."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.crossentropy import (
    as_distribution,
    check_axis,
    check_same_shape,
    elementwise_binary,
    smooth_binary,
    smooth_categorical,
)
from treadle.keras_like.losses.weighting import as_pair


def binary_focal_crossentropy(y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25,
                              gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
                              axis: int = -1) -> Any:
    """mean((1 - p_t)^gamma * binary crossentropy) over `axis`, p_t the probability of the true class: [..., n] -> [...].

    Args:
        apply_class_balancing: whether class 1 counts `alpha` and class 0 counts 1 - alpha. Default: both count 1.
        gamma: how much less examples count that are right; 0 is the plain crossentropy.
        from_logits: whether `y_pred` holds logits.

    >>> from treadle import keras
    >>> round(float(keras.losses.binary_focal_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.1733
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    y_true = smooth_binary(y_true, label_smoothing)
    p = tf.sigmoid(y_pred) if from_logits else y_pred
    losses = elementwise_binary(y_true, p, False)
    of_truth = y_true * p + (1.0 - y_true) * (1.0 - p)
    losses = tf.pow(1.0 - of_truth, gamma) * losses
    if apply_class_balancing:
        losses = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * losses
    return tf.reduce_mean(losses, axis=axis)


def categorical_focal_crossentropy(y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: float = 2.0,
                                   from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """-sum(alpha * (1 - p)^gamma * y_true * log(p)) along `axis`: [..., classes] -> [...].

    Args:
        alpha: a weight, or one per class.
        gamma: how much less examples count that are right; 0 is the plain crossentropy.
        from_logits: whether `y_pred` holds logits.

    >>> from treadle import keras
    >>> round(float(keras.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
    0.0433
    """
    check_axis(axis)
    y_true, y_pred = as_pair(y_true, y_pred)
    check_same_shape(y_true, y_pred)
    y_true = smooth_categorical(y_true, label_smoothing)
    p = as_distribution(tf.nn.softmax(y_pred, axis=axis) if from_logits else y_pred, axis)
    weight = tf.pow(1.0 - p, gamma) * tf.cast(alpha, p.dtype)
    return -tf.reduce_sum(weight * y_true * tf.math.log(p), axis=axis)


class BinaryFocalCrossentropy(FunctionLoss):
    """`binary_focal_crossentropy`, reduced.

    >>> from treadle import keras
    >>> round(float(keras.losses.BinaryFocalCrossentropy(gamma=2.0)([0.0, 1.0], [0.5, 0.5])), 4)
    0.1733
    """

    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
                 from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = "binary_focal_crossentropy",
                 dtype: Any = None):
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis, apply_class_balancing=apply_class_balancing,
                         alpha=alpha, gamma=gamma)


class CategoricalFocalCrossentropy(FunctionLoss):
    """`categorical_focal_crossentropy`, reduced."""

    def __init__(self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
                 axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "categorical_focal_crossentropy", dtype: Any = None):
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis, alpha=alpha, gamma=gamma)


shield_functions(globals())
