"""`to_categorical` and `normalize`: arrays made ready for a model."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Integers as one-hot rows: [...] or [..., 1] -> [..., num_classes].

    Args:
        x: integers from 0 to num_classes - 1. For a tensor the result is a float32 tensor, else a float64 array.
        num_classes: default: the largest plus 1.

    >>> from treadle import keras
    >>> keras.utils.to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if isinstance(x, (tf.Tensor, tf.Variable)):
        if num_classes is None:
            raise tf.errors.InvalidArgumentError("For a tensor `num_classes` is needed. Received: num_classes=None.")
        rank = len(x.shape)
        if rank > 1 and x.shape[-1] == 1:
            x = tf.squeeze(x, -1)
        return tf.one_hot(x if x.dtype.is_integer else tf.cast(x, "int32"), num_classes)
    labels = np.asarray(x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count: int = num_classes or int(labels.max(initial=-1)) + 1
    if labels.size and not -count <= labels.min() <= labels.max() < count:
        raise tf.errors.InvalidArgumentError(
            f"Labels lie between 0 and num_classes - 1. Received: labels from {labels.min()} to {labels.max()}, "
            f"num_classes={num_classes}.")
    return np.eye(count)[labels]


def normalize(x: Any, axis: int | None = -1, order: Any = 2) -> Any:
    """x divided by its norm along an axis; where that is 0, x itself. An array for an array, a tensor for a tensor.

    Args:
        order: of the norm, as in `np.linalg.norm`. Default 2.

    >>> import numpy as np
    >>> from treadle import keras
    >>> keras.utils.normalize(np.array([3.0, 4.0])).tolist()
    [[0.6, 0.8]]
    """
    if isinstance(x, (tf.Tensor, tf.Variable)):
        size = tf.norm(x, ord=order, axis=axis, keepdims=True)
        return x / tf.where(size > 1e-12, size, tf.ones_like(size))
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, -1 if axis is None else axis)
