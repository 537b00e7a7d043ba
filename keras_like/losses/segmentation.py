"""Losses of overlapping regions, for segmentation."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.weighting import as_pair


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + epsilon) over `axis` (default: all axes).

    >>> from treadle import keras
    >>> round(float(keras.losses.dice([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.5
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    both = tf.reduce_sum(y_true * y_pred, axis=axis)
    return 1.0 - 2.0 * both / (tf.reduce_sum(y_true, axis=axis) + tf.reduce_sum(y_pred, axis=axis) + epsilon())


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 - both / (both + alpha * only_true + beta * only_pred + epsilon), sums over `axis` (default: all axes).

    `both` is sum(y_true * y_pred), `only_true` sum(y_true * (1 - y_pred)), `only_pred` sum((1 - y_true) * y_pred).
    With alpha = beta = 1/2 this is the Dice loss. Source: arXiv:1706.05721.

    >>> from treadle import keras
    >>> round(float(keras.losses.tversky([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.5
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    both = tf.reduce_sum(y_true * y_pred, axis=axis)
    only_true = tf.reduce_sum(y_true * (1.0 - y_pred), axis=axis)
    only_pred = tf.reduce_sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - both / (both + alpha * only_true + beta * only_pred + epsilon())


class Dice(FunctionLoss):
    """`dice`, reduced.

    >>> from treadle import keras
    >>> round(float(keras.losses.Dice()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.5
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "dice", axis: Any = None,
                 dtype: Any = None):
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(FunctionLoss):
    """`tversky`, reduced."""

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "tversky", axis: Any = None, dtype: Any = None):
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


shield_functions(globals())
