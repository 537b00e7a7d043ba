"""`keras.ops`: tensors themselves: their shapes, dtypes, slices and scattered updates."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.numpy_shapes import sizes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import standardize_dtype, tensor


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as a tensor, cast to `dtype`.

    Raises UnimplementedError for sparse or ragged tensors: there are none.

    >>> from treadle import keras
    >>> keras.ops.convert_to_tensor([1, 2], dtype="float32").numpy().tolist()
    [1.0, 2.0]
    """
    if sparse or ragged:
        raise tf.errors.UnimplementedError(
            f"There are no sparse or ragged tensors. Received: sparse={sparse}, ragged={ragged}. Leave them out.")
    return tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array."""
    return np.asarray(tensor(x).numpy())


def is_tensor(x: Any) -> bool:
    """True for tensors."""
    return isinstance(x, tf.Tensor)


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes, as a tuple; scalar tensors stand for those that are not known yet.

    >>> from treadle import keras
    >>> keras.ops.shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(sizes_of(tensor(x)))


def dtype(x: Any) -> str:
    """The name of the dtype."""
    return standardize_dtype(tensor(x).dtype)


def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype."""
    return tensor(x, dtype)


def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype; what is out of its range becomes the nearest number that is in it."""
    return tf.saturate_cast(tensor(x), dtype)


@operation
def stop_gradient(variable: Any) -> Any:
    """The value, as a constant: gradients do not go through."""
    return tf.stop_gradient(tensor(variable))


@operation
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The parts of x along `axis`, without that axis."""
    return list(tf.unstack(tensor(x), num, axis))


# --- parts ------------------------------------------------------------------------------------------------------------


def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The part of a shape that begins at `start_indices`, which may be tensors; a size of -1 is what is left.

    >>> from treadle import keras
    >>> keras.ops.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)).numpy().tolist()
    [[2, 3], [5, 6]]
    """
    return tf.slice(tensor(inputs), start_indices, shape)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with the part that begins at `start_indices` replaced by `updates`."""
    x = tensor(inputs)
    updates = tensor(updates, x.dtype)
    if updates.shape.rank != x.shape.rank:
        raise tf.errors.InvalidArgumentError(
            f"`updates` has as many axes as `inputs`. Received: shapes {updates.shape} and {x.shape}.")
    starts = tf.unstack(tensor(start_indices, "int32"), x.shape.rank)
    grid = tf.meshgrid(*(tf.range(n) + s for n, s in zip(sizes_of(updates), starts)), indexing="ij")
    return tf.tensor_scatter_nd_update(x, tf.stack(grid, axis=-1), updates)


def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of a shape, with `values` added at `indices` [..., axes].

    >>> from treadle import keras
    >>> keras.ops.scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,)).numpy().tolist()
    [1.0, 0.0, 5.0, 0.0]
    """
    return tf.scatter_nd(tensor(indices, "int32"), tensor(values), shape)


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with `updates` at `indices` [..., axes] in place of what is there; or combined with it.

    `reduction`: None (replaced), "add", "max", "min" or "mul".
    """
    x, indices = tensor(inputs), tensor(indices, "int32")
    updates = tensor(updates, x.dtype)
    update = {None: tf.tensor_scatter_nd_update, "add": tf.tensor_scatter_nd_add, "max": tf.tensor_scatter_nd_max,
              "min": tf.tensor_scatter_nd_min}.get(reduction)
    if update is not None:
        return update(x, indices, updates)
    if reduction != "mul":
        raise tf.errors.InvalidArgumentError(
            f"`reduction` is None, 'add', 'max', 'min' or 'mul'. Received: reduction={reduction!r}.")
    depth = indices.shape[-1]
    sizes = sizes_of(x)
    place = indices[..., 0]
    for axis in range(1, depth):
        place = place * sizes[axis] + indices[..., axis]
    count = sizes[0]
    for n in sizes[1:depth]:
        count = count * n
    factors = tf.math.unsorted_segment_prod(
        tf.reshape(updates, [-1, *sizes[depth:]]), tf.reshape(place, [-1]), count)
    return x * tf.reshape(factors, sizes)
