"""Reductions of rows by the number of the segment each belongs to, and counting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from treadle.ir import attributes, dims, dtypes, errors
from treadle.ir.ops.arrays import concat, expand_dims, reshape, stack
from treadle.ir.ops.effects import check
from treadle.ir.ops.elementary import floor
from treadle.ir.ops.elementwise import cast, divide_float, maximum, ones_like, sqrt, truncatediv, zeros_like
from treadle.ir.ops.indexing import (
    gather_rows,
    tensor_scatter_nd_add,
    tensor_scatter_nd_max,
    tensor_scatter_nd_min,
)
from treadle.ir.ops.logic import equal, greater_equal, less
from treadle.ir.ops.preconditions import first, place
from treadle.ir.ops.reductions import reduce_all, reduce_prod
from treadle.ir.ops.rules import as_operand, show
from treadle.ir.ops.select import select
from treadle.ir.types import product
from treadle.runtime.composites.arrays import fill, require_known
from treadle.runtime.composites.math import clip_by_value
from treadle.runtime.tensor import Tensor

# --- segments in any order ------------------------------------------------------------------------------------------


def _rows(data: Any, segment_ids: Any) -> tuple[Any, Any]:
    """The data as rows, one for each segment number, and the numbers as a column."""
    data, ids = as_operand(data), as_operand(segment_ids)
    rank = len(ids.type.shape)
    leading = data.type.shape[:rank]
    if len(leading) != rank or any(dims.is_known(a, b) and a != b for a, b in zip(leading, ids.type.shape)):
        raise errors.InvalidArgumentError(
            f"The shape of `data` must begin with that of `segment_ids`. Received: {show(data.type.shape)} and "
            f"{show(ids.type.shape)}.")
    count = product(leading)
    return reshape(data, shape=(count, *data.type.shape[rank:])), reshape(ids, shape=(count, 1))


class _TooLarge:
    """What to raise where a segment number is `count` or more."""

    required, text = False, "A segment number is out of range."

    def __init__(self, count: int):
        self.count = count

    def __call__(self, ids: np.ndarray) -> errors.InvalidArgumentError:
        where = first(ids >= self.count)
        return errors.InvalidArgumentError(
            f"{place('segment_ids', where)} = {ids[where]} is out of range [0, {self.count})")


def _scattered(scatter: Callable, data: Any, segment_ids: Any, num_segments: Any, start: Any) -> Any:
    ids, count = as_operand(segment_ids), attributes.as_size(num_segments)
    rows, column = _rows(data, ids)
    _check_numbers(ids, count)
    ids = column
    shape = (count, *rows.type.shape[1:])
    # What has a negative number is left out: it goes to the first segment as a row that changes nothing.
    start = as_operand(np.array(start, rows.dtype.numpy))
    if not ids.dtype.is_unsigned:
        inside = greater_equal(ids, 0)
        ids = select(inside, ids, zeros_like(ids))
        rows = select(reshape(inside, shape=(-1, *[1] * (len(shape) - 1))), rows, start)
    return scatter(fill(shape, start), ids, rows)


def _check_numbers(ids: Any, count: Any) -> None:
    if dims.is_known(count) and 0 <= count <= ids.dtype.max and 0 not in ids.type.shape:
        check([reduce_all(less(ids, count)), ids], failure=_TooLarge(count))


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment; 0 for an empty one. A row whose number is negative is left out.

    Raises:
        InvalidArgumentError: a number is `num_segments` or more.

    >>> import treadle as tf
    >>> tf.math.unsorted_segment_sum([1.0, 2.0, 3.0], [1, 0, 1], 2).numpy().tolist()
    [2.0, 4.0]
    """
    return _scattered(tensor_scatter_nd_add, data, segment_ids, num_segments, 0)


def unsorted_segment_max(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The largest of the rows of each segment; the dtype's lowest value for an empty one."""
    data = as_operand(data)
    return _scattered(tensor_scatter_nd_max, data, segment_ids, num_segments, data.dtype.min)


def unsorted_segment_min(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The smallest of the rows of each segment; the dtype's highest value for an empty one."""
    data = as_operand(data)
    return _scattered(tensor_scatter_nd_min, data, segment_ids, num_segments, data.dtype.max)


def unsorted_segment_prod(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The product of the rows of each segment; 1 for an empty one."""
    rows, ids = _rows(data, segment_ids)
    count = attributes.as_size(num_segments)
    if count < 0:
        raise errors.InvalidArgumentError(f"`num_segments` must not be negative. Received: {count}.")
    _check_numbers(as_operand(segment_ids), count)
    numbers = reshape(cast(as_operand(np.arange(count)), dtype=ids.dtype), shape=(count, 1))
    member = equal(numbers, reshape(ids, shape=(1, -1)))
    member = reshape(member, shape=(count, rows.type.shape[0], *[1] * (len(rows.type.shape) - 1)))
    return reduce_prod(select(member, expand_dims(rows, axis=0), ones_like(rows)), axis=1)


def _counts(data: Any, segment_ids: Any, num_segments: Any) -> Any:
    """How many rows each segment has (at least 1), ready to divide by."""
    rows, ids = _rows(data, segment_ids)
    ones = ones_like(cast(reshape(ids, shape=(-1,)), dtype=rows.dtype))
    counts = _scattered(tensor_scatter_nd_add, ones, reshape(ids, shape=(-1,)), num_segments, 0)
    least = maximum(counts, as_operand(np.array(1, rows.dtype.numpy)))
    return reshape(least, shape=(counts.type.shape[0], *[1] * (len(rows.type.shape) - 1)))


def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The mean of the rows of each segment; 0 for an empty one."""
    data = as_operand(data)
    total, counts = unsorted_segment_sum(data, segment_ids, num_segments), _counts(data, segment_ids, num_segments)
    return truncatediv(total, counts) if data.dtype.is_integer else divide_float(total, counts)


def unsorted_segment_sqrt_n(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment, divided by the square root of their number."""
    total = unsorted_segment_sum(data, segment_ids, num_segments)
    return divide_float(total, sqrt(_counts(data, segment_ids, num_segments)))


# --- segments in order ----------------------------------------------------------------------------------------------


def _sorted_segments(reduce: Callable, empty_is_zero: bool = False) -> Callable[..., Tensor]:
    def function(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
        data = as_operand(data)
        ids = require_known(segment_ids, function.__name__,
                            f"Use `tf.math.unsorted_{function.__name__}(data, segment_ids, num_segments)`.")
        if ids.ndim != 1 or np.any(np.diff(ids) < 0) or (ids.size and ids[0] < 0):
            raise errors.InvalidArgumentError(f"`segment_ids` must be a vector that rises from 0. Received: {ids}.")
        count = int(ids[-1]) + 1 if ids.size else 0
        result = reduce(data, ids.astype(np.int32), count)
        if not empty_is_zero:
            return result
        present = np.isin(np.arange(count), ids).reshape(count, *[1] * (len(data.type.shape) - 1))
        return select(present, result, as_operand(np.array(0, data.dtype.numpy)))
    return function


segment_sum = _sorted_segments(unsorted_segment_sum)
segment_mean = _sorted_segments(unsorted_segment_mean)
segment_prod = _sorted_segments(unsorted_segment_prod)
segment_max = _sorted_segments(unsorted_segment_max, empty_is_zero=True)
segment_min = _sorted_segments(unsorted_segment_min, empty_is_zero=True)
for _function, _name, _what in [  # what `help` shows
        (segment_sum, "segment_sum", "sum"), (segment_mean, "segment_mean", "mean"),
        (segment_prod, "segment_prod", "product"), (segment_max, "segment_max", "largest"),
        (segment_min, "segment_min", "smallest")]:
    _function.__name__ = _function.__qualname__ = _name
    _function.__doc__ = (f"The {_what} of the rows of each segment. The numbers must rise and be known; inside "
                         f"`@function` use `unsorted_{_name}`.")

# --- counting -------------------------------------------------------------------------------------------------------


def bincount(arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = dtypes.int32,
             name: str | None = None, axis: int | None = None, binary_output: bool = False) -> Tensor:
    """How often each of 0, 1, 2 ... is among the integers `arr`; with `weights` the sum of their weights.

    `axis=-1` counts each row of a matrix by itself. Inside `@function`, `minlength` and `maxlength` must be given and
    equal, since the length of the result follows from the values otherwise.

    >>> import treadle as tf
    >>> tf.math.bincount([1, 1, 3]).numpy().tolist()
    [0, 2, 0, 1]
    """
    numbers = as_operand(arr)
    least = 0 if minlength is None else attributes.as_size(minlength)
    most = None if maxlength is None else attributes.as_size(maxlength)
    if most is not None and most == least:
        length = least
    else:
        known = require_known(numbers, "bincount", "Give `minlength=n, maxlength=n`.")
        if known.size and known.min() < 0:
            raise errors.InvalidArgumentError(f"`arr` must not hold negative numbers. Received: {known}.")
        length = max(least, int(known.max()) + 1 if known.size else 0)
        length = length if most is None else min(length, most)
    # Numbers beyond the last bin are dropped, as negative segment numbers are.
    numbers = select(less(numbers, length), numbers, -1)
    kind = dtypes.as_dtype(dtype) if weights is None else as_operand(weights).dtype
    amounts = ones_like(cast(numbers, dtype=kind)) if weights is None else as_operand(weights)
    shape = numbers.type.shape
    if axis is not None and len(shape) == 2:
        rows = [bincount(numbers[i], None if weights is None else amounts[i], length, length, kind, None, None,
                         binary_output) for i in range(attributes.as_size(shape[0]))]
        return stack(rows)
    counts = unsorted_segment_sum(reshape(amounts, shape=(-1,)), reshape(numbers, shape=(-1,)), length)
    return cast(cast(counts, dtype=dtypes.bool_), dtype=kind) if binary_output else counts


class Unique(NamedTuple):
    """The result of `unique`: the values, and where each element is among them."""

    y: Tensor
    idx: Tensor


class UniqueWithCounts(NamedTuple):
    """The result of `unique_with_counts`."""

    y: Tensor
    idx: Tensor
    count: Tensor  # type: ignore[assignment]


def _unique(x: Any, out_idx: Any) -> tuple[Tensor, Tensor, Tensor]:
    x = as_operand(x)
    known = require_known(x, "unique", "Compute it outside the function.")
    if known.ndim != 1:
        raise errors.InvalidArgumentError(f"`x` must be a vector. Received: shape {show(x.type.shape)}.")
    _, first, inverse, counts = np.unique(known, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)  # by first appearance
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    kind = dtypes.as_dtype(out_idx).numpy
    return (gather_rows(x, first[order].astype(np.int32), axis=0), as_operand(place[inverse].astype(kind)),
            as_operand(counts[order].astype(kind)))


def unique(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> Unique:
    """The different values of a vector, in order of appearance. Eager only: how many there are follows from the values.

    >>> import treadle as tf
    >>> tf.unique([3, 1, 3]).y.numpy().tolist()
    [3, 1]
    """
    return Unique(*_unique(x, out_idx)[:2])


def unique_with_counts(x: Any, out_idx: Any = dtypes.int32, name: str | None = None) -> UniqueWithCounts:
    """`unique`, and how often each value appears."""
    return UniqueWithCounts(*_unique(x, out_idx))


def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list[Tensor]:
    """The rows of `data` that belong to each of the partitions 0 ... num_partitions - 1.

    >>> import treadle as tf
    >>> [p.numpy().tolist() for p in tf.dynamic_partition([1, 2, 3], [0, 1, 0], 2)]
    [[1, 3], [2]]
    """
    rows, _ = _rows(data, partitions)
    advice = "Use masks: `tf.where(partitions == i, data, 0)`."
    numbers = require_known(partitions, "dynamic_partition", advice).reshape(-1)
    if numbers.size and not (0 <= numbers.min() and numbers.max() < num_partitions):
        raise errors.InvalidArgumentError(f"A partition is outside 0 to {num_partitions - 1}. Received: {numbers}.")
    return [gather_rows(rows, np.flatnonzero(numbers == i).astype(np.int32), axis=0) for i in range(num_partitions)]


def dynamic_stitch(indices: Any, data: Any, name: str | None = None) -> Tensor:
    """The inverse of `dynamic_partition`: row j of data[i] goes to place indices[i][j]; the last one wins."""
    places, rows = [], []
    for i, d in zip(indices, data):
        rows.append(_rows(d, i)[0])
        places.append(require_known(i, "dynamic_stitch", "Use `tf.scatter_nd`.").reshape(-1))
    every = np.concatenate(places)
    count = int(every.max()) + 1 if every.size else 0
    source = np.full(count, -1, np.int32)  # a row that no index names is 0
    source[every] = np.arange(every.size)
    return gather_rows(concat(rows, axis=0), source, axis=0)


def histogram_fixed_width(values: Any, value_range: Any, nbins: Any = 100, dtype: Any = dtypes.int32,
                          name: str | None = None) -> Tensor:
    """How many values fall into each of `nbins` equal parts of the range; those outside go to the ends."""
    places = histogram_fixed_width_bins(values, value_range, nbins)
    flat = reshape(places, shape=(-1,))
    return unsorted_segment_sum(ones_like(cast(flat, dtype=dtype)), flat, nbins)


def histogram_fixed_width_bins(values: Any, value_range: Any, nbins: Any = 100, dtype: Any = dtypes.int32,
                               name: str | None = None) -> Tensor:
    """For each value, which of the `nbins` equal parts of the range it falls into; outside: the nearest."""
    values = as_operand(values)
    ends = cast(value_range, dtype=values.dtype)
    low, high = ends[0], ends[1]
    count = attributes.as_size(nbins)
    scaled = floor((values - low) / (high - low) * float(count))
    return cast(clip_by_value(scaled, 0.0, float(count - 1)), dtype=dtype)


errors.shield(globals())
