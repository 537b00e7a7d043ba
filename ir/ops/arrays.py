"""Ops on the layout of arrays: shapes, transposing, broadcasting, joining, cutting, padding, repeating."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Axes, Axis, Bool, Dtype, Int, Ints, NewAxis, Shape, Str
from treadle.ir.dims import Dim, Size
from treadle.ir.op import REGISTRY, Many, Operand, on_sizes, op
from treadle.ir.ops.elementwise import negative, zeros_like
from treadle.ir.ops.rules import (
    INTEGERS,
    require,
    same_dtype,
    same_size,
    show,
)
from treadle.ir.types import TensorType, product

# --- sizes as tensors -----------------------------------------------------------------------------------------------


@op(infer=lambda input, *, out_type: TensorType.of(out_type, (input.rank,)),
    lower=lambda xp, x, *, out_type: xp.asarray(x.shape, out_type.numpy),
    sizes=lambda input, *, out_type: np.array([*input.type.shape, None], object)[:-1])
def shape(input: Operand(), *, out_type: Dtype = dtypes.int32):  # type: ignore[valid-type]
    """The tensor's shape as an integer vector. Sizes that are not known while tracing may be calculated with."""


@op(infer=lambda input, *, out_type: TensorType.of(out_type, ()),
    lower=lambda xp, x, *, out_type: xp.asarray(x.size, out_type.numpy),
    sizes=lambda input, *, out_type: input.type.count)
def size(input: Operand(), *, out_type: Dtype = dtypes.int32):  # type: ignore[valid-type]
    """The number of elements."""


@op(infer=lambda input: TensorType.of(dtypes.int32, ()), lower=lambda xp, x: xp.asarray(x.ndim, np.int32),
    sizes=lambda input: input.type.rank)
def rank(input: Operand()):  # type: ignore[valid-type]
    """The number of axes."""


@op(infer=lambda *, size, dtype: TensorType.of(dtype, ()),
    lower=lambda xp, *, size, dtype: xp.asarray(size, dtype.numpy), sizes=lambda *, size, dtype: size)
def from_size(*, size: Int, dtype: Dtype):
    """A size as a number."""


@op(infer=lambda *, size, dtype: TensorType.of(dtype, (size,)),
    lower=lambda xp, *, size, dtype: xp.lax.iota(dtype.numpy, size),
    sizes=lambda *, size, dtype: np.arange(size) if dims.is_known(size) else None)
def iota(*, size: Int, dtype: Dtype = dtypes.int32):
    """0, 1 ... size - 1."""


# --- shape changes --------------------------------------------------------------------------------------------------


def _size_beside_zeros(old: Sequence[Size], new: Sequence[Size]) -> Size:
    """What -1 stands for in a shape that holds a 0: the sizes other than 0 are divided, as in TensorFlow."""
    kept, given = (product([s for s in shape if s not in (0, -1)]) for shape in (old, new))
    return dims.floordiv(kept, given)


def _reshape_infer(tensor: TensorType, *, shape: tuple[Size, ...]) -> TensorType:
    negative = [i for i, s in enumerate(shape) if isinstance(s, int) and s < 0]
    if len(negative) > 1 or any(shape[i] != -1 for i in negative):
        raise errors.InvalidArgumentError(f"At most one size may be -1, and none lower. Received: shape={show(shape)}.")
    total = tensor.count
    if negative:
        rest = product([s for i, s in enumerate(shape) if i != negative[0]])
        if dims.is_known(rest) and rest == 0:
            return tensor.with_shape([_size_beside_zeros(tensor.shape, shape) if s == -1 else s for s in shape])
        if dims.is_known(rest, total) and total % rest:
            raise errors.InvalidArgumentError(
                f"{total} elements do not divide into {rest}. Received: a tensor of shape {show(tensor.shape)}, "
                f"shape={show(shape)}.")
        found = dims.floordiv(total, rest)
        return tensor.with_shape([found if i == negative[0] else s for i, s in enumerate(shape)])
    if dims.is_known(total, *shape) and total != product(shape):
        raise errors.InvalidArgumentError(
            f"A tensor of {total} elements cannot have {product(shape)}. Received: a tensor of shape "
            f"{show(tensor.shape)}, shape={show(shape)}.")
    return tensor.with_shape(shape)


def _reshape(xp: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    if -1 in shape and 0 in shape:  # numpy refuses
        shape = tuple(_size_beside_zeros(x.shape, shape) if s == -1 else s for s in shape)
    return xp.reshape(x, shape)


@op(infer=_reshape_infer, lower=_reshape, vjp=(lambda g, y, tensor, *, shape: reshape(g, shape=tensor.type.shape),),
    sizes=lambda tensor, *, shape: None if tensor.known is None else tensor.known.reshape(
        tuple(-1 if isinstance(s, Dim) else s for s in shape)), traits="exact")
def reshape(tensor, *, shape: Shape):
    """The same elements, in row-major order, in another shape; one size may be -1, which follows from the others.

    >>> import treadle as tf
    >>> tf.reshape([[1, 2, 3], [4, 5, 6]], [3, -1]).numpy().tolist()
    [[1, 2], [3, 4], [5, 6]]
    """


@op(infer=lambda input, *, axis: input.with_shape((*input.shape[:axis], 1, *input.shape[axis:])),
    lower=lambda xp, x, *, axis: xp.expand_dims(x, axis),
    vjp=(lambda g, y, input, *, axis: reshape(g, shape=input.type.shape),),
    sizes=on_sizes(lambda x, *, axis: np.expand_dims(x, axis)), traits="exact")
def expand_dims(input, *, axis: NewAxis):
    """The tensor with a new axis of size 1 at `axis`."""


def _squeezed(type: TensorType, axis: tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes that `squeeze` removes."""
    if not axis:
        if not type.is_static:
            raise errors.UnimplementedError(
                f"Which axes have size 1 is not known while tracing. Received: shape {show(type.shape)}. Name the "
                "axes: `tf.squeeze(x, axis=[...])`.")
        return tuple(i for i, s in enumerate(type.shape) if s == 1)
    if any(not -type.rank <= a < type.rank for a in axis):
        raise errors.InvalidArgumentError(f"An axis is outside the shape {show(type.shape)}. Received: axis={axis}.")
    found = tuple(sorted({a % type.rank for a in axis}))
    for a in found:
        if dims.is_known(type.shape[a]) and type.shape[a] != 1:
            raise errors.InvalidArgumentError(
                f"Only axes of size 1 can be squeezed. Received: axis={a} of shape {show(type.shape)}.")
    return found


def _squeeze_infer(input: TensorType, *, axis: Any) -> TensorType:
    removed = _squeezed(input, axis)
    return input.with_shape([s for i, s in enumerate(input.shape) if i not in removed])


@op(infer=_squeeze_infer, lower=lambda xp, x, *, axis: xp.squeeze(x, axis or None),
    vjp=(lambda g, y, input, *, axis: reshape(g, shape=input.type.shape),),
    sizes=on_sizes(lambda x, *, axis: np.squeeze(x, axis or None)), traits="exact")
def squeeze(input, *, axis: Ints = None):
    """The tensor without its axes of size 1, or without those named by `axis`."""


def _order(perm: tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    if perm is None:
        return tuple(reversed(range(rank)))
    if sorted(p % rank if -rank <= p < rank else p for p in perm) != list(range(rank)):
        raise errors.InvalidArgumentError(f"`perm` must name each of the {rank} axes once. Received: perm={perm}.")
    return tuple(p % rank for p in perm)


def _transpose_gradient(g: Any, y: Any, a: Any, *, perm: Any, conjugate: bool) -> Any:
    inverse = np.argsort(_order(perm, len(a.type.shape))).tolist()
    return transpose(g, perm=inverse, conjugate=conjugate)


@op(infer=lambda a, *, perm, conjugate: a.with_shape([a.shape[p] for p in _order(perm, a.rank)]),
    lower=lambda xp, a, *, perm, conjugate: xp.transpose(xp.conj(a) if conjugate else a, perm),
    vjp=(_transpose_gradient,), sizes=on_sizes(lambda x, *, perm, conjugate: np.transpose(x, perm)), traits="exact")
def transpose(a, *, perm: Ints = None, conjugate: Bool = False):
    """The axes in the order `perm` (default: reversed); with `conjugate` also the complex conjugate.

    >>> import treadle as tf
    >>> tf.transpose([[1, 2], [3, 4]]).numpy().tolist()
    [[1, 3], [2, 4]]
    """


def _broadcast_to_infer(input: TensorType, *, shape: tuple[Size, ...]) -> TensorType:
    if any(isinstance(s, int) and s < 0 for s in shape):
        raise errors.InvalidArgumentError(f"A size must not be negative. Received: shape={show(shape)}.")
    fits = len(shape) >= input.rank and all(
        s == t or s == 1 or not dims.is_known(s, t) for s, t in zip(reversed(input.shape), reversed(shape)))
    if not fits:
        raise errors.InvalidArgumentError(f"The shape {show(input.shape)} does not broadcast to {show(shape)}.")
    return input.with_shape(shape)


@op(infer=_broadcast_to_infer, lower=lambda xp, x, *, shape: xp.broadcast_to(x, shape),
    vjp=(lambda g, y, input, *, shape: sum_to_shape(g, shape=input.type.shape),),
    sizes=on_sizes(lambda x, *, shape: np.broadcast_to(x, shape)), traits="exact")
def broadcast_to(input, *, shape: Shape):
    """The tensor repeated along axes of size 1 and along new ones in front, to have `shape`."""


def _sum_to_shape_infer(input: TensorType, *, shape: tuple[Size, ...]) -> TensorType:
    _broadcast_to_infer(input.with_shape(shape), shape=input.shape)
    return input.with_shape(shape)


def _sum_to_shape(xp: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    new = x.ndim - len(shape)
    axes = tuple(range(new)) + tuple(i for i, s in enumerate(shape, new) if s == 1 and x.shape[i] != 1)
    return xp.reshape(xp.sum(x, axes, dtype=x.dtype), shape) if axes else x


@op(infer=_sum_to_shape_infer, lower=_sum_to_shape,
    vjp=(lambda g, y, input, *, shape: broadcast_to(g, shape=input.type.shape),))
def sum_to_shape(input, *, shape: Shape):
    """The sum along the axes in which `shape` was broadcast to the tensor's shape: the cotangent of `broadcast_to`."""


# --- joining and cutting --------------------------------------------------------------------------------------------


def _concat_infer(*values: TensorType, axis: int) -> TensorType:
    if values[0].rank == 0:
        raise errors.InvalidArgumentError("Scalars have no axis to be joined along. Use `tf.stack`.")
    dtype = same_dtype(*values)
    shape = list(values[0].shape)
    for other in values[1:]:
        if other.rank != len(shape):
            raise errors.InvalidArgumentError(
                f"All tensors must have the same rank. Received: shapes {', '.join(show(v.shape) for v in values)}.")
        for i in range(len(shape)):
            if i != axis:
                shape[i] = same_size(shape[i], other.shape[i], f"Apart from axis {axis}, sizes (of axis {i})")
    total: Size = 0
    for value in values:
        total = total + value.shape[axis]
    shape[axis] = total
    return TensorType.of(dtype, shape)


def _concat_gradients(g: Any, y: Any, *values: Any, axis: int) -> Any:
    return split(g, sizes=tuple(v.type.shape[axis] for v in values), axis=axis)


def _concat_sizes(*values: Any, axis: int) -> Any:
    known = [v.known for v in values]
    return None if any(k is None for k in known) else np.concatenate(known, axis)


@op(infer=_concat_infer, lower=lambda xp, *values, axis: xp.concatenate(values, axis), vjp=_concat_gradients,
    sizes=_concat_sizes, traits="exact")
def concat(values: Many, *, axis: Axis):
    """The tensors joined along `axis`.

    >>> import treadle as tf
    >>> tf.concat([[1, 2], [3]], axis=0).numpy().tolist()
    [1, 2, 3]
    """


def _stack_infer(*values: TensorType, axis: int) -> TensorType:
    shape = list(values[0].shape)
    for other in values[1:]:
        if other.rank != len(shape):
            raise errors.InvalidArgumentError(
                f"All tensors must have the same shape. Received: shapes {', '.join(show(v.shape) for v in values)}.")
        shape = [same_size(a, b, "The sizes of stacked tensors") for a, b in zip(shape, other.shape)]
    shape.insert(axis, len(values))
    return TensorType.of(same_dtype(*values), shape)


def _stack_sizes(*values: Any, axis: int) -> Any:
    known = [v.known for v in values]
    return None if any(k is None for k in known) else np.stack(known, axis)


@op(infer=_stack_infer, lower=lambda xp, *values, axis: xp.stack(values, axis),
    vjp=lambda g, y, *values, axis: unstack(g, num=len(values), axis=axis), sizes=_stack_sizes, traits="exact")
def stack(values: Many, *, axis: NewAxis = 0):
    """Tensors of one shape along a new axis.

    >>> import treadle as tf
    >>> tf.stack([[1, 2], [3, 4]], axis=1).numpy().tolist()
    [[1, 3], [2, 4]]
    """


def _unstack_infer(value: TensorType, *, num: int | None, axis: int) -> list[TensorType]:
    found = value.shape[axis] if dims.is_known(value.shape[axis]) else num
    if found is None:
        raise errors.InvalidArgumentError(
            f"How many tensors to unstack into is not known while tracing. Received: shape {show(value.shape)}, "
            f"axis={axis}. Give `num=`.")
    if num is not None and num != found:
        raise errors.InvalidArgumentError(f"The size of axis {axis} is {found}. Received: num={num}.")
    return [value.with_shape([s for i, s in enumerate(value.shape) if i != axis])] * found


def _unstack(xp: Any, x: Any, *, num: int | None, axis: int) -> list[Any]:
    return [xp.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


def _unstack_gradient(g: Any, y: Any, value: Any, *, num: int | None, axis: int) -> Any:
    return stack(list(g), axis=axis) if g else zeros_like(value)


@op(infer=_unstack_infer, lower=_unstack, vjp=(_unstack_gradient,), many=True)
def unstack(value, *, num: Int = None, axis: Axis = 0):
    """The slices along `axis`, as a list."""


def _split_infer(value: TensorType, *, sizes: tuple[Size, ...], axis: int) -> list[TensorType]:
    if any(dims.is_known(s) and s < 0 for s in sizes):
        raise errors.InvalidArgumentError(f"A size must not be negative. Received: {sizes}.")
    total: Size = 0
    for s in sizes:
        total = total + s
    if dims.is_known(total, value.shape[axis]) and total != value.shape[axis]:
        raise errors.InvalidArgumentError(
            f"The sizes of the parts must add up to the size of axis {axis}, {value.shape[axis]}. Received: {sizes}.")
    return [value.with_shape((*value.shape[:axis], s, *value.shape[axis + 1:])) for s in sizes]


def _split(xp: Any, x: Any, *, sizes: tuple[int, ...], axis: int) -> list[Any]:
    ends = np.cumsum(sizes).tolist()
    return [xp.lax.slice_in_dim(x, end - s, end, axis=axis) for s, end in zip(sizes, ends)]


@op(infer=_split_infer, lower=_split, vjp=(lambda g, y, value, *, sizes, axis: concat(list(g), axis=axis),), many=True)
def split(value, *, sizes: Shape, axis: Axis):
    """Parts of the given sizes along `axis`, in order."""


# --- padding, repeating, reversing ----------------------------------------------------------------------------------


def _padded(tensor: TensorType, paddings: tuple[Size, ...]) -> list[Size]:
    if len(paddings) != 2 * tensor.rank or any(dims.is_known(p) and p < 0 for p in paddings):
        raise errors.InvalidArgumentError(
            f"`paddings` must hold two numbers for each axis, none of them negative. Received: {paddings} for "
            f"a tensor of shape {show(tensor.shape)}.")
    return [before + s + after for before, s, after in zip(paddings[::2], tensor.shape, paddings[1::2])]


def _pairs(paddings: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(paddings[::2], paddings[1::2]))


def _pad_infer(tensor: TensorType, value: TensorType, *, paddings: Any) -> TensorType:
    return TensorType.of(same_dtype(tensor, value), _padded(tensor, paddings))


def _pad_gradient(g: Any, y: Any, tensor: Any, value: Any, *, paddings: Any) -> Any:
    shape = tensor.type.shape
    return REGISTRY["strided_slice"](
        g, begin=paddings[::2], end=tuple(p + s for p, s in zip(paddings[::2], shape)), strides=(1,) * len(shape))


def _pad_value_gradient(g: Any, y: Any, tensor: Any, value: Any, *, paddings: Any) -> Any:
    total = REGISTRY["reduce_sum"]
    return total(g) - total(_pad_gradient(g, y, tensor, value, paddings=paddings))


@op(infer=_pad_infer,
    lower=lambda xp, x, value, *, paddings: xp.lax.pad(x, value, [(a, b, 0) for a, b in _pairs(paddings)]),
    vjp=(_pad_gradient, _pad_value_gradient))
def pad_with(tensor, value, *, paddings: Shape):
    """The tensor with the scalar `value` around it: `paddings` holds before and after for each axis, in one row."""


def _mirror_infer(tensor: TensorType, *, paddings: Any, mode: str) -> TensorType:
    shape = _padded(tensor, paddings)
    for size, pair in zip(tensor.shape, _pairs(paddings)):
        most = size - 1 if mode == "reflect" else size
        if dims.is_known(most, *pair) and max(pair) > max(most, 0):
            raise errors.InvalidArgumentError(
                f"Padding in mode {mode!r} takes at most {most} elements of an axis of size {size}. Received: {pair}.")
    return tensor.with_shape(shape)


def _mirror_gradient(g: Any, y: Any, tensor: Any, *, paddings: Any, mode: str) -> Any:
    return mirror_pad_transpose(g, paddings=paddings, mode=mode, shape=tensor.type.shape)


@op(infer=_mirror_infer, lower=lambda xp, x, *, paddings, mode: xp.pad(x, _pairs(paddings), mode),
    vjp=(_mirror_gradient,))
def mirror_pad(tensor, *, paddings: Shape, mode: Str):
    """The tensor continued by its mirror image; mode "reflect" leaves the edge itself out, "symmetric" repeats it."""


@op(infer=lambda g, *, paddings, mode, shape: g.with_shape(shape),
    lower=lambda xp, g, *, paddings, mode, shape: xp.linear_transpose(
        lambda x: xp.pad(x, _pairs(paddings), mode), shape, g),
    vjp=(lambda h, y, g, *, paddings, mode, shape: mirror_pad(h, paddings=paddings, mode=mode),))
def mirror_pad_transpose(g, *, paddings: Shape, mode: Str, shape: Shape):
    """The cotangent of `mirror_pad`: each mirrored element is added to the one it came from."""


def _tile_infer(input: TensorType, *, multiples: tuple[Size, ...]) -> TensorType:
    if len(multiples) != input.rank or any(dims.is_known(m) and m < 0 for m in multiples):
        raise errors.InvalidArgumentError(
            f"`multiples` must hold a number for each axis of the shape {show(input.shape)}, none of them negative. "
            f"Received: {multiples}.")
    return input.with_shape([s * m for s, m in zip(input.shape, multiples)])


def _tile_gradient(g: Any, y: Any, input: Any, *, multiples: Any) -> Any:
    pairs = [s for pair in zip(multiples, input.type.shape) for s in pair]
    return REGISTRY["reduce_sum"](reshape(g, shape=pairs), axis=tuple(range(0, len(pairs), 2)))


@op(infer=_tile_infer, lower=lambda xp, x, *, multiples: xp.tile(x, multiples), vjp=(_tile_gradient,), traits="exact")
def tile(input, *, multiples: Shape):
    """The tensor repeated as a whole, `multiples[i]` times along axis i."""


@op(infer=lambda tensor, *, axis: tensor, lower=lambda xp, x, *, axis: xp.flip(x, axis),
    vjp=(lambda g, y, tensor, *, axis: reverse(g, axis=axis),), sizes=on_sizes(lambda x, *, axis: np.flip(x, axis)),
    traits="exact")
def reverse(tensor, *, axis: Axes):
    """The tensor with the order of elements reversed along the axes."""


def _roll_infer(input: TensorType, shift: TensorType, *, axis: tuple[int, ...]) -> TensorType:
    require(shift, INTEGERS, "shift")
    if shift.rank > 1 or any(not -input.rank <= a < input.rank for a in axis):
        raise errors.InvalidArgumentError(
            f"`shift` must be a number for each axis. Received: shift of shape {show(shift.shape)}, axis={axis}, "
            f"input of shape {show(input.shape)}.")
    return input


@op(infer=_roll_infer, lower=lambda xp, x, shift, *, axis: xp.roll(x, xp.broadcast_to(shift, (len(axis),)), axis),
    vjp=(lambda g, y, input, shift, *, axis: roll(g, negative(shift), axis=axis), None))
def roll(input, shift: Operand(dtypes.int32), *, axis: Ints):  # type: ignore[valid-type]
    """The elements moved on by `shift` places along `axis`; those that fall off the end come in at the beginning."""


def _one_hot_infer(indices: TensorType, *, depth: Size, axis: int, dtype: Any) -> TensorType:
    require(indices, INTEGERS, "indices")
    return TensorType.of(dtype, (*indices.shape[:axis], depth, *indices.shape[axis:]))


def _one_hot(xp: Any, indices: Any, *, depth: int, axis: int, dtype: Any) -> Any:
    indices = indices if indices.dtype.itemsize >= 4 else xp.cast(indices, dtypes.int32)
    places = xp.lax.broadcasted_iota(indices.dtype, [depth if a == axis else 1 for a in range(indices.ndim + 1)], axis)
    return xp.cast(xp.equal(xp.expand_dims(indices, axis), places), dtype)


@op(infer=_one_hot_infer, lower=_one_hot)
def one_hot_at(indices: Operand(dtypes.int32), *, depth: Int, axis: NewAxis, dtype: Dtype):  # type: ignore[valid-type]
    """1 at the place along `axis` that the index names, 0 elsewhere; nothing but 0 for an index outside."""
