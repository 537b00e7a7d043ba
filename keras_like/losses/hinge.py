"""Margin losses: nothing to pay beyond a margin of 1."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.weighting import as_pair


def _margins(y_true: Any, y_pred: Any) -> Any:
    """max(1 - y_true * y_pred, 0); labels that are all 0 or 1 are read as -1 and 1."""
    y_true, y_pred = as_pair(y_true, y_pred)
    binary = tf.reduce_all(tf.logical_or(tf.equal(y_true, 0.0), tf.equal(y_true, 1.0)))
    return tf.maximum(1.0 - tf.where(binary, 2.0 * y_true - 1.0, y_true) * y_pred, 0.0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis, for labels -1 and 1 (or all 0 and 1): [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.hinge([[-1.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()
    [1.0]
    """
    return tf.reduce_mean(_margins(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)^2) over the last axis, for labels -1 and 1 (or all 0 and 1): [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()
    [1.25]
    """
    return tf.reduce_mean(tf.square(_margins(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(neg - pos + 1, 0): pos is the true class's score, neg the best of the others; [..., classes] -> [...].

    >>> from treadle import keras
    >>> keras.losses.categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]]).numpy().tolist()
    [0.5]
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    positive = tf.reduce_sum(y_true * y_pred, axis=-1)
    negative = tf.reduce_max((1.0 - y_true) * y_pred, axis=-1)
    return tf.maximum(negative - positive + 1.0, 0.0)


class Hinge(FunctionLoss):
    """`hinge`, reduced.

    >>> from treadle import keras
    >>> float(keras.losses.Hinge()([[-1.0], [1.0]], [[0.5], [0.5]]))
    1.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(FunctionLoss):
    """`squared_hinge`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge",
                 dtype: Any = None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(FunctionLoss):
    """`categorical_hinge`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge",
                 dtype: Any = None):
        super().__init__(categorical_hinge, reduction, name, dtype)


shield_functions(globals())
