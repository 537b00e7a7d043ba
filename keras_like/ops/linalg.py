"""`keras.ops.linalg`: factorizations, inverses and norms of the matrices in the last two axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import axes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, tensor


def _matrices(x: Any) -> Any:
    x = floating(x)
    if x.shape.rank < 2:
        raise tf.errors.InvalidArgumentError(f"Expected matrices, of two axes or more. Received: shape {x.shape}.")
    return x


@operation
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular L with L L^T = x; with `upper`, L^T. Raises, when run eagerly, if there is none.

    >>> from treadle import keras
    >>> keras.ops.cholesky([[4.0, 2.0], [2.0, 2.0]]).numpy().tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    found = tf.linalg.cholesky(_matrices(x))
    return tf.linalg.adjoint(found) if upper else found


@operation
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of L L^T (of U^T U with `upper`), from its Cholesky factor."""
    x = _matrices(x)
    inverse = solve_triangular(x, tf.ones_like(x[..., :1]) * tf.eye(x.shape[-1], dtype=x.dtype), lower=not upper)
    return tf.matmul(inverse, inverse, transpose_b=True) if upper else tf.matmul(inverse, inverse, transpose_a=True)


@operation
def det(x: Any) -> Any:
    """The determinant."""
    return tf.linalg.det(_matrices(x))


@operation
def slogdet(x: Any) -> Any:
    """(the sign of the determinant, the logarithm of its absolute value)."""
    return tuple(tf.linalg.slogdet(_matrices(x)))


@operation
def inv(x: Any) -> Any:
    """The inverse."""
    return tf.linalg.inv(_matrices(x))


@operation
def eig(x: Any) -> Any:
    """(eigenvalues, eigenvectors as columns), complex."""
    return tuple(tf.linalg.eig(_matrices(x)))


@operation
def eigh(x: Any) -> Any:
    """(eigenvalues from small to large, eigenvectors as columns) of symmetric matrices."""
    return tuple(tf.linalg.eigh(_matrices(x)))


@operation
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(U, s, V^T) with x = U diag(s) V^T; only s if not `compute_uv`."""
    if not compute_uv:
        return tf.linalg.svd(_matrices(x), compute_uv=False)
    s, u, v = tf.linalg.svd(_matrices(x), full_matrices=full_matrices)
    return u, s, tf.linalg.adjoint(v)


@operation
def qr(x: Any, mode: str = "reduced") -> Any:
    """(Q, R): orthogonal columns and an upper triangle; `mode` "reduced" (default) or "complete"."""
    if mode not in ("reduced", "complete"):
        raise tf.errors.InvalidArgumentError(f"`mode` is 'reduced' or 'complete'. Received: mode={mode!r}.")
    return tuple(tf.linalg.qr(_matrices(x), full_matrices=mode == "complete"))


@operation
def lu_factor(x: Any) -> Any:
    """(L and U in one matrix, the pivots: row i was exchanged with row pivots[i])."""
    x = _matrices(x)
    factors, order = tf.linalg.lu(x)
    rows = order.shape[-1]
    count = min(rows, x.shape[-1])
    current = tf.zeros_like(order) + tf.range(rows)
    pivots = []
    for i in range(count):
        wanted = order[..., i:i + 1]
        place = tf.reduce_sum(tf.where(tf.equal(current, wanted), tf.range(rows), 0), axis=-1, keepdims=True)
        pivots.append(place)
        mine = current[..., i:i + 1]
        current = tf.where(tf.equal(tf.range(rows), place), mine, tf.where(tf.equal(tf.range(rows), i), wanted, current))
    return factors, tf.concat(pivots, axis=-1)


@operation
def solve(a: Any, b: Any) -> Any:
    """The x with a x = b; b may be a vector."""
    a, b = promoted(a, b, floating=True)
    return tf.squeeze(tf.linalg.solve(a, b[..., None]), [-1]) if b.shape.rank == a.shape.rank - 1 else tf.linalg.solve(a, b)


@operation
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x with a x = b, of a's upper triangle, or of its lower one; b may be a vector."""
    a, b = promoted(a, b, floating=True)
    vector = b.shape.rank == a.shape.rank - 1
    found = tf.linalg.triangular_solve(a, b[..., None] if vector else b, lower=lower)
    return tf.squeeze(found, [-1]) if vector else found


def _cut_off(s: Any, x: Any, rcond: Any, factor: float = 1.0) -> Any:
    """Below which singular values count as 0."""
    if rcond is None:
        rcond = factor * max(x.shape[-2], x.shape[-1]) * float(np.finfo(x.dtype.real_dtype.as_numpy_dtype).eps)
    return tensor(rcond, s.dtype)[..., None] * s[..., :1]


@operation
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The shortest x for which |a x - b| is smallest. Singular values below rcond times the largest count as 0."""
    a, b = promoted(a, b, floating=True)
    vector = b.shape.rank == 1
    s, u, v = tf.linalg.svd(a)
    large = s >= _cut_off(s, a, rcond)
    inverse = tf.where(large, 1 / tf.where(large, s, tf.ones_like(s)), tf.zeros_like(s))
    found = tf.matmul(v, inverse[:, None] * tf.matmul(u, b[:, None] if vector else b, adjoint_a=True))
    return tf.squeeze(found, [-1]) if vector else found


@operation
def pinv(x: Any, rcond: Any = None) -> Any:
    """The pseudoinverse. Singular values below rcond times the largest count as 0."""
    x = _matrices(x)
    s, u, v = tf.linalg.svd(x)
    large = s > _cut_off(s, x, rcond, factor=10.0)
    inverse = tf.where(large, 1 / tf.where(large, s, tf.ones_like(s)), tf.zeros_like(s))
    return tf.matmul(v * inverse[..., None, :], u, adjoint_b=True)


@operation
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values are over `tol`; default: as many as the dtype can tell from 0."""
    x = _matrices(x)
    s = tf.linalg.svd(x, compute_uv=False)
    limit = _cut_off(s, x, None) if tol is None else tensor(tol, s.dtype)
    return tf.reduce_sum(tf.cast(s > limit, "int32"), axis=-1)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors along one axis, or of matrices along two; of all elements without one.

    `ord`: of vectors, p in sum(|x|^p)^(1/p), 0 (how many are not 0), inf or -inf; of matrices, "fro", "nuc", 1, -1, 2, -2,
    inf or -inf. Default: the square root of the sum of squares.

    >>> from treadle import keras
    >>> keras.ops.norm([3.0, 4.0]).numpy().item()
    5.0
    """
    x = floating(x)
    if axis is None and ord is None:
        found = _two(x, list(range(x.shape.rank)))
        return tf.reshape(found, [1] * x.shape.rank) if keepdims else tf.reshape(found, [])
    axes = axes_of(axis, x.shape.rank)
    if len(axes) not in (1, 2):
        raise tf.errors.InvalidArgumentError(f"`axis` is one axis or two. Received: axis={axis} for shape {x.shape}.")
    found = _vector_norm(x, ord, axes) if len(axes) == 1 else _matrix_norm(x, ord, axes)
    return found if keepdims else tf.squeeze(found, axes)


def _two(x: Any, axes: list[int]) -> Any:
    return tf.sqrt(tf.reduce_sum(tf.square(tf.abs(x)), axis=axes, keepdims=True))


def _vector_norm(x: Any, ord: Any, axes: list[int]) -> Any:
    size = tf.abs(x)
    if ord is None or ord == 2:
        return _two(x, axes)
    if isinstance(ord, str):
        raise tf.errors.InvalidArgumentError(f"`ord` of vectors is a number. Received: ord={ord!r}.")
    if abs(ord) == np.inf:
        return (tf.reduce_max if ord > 0 else tf.reduce_min)(size, axis=axes, keepdims=True)
    if ord == 0:
        return tf.reduce_sum(tf.cast(size > 0, size.dtype), axis=axes, keepdims=True)
    if ord == 1:
        return tf.reduce_sum(size, axis=axes, keepdims=True)
    power = tf.constant(ord, size.dtype)
    return tf.pow(tf.reduce_sum(tf.pow(size, power), axis=axes, keepdims=True), 1 / power)


def _matrix_norm(x: Any, ord: Any, axes: list[int]) -> Any:
    if ord in (None, "fro"):
        return _two(x, axes)
    rows, columns = axes
    if ord in (1, -1, np.inf, -np.inf):
        summed, kept = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = tf.reduce_sum(tf.abs(x), axis=summed, keepdims=True)
        return (tf.reduce_max if ord > 0 else tf.reduce_min)(sums, axis=kept, keepdims=True)
    reduce = {"nuc": tf.reduce_sum, 2: tf.reduce_max, -2: tf.reduce_min}.get(ord)
    if reduce is None:
        raise tf.errors.InvalidArgumentError(
            f"`ord` of matrices is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf. Received: ord={ord!r}.")
    rest = [a for a in range(x.shape.rank) if a not in axes]
    s = tf.linalg.svd(tf.transpose(x, [*rest, rows, columns]), compute_uv=False)
    found = reduce(s, axis=-1)
    for a in sorted(axes):
        found = tf.expand_dims(found, a)
    return found


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """(fun(*primals), its derivative in the direction of `tangents`); with `has_aux`, what `fun` returns beside comes last.

    >>> from treadle import keras
    >>> [v.numpy().item() for v in keras.ops.linalg.jvp(lambda x: x * x, (3.0,), (1.0,))]
    [9.0, 6.0]
    """
    primals = tf.nest.map_structure(tensor, tuple(primals))
    tangents = tf.nest.map_structure(tensor, tuple(tangents))
    with tf.autodiff.ForwardAccumulator(primals, tangents) as accumulator:
        found = fun(*primals)
    value, aux = found if has_aux else (found, None)
    moved = tf.nest.map_structure(lambda v: _or_zeros(accumulator.jvp(v), v), value)
    return (value, moved, aux) if has_aux else (value, moved)


def _or_zeros(found: Any, value: Any) -> Any:
    return tf.zeros_like(value) if found is None else found
