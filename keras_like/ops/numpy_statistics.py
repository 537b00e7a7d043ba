"""`keras.ops`: quantiles, correlation, histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import Axis, axes_of
from treadle.keras_like.ops.numpy_elementwise import isnan
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, numeric, promoted, tensor

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@operation
def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The numbers below which the shares `q` of the elements along `axis` lie. NaN if one of them is NaN.

    Between two elements, `method` says what is taken: "linear" between them, the "lower", the "higher", the "midpoint" or
    the "nearest". For a vector q, its axis comes first.

    >>> from treadle import keras
    >>> keras.ops.quantile([1.0, 2.0, 4.0], [0.25, 1.0]).numpy().tolist()
    [1.5, 4.0]
    """
    return _quantile(x, q, axis, method, keepdims, skip_nan=False)


@operation
def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` of q / 100."""
    return _quantile(x, floating(q) / 100, axis, method, keepdims, skip_nan=False)


@operation
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The element in the middle; the mean of the two in the middle if they are of even number."""
    return _quantile(x, 0.5, axis, "linear", keepdims, skip_nan=False)


@operation
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` of the elements that are not NaN."""
    return _quantile(x, q, axis, method, keepdims, skip_nan=True)


@operation
def nanpercentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`percentile` of the elements that are not NaN."""
    return _quantile(x, floating(q) / 100, axis, method, keepdims, skip_nan=True)


@operation
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`median` of the elements that are not NaN."""
    return _quantile(x, 0.5, axis, "linear", keepdims, skip_nan=True)


def _quantile(x: Any, q: Any, axis: Axis, method: str, keepdims: bool, skip_nan: bool) -> Any:
    if method not in _METHODS:
        raise tf.errors.InvalidArgumentError(f"`method` is one of {', '.join(_METHODS)}. Received: method={method!r}.")
    x = floating(x)
    rank, axes = x.shape.rank, axes_of(axis, x.shape.rank)
    rest = [a for a in range(rank) if a not in axes]
    sizes = [tf.shape(x)[a] if x.shape[a] is None else x.shape[a] for a in range(rank)]
    x = tf.reshape(tf.transpose(x, [*rest, *axes]), [*(sizes[a] for a in rest), -1])
    shares = tensor(q, x.dtype if x.dtype.size > 2 else "float32")
    missing = isnan(x)
    present = tf.reduce_sum(tf.cast(tf.logical_not(missing), shares.dtype), axis=-1, keepdims=True)
    total = present if skip_nan else tf.ones_like(present) * tf.cast(tf.shape(x)[-1], shares.dtype)
    ordered = tf.sort(tf.where(missing, tf.constant(np.inf, x.dtype), x), axis=-1)
    place = tf.reshape(shares, [-1]) * (total - 1)  # [..., shares]
    below, above = tf.maximum(tf.floor(place), 0), tf.maximum(tf.math.ceil(place), 0)
    if method == "nearest":
        below = above = tf.maximum(tf.round(place), 0)
    low = tf.gather(ordered, tf.cast(above if method == "higher" else below, "int32"), batch_dims=len(rest))
    high = tf.gather(ordered, tf.cast(below if method == "lower" else above, "int32"), batch_dims=len(rest))
    weight = tf.cast(place - below if method == "linear" else tf.constant(0.5, shares.dtype), x.dtype)
    found = tf.where(tf.equal(low, high), low, low * (1 - weight) + high * weight)
    valid = present > 0 if skip_nan else tf.equal(present, total)
    found = tf.where(valid, found, tf.constant(np.nan, x.dtype))
    if shares.shape.rank == 0:
        found = tf.squeeze(found, [-1])
    else:
        found = tf.transpose(found, [len(rest), *range(len(rest))])
    if keepdims:
        lead = [-1] if shares.shape.rank else []
        found = tf.reshape(found, [*lead, *(1 if a in axes else sizes[a] for a in range(rank))])
    return found


@operation
def corrcoef(x: Any) -> Any:
    """The correlations of the rows of x: [variables, observations] -> [variables, variables]."""
    x = floating(x)
    if x.shape.rank == 1:
        x = x[None]
        return tf.squeeze(_correlations(x), [0, 1])
    return _correlations(x)


def _correlations(x: Any) -> Any:
    centered = x - tf.reduce_mean(x, axis=1, keepdims=True)
    covariance = tf.matmul(centered, centered, transpose_b=True)
    scale = tf.sqrt(tf.linalg.diag_part(covariance))
    return tf.clip_by_value(covariance / scale[:, None] / scale[None, :], -1.0, 1.0)


@operation
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """sum over n of x1[n + k] * x2[n], of two vectors; `mode` is "valid", "same" or "full"."""
    if mode not in ("valid", "same", "full"):
        raise tf.errors.InvalidArgumentError(f"`mode` is 'valid', 'same' or 'full'. Received: mode={mode!r}.")
    a, b = promoted(x1, x2)
    if a.shape.rank != 1 or b.shape.rank != 1:
        raise tf.errors.InvalidArgumentError(f"`correlate` takes vectors. Received: shapes {a.shape} and {b.shape}.")
    longer, shorter = int(np.maximum(a.shape[0], b.shape[0])), int(np.minimum(a.shape[0], b.shape[0]))
    swapped = a.shape[0] < b.shape[0]
    if swapped:
        a, b = b, a
    border = {"valid": (0, 0), "full": (shorter - 1, shorter - 1),
              "same": (shorter // 2, shorter - 1 - shorter // 2)}[mode]
    if swapped and mode == "same":
        border = border[::-1]
    padded = tf.pad(a, [list(border)])
    count = longer + border[0] + border[1] - shorter + 1
    windows = tf.gather(padded, np.arange(count)[:, None] + np.arange(shorter)[None, :])
    found = tf.reduce_sum(windows * b, axis=1)
    return tf.reverse(found, [0]) if swapped else found


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each of 0, 1, 2 ... occurs in x (or in each of its rows); with `weights`, their sums.

    As many numbers as the largest needs, and at least `minlength`. In a compiled function, where the largest is not
    known, exactly `minlength`.

    >>> from treadle import keras
    >>> keras.ops.bincount([0, 2, 2]).numpy().tolist()
    [1, 0, 2]
    """
    if sparse:
        raise tf.errors.UnimplementedError("There are no sparse tensors. Received: sparse=True. Leave it out.")
    x = tf.cast(tensor(x), "int32")
    count = minlength
    if tf.get_static_value(x) is not None:
        count = int(np.maximum(np.max(tf.get_static_value(x), initial=-1) + 1, minlength))
    elif not minlength:
        raise tf.errors.UnimplementedError(
            "The number of bins depends on the values of `x`, which are only known when the program runs. Received: "
            "minlength=0. Pass `minlength`; larger values are not counted.")
    values = tf.ones_like(x) if weights is None else numeric(weights)
    return _counted(x, values, count)


def _counted(places: Any, values: Any, count: int) -> Any:
    """The sums of the values at each place, of a vector or of each row. What lies outside is left out."""
    if places.shape.rank == 1:
        inside = tf.logical_and(places >= 0, places < count)
        return tf.math.unsorted_segment_sum(values, tf.where(inside, places, -1), count)
    return tf.vectorized_map(lambda row: _counted(row[0], row[1], count), (places, values))


@operation
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """(how many elements lie in each of `bins` intervals of equal width, their edges). Default range: that of x."""
    if not isinstance(bins, int) or bins < 1:
        raise tf.errors.InvalidArgumentError(f"`bins` is a positive integer. Received: bins={bins!r}.")
    x = tf.reshape(floating(x), [-1])
    low, high = (tf.reduce_min(x), tf.reduce_max(x)) if range is None else (tensor(v, x.dtype) for v in range)
    flat = tf.equal(low, high)
    low, high = tf.where(flat, low - 0.5, low), tf.where(flat, high + 0.5, high)
    edges = tf.linspace(low, high, bins + 1)
    place = tf.searchsorted(edges, x, side="right") - 1
    place = tf.where(tf.equal(x, high), bins - 1, place)
    return _counted(place, tf.ones_like(x), bins), edges


@operation
def digitize(x: Any, bins: Any) -> Any:
    """How many of the sorted `bins` are at most x: the number of the interval that x lies in."""
    x, bins = promoted(x, bins)
    return tf.reshape(tf.searchsorted(bins, tf.reshape(x, [-1]), side="right"), tf.shape(x))


@operation
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where the values are to be put into a sorted vector so that it stays sorted.

    `side`: before ("left") or after ("right") equal elements.
    """
    edges, values = promoted(sorted_sequence, values)
    if edges.shape.rank != 1:
        raise tf.errors.InvalidArgumentError(
            f"`sorted_sequence` is a vector. Received: shape {edges.shape}. `keras.ops.vectorized_map` extends it to more.")
    if side not in ("left", "right"):
        raise tf.errors.InvalidArgumentError(f"`side` is 'left' or 'right'. Received: side={side!r}.")
    return tf.reshape(tf.searchsorted(edges, tf.reshape(values, [-1]), side=side), tf.shape(values))
