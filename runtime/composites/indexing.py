"""Python's indexing (`x[1:, ..., tf.newaxis]`), slices, gather, scatter and masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.ir import attributes, dims, dtypes, errors
from treadle.ir.dims import Dim, Size
from treadle.ir.operators import TABLE
from treadle.ir.ops.arrays import broadcast_to, from_size, reshape, stack
from treadle.ir.ops.elementwise import cast
from treadle.ir.ops.indexing import (
    dynamic_slice,
    dynamic_update_slice,
    gather_rows,
    slice_length,
    slice_outside,
    strided_slice,
    strided_slice_update,
    tensor_scatter_nd_add,
)
from treadle.ir.ops.logic import less
from treadle.ir.ops.rules import as_operand, as_operands, show
from treadle.ir.ops.select import select
from treadle.runtime.composites.arrays import is_eager, known_array, require_known, zeros
from treadle.runtime.tensor import Tensor

# --- x[key] ---------------------------------------------------------------------------------------------------------


@dataclass
class Place:
    """What a key says about one axis: a slice, or the scalar tensor `index` whose value is not known while tracing."""

    begin: Size
    end: Size
    stride: int
    length: Size
    dropped: bool = False
    index: Any = None


def _scalar(value: Any) -> Any:
    """A number, size, or scalar tensor in a key: its value if known, else the tensor itself."""
    known = getattr(value, "known", None)
    if known is not None and value.type.dtype.is_integer and known.ndim == 0:
        return attributes.as_size(value)
    if isinstance(value, (int, np.integer, Dim)) and not isinstance(value, bool):
        return value if isinstance(value, Dim) else int(value)
    if hasattr(value, "type") and value.type.dtype.is_integer and not value.type.shape:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu":
        return int(value)
    raise errors.DtypeError(
        "Only integers, slices (`:`), ellipsis (`...`), `tf.newaxis` (None), scalar integer tensors and boolean masks "
        f"are indices. Received: {value!r}. To take several rows, use `tf.gather`.")


def _bound(value: Any, default: Size) -> Size:
    if value is None:
        return default
    found = _scalar(value)
    if hasattr(found, "type"):
        raise errors.UnimplementedError(
            "The length of a slice must be known while tracing, but a bound is a tensor whose value is only known when "
            f"the program runs. Received: {value!r}. Use `tf.slice(x, begin, size)` with a fixed size.")
    return found


def _slice_place(key: slice, size: Size) -> Place:
    stride = _bound(key.step, 1)
    if not isinstance(stride, int) or stride == 0:
        raise errors.InvalidArgumentError(f"The step of a slice is an integer other than 0. Received: {key.step!r}.")
    begin = _bound(key.start, 0 if stride > 0 else -1)
    end = _bound(key.stop, size if stride > 0 else -size - 1)
    if dims.is_known(size, begin, end):
        places = range(*slice(begin, end, stride).indices(size))
        if stride > 0:
            begin, end = (places.start, max(places.start, places.stop)) if places else (0, 0)
    return Place(begin, end, stride, slice_length(size, begin, end, stride))


def _index_place(value: Any, size: Size, axis: int) -> Place:
    found = _scalar(value)
    if hasattr(found, "type"):
        return Place(0, size, 1, 1, True, found)
    begin = size + found if isinstance(found, int) and found < 0 else found
    if dims.is_known(begin, size) and not 0 <= begin < size:
        raise errors.InvalidArgumentError(f"slice index {begin} of dimension {axis} out of bounds.")
    return Place(begin, begin + 1, 1, 1, True)


def _parse(key: Any, shape: tuple[Size, ...]) -> tuple[list[Place], list[Size]]:
    """What the key says about each axis, and the shape of the result."""
    items = list(key) if isinstance(key, (tuple, list)) else [key]
    used = sum(1 for k in items if k is not None and k is not Ellipsis)
    if used > len(shape):
        raise errors.InvalidArgumentError(
            f"Too many indices: {used} for a tensor of shape {show(shape)}, which has rank {len(shape)}.")
    if sum(1 for k in items if k is Ellipsis) > 1:
        raise errors.InvalidArgumentError("An index may hold one ellipsis (`...`) only.")
    if not any(k is Ellipsis for k in items):
        items.append(Ellipsis)
    places: list[Place] = []
    result: list[Size] = []
    for item in items:
        if item is None:
            result.append(1)
        elif item is Ellipsis:
            for size in shape[len(places):len(shape) - used]:  # `used`: how many axes the rest of the key names
                places.append(Place(0, size, 1, size))
                result.append(size)
            continue
        elif isinstance(item, slice):
            places.append(_slice_place(item, shape[len(places)]))
            result.append(places[-1].length)
            used -= 1
        else:
            places.append(_index_place(item, shape[len(places)], len(places)))
            used -= 1
    return places, result


def _is_mask(key: Any) -> bool:
    return isinstance(key, bool) or (hasattr(key, "dtype") and dtypes.as_dtype(key.dtype).is_bool)


def _wrapped(place: Place, size: Size) -> Any:
    """A tensor index as int32, negative ones counted from the end."""
    index = cast(place.index, dtype=dtypes.int32)
    count = size if dims.is_known(size) else from_size(size=size, dtype=dtypes.int32)
    return select(less(index, 0), index + count, index)


def _begins(places: list[Place], shape: tuple[Size, ...]) -> Any:
    """Where the slice begins along each axis, as an integer vector."""
    if all(p.index is None and dims.is_known(p.begin) for p in places):
        return np.array([p.begin for p in places], np.int32)
    return stack([as_operand(np.int32(p.begin)) if p.index is None and dims.is_known(p.begin)
                  else from_size(size=p.begin, dtype=dtypes.int32) if p.index is None
                  else _wrapped(p, size) for p, size in zip(places, shape)])


def getitem(tensor: Any, key: Any, variable: Any = None) -> Any:
    """`tensor[key]`: integers, slices, `...`, None and scalar integer tensors, or one boolean mask."""
    x = as_operand(tensor)
    if _is_mask(key):
        return boolean_mask(x, key)
    shape = x.type.shape
    places, result = _parse(key, shape)
    dynamic = any(p.index is not None for p in places)
    if any(p.length != s or p.stride != 1 for p, s in zip(places, shape)):
        if is_eager() and all(p.stride == 1 for p in places) and not hasattr(type(x), "interpreter"):
            # One program for every place of a slice of this size, not one for each. (Sizes cannot be followed through
            # it, so slices of tensors that are deferred go the other way.)
            x = dynamic_slice(x, _begins(places, shape), size=[p.length for p in places])
        else:
            if any(p.length != s or p.stride != 1 for p, s in zip(places, shape) if p.index is None):
                x = strided_slice(x, begin=[p.begin for p in places], end=[p.end for p in places],
                                  strides=[p.stride for p in places])
            if dynamic:
                starts = [Place(0, 1, 1, 1) if p.index is None else p for p in places]
                x = dynamic_slice(x, _begins(starts, shape), size=[p.length for p in places])
    if x.type.shape != tuple(result):
        x = reshape(x, shape=result)
    if variable is not None:
        x._origin = (variable, key)
    return x


def setitem(tensor: Any, key: Any, value: Any) -> Any:
    """The tensor with `value` (broadcast) in place of `tensor[key]`."""
    x = as_operand(tensor)
    value = as_operand(value, x.dtype)
    if _is_mask(key):
        mask = as_operand(key)
        shape = mask.type.shape + (1,) * (len(x.type.shape) - len(mask.type.shape))
        return select(reshape(mask, shape=shape), value, x)
    shape = x.type.shape
    places, result = _parse(key, shape)
    lengths = [p.length for p in places]
    update = value if value.type.shape == tuple(result) else broadcast_to(value, shape=result)
    update = update if update.type.shape == tuple(lengths) else reshape(update, shape=lengths)
    if all(p.stride == 1 for p in places):
        return dynamic_update_slice(x, update, _begins(places, shape))
    if any(p.index is not None for p in places):
        raise errors.UnimplementedError("An assignment cannot mix tensor indices with slices that have a step.")
    return strided_slice_update(x, update, begin=[p.begin for p in places], end=[p.end for p in places],
                                strides=[p.stride for p in places])


# --- slices by name -------------------------------------------------------------------------------------------------


def slice_(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """The slice that begins at `begin` and has the given size; -1 means up to the end.

    `begin` may be a tensor whose value is only known when the program runs.

    >>> import treadle as tf
    >>> tf.slice([1, 2, 3, 4], [1], [2]).numpy().tolist()
    [2, 3]
    """
    x = as_operand(input_)
    lengths, shape = attributes.as_shape(size), x.type.shape
    starts = begin if hasattr(begin, "type") else None
    if starts is None or getattr(starts, "known", None) is not None:
        try:
            known = attributes.as_shape(begin)
        except errors.InvalidArgumentError:  # a list that holds tensors of unknown value
            starts = as_operand(begin)
        else:
            if not len(known) == len(lengths) == len(shape):
                raise errors.InvalidArgumentError(
                    f"`begin` and `size` must hold {len(shape)} numbers. Received: {known} and {lengths}.")
            ends = [n if s == -1 else b + s for n, b, s in zip(shape, known, lengths)]
            outside = slice_outside(shape, known, [e - b for b, e in zip(known, ends)])
            if outside is not None:
                raise errors.InvalidArgumentError(outside)
            return getitem(x, tuple(slice(b, e) for b, e in zip(known, ends)))
    if -1 in lengths:
        raise errors.UnimplementedError(
            "The size of a slice must be known while tracing. Received: size=-1, with a `begin` that is not.")
    return dynamic_slice(x, starts, size=lengths)


def strided_slice_(input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0,
                   ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: Any = None,
                   name: str | None = None) -> Tensor:
    """`input_[begin:end:strides]`; bit i of a mask says of entry i: open at the beginning, open at the end, `...`,
    a new axis, a single index."""
    starts, ends = attributes.as_shape(begin), attributes.as_shape(end)
    steps = (1,) * len(starts) if strides is None else attributes.as_shape(strides)
    key: list[Any] = []
    for i, (start, stop, step) in enumerate(zip(starts, ends, steps)):
        bit = 1 << i
        if ellipsis_mask & bit:
            key.append(Ellipsis)
        elif new_axis_mask & bit:
            key.append(None)
        elif shrink_axis_mask & bit:
            key.append(start)
        else:
            key.append(slice(None if begin_mask & bit else start, None if end_mask & bit else stop, step))
    return getitem(input_, tuple(key), var)


# --- gather and scatter ---------------------------------------------------------------------------------------------


def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0,
           name: str | None = None) -> Tensor:
    """The slices of `params` along `axis` that `indices` name.

    Shape: `params.shape[:axis] + indices.shape[batch_dims:] + params.shape[axis + 1:]`.

    Args:
        axis: default `batch_dims`.
        batch_dims: how many leading axes of `params` and `indices` go together.

    Raises:
        InvalidArgumentError: an index is outside.

    >>> import treadle as tf
    >>> tf.gather([10, 20, 30], [2, 0]).numpy().tolist()
    [30, 10]
    """
    params, indices = as_operand(params), as_operand(indices, dtypes.int32)
    batch = attributes.as_size(batch_dims)
    batch = batch + len(indices.type.shape) if batch < 0 else batch
    return gather_rows(params, indices, axis=batch if axis is None else axis, batch_dims=batch)


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Tensor:
    """Zeros of `shape` with `updates` added at `indices`; updates of one place add up.

    >>> import treadle as tf
    >>> tf.scatter_nd([[1], [1]], [2.0, 3.0], [3]).numpy().tolist()
    [0.0, 5.0, 0.0]
    """
    updates = as_operand(updates)
    return tensor_scatter_nd_add(zeros(shape, updates.dtype), indices, updates)


# --- masks ----------------------------------------------------------------------------------------------------------


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """x where `condition` holds, else y; all three are broadcast. Without x and y: the places where it holds.

    The places, of shape [number of them, rank], can be found eagerly only. Gradients flow to the chosen side only, but
    a NaN or infinite gradient of the other side still gives NaN: make both sides safe before choosing.

    >>> import treadle as tf
    >>> tf.where([True, False], [1, 2], 0).numpy().tolist()
    [1, 0]
    """
    if (x is None) != (y is None):
        raise errors.InvalidArgumentError("Give both `x` and `y`, or neither.")
    if x is None:
        places = np.argwhere(require_known(as_operand(condition), "where", "Use `tf.where(condition, x, y)`."))
        return as_operand(places.astype(np.int64))
    x, y = as_operands(x, y)
    return select(condition, x, y)


def boolean_mask(tensor: Any, mask: Any, axis: int | None = None, name: str | None = "boolean_mask") -> Tensor:
    """The elements (or slices) of `tensor` where `mask` holds, in one row. The mask's value must be known.

    >>> import treadle as tf
    >>> tf.boolean_mask([1, 2, 3], [True, False, True]).numpy().tolist()
    [1, 3]
    """
    x = as_operand(tensor)
    if known_array(mask) is None:
        mask = as_operand(mask)
    found = np.asarray(require_known(mask, "boolean_mask", "Use `tf.where(mask, x, 0)` and keep the shape."))
    shape, first = x.type.shape, 0 if axis is None else attributes.as_axis(axis, len(x.type.shape))
    if found.ndim == 0:
        raise errors.InvalidArgumentError("A mask must not be a scalar.")
    covered = shape[first:first + found.ndim]
    if len(covered) < found.ndim or any(dims.is_known(a) and a != b for a, b in zip(covered, found.shape)):
        raise errors.InvalidArgumentError(
            f"The mask must have the shape of the axes it covers, {show(covered)}. Received: {show(found.shape)}.")
    merged = reshape(x, shape=(*shape[:first], found.size, *shape[first + found.ndim:]))
    return gather_rows(merged, np.flatnonzero(found).astype(np.int32), axis=first)


TABLE["_getitem"] = getitem
TABLE["_setitem"] = setitem


errors.shield(globals())
