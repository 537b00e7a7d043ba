"""Making and rearranging arrays: the functions whose TensorFlow signature needs more than one op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import attributes, dims, dtypes, errors
from treadle.ir.dims import Dim, Size
from treadle.ir.dtypes import DType
from treadle.ir.interpreter import state
from treadle.ir.ops import arrays, elementwise
from treadle.ir.ops.arrays import (
    broadcast_to,
    expand_dims,
    from_size,
    iota,
    mirror_pad,
    one_hot_at,
    pad_with,
    reshape,
    transpose,
)
from treadle.ir.ops.elementwise import cast
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.logic import equal, less
from treadle.ir.ops.reductions import cumprod
from treadle.ir.ops.rules import as_operand, as_operands, broadcast_shapes, show
from treadle.ir.ops.select import select
from treadle.ir.ops.structure import identity
from treadle.runtime.eager import EAGER
from treadle.runtime.tensor import Tensor, from_numpy
from treadle.runtime.tensor_shape import TensorShape


def is_eager() -> bool:
    """True if ops run at once, so that an array made by NumPy saves a compilation."""
    return state.interpreter is EAGER


def known_array(value: Any) -> np.ndarray | None:
    """The value as an array if it is known now (an eager tensor, an array, numbers, sizes), else None."""
    known = getattr(value, "known", None)
    if known is not None:
        if known.dtype == object:  # made of sizes
            return known.astype(np.int64) if dims.is_known(*known.flat) else None
        return known
    return None if hasattr(value, "type") else np.asarray(value)


def require_known(value: Any, function: str, advice: str) -> np.ndarray:
    """The value as an array; UnimplementedError where it is only known when the program runs."""
    array = known_array(value)
    if array is None:
        raise errors.UnimplementedError(
            f"The shape of the result of `{function}` depends on the value of a tensor, which is only known when the "
            f"program runs, and XLA compiles programs of fixed shapes. Received: {value!r}. {advice}",
            see="shape-known-only-at-run-time")
    return array


# --- constants ------------------------------------------------------------------------------------------------------


def _filled(shape: Any, value: Any, dtype: Any) -> Tensor:
    dtype, sizes = dtypes.as_dtype(dtype), attributes.as_shape(shape)
    if any(dims.is_known(s) and s < 0 for s in sizes):
        raise errors.InvalidArgumentError(f"A size must not be negative. Received: shape={sizes}.")
    if is_eager() and dims.is_known(*sizes):
        return from_numpy(np.full(sizes, value, dtype.numpy), dtype)
    return broadcast_to(as_operand(np.asarray(value, dtype.numpy)), shape=sizes)


def zeros(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """Zeros (False for bool) of the given shape and dtype.

    >>> import treadle as tf
    >>> tf.zeros([2, 1], tf.int32).numpy().tolist()
    [[0], [0]]
    """
    return _filled(shape, 0, dtype)


def ones(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Tensor:
    """Ones (True for bool) of the given shape and dtype."""
    return _filled(shape, 1, dtype)


def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of shape `dims` filled with the scalar `value`, of its dtype."""
    value = as_operand(value)
    if value.type.shape:
        raise errors.InvalidArgumentError(f"`value` must be a scalar. Received: shape {show(value.type.shape)}.")
    return broadcast_to(value, shape=dims)


def zeros_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Tensor:
    """Zeros of the tensor's shape, and of its dtype or the given one."""
    x = as_operand(input)
    return elementwise.zeros_like(x) if dtype is None or dtypes.as_dtype(dtype) is x.dtype else _filled(
        x.type.shape, 0, dtype)


def ones_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Tensor:
    """Ones of the tensor's shape, and of its dtype or the given one."""
    x = as_operand(input)
    return elementwise.ones_like(x) if dtype is None or dtypes.as_dtype(dtype) is x.dtype else _filled(
        x.type.shape, 1, dtype)


_RANGE_ORDER = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)


def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = "range") -> Tensor:
    """start, start + delta ... up to but without `limit`; `range(limit)` starts at 0.

    The numbers of elements must follow from Python numbers and shapes.

    >>> import treadle as tf
    >>> tf.range(3).numpy().tolist(), tf.range(5, 0, -2).numpy().tolist()
    ([0, 1, 2], [5, 3, 1])
    """
    if limit is None:
        start, limit = 0, start
    wanted = range_dtype(start, limit, delta) if dtype is None else dtypes.as_dtype(dtype)
    first, last, step = (_number(v) for v in (start, limit, delta))
    count = _range_count(first, last, step)
    if is_eager() and dims.is_known(first, count):
        values = np.arange(count).astype(wanted.numpy) * wanted.as_numpy_dtype(step) + wanted.as_numpy_dtype(first)
        return from_numpy(values, wanted)
    values = iota(size=count, dtype=wanted)
    values = values if step == 1 else values * step
    if isinstance(first, Dim):
        return values + from_size(size=first, dtype=wanted)
    return values if first == 0 else values + first


def range_dtype(*values: Any) -> DType:
    found = []
    for value in values:
        if hasattr(value, "dtype"):
            found.append(dtypes.as_dtype(value.dtype))
        elif isinstance(value, float):
            found.append(dtypes.float32)
        else:
            found.append(dtypes.int32 if isinstance(value, Dim) or -2**31 <= value < 2**31 else dtypes.int64)
    given = {f for f, v in zip(found, values) if hasattr(v, "dtype") and f not in _RANGE_ORDER}
    if given:
        return given.pop()
    return max(found, key=_RANGE_ORDER.index)


def _number(value: Any) -> Any:
    known = getattr(value, "known", None)
    if known is not None and known.shape == ():
        value = known[()]
    elif hasattr(value, "type"):
        require_known(value, "range", "Use `tf.range(n)` with a fixed n, and a mask.")
    return value.item() if isinstance(value, np.generic) else value


def _range_count(first: Any, last: Any, step: Any) -> Size:
    if step == 0:
        raise errors.InvalidArgumentError(f"`delta` must not be 0. Received: start={first}, limit={last}, delta=0.")
    if not dims.is_known(first, last, step):
        return last - first if step == 1 else -dims.floordiv(first - last, step)
    if (last - first) * step < 0:
        raise errors.InvalidArgumentError(
            f"The range goes the wrong way. Received: start={first}, limit={last}, delta={step}.")
    if all(isinstance(v, (int, np.integer)) for v in (first, last, step)):
        return len(range(int(first), int(last), int(step)))
    return int(np.ceil((last - first) / step))


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, both included, along a new axis. Integers become float64.

    >>> import treadle as tf
    >>> tf.linspace(0.0, 1.0, 5).numpy().tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    start, stop = as_operands(start, stop)
    if start.dtype.is_integer:
        start, stop = cast(start, dtype=dtypes.float64), cast(stop, dtype=dtypes.float64)
    count = attributes.as_size(num)
    if dims.is_known(count) and count < 0:
        raise errors.InvalidArgumentError(f"`num` must not be negative. Received: {count}.")
    shape = broadcast_shapes(start.type.shape, stop.type.shape)
    place = attributes.as_axis(axis, len(shape) + 1)
    start, stop = (expand_dims(broadcast_to(v, shape=shape), axis=place) for v in (start, stop))
    if count == 1:
        return start
    row = [1] * (len(shape) + 1)
    row[place] = count
    steps = reshape(iota(size=count, dtype=start.dtype), shape=row)
    last = count - 1
    delta = (stop - start) / (float(last) if dims.is_known(last) else from_size(size=last, dtype=start.dtype))
    is_last = equal(steps, float(last) if dims.is_known(last) else from_size(size=last, dtype=start.dtype))
    return select(is_last, stop, start + delta * steps)


# --- one-hot, masks -------------------------------------------------------------------------------------------------


def one_hot(indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: int | None = None,
            dtype: Any = None, name: str | None = None) -> Tensor:
    """`on_value` (1) at the place each index names along a new axis of size `depth`, `off_value` (0) elsewhere.

    An index outside [0, depth) gives a row of `off_value`.

    >>> import treadle as tf
    >>> tf.one_hot([0, 2], 3).numpy().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    place = -1 if axis is None else axis
    if on_value is None and off_value is None:
        return one_hot_at(indices, depth=depth, axis=place, dtype=wanted or dtypes.float32)
    given = [v for v in (on_value, off_value) if v is not None]
    hint = wanted or as_operands(*given)[0].dtype
    on = as_operand(1 if on_value is None else on_value, hint)
    off = as_operand(0 if off_value is None else off_value, hint)
    return select(one_hot_at(indices, depth=depth, axis=place, dtype=dtypes.bool_), on, off)


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = dtypes.bool_, name: str | None = None) -> Tensor:
    """True at the places before each length: shape [*lengths.shape, maxlen]. `maxlen` defaults to the longest."""
    lengths = as_operand(lengths)
    if maxlen is None:
        known = require_known(lengths, "sequence_mask", "Give `maxlen=`.")
        maxlen = int(known.max()) if known.size else 0
    if lengths.dtype.is_floating:
        lengths = cast(lengths, dtype=dtypes.int32)
    mask = less(iota(size=maxlen, dtype=lengths.dtype), expand_dims(lengths, axis=-1))
    return mask if dtypes.as_dtype(dtype).is_bool else cast(mask, dtype=dtype)


# --- cutting and repeating ------------------------------------------------------------------------------------------


def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None,
          name: str | None = "split") -> list[Tensor]:
    """The tensor cut along `axis` into that many equal parts, or into parts of the given sizes (one may be -1).

    >>> import treadle as tf
    >>> [p.numpy().tolist() for p in tf.split([1, 2, 3], [1, -1])]
    [[1], [2, 3]]
    """
    value = as_operand(value)
    place = attributes.as_axis(axis, len(value.type.shape))
    size = value.type.shape[place]
    known = getattr(num_or_size_splits, "known", None)
    if isinstance(num_or_size_splits, (int, np.integer)) or (known is not None and known.ndim == 0):
        parts = attributes.as_size(num_or_size_splits)
        if dims.is_known(size, parts) and (parts < 1 or size % parts):
            raise errors.InvalidArgumentError(
                f"An axis of size {size} cannot be split into {parts} equal parts. Received: axis={axis}.")
        sizes: Sequence[Size] = (dims.floordiv(size, parts),) * parts
    else:
        sizes = attributes.as_shape(num_or_size_splits)
        if -1 in sizes:
            rest = size
            for s in sizes:
                rest = rest - s if s != -1 else rest
            sizes = tuple(rest if s == -1 else s for s in sizes)
    if num is not None and num != len(sizes):
        raise errors.InvalidArgumentError(f"`num` must be the number of parts, {len(sizes)}. Received: {num}.")
    return list(arrays.split(value, sizes=sizes, axis=place))


def stack(values: Any, axis: int = 0, name: str | None = "stack") -> Tensor:
    """Tensors of one shape along a new axis. A tensor as `values` stands for the list of its rows.

    >>> import treadle as tf
    >>> tf.stack([[1, 2], [3, 4]], axis=1).numpy().tolist()
    [[1, 3], [2, 4]]
    """
    if not isinstance(values, (list, tuple)):
        values = arrays.unstack(values)
    return arrays.stack(values, axis=axis) if values else as_operand([])


def reverse_sequence(input: Any, seq_lengths: Any, seq_axis: int | None = None, batch_axis: int | None = None,
                     name: str | None = None) -> Tensor:
    """For each i along `batch_axis` (0), the first seq_lengths[i] elements along `seq_axis` in reverse order.

    >>> import treadle as tf
    >>> tf.reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], seq_axis=1).numpy().tolist()
    [[2, 1, 3], [6, 5, 4]]
    """
    x, lengths = as_operand(input), as_operand(seq_lengths)
    rank = len(x.type.shape)
    along, batch = attributes.as_axis(0 if seq_axis is None else seq_axis, rank), attributes.as_axis(batch_axis or 0, rank)
    size, known = x.type.shape[along], known_array(lengths)
    if along == batch:
        raise errors.InvalidArgumentError(f"`seq_axis` and `batch_axis` must differ. Received: both {along}.")
    if known is not None and dims.is_known(size) and known.size and not (0 <= known.min() and known.max() <= size):
        raise errors.InvalidArgumentError(f"`seq_lengths` must be between 0 and {size}. Received: {known}.")
    order = [batch, along, *[a for a in range(rank) if a not in (batch, along)]]
    places = expand_dims(iota(size=size, dtype=lengths.dtype), axis=0)
    lengths = expand_dims(lengths, axis=1)
    source = select(less(places, lengths), lengths - 1 - places, places)
    return transpose(gather_rows(transpose(x, perm=order), source, axis=1, batch_dims=1), perm=np.argsort(order).tolist())


def unravel_index(indices: Any, dims: Any, name: str | None = None) -> Tensor:
    """The places, in a tensor of shape `dims`, of elements numbered in row-major order: [len(dims), *indices.shape].

    >>> import treadle as tf
    >>> tf.unravel_index([5], [2, 4]).numpy().tolist()
    [[1], [1]]
    """
    numbers, sizes = as_operands(indices, dims)
    strides = cumprod(sizes, axis=0, exclusive=True, reverse=True)
    if numbers.type.shape:
        strides, sizes = expand_dims(strides, axis=1), expand_dims(sizes, axis=1)
    return numbers // strides % sizes


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = "unstack") -> list[Tensor]:
    """The slices along `axis`, as a list. `num` is needed where the size is not known while tracing."""
    return list(arrays.unstack(value, num=num, axis=axis))


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0,
        name: str | None = None) -> Tensor:
    """The tensor with `paddings[i] = [before, after]` elements added along axis i.

    Args:
        mode: "CONSTANT" adds `constant_values`, "REFLECT" mirrors without the edge, "SYMMETRIC" with it.

    >>> import treadle as tf
    >>> tf.pad([1, 2, 3], [[1, 2]], mode="REFLECT").numpy().tolist()
    [2, 1, 2, 3, 2, 1]
    """
    known = getattr(paddings, "known", None)
    rows = known.tolist() if known is not None else paddings
    row = tuple(attributes.as_size(size) for pair in rows for size in pair)
    kind = mode.upper()
    if kind == "CONSTANT":
        tensor = as_operand(tensor)
        if tensor.dtype.is_bool and not hasattr(constant_values, "dtype"):
            constant_values = bool(constant_values)
        return pad_with(tensor, as_operand(constant_values, tensor.dtype), paddings=row)
    if kind not in ("REFLECT", "SYMMETRIC"):
        raise errors.InvalidArgumentError(f"`mode` must be CONSTANT, REFLECT or SYMMETRIC. Received: {mode!r}.")
    return mirror_pad(tensor, paddings=row, mode=kind.lower())


def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Tensor:
    """Each element along `axis` repeated, `repeats` times or each its own number of times; axis None flattens first.

    >>> import treadle as tf
    >>> tf.repeat([1, 2], [1, 3]).numpy().tolist()
    [1, 2, 2, 2]
    """
    x = as_operand(input)
    if axis is None:
        x, axis = reshape(x, shape=(-1,)), 0
    if not x.type.shape:
        x = reshape(x, shape=(1,))
    axis = attributes.as_axis(axis, len(x.type.shape))
    known = getattr(repeats, "known", None)
    single = np.ndim(repeats) == 0 if known is None and not hasattr(repeats, "type") else (
        known is not None and known.ndim == 0)
    if single:
        times, shape = attributes.as_size(repeats), x.type.shape
        if dims.is_known(times) and times < 0:
            raise errors.InvalidArgumentError(f"`repeats` must not be negative. Received: {times}.")
        rows = broadcast_to(expand_dims(x, axis=axis + 1), shape=(*shape[:axis + 1], times, *shape[axis + 1:]))
        return reshape(rows, shape=(*shape[:axis], shape[axis] * times, *shape[axis + 1:]))
    counts = require_known(repeats, "repeat", "Give `repeats` as Python integers.").reshape(-1)
    if counts.size and counts.min() < 0:
        raise errors.InvalidArgumentError(f"`repeats` must not be negative. Received: {counts}.")
    size = x.type.shape[axis]
    if counts.size == 1:
        return repeat(x, int(counts[0]), axis)
    if dims.is_known(size) and counts.size != size:
        raise errors.InvalidArgumentError(f"`repeats` must hold {size} numbers. Received: {counts.size}.")
    return gather_rows(x, np.repeat(np.arange(counts.size, dtype=np.int32), counts.astype(np.int64)), axis=axis)


def meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> list[Tensor]:
    """For vectors x, y ...: the coordinates of the points of their grid, one tensor for each vector.

    `indexing="xy"` (the default) gives shape [len(y), len(x), ...], "ij" gives [len(x), len(y), ...].
    """
    if indexing not in ("xy", "ij"):
        raise errors.InvalidArgumentError(f"`indexing` must be 'xy' or 'ij'. Received: {indexing!r}.")
    vectors = [reshape(as_operand(a), shape=(-1,)) for a in args]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    shape = [1] * len(vectors)
    for place, vector in zip(order, vectors):
        shape[place] = vector.type.shape[0]
    grids = []
    for place, vector in zip(order, vectors):
        row: list[Size] = [1] * len(vectors)
        row[place] = shape[place]
        grids.append(broadcast_to(reshape(vector, shape=row), shape=shape))
    return grids


# --- shapes ---------------------------------------------------------------------------------------------------------


def identity_n(input: Sequence[Any], name: str | None = None) -> list[Tensor]:
    """The tensors themselves, as a list."""
    return [identity(x) for x in input]


def shape_n(input: Sequence[Any], out_type: Any = dtypes.int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors."""
    return [arrays.shape(x, out_type=out_type) for x in input]


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Tensor:
    """The tensor, whose shape must be compatible with `shape` (None: any size)."""
    x = as_operand(x)
    found = TensorShape(x.type.shape)
    if not found.is_compatible_with(shape):
        raise errors.InvalidArgumentError(f"The shape {found} is not compatible with {TensorShape(shape)}.")
    return x


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """The shape that two known shapes broadcast to."""
    return TensorShape(broadcast_shapes(TensorShape(shape_x).as_list(), TensorShape(shape_y).as_list()))


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """The shape that two shapes given as integer vectors broadcast to, as an integer vector."""
    sizes = broadcast_shapes(attributes.as_shape(shape_x), attributes.as_shape(shape_y))
    if dims.is_known(*sizes):
        return as_operand(np.array(sizes, np.int32))
    return arrays.stack([from_size(size=s, dtype=dtypes.int32) for s in sizes])


errors.shield(globals())
