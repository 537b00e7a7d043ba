"""Slices, gather and scatter.

An index outside the tensor raises an error (the `valid` rules). Where these checks are switched off, a gather gives 0
there, a scatter leaves the update out, and a slice is moved inside.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Axis, Int, Ints, Shape
from treadle.ir.dims import Dim, Size
from treadle.ir.op import Operand, on_sizes, op
from treadle.ir.ops.elementwise import cast, divide_float, negative, zeros_like
from treadle.ir.ops.logic import equal
from treadle.ir.ops.preconditions import all_in_range, in_range, out_of_range, row_out_of_range
from treadle.ir.ops.rules import INTEGERS, require, require_rank_at_least, same_dtype, same_size, show
from treadle.ir.types import TensorType

# --- slices ---------------------------------------------------------------------------------------------------------


def _is_negative(size: Size) -> bool:
    """True for a negative integer, and for a symbolic one that is negative where its sizes are large (`1 - n0`)."""
    return all(c < 0 for m, c in size.terms.items() if m) if isinstance(size, Dim) else size < 0


def slice_length(size: Size, begin: Size, end: Size, stride: int) -> Size:
    """The length of `x[begin:end:stride]` for an axis of the given size.

    Exact for integers. A symbolic size is taken to be at least as large as the places counted in it (`x[1:]` has
    `n0 - 1` elements); once the sizes are known, the type rule is applied again.
    """
    if dims.is_known(size, begin, end):
        return len(range(*slice(begin, end, stride).indices(size)))
    begin = size + begin if _is_negative(begin) else begin
    end = size + end if _is_negative(end) else dims.minimum(end, size)
    length = end - begin
    return length if stride == 1 else dims.floordiv(length + (stride - 1 if stride > 0 else stride + 1), stride)


def _strided_slice_infer(input: TensorType, *, begin: Any, end: Any, strides: Any) -> TensorType:
    if not len(begin) == len(end) == len(strides) == input.rank or 0 in strides:
        raise errors.InvalidArgumentError(
            f"`begin`, `end` and `strides` must hold a number for each of the {input.rank} axes, and no stride may be "
            f"0. Received: {begin}, {end}, {strides}.")
    return input.with_shape([slice_length(*four) for four in zip(input.shape, begin, end, strides)])


def _slices(shape: Any, begin: Any, end: Any, strides: Any) -> tuple[list[int], list[int], list[int], list[int]]:
    """The slices with positive strides, and the axes to reverse afterwards."""
    starts, limits, steps, reversed_axes = [], [], [], []
    for axis, (size, *bounds) in enumerate(zip(shape, begin, end, strides)):
        places = range(*slice(*bounds).indices(size))
        if places.step < 0:
            places = places[::-1]
            reversed_axes.append(axis)
        starts.append(places.start if places else 0)
        limits.append(places[-1] + 1 if places else 0)
        steps.append(places.step)
    return starts, limits, steps, reversed_axes


def _strided_slice(xp: Any, x: Any, *, begin: Any, end: Any, strides: Any) -> Any:
    starts, limits, steps, backwards = _slices(x.shape, begin, end, strides)
    y = xp.lax.slice(x, starts, limits, steps)
    return xp.lax.rev(y, backwards) if backwards else y


def _strided_slice_gradient(g: Any, y: Any, input: Any, *, begin: Any, end: Any, strides: Any) -> Any:
    return strided_slice_transpose(g, shape=input.type.shape, begin=begin, end=end, strides=strides)


@op(infer=_strided_slice_infer, lower=_strided_slice, vjp=(_strided_slice_gradient,),
    sizes=on_sizes(lambda x, *, begin, end, strides: x[tuple(map(slice, begin, end, strides))]))
def strided_slice(input, *, begin: Shape, end: Shape, strides: Ints):
    """`input[begin:end:strides]` with a slice for each axis, by Python's rules."""


def _strided_slice_transpose(xp: Any, g: Any, *, shape: Any, begin: Any, end: Any, strides: Any) -> Any:
    starts, _, steps, backwards = _slices(shape, begin, end, strides)
    g = xp.lax.rev(g, backwards) if backwards else g
    pads = []
    for n, size, start, step in zip(g.shape, shape, starts, steps):
        covered = start + (n - 1) * step + 1 if n else 0
        pads.append((start, size - covered, step - 1) if n else (0, size, 0))
    return xp.lax.pad(g, xp.zeros((), g.dtype), pads)


@op(infer=lambda g, *, shape, begin, end, strides: g.with_shape(shape), lower=_strided_slice_transpose,
    vjp=(lambda h, y, g, *, shape, begin, end, strides: strided_slice(h, begin=begin, end=end, strides=strides),))
def strided_slice_transpose(g, *, shape: Shape, begin: Shape, end: Shape, strides: Ints):
    """Zeros of `shape` with g at the slice: the cotangent of `strided_slice`."""


def _strided_update_infer(input: TensorType, update: TensorType, *, begin: Any, end: Any, strides: Any) -> TensorType:
    same_dtype(input, update)
    cut = _strided_slice_infer(input, begin=begin, end=end, strides=strides)
    for a, b in zip(cut.shape, update.shape):
        same_size(a, b, "The sizes of a slice and its new value")
    return input


def _strided_update_gradient(g: Any, y: Any, input: Any, update: Any, **places: Any) -> Any:
    return strided_slice_update(g, zeros_like(update), **places)


@op(infer=_strided_update_infer,
    lower=lambda xp, x, u, *, begin, end, strides: x.at[tuple(map(slice, begin, end, strides))].set(u),
    vjp=(_strided_update_gradient, lambda g, y, input, update, **places: strided_slice(g, **places)))
def strided_slice_update(input, update, *, begin: Shape, end: Shape, strides: Ints):
    """The tensor with `update` in place of `input[begin:end:strides]`."""


def _dynamic_slice_infer(input: TensorType, begin: TensorType, *, size: tuple[Size, ...]) -> TensorType:
    require(begin, INTEGERS, "begin")
    if len(size) != input.rank or (dims.is_known(*begin.shape) and begin.shape != (input.rank,)):
        raise errors.InvalidArgumentError(
            f"`begin` and `size` must hold a number for each of the {input.rank} axes. Received: begin of shape "
            f"{show(begin.shape)}, size={size}.")
    for n, s in zip(input.shape, size):
        if dims.is_known(n, s) and not 0 <= s <= n:
            raise errors.InvalidArgumentError(f"A slice of shape {show(size)} does not fit into {show(input.shape)}.")
    return input.with_shape(size)


def slice_outside(shape: Any, begin: Any, size: Any) -> str | None:
    """What to say of the first axis along which a slice reaches outside, or None."""
    for axis, (n, b, s) in enumerate(zip(shape, begin, size)):
        if dims.is_known(n, b, s) and not 0 <= b <= b + s <= n:
            if s == 1:
                return f"slice index {b} of dimension {axis} out of bounds."
            if not 0 <= b <= n:
                return f"Expected begin[{axis}] in [0, {n}], but got {b}"
            return f"Expected size[{axis}] in [0, {n - b}], but got {s}"
    return None


def _slice_valid(input: Any, begin: Any, size: Any) -> Any:
    # A slice of the full size fits at 0 only: its last possible place is the first.
    room = [n - s + 1 for n, s in zip(input.type.shape, size)]
    return all_in_range(begin, room) if room else None


def _slice_invalid(shape: Any, begin: np.ndarray, size: Any) -> Exception:
    return errors.InvalidArgumentError(slice_outside(shape, [int(b) for b in begin], size) or "", see="index-outside")


def _starts(begin: Any, rank: int) -> list[Any]:
    return [begin[i] for i in range(rank)]


@op(infer=_dynamic_slice_infer,
    lower=lambda xp, x, begin, *, size: xp.lax.dynamic_slice(x, _starts(begin, x.ndim), size) if x.ndim else x,
    vjp=(lambda g, y, input, begin, *, size: dynamic_update_slice(zeros_like(input), g, begin), None),
    valid=lambda input, begin, *, size: _slice_valid(input, begin, size),
    invalid=lambda x, begin, *, size: _slice_invalid(x.shape, begin, size))
def dynamic_slice(input, begin: Operand(dtypes.int32), *, size: Shape):  # type: ignore[valid-type]
    """The slice of the given size that begins at `begin`."""


def _dynamic_update_infer(input: TensorType, update: TensorType, begin: TensorType) -> TensorType:
    same_dtype(input, update)
    _dynamic_slice_infer(input, begin, size=update.shape)
    return input


@op(infer=_dynamic_update_infer,
    lower=lambda xp, x, u, begin: xp.lax.dynamic_update_slice(x, u, _starts(begin, x.ndim)) if x.ndim else u,
    vjp=(lambda g, y, input, update, begin: dynamic_update_slice(g, zeros_like(update), begin),
         lambda g, y, input, update, begin: dynamic_slice(g, begin, size=update.type.shape), None),
    valid=lambda input, update, begin: _slice_valid(input, begin, update.type.shape),
    invalid=lambda x, update, begin: _slice_invalid(x.shape, begin, update.shape))
def dynamic_update_slice(input, update, begin: Operand(dtypes.int32)):  # type: ignore[valid-type]
    """The tensor with `update` in place of the slice that begins at `begin`."""


# --- rows -----------------------------------------------------------------------------------------------------------


def _rows_shape(shape: tuple[Size, ...], indices: TensorType, axis: int, batch_dims: int) -> tuple[Size, ...]:
    require(indices, INTEGERS, "indices")
    if not 0 <= batch_dims <= min(indices.rank, axis):
        raise errors.InvalidArgumentError(
            f"`batch_dims` must be between 0 and the smaller of `axis` and the rank of `indices`. Received: "
            f"batch_dims={batch_dims}, axis={axis}, indices of shape {show(indices.shape)}.")
    for a, b in zip(shape[:batch_dims], indices.shape[:batch_dims]):
        same_size(a, b, "Batch sizes")
    return (*shape[:axis], *indices.shape[batch_dims:], *shape[axis + 1:])


def _row_places(indices: Any, rank: int, axis: int, batch_dims: int) -> tuple[tuple[int, ...], tuple[int, ...], dict]:
    """The window axes of the result, and the names JAX gives to the rest."""
    after = axis + indices.ndim - batch_dims
    window = (*range(batch_dims, axis), *range(after, after + rank - axis - 1))
    return window, (axis,), {"operand_batching_dims": tuple(range(batch_dims))}


def _gather_rows(xp: Any, x: Any, indices: Any, *, axis: int, batch_dims: int) -> Any:
    window, taken, batching = _row_places(indices, x.ndim, axis, batch_dims)
    if x.shape[axis] == 0:
        return xp.zeros((*x.shape[:axis], *indices.shape[batch_dims:], *x.shape[axis + 1:]), x.dtype)
    numbers = xp.lax.GatherDimensionNumbers(
        offset_dims=window, collapsed_slice_dims=taken, start_index_map=taken,
        start_indices_batching_dims=tuple(range(batch_dims)), **batching)
    sizes = tuple(1 if i == axis or i < batch_dims else s for i, s in enumerate(x.shape))
    return xp.lax.gather(x, indices[..., None], numbers, sizes, mode="fill", fill_value=0)


@op(infer=lambda params, indices, *, axis, batch_dims: params.with_shape(
        _rows_shape(params.shape, indices, axis, batch_dims)),
    lower=_gather_rows,
    vjp=(lambda g, y, params, indices, *, axis, batch_dims: scatter_rows_add(
        g, indices, shape=params.type.shape, axis=axis, batch_dims=batch_dims), None),
    sizes=lambda params, indices, *, axis, batch_dims: _known_rows(params.known, indices.known, axis, batch_dims),
    valid=lambda params, indices, *, axis, batch_dims: in_range(indices, params.type.shape[axis]),
    invalid=lambda params, indices, *, axis, batch_dims: errors.InvalidArgumentError(
        out_of_range("indices", indices, params.shape[axis]), see="index-outside"))
def gather_rows(params, indices: Operand(dtypes.int32), *, axis: Axis, batch_dims: Int = 0):  # type: ignore[valid-type]
    """The slices of `params` along `axis` that `indices` name; the first `batch_dims` axes of both go together."""


def _known_rows(params: Any, indices: Any, axis: int, batch_dims: int) -> Any:
    if params is None or indices is None or batch_dims:
        return None
    if not all(isinstance(i, int) and 0 <= i < params.shape[axis] for i in indices.flat):
        return None
    return np.take(params, indices.astype(np.int64), axis)


def _scatter_rows(xp: Any, u: Any, indices: Any, *, shape: Any, axis: int, batch_dims: int) -> Any:
    window, inserted, batching = _row_places(indices, len(shape), axis, batch_dims)
    numbers = xp.lax.ScatterDimensionNumbers(
        update_window_dims=window, inserted_window_dims=inserted, scatter_dims_to_operand_dims=inserted,
        scatter_indices_batching_dims=tuple(range(batch_dims)), **batching)
    return xp.lax.scatter_add(xp.zeros(shape, u.dtype), indices[..., None], u, numbers, mode="drop")


@op(infer=lambda updates, indices, *, shape, axis, batch_dims: updates.with_shape(shape), lower=_scatter_rows,
    vjp=(lambda g, y, updates, indices, *, shape, axis, batch_dims: gather_rows(
        g, indices, axis=axis, batch_dims=batch_dims), None))
def scatter_rows_add(updates, indices: Operand(dtypes.int32), *, shape: Shape, axis: Int,  # type: ignore[valid-type]
                     batch_dims: Int = 0):
    """Zeros of `shape` with each update added to the slice along `axis` that its index names."""


# --- single elements and slices -------------------------------------------------------------------------------------


def _nd_depth(indices: TensorType) -> int:
    require(indices, INTEGERS, "indices")
    require_rank_at_least(indices, 1, "indices")
    depth = indices.shape[-1]
    if isinstance(depth, Dim):
        raise errors.UnimplementedError(
            f"The last size of `indices` must be known while tracing. Received: shape {show(indices.shape)}.")
    return depth


def _gather_nd_infer(params: TensorType, indices: TensorType, *, batch_dims: int) -> TensorType:
    depth = _nd_depth(indices)
    if not 0 <= batch_dims < indices.rank or batch_dims + depth > params.rank:
        raise errors.InvalidArgumentError(
            f"An index of {depth} numbers, after {batch_dims} batch axes, does not fit the shape {show(params.shape)}. "
            f"Received: indices of shape {show(indices.shape)}.")
    for a, b in zip(params.shape[:batch_dims], indices.shape[:batch_dims]):
        same_size(a, b, "Batch sizes")
    return params.with_shape((*indices.shape[:-1], *params.shape[batch_dims + depth:]))


def _nd_places(rank: int, indices: Any, batch_dims: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    named = tuple(range(batch_dims, batch_dims + indices.shape[-1]))
    first = indices.ndim - 1
    return tuple(range(first, first + rank - len(named) - batch_dims)), named, tuple(range(batch_dims))


def _named(shape: Any, indices: Any, batch_dims: int = 0) -> Any:
    """The sizes of the axes that the last axis of `indices` names."""
    depth = (indices.type.shape if hasattr(indices, "type") else indices.shape)[-1]
    return shape[batch_dims:batch_dims + depth]


def _gather_nd(xp: Any, x: Any, indices: Any, *, batch_dims: int) -> Any:
    window, named, batch = _nd_places(x.ndim, indices, batch_dims)
    if 0 in [x.shape[a] for a in named]:
        return xp.zeros((*indices.shape[:-1], *x.shape[batch_dims + len(named):]), x.dtype)
    numbers = xp.lax.GatherDimensionNumbers(
        offset_dims=window, collapsed_slice_dims=named, start_index_map=named, operand_batching_dims=batch,
        start_indices_batching_dims=batch)
    sizes = tuple(1 if i < batch_dims + len(named) else s for i, s in enumerate(x.shape))
    return xp.lax.gather(x, indices, numbers, sizes, mode="fill", fill_value=0)


@op(infer=_gather_nd_infer, lower=_gather_nd,
    vjp=(lambda g, y, params, indices, *, batch_dims: scatter_nd_add_batched(
        zeros_like(params), indices, g, batch_dims=batch_dims), None),
    valid=lambda params, indices, *, batch_dims: all_in_range(indices, _named(params.type.shape, indices, batch_dims)),
    invalid=lambda params, indices, *, batch_dims: errors.InvalidArgumentError(row_out_of_range(
        indices, _named(params.shape, indices, batch_dims), params.shape, "param shape"), see="index-outside"))
def gather_nd(params, indices: Operand(dtypes.int32), *, batch_dims: Int = 0):  # type: ignore[valid-type]
    """The elements or slices of `params` named by the last axis of `indices`: `params[i, j]` for an index [i, j]."""


def _scatter_infer(tensor: TensorType, indices: TensorType, updates: TensorType, *, batch_dims: int = 0) -> TensorType:
    same_dtype(tensor, updates)
    taken = _gather_nd_infer(tensor, indices, batch_dims=batch_dims)
    same = [a == b or not dims.is_known(a, b) for a, b in zip(updates.shape, taken.shape)]
    if updates.rank != taken.rank or not all(same):
        raise errors.InvalidArgumentError(
            f"`updates` must have shape {show(taken.shape)}, for indices of shape {show(indices.shape)} into a tensor "
            f"of shape {show(tensor.shape)}. Received: shape {show(updates.shape)}.")
    return tensor


def _scatter(function: str) -> Callable[..., Any]:
    def lower(xp: Any, x: Any, indices: Any, updates: Any, *, batch_dims: int = 0) -> Any:
        window, named, batch = _nd_places(x.ndim, indices, batch_dims)
        numbers = xp.lax.ScatterDimensionNumbers(
            update_window_dims=window, inserted_window_dims=named, scatter_dims_to_operand_dims=named,
            operand_batching_dims=batch, scatter_indices_batching_dims=batch)
        return getattr(xp.lax, function)(x, indices, updates, numbers, mode="drop")
    return lower


def _scatter_valid(tensor: Any, indices: Any, updates: Any) -> Any:
    return all_in_range(indices, _named(tensor.type.shape, indices))


def _scatter_invalid(tensor: np.ndarray, indices: np.ndarray, updates: np.ndarray) -> Exception:
    return errors.InvalidArgumentError(
        row_out_of_range(indices, _named(tensor.shape, indices), tensor.shape, "shape"), see="index-outside")


@op(infer=_scatter_infer, lower=_scatter("scatter_add"),
    vjp=(lambda g, y, tensor, indices, updates, *, batch_dims: g, None,
         lambda g, y, tensor, indices, updates, *, batch_dims: gather_nd(g, indices, batch_dims=batch_dims)))
def scatter_nd_add_batched(tensor, indices: Operand(dtypes.int32), updates, *, batch_dims: Int):  # type: ignore[valid-type]
    """`tensor_scatter_nd_add` where the first `batch_dims` axes of all three go together."""


@op(infer=_scatter_infer, lower=_scatter("scatter"),
    vjp=(lambda g, y, tensor, indices, updates: tensor_scatter_nd_update(g, indices, zeros_like(updates)), None,
         lambda g, y, tensor, indices, updates: gather_nd(g, indices)),
    valid=_scatter_valid, invalid=_scatter_invalid)
def tensor_scatter_nd_update(tensor, indices: Operand(dtypes.int32), updates):  # type: ignore[valid-type]
    """The tensor with `updates` in place of the elements or slices that `indices` name."""


@op(infer=_scatter_infer, lower=_scatter("scatter_add"),
    vjp=(lambda g, y, tensor, indices, updates: g, None, lambda g, y, tensor, indices, updates: gather_nd(g, indices)),
    valid=_scatter_valid, invalid=_scatter_invalid)
def tensor_scatter_nd_add(tensor, indices: Operand(dtypes.int32), updates):  # type: ignore[valid-type]
    """The tensor with `updates` added at `indices`; updates of one place add up."""


@op(infer=_scatter_infer, lower=lambda xp, x, i, u: _scatter("scatter_add")(xp, x, i, xp.negative(u)),
    vjp=(lambda g, y, tensor, indices, updates: g, None,
         lambda g, y, tensor, indices, updates: negative(gather_nd(g, indices))),
    valid=_scatter_valid, invalid=_scatter_invalid)
def tensor_scatter_nd_sub(tensor, indices: Operand(dtypes.int32), updates):  # type: ignore[valid-type]
    """The tensor with `updates` subtracted at `indices`."""


def _extreme_gradients(g: Any, y: Any, tensor: Any, indices: Any, updates: Any) -> Any:
    # Each place shares its gradient equally among the tensor's element and the updates that attain the result.
    from_tensor = cast(equal(tensor, y), dtype=g.dtype)
    from_updates = cast(equal(updates, gather_nd(y, indices)), dtype=g.dtype)
    share = divide_float(g, tensor_scatter_nd_add(from_tensor, indices, from_updates))
    return share * from_tensor, None, gather_nd(share, indices) * from_updates


@op(infer=_scatter_infer, lower=_scatter("scatter_max"), vjp=_extreme_gradients,
    valid=_scatter_valid, invalid=_scatter_invalid)
def tensor_scatter_nd_max(tensor, indices: Operand(dtypes.int32), updates):  # type: ignore[valid-type]
    """The larger of the tensor and `updates` at `indices`; equals share the gradient."""


@op(infer=_scatter_infer, lower=_scatter("scatter_min"), vjp=_extreme_gradients,
    valid=_scatter_valid, invalid=_scatter_invalid)
def tensor_scatter_nd_min(tensor, indices: Operand(dtypes.int32), updates):  # type: ignore[valid-type]
    """The smaller of the tensor and `updates` at `indices`; equals share the gradient."""
