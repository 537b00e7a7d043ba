"""`keras.ops`: diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import axes_of
from treadle.keras_like.ops.numpy_shapes import sizes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import summed, tensor


@operation
def diag(x: Any, k: int = 0) -> Any:
    """A matrix with the vector x on its k-th diagonal; of a matrix, its k-th diagonal.

    >>> from treadle import keras
    >>> keras.ops.diag([1, 2]).numpy().tolist(), keras.ops.diag([[1, 2], [3, 4]]).numpy().tolist()
    ([[1, 0], [0, 2]], [1, 4])
    """
    x = tensor(x)
    if x.shape.rank not in (1, 2):
        raise tf.errors.InvalidArgumentError(f"`diag` takes a vector or a matrix. Received: shape {x.shape}.")
    return diagonal(x, k) if x.shape.rank == 2 else _spread(x, k)


@operation
def diagflat(x: Any, k: int = 0) -> Any:
    """A matrix with all elements of x on its k-th diagonal."""
    return _spread(tf.reshape(tensor(x), [-1]), k)


def _spread(x: Any, k: int) -> Any:
    matrix = tf.linalg.diag(x)
    return tf.pad(matrix, [[0, k], [k, 0]] if k >= 0 else [[-k, 0], [0, -k]]) if k else matrix


@operation
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose place along `axis2` is that along `axis1` plus `offset`, along a new last axis."""
    x = tensor(x)
    rank = x.shape.rank
    rows, columns = axes_of([axis1, axis2], rank)
    rest = [a for a in range(rank) if a not in (rows, columns)]
    x = tf.transpose(x, [*rest, rows, columns])
    height, width = x.shape[-2], x.shape[-1]
    if height is None or width is None:
        raise tf.errors.InvalidArgumentError(f"The axes of a diagonal must be of known size. Received: {x.shape}.")
    first = max(-offset, 0)
    count = max(min(height - first, width - max(offset, 0)), 0)
    places = (first + np.arange(count, dtype=np.int32)) * width + np.arange(count, dtype=np.int32) + max(offset, 0)
    return tf.gather(tf.reshape(x, [*sizes_of(x)[:-2], height * width]), places, axis=-1)


@operation
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return tf.reduce_sum(diagonal(summed(x), offset, axis1, axis2), axis=-1)


@operation
def tril(x: Any, k: int = 0) -> Any:
    """The matrices with zeros above their k-th diagonal."""
    x = tensor(x)
    return tf.where(_columns(x) - _rows(x) <= k, x, tf.zeros_like(x))


@operation
def triu(x: Any, k: int = 0) -> Any:
    """The matrices with zeros below their k-th diagonal."""
    x = tensor(x)
    return tf.where(_columns(x) - _rows(x) >= k, x, tf.zeros_like(x))


def _rows(x: Any) -> Any:
    return tf.range(tf.shape(x)[-2])[:, None]


def _columns(x: Any) -> Any:
    return tf.range(tf.shape(x)[-1])
