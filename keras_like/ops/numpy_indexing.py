"""`keras.ops`: picking, ordering and finding elements."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.numpy_shapes import sizes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import promoted, tensor


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition is true, else x2; with the condition only, as `nonzero`.

    >>> from treadle import keras
    >>> keras.ops.where([True, False], 1, 0.5).numpy().tolist()
    [1.0, 0.5]
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise tf.errors.InvalidArgumentError(f"`where` takes both x1 and x2, or none. Received: x1={x1!r}, x2={x2!r}.")
    return tf.where(tf.cast(tensor(condition), "bool"), *promoted(x1, x2))


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The choice that belongs to the first true condition, else `default`."""
    if len(condlist) != len(choicelist) or not condlist:
        raise tf.errors.InvalidArgumentError(
            f"There must be a choice for each condition. Received: {len(condlist)} conditions, {len(choicelist)} choices.")
    *choices, found = promoted(*choicelist, default)
    for condition, choice in list(zip(condlist, choices))[::-1]:
        found = tf.where(tf.cast(tensor(condition), "bool"), choice, found)
    return found


def get_item(x: Any, key: Any) -> Any:
    """x[key], for integers, slices, `...` and None."""
    return tensor(x)[key]


@operation
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at places along `axis`; of all in a row without one. Negative places count from the end.

    >>> from treadle import keras
    >>> keras.ops.take([[1, 2, 3]], [0, -1], axis=1).numpy().tolist()
    [[1, 3]]
    """
    x = tensor(x)
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    return tf.gather(x, _from_front(tensor(indices), sizes_of(x)[axis]), axis=axis)


def _from_front(indices: Any, size: Any) -> Any:
    if indices.dtype.is_unsigned:
        return tf.cast(indices, "int32")
    return tf.where(indices < 0, indices + tf.cast(size, indices.dtype), indices)


@operation
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """For each place along the other axes, the elements at that place's own indices along `axis`."""
    x, indices = tensor(x), tensor(indices)
    if axis is None:
        return tf.gather(tf.reshape(x, [-1]), _from_front(tf.reshape(indices, [-1]), tf.size(x)))
    rank = x.shape.rank
    axis = axis % rank
    indices = _from_front(indices, sizes_of(x)[axis])
    order = [a for a in range(rank) if a != axis] + [axis]
    back = [order.index(a) for a in range(rank)]
    x, indices = tf.transpose(x, order), tf.transpose(indices, order)
    if x.shape.as_list()[:-1] != indices.shape.as_list()[:-1]:
        wanted = [b if a == 1 else a for a, b in zip(sizes_of(x)[:-1], sizes_of(indices)[:-1])]
        x, indices = (tf.broadcast_to(v, [*wanted, sizes_of(v)[-1]]) for v in (x, indices))
    return tf.transpose(tf.gather(x, indices, batch_dims=rank - 1), back)


# --- order ------------------------------------------------------------------------------------------------------------


@operation
def sort(x: Any, axis: int = -1) -> Any:
    """The elements from small to large along `axis`."""
    x = tensor(x)
    if x.dtype.is_bool:
        return tf.cast(tf.sort(tf.cast(x, "int32"), axis=axis), "bool")
    return tf.sort(x, axis=axis)


@operation
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The places of the elements in the order from small to large; equal ones stay in their order."""
    x = tensor(x)
    x = tf.cast(x, "int32") if x.dtype.is_bool else x
    if x.shape.rank == 0 or axis is None:
        x, axis = tf.reshape(x, [-1]), -1
    return tf.argsort(x, axis=axis, stable=True)


@operation
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Places in an order in which the kth element is where sorting would put it, smaller ones before it."""
    x = tensor(x)
    size = tf.size(x) if axis is None else sizes_of(x)[axis]
    if isinstance(size, int) and not -size <= kth < size:
        raise tf.errors.InvalidArgumentError(f"`kth` is out of bounds for {size} elements. Received: kth={kth}.")
    return argsort(x, axis)  # which is one of those orders


# --- finding ----------------------------------------------------------------------------------------------------------


def nonzero(x: Any) -> Any:
    """The places of the elements that are not 0: a vector for each axis. Not within compiled functions.

    Raises UnimplementedError there: how many there are is only known when the program runs.
    """
    x = tensor(x)
    if x.shape.rank == 0:
        x = tf.reshape(x, [1])
    places = tf.cast(tf.where(tf.cast(x, "bool")), "int32")
    return tuple(places[:, i] for i in range(x.shape.rank))


def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """True for the elements of x1 that x2 has, too; the other way round with `invert`."""
    x1, x2 = promoted(x1, x2)
    found = tf.reduce_any(tf.equal(x1[..., None], tf.reshape(x2, [-1])), axis=-1)
    return tf.logical_not(found) if invert else found


def unravel_index(indices: Any, shape: Any) -> Any:
    """The places along each axis of a tensor of a shape, from places in the row of all elements."""
    rest = tensor(indices)
    count = int(np.prod(shape))
    rest = tf.where(rest < 0, rest + count, rest)
    places = []
    for n in tuple(shape)[::-1]:
        places.append(tf.math.floormod(rest, n))
        rest = tf.math.floordiv(rest, n)
    return tuple(places[::-1])


@operation
def unique(x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: int | None = None, size: int | None = None, fill_value: Any = None) -> Any:
    """The different elements of x, sorted; the different slices along `axis` if one is given.

    Also, where asked for, in this order: the place where each is first found; for each element of x the number of its
    like among the results; how often each occurs. `size`: the number of results; missing ones are `fill_value` (default:
    the smallest), surplus ones are left out.

    Raises UnimplementedError in compiled functions, where the number of results is not known, unless `size` is given
    and `axis` is not.

    >>> from treadle import keras
    >>> [part.numpy().tolist() for part in keras.ops.unique([3, 1, 3], return_counts=True)]
    [[1, 3], [1, 2]]
    """
    x = tensor(x)
    known = tf.get_static_value(x)
    if known is not None:
        found = _unique_known(np.asarray(known), axis, size, fill_value)
    elif size is not None and axis is None:
        found = _unique_of_size(x, size, fill_value)
    else:
        raise tf.errors.UnimplementedError(
            "The number of different elements is only known when the program runs. Received: "
            f"size={size}, axis={axis}. Give `size` and no `axis`, or call `unique` outside of the compiled function.")
    values, first, inverse, counts = found
    asked = [part for part, wanted in ((first, return_index), (inverse, return_inverse), (counts, return_counts)) if wanted]
    return (values, *asked) if asked else values


def _unique_known(x: np.ndarray, axis: int | None, size: int | None, fill: Any) -> list[Any]:
    values, first, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    shape = x.shape if axis is None else inverse.shape
    along = axis or 0
    if size is not None:
        missing = size - values.shape[along]
        if missing > 0:
            filler = np.take(values, [0], axis=along) if fill is None else np.full_like(np.take(values, [0], axis=along), fill)
            values = np.concatenate([values, *[filler] * missing], axis=along)
            first = np.concatenate([first, np.full(missing, first[0] if len(first) else 0)])
            counts = np.concatenate([counts, np.zeros(missing, counts.dtype)])
        values = np.take(values, np.arange(size), axis=along)
        first, counts = first[:size], counts[:size]
    return [tf.constant(values), *(tf.constant(part.astype(np.int32)) for part in (first, inverse.reshape(shape), counts))]


def _unique_of_size(x: Any, size: int, fill: Any) -> list[Any]:
    """The same for a tensor whose values are not known yet: sorted, and numbered where a new value begins."""
    flat = tf.reshape(x, [-1])
    order = tf.argsort(flat, stable=True)
    ordered = tf.gather(flat, order)
    begins = tf.concat([tf.ones_like(ordered[:1], "int32"), tf.cast(tf.not_equal(ordered[1:], ordered[:-1]), "int32")], axis=0)
    number = tf.cumsum(begins) - 1
    inverse = tf.reshape(tf.scatter_nd(order[:, None], number, tf.shape(flat)), tf.shape(x))
    counts = tf.math.unsorted_segment_sum(tf.ones_like(number), tf.where(number < size, number, -1), size)
    starts = tf.minimum(tf.cumsum(counts) - counts, tf.size(flat) - 1)
    filled = counts > 0
    filler = tf.reduce_min(flat) if fill is None else tensor(fill, x.dtype)
    values = tf.where(filled, tf.gather(ordered, starts), filler)
    first = tf.where(filled, tf.gather(order, starts), order[0])
    return [values, first, inverse, counts]
