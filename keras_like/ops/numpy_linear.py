"""`keras.ops`: products and sums of products."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import axes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, tensor


def _factors(*values: Any) -> list[Any]:
    """The values in one dtype; int8 ones as int32, which their products need, if all are int8."""
    found = [tensor(v) for v in values]
    if all(v.dtype is tf.int8 for v in found):
        return [tf.cast(v, "int32") for v in found]
    return promoted(*found)


def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product of the last two axes; the others are broadcast. A vector is a row on the left, a column on the right.

    >>> from treadle import keras
    >>> keras.ops.matmul([[1, 2], [3, 4]], [1, 0.5]).numpy().tolist()
    [2.0, 5.0]
    """
    a, b = _factors(x1, x2)
    if a.shape.rank == 0 or b.shape.rank == 0:
        raise tf.errors.InvalidArgumentError(f"`matmul` takes no scalars. Received: shapes {a.shape} and {b.shape}.")
    row, column = a.shape.rank == 1, b.shape.rank == 1
    found = tf.matmul(a[None, :] if row else a, b[:, None] if column else b)
    return tf.squeeze(found, [-2] * row + [-1] * column) if row or column else found


def dot(x1: Any, x2: Any) -> Any:
    """The sums of products over the last axis of x1 and the last but one of x2 (the only one of a vector)."""
    a, b = promoted(x1, x2)
    if a.shape.rank == 0 or b.shape.rank == 0:
        return tf.multiply(a, b)
    return tf.tensordot(a, b, axes=[[a.shape.rank - 1], [max(b.shape.rank - 2, 0)]])


@operation
def inner(x1: Any, x2: Any) -> Any:
    """The sums of products over the last axes of both."""
    a, b = promoted(x1, x2)
    if a.shape.rank == 0 or b.shape.rank == 0:
        return tf.multiply(a, b)
    return tf.tensordot(a, b, axes=[[a.shape.rank - 1], [b.shape.rank - 1]])


def outer(x1: Any, x2: Any) -> Any:
    """All products of an element of x1 with one of x2: [elements of x1, elements of x2]."""
    a, b = promoted(x1, x2)
    return tf.reshape(a, [-1, 1]) * tf.reshape(b, [1, -1])


def vdot(x1: Any, x2: Any) -> Any:
    """The sum of the products of the elements in order, x1 conjugated."""
    a, b = promoted(x1, x2)
    a = tf.math.conj(a) if a.dtype.is_complex else a
    return tf.tensordot(tf.reshape(a, [-1]), tf.reshape(b, [-1]), axes=1)


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sums of products over `axes`: so many last ones of x1 and first ones of x2, or two lists of axes."""
    a, b = promoted(x1, x2)
    return tf.tensordot(a, b, axes)


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sums of products in Einstein's notation: "ij,jk->ik" is the matrix product."""
    return tf.einsum(subscripts, *_factors(*operands))


@operation
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker's product: blocks x1[i, j] * x2."""
    a, b = promoted(x1, x2)
    rank = int(np.maximum(a.shape.rank, b.shape.rank))
    a, b = (tf.reshape(v, [1] * (rank - v.shape.rank) + v.shape.as_list()) for v in (a, b))
    for axis in range(rank):
        a, b = tf.expand_dims(a, 2 * axis + 1), tf.expand_dims(b, 2 * axis)
    found = a * b
    sizes = found.shape.as_list()
    return tf.reshape(found, [m * n for m, n in zip(sizes[::2], sizes[1::2])])


def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The cross product of vectors of 2 or 3 elements along an axis; of two of 2 elements, the third component only."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = promoted(x1, x2)
    a, b = _axis_last(a, axisa), _axis_last(b, axisb)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise tf.errors.InvalidArgumentError(
            f"A cross product is of vectors of 2 or 3 elements. Received: {a.shape[-1]} and {b.shape[-1]}.")
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (tf.pad(v, [[0, 0]] * (v.shape.rank - 1) + [[0, 1]]) if v.shape[-1] == 2 else v for v in (a, b))
    found = tf.stack([a[..., (i + 1) % 3] * b[..., (i + 2) % 3] - a[..., (i + 2) % 3] * b[..., (i + 1) % 3]
                      for i in range(3)], axis=-1)
    rank = len(found.shape)
    order = list(range(rank - 1))
    order.insert(axisc % rank, rank - 1)
    return tf.transpose(found, order)


def _axis_last(x: Any, axis: int) -> Any:
    (axis,) = axes_of(axis, x.shape.rank)
    return tf.transpose(x, [a for a in range(x.shape.rank) if a != axis] + [axis])


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """The n-th differences of neighbours along `axis`: a[i + 1] - a[i] for n = 1."""
    x = tensor(a)
    (axis,) = axes_of(axis, x.shape.rank)
    lead = (slice(None),) * axis
    for _ in range(n):
        after, before = x[(*lead, slice(1, None))], x[(*lead, slice(None, -1))]
        x = tf.not_equal(after, before) if x.dtype.is_bool else after - before
    return x


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of y along `axis` by the trapezoidal rule, over the places x or at distances `dx`."""
    y = floating(y)
    (axis,) = axes_of(axis, y.shape.rank)
    if x is None:
        distances = tensor(dx, y.dtype)
    else:
        y, x = promoted(y, x)
        distances = diff(x)
        if x.shape.rank == 1:
            distances = tf.reshape(distances, [-1] + [1] * (y.shape.rank - 1 - axis))
        else:
            distances = diff(x, axis=axis)
    lead = (slice(None),) * axis
    return tf.reduce_sum((y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) * distances / 2, axis=axis)
