"""`keras.ops`: segments, the largest elements, error functions, distances."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import Axis
from treadle.keras_like.ops.numpy_shapes import sizes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, numeric, promoted, tensor

# --- segments ---------------------------------------------------------------------------------------------------------


def _segments(function: Any, data: Any, segment_ids: Any, num_segments: Any, empty: Any = None) -> Any:
    data, ids = numeric(data), tf.cast(tensor(segment_ids), "int32")
    if num_segments is None:
        known = tf.get_static_value(ids)
        if known is None:
            raise tf.errors.UnimplementedError(
                "The number of segments is only known when the program runs. Received: num_segments=None. Pass it.")
        num_segments = int(np.max(known, initial=-1)) + 1
    inside = tf.logical_and(ids >= 0, ids < num_segments)
    ids = tf.where(inside, ids, -1)
    found = function(data, ids, num_segments)
    if empty is None or not data.dtype.is_floating:
        return found
    count = tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, num_segments)
    count = tf.reshape(count, [-1] + [1] * (data.shape.rank - 1))
    return tf.where(count > 0, found, tf.constant(empty, data.dtype))


@operation
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sums of the rows of `data` that have the same number in `segment_ids`.

    `num_segments`: default: the largest number + 1, which must be known. `sorted` is a promise that is not needed here.

    >>> from treadle import keras
    >>> keras.ops.segment_sum([1, 2, 10], [0, 0, 2], num_segments=3).numpy().tolist()
    [3, 0, 10]
    """
    return _segments(tf.math.unsorted_segment_sum, data, segment_ids, num_segments)


@operation
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The largest of the rows of `data` that have the same number; -inf where there is none. See `segment_sum`."""
    return _segments(tf.math.unsorted_segment_max, data, segment_ids, num_segments, -np.inf)


@operation
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The smallest of the rows of `data` that have the same number; inf where there is none. See `segment_sum`."""
    return _segments(tf.math.unsorted_segment_min, data, segment_ids, num_segments, np.inf)


@operation
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The products of the rows of `data` that have the same number; 1 where there is none. See `segment_sum`."""
    return _segments(tf.math.unsorted_segment_prod, data, segment_ids, num_segments)


# --- the largest ------------------------------------------------------------------------------------------------------


@operation
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest elements along the last axis, and their places.

    >>> from treadle import keras
    >>> [part.numpy().tolist() for part in keras.ops.top_k([5, 9, 7], k=2)]
    [[9, 7], [1, 2]]
    """
    return tuple(tf.math.top_k(tensor(x), k))


@operation
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """For each row, whether fewer than k predictions are larger than that of the target."""
    targets, predictions = tf.cast(tensor(targets), "int32"), tensor(predictions)
    own = tf.gather(predictions, targets[..., None], batch_dims=predictions.shape.rank - 1)
    own = tf.where(tf.math.is_nan(own), tf.constant(-np.inf, own.dtype), own)
    return tf.reduce_sum(tf.cast(predictions > own, "int32"), axis=-1) < k


@operation
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along `axis`, without overflow."""
    return tf.reduce_logsumexp(floating(x), axis=axis, keepdims=keepdims)


# --- functions --------------------------------------------------------------------------------------------------------


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return tf.math.rsqrt(floating(x))


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return tf.math.erf(floating(x))


@operation
def erfc(x: Any) -> Any:
    """1 - erf(x)."""
    return tf.math.erfc(floating(x))


@operation
def erfinv(x: Any) -> Any:
    """The inverse of `erf`."""
    return tf.math.erfinv(floating(x))


@operation
def logdet(x: Any) -> Any:
    """log |determinant| of matrices."""
    return tf.linalg.slogdet(floating(x))[1]


def cdist(x: Any, y: Any) -> Any:
    """The Euclidean distances of all rows of x from all rows of y: [..., n, d], [..., m, d] -> [..., n, m]."""
    x, y = promoted(x, y, floating=True)
    if x.shape.rank < 2 or y.shape.rank < 2 or x.shape[-1] != y.shape[-1]:
        raise tf.errors.InvalidArgumentError(
            f"`cdist` takes rows of one length. Received: shapes {x.shape} and {y.shape}.")
    difference = tf.expand_dims(x, -2) - tf.expand_dims(y, -3)
    return tf.sqrt(tf.reduce_sum(difference * difference, axis=-1))


@operation
def view_as_complex(x: Any) -> Any:
    """Complex numbers from pairs (real, imaginary) along the last axis."""
    x = floating(x)
    if x.shape.rank == 0 or x.shape[-1] != 2:
        raise tf.errors.InvalidArgumentError(f"The last axis holds pairs. Received: shape {x.shape}.")
    return tf.complex(x[..., 0], x[..., 1])


@operation
def view_as_real(x: Any) -> Any:
    """Pairs (real, imaginary) along a new last axis."""
    x = tensor(x)
    return tf.stack([tf.math.real(x), tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x)], axis=-1)


@operation
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows of `sequence_length` along the last axis, each `sequence_stride` after the one before.

    >>> from treadle import keras
    >>> keras.ops.extract_sequences([1, 2, 3, 4], 2, 2).numpy().tolist()
    [[1, 2], [3, 4]]
    """
    x = tensor(x)
    size = sizes_of(x)[-1]
    if not isinstance(size, int):
        raise tf.errors.InvalidArgumentError(f"The last axis must be of known size. Received: shape {x.shape}.")
    starts = np.arange(0, size - sequence_length + 1, sequence_stride, dtype=np.int32)
    return tf.gather(x, starts[:, None] + np.arange(sequence_length, dtype=np.int32)[None, :], axis=-1)
