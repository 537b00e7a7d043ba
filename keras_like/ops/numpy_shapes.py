"""`keras.ops`: other arrangements of the same elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import axes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import promoted, tensor

Axis = int | Sequence[int] | None


def sizes_of(x: Any) -> list[Any]:
    """The sizes of x: integers, and scalar tensors for those that are not known yet."""
    known = x.shape.as_list()
    return known if None not in known else [tf.shape(x)[i] if n is None else n for i, n in enumerate(known)]


# --- one tensor -------------------------------------------------------------------------------------------------------


def reshape(x: Any, newshape: Any) -> Any:
    """The elements in order in another shape; one size may be -1: what is left.

    >>> from treadle import keras
    >>> keras.ops.reshape([1, 2, 3, 4], (2, -1)).numpy().tolist()
    [[1, 2], [3, 4]]
    """
    return tf.reshape(tensor(x), (newshape,) if isinstance(newshape, int) else newshape)


def ravel(x: Any) -> Any:
    """All elements in a row."""
    return tf.reshape(tensor(x), [-1])


def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order; in the opposite one if none is given."""
    x = tensor(x)
    return tf.transpose(x, None if axes is None else axes_of(axes, x.shape.rank))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    x = tensor(x)
    order = list(range(x.shape.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return tf.transpose(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places; the rest keep their order."""
    x = tensor(x)
    rank = x.shape.rank
    moved, places = axes_of(source, rank), axes_of(destination, rank)
    if len(moved) != len(places):
        raise tf.errors.InvalidArgumentError(
            f"`source` and `destination` must be as many. Received: source={source}, destination={destination}.")
    order = [a for a in range(rank) if a not in moved]
    for place, axis in sorted(zip(places, moved)):
        order.insert(place, axis)
    return tf.transpose(x, order)


def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1; `axis` counts those of the result."""
    x = tensor(x)
    for a in sorted(axes_of(axis, x.shape.rank + (1 if isinstance(axis, int) else len(axis)))):
        x = tf.expand_dims(x, a)
    return x


def squeeze(x: Any, axis: Axis = None) -> Any:
    """Without the axes of size 1, or without those given, which must be of size 1."""
    return tf.squeeze(tensor(x), None if axis is None else [axis] if isinstance(axis, int) else list(axis))


@operation
def flip(x: Any, axis: Axis = None) -> Any:
    """The elements in the opposite order along `axis`, or along all axes."""
    x = tensor(x)
    return tf.reverse(x, axes_of(axis, x.shape.rank))


@operation
def fliplr(x: Any) -> Any:
    """The columns in the opposite order."""
    return flip(x, 1)


@operation
def flipud(x: Any) -> Any:
    """The rows in the opposite order."""
    return flip(x, 0)


@operation
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by k quarters of a circle, from the first of two axes to the second."""
    x = tensor(array)
    if len(axes) != 2 or x.shape.rank < 2 or len(set(axes_of(axes, x.shape.rank))) != 2:
        raise tf.errors.InvalidArgumentError(
            f"`axes` are two different axes of a tensor of two or more. Received: axes={axes}, shape {x.shape}.")
    first, second = axes_of(axes, x.shape.rank)
    if k % 4 == 2:
        return tf.reverse(x, [first, second])
    if k % 4 == 1:
        return swapaxes(tf.reverse(x, [second]), first, second)
    return tf.reverse(swapaxes(x, first, second), [second]) if k % 4 == 3 else x


@operation
def roll(x: Any, shift: Any, axis: Axis = None) -> Any:
    """The elements moved on by `shift` places, the last ones to the front; all in a row without an axis."""
    x = tensor(x)
    if axis is None:
        total = shift if isinstance(shift, int) else int(np.sum(shift))
        return tf.reshape(tf.roll(tf.reshape(x, [-1]), total, axis=0), tf.shape(x))
    axes = axes_of(axis, x.shape.rank)
    shifts = [shift] * len(axes) if isinstance(shift, int) else list(shift)
    for a, s in zip(axes, shifts):
        x = tf.roll(x, s, axis=a)
    return x


@operation
def tile(x: Any, repeats: Any) -> Any:
    """x side by side with itself, so many times along each axis, the last ones first."""
    x = tensor(x)
    counts = [repeats] if isinstance(repeats, int) else list(repeats)
    while len(counts) < x.shape.rank:
        counts.insert(0, 1)
    while len(counts) > x.shape.rank:
        x = x[None]
    return tf.tile(x, counts)


@operation
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element so many times in a row, along `axis`; of all in a row without one."""
    return tf.repeat(tensor(x), repeats, axis=axis)


def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated along new axes, and along axes of size 1, to a shape."""
    return tf.broadcast_to(tensor(x), shape)


@operation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """x with a border of `pad_width`: an integer, (before, after), or such a pair for each axis.

    `mode`: "constant" (`constant_values`, default 0), "reflect", "symmetric", "edge" (the outermost element again) or
    "wrap" (from the other end). Raises UnimplementedError for NumPy's other modes.

    >>> from treadle import keras
    >>> keras.ops.pad([1, 2, 3], 1, mode="edge").numpy().tolist()
    [1, 1, 2, 3, 3]
    """
    x = tensor(x)
    pairs = np.broadcast_to(np.asarray(pad_width), (x.shape.rank, 2)).tolist()
    if mode == "constant":
        return tf.pad(x, pairs, constant_values=tensor(0 if constant_values is None else constant_values, x.dtype))
    if constant_values is not None:
        raise tf.errors.InvalidArgumentError(f"`constant_values` goes with mode='constant'. Received: mode={mode!r}.")
    if mode not in ("reflect", "symmetric", "edge", "wrap"):
        raise tf.errors.UnimplementedError(
            f"`mode` is 'constant', 'reflect', 'symmetric', 'edge' or 'wrap'. Received: mode={mode!r}. Compute the border, "
            "and put it beside `x` with `keras.ops.concatenate`.")
    for axis, pair in enumerate(pairs):
        if any(pair):
            if x.shape[axis] is None:
                raise tf.errors.InvalidArgumentError(f"The padded axis {axis} must be of known size. Received: {x.shape}.")
            places = np.pad(np.arange(x.shape[axis], dtype=np.int32), pair, mode)  # type: ignore[call-overload]
            x = tf.gather(x, places, axis=axis)
    return x


@operation
def view(x: Any, dtype: Any = None) -> Any:
    """The same bytes read as another dtype; the last axis gets longer or shorter if its size differs."""
    x = tensor(x)
    kind = x.dtype if dtype is None else tf.as_dtype(dtype)
    if kind.size > x.dtype.size:
        x = tf.reshape(x, [*sizes_of(x)[:-1], -1, kind.size // x.dtype.size])
    narrower = kind.size < x.dtype.size
    found = tf.bitcast(x, kind)
    return tf.reshape(found, [*sizes_of(x)[:-1], -1]) if narrower else found


# --- several tensors --------------------------------------------------------------------------------------------------


def concatenate(xs: Any, axis: int | None = 0) -> Any:
    """Tensors one after the other along `axis`.

    >>> from treadle import keras
    >>> keras.ops.concatenate([[1, 2], [0.5]]).numpy().tolist()
    [1.0, 2.0, 0.5]
    """
    parts = promoted(*xs)
    return tf.concat([tf.reshape(p, [-1]) for p in parts] if axis is None else parts, axis=axis or 0)


def stack(x: Any, axis: int = 0) -> Any:
    """Tensors of one shape side by side along a new axis."""
    return tf.stack(promoted(*x), axis=axis)


def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 after x1 along `axis`; all elements in a row without one."""
    return concatenate([x1, x2], axis)


def hstack(xs: Any) -> Any:
    """Tensors one after the other along the second axis; vectors along the first."""
    parts = [tf.reshape(p, [1]) if p.shape.rank == 0 else p for p in promoted(*xs)]
    return tf.concat(parts, axis=0 if parts[0].shape.rank == 1 else 1)


def vstack(xs: Any) -> Any:
    """Tensors one after the other along the first axis; vectors as rows."""
    return tf.concat([tf.reshape(p, [1, -1]) if p.shape.rank < 2 else p for p in promoted(*xs)], axis=0)


def dstack(xs: Any) -> Any:
    """Tensors one after the other along the third axis; vectors as rows, matrices with a new last axis."""
    parts = []
    for part in promoted(*xs):
        part = tf.reshape(part, [1, -1]) if part.shape.rank < 2 else part
        parts.append(part[..., None] if part.shape.rank == 2 else part)
    return tf.concat(parts, axis=2)


# --- parts ------------------------------------------------------------------------------------------------------------


@operation
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """So many equal parts along `axis`, or the parts between the given places. Raises if equal parts do not fit.

    >>> from treadle import keras
    >>> [part.numpy().tolist() for part in keras.ops.split([1, 2, 3, 4], [1, 3])]
    [[1], [2, 3], [4]]
    """
    x = tensor(x)
    if isinstance(indices_or_sections, (int, np.integer)):
        size = x.shape[axis]
        if size is not None and size % indices_or_sections:
            raise tf.errors.InvalidArgumentError(
                f"The axis {axis}, of size {size}, has no {indices_or_sections} equal parts. `keras.ops.array_split` makes "
                f"parts of nearly equal size. Received: shape {x.shape}.")
        return list(tf.split(x, int(indices_or_sections), axis=axis))
    size = x.shape[axis]
    edges = [0, *np.minimum([p if p >= 0 else p + size for p in np.asarray(indices_or_sections).tolist()], size).tolist(), size]
    return list(tf.split(x, [int(b) - int(a) if b > a else 0 for a, b in zip(edges, edges[1:])], axis=axis))


@operation
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """So many parts along `axis`, the first ones larger by 1 where they cannot all be equal."""
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis)
    x = tensor(x)
    small, larger = divmod(x.shape[axis], int(indices_or_sections))
    return list(tf.split(x, [small + (i < larger) for i in range(int(indices_or_sections))], axis=axis))


@operation
def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts along the second axis; of a vector along the first."""
    return split(x, indices_or_sections, 0 if tensor(x).shape.rank == 1 else 1)


@operation
def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts along the first axis."""
    return split(x, indices_or_sections, 0)


@operation
def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts along the third axis."""
    return split(x, indices_or_sections, 2)


def size(x: Any) -> Any:
    """The number of elements."""
    x = tensor(x)
    known = x.shape.as_list()
    return tf.size(x) if None in known else int(np.prod(known, dtype=np.int64))


def ndim(x: Any) -> int:
    """The number of axes."""
    return tensor(x).shape.rank
