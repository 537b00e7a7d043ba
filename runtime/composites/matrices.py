"""`tf.linalg`'s functions of one matrix: diagonals, decompositions, solving."""

from __future__ import annotations

from typing import Any, NamedTuple

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import as_size
from treadle.ir.dims import Size
from treadle.ir.ops import decompositions, diagonals, solving
from treadle.ir.ops.arrays import expand_dims, reshape
from treadle.ir.ops.elementary import real
from treadle.ir.ops.elementwise import add, cast, log, multiply, ones_like, reciprocal, zeros_like
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.linalg import eye, matmul
from treadle.ir.ops.logic import equal, greater
from treadle.ir.ops.reductions import reduce_max, reduce_sum, sort_with_indices
from treadle.ir.ops.rules import count_as_number
from treadle.ir.ops.select import select
from treadle.ir.ops.solving import product
from treadle.ir.types import product as product_of_sizes
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor

# --- diagonals ------------------------------------------------------------------------------------------------------


def _one_diagonal(k: Any) -> int:
    known = getattr(k, "known", None)
    if isinstance(k, (list, tuple)) or (known is not None and known.ndim):
        low, high = (k if known is None else known.tolist()) if len(k) == 2 else (k[0], k[0])
        if low != high:
            raise errors.UnimplementedError(
                f"Bands of several diagonals at once are not supported. Received: k={k!r}. Call it once for each k.")
        k = low
    return as_size(k)  # type: ignore[return-value]


def diag(diagonal: Any, name: str = "diag", k: Any = 0, num_rows: Any = -1, num_cols: Any = -1, padding_value: Any = 0,
         align: str = "RIGHT_LEFT") -> Tensor:
    """Matrices with the given `k`-th diagonals and `padding_value` elsewhere: [..., n] -> [..., rows, columns].

    By default the matrices are square, and as small as the diagonal allows.

    >>> import treadle as tf
    >>> tf.linalg.diag([1, 2]).numpy().tolist()
    [[1, 0], [0, 2]]
    """
    x = convert_to_tensor(diagonal)
    k = _one_diagonal(k)
    if not x.type.shape:
        raise errors.InvalidArgumentError("A diagonal has rank 1 or more. Received: a scalar.")
    n = x.type.shape[-1]
    rows, columns = as_size(num_rows), as_size(num_cols)
    least_rows, least_columns = n - min(k, 0), n + max(k, 0)
    square = dims.maximum(least_rows, least_columns)
    if rows == -1:
        rows = square if columns == -1 else least_rows
    if columns == -1:
        columns = square if num_rows == -1 else least_columns
    found = diagonals.matrix_diag(x, k=k, num_rows=rows, num_cols=columns)
    if isinstance(padding_value, (int, float)) and padding_value == 0:
        return found
    place = diagonals.matrix_diag(ones_like(x), k=k, num_rows=rows, num_cols=columns)
    return select(equal(place, 1), found, convert_to_tensor(padding_value, x.dtype))


def diag_part(input: Any, name: str = "diag_part", k: Any = 0, padding_value: Any = 0,
              align: str = "RIGHT_LEFT") -> Tensor:
    """The `k`-th diagonal of each matrix: [..., rows, columns] -> [..., n].

    >>> import treadle as tf
    >>> tf.linalg.diag_part([[1, 2], [3, 4]]).numpy().tolist()
    [1, 4]
    """
    return diagonals.matrix_diag_part(input, k=_one_diagonal(k))


def set_diag(input: Any, diagonal: Any, name: str = "set_diag", k: Any = 0, align: str = "RIGHT_LEFT") -> Tensor:
    """The matrices with their `k`-th diagonals replaced.

    >>> import treadle as tf
    >>> tf.linalg.set_diag([[1, 2], [3, 4]], [0, 0]).numpy().tolist()
    [[0, 2], [3, 0]]
    """
    return diagonals.matrix_set_diag(input, diagonal, k=_one_diagonal(k))


def tensor_diag(diagonal: Any, name: str | None = None) -> Tensor:
    """Zeros of shape `diagonal.shape` twice, with the tensor where both halves of the index are equal.

    >>> import treadle as tf
    >>> tf.linalg.tensor_diag([[1, 2]]).shape
    TensorShape([1, 2, 1, 2])
    """
    x = convert_to_tensor(diagonal)
    count = product_of_sizes(x.type.shape)
    flat = diagonals.matrix_diag(reshape(x, (count,)), k=0, num_rows=count, num_cols=count)
    return reshape(flat, (*x.type.shape, *x.type.shape))


def tensor_diag_part(input: Any, name: str | None = None) -> Tensor:
    """The elements where both halves of the index are equal: the inverse of `tensor_diag`."""
    x = convert_to_tensor(input)
    half = x.type.rank // 2
    if x.type.rank % 2 or not half or any(
            dims.is_known(a, b) and a != b for a, b in zip(x.type.shape[:half], x.type.shape[half:])):
        raise errors.InvalidArgumentError(
            f"`input` must have an even rank, with two equal halves of its shape. Received: shape {x.shape}.")
    count = product_of_sizes(x.type.shape[:half])
    return reshape(diagonals.matrix_diag_part(reshape(x, (count, count))), x.type.shape[:half])


def trace(x: Any, name: str | None = None) -> Tensor:
    """The sum of each matrix's diagonal.

    >>> import treadle as tf
    >>> int(tf.linalg.trace([[1, 2], [3, 4]]))
    5
    """
    return reduce_sum(diagonals.matrix_diag_part(x, k=0), -1)


# --- decompositions -------------------------------------------------------------------------------------------------


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """(s, u, v) with tensor = u diag(s) v^H and the singular values s descending; only s without `compute_uv`.

    [..., m, n] gives s [..., k], u [..., m, k] and v [..., n, k] with k = min(m, n); with `full_matrices` u and v are
    square.

    >>> import treadle as tf
    >>> tf.linalg.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).numpy().tolist()
    [4.0, 3.0]
    """
    if not compute_uv:
        return decompositions.singular_values(tensor)
    return decompositions.svd_with_vectors(tensor, full_matrices=full_matrices)


def eigvalsh(tensor: Any, name: str | None = None) -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending; only the lower triangle is read."""
    return decompositions.eigh(tensor)[0]


def eigvals(tensor: Any, name: str | None = None) -> Tensor:
    """The eigenvalues of any square matrices, complex. CPU only."""
    return decompositions.eig(tensor)[0]


class Qr(NamedTuple):
    """The result of `qr`."""

    q: Tensor
    r: Tensor


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Qr:
    """(q, r) with input = q r, q of orthonormal columns and r upper triangular.

    >>> import treadle as tf
    >>> tf.linalg.qr([[3.0], [4.0]]).q.shape
    TensorShape([2, 1])
    """
    return Qr(*decompositions.qr(input, full_matrices=full_matrices))


class Lu(NamedTuple):
    """The result of `lu`."""

    lu: Tensor
    p: Tensor


def lu(input: Any, output_idx_type: Any = dtypes.int32, name: str | None = None) -> Lu:
    """(lu, p): L (below the diagonal, ones on it) and U in one matrix, with rows p of the input = L U."""
    packed, permutation = decompositions.lu_with_permutation(input)
    return Lu(packed, cast(permutation, dtype=output_idx_type))


def _unpacked(lower_upper: Any) -> tuple[Tensor, Tensor]:
    packed = convert_to_tensor(lower_upper)
    lower = diagonals.band_part(packed, -1, 0)
    return diagonals.matrix_set_diag(lower, ones_like(diagonals.matrix_diag_part(packed))), diagonals.band_part(
        packed, 0, -1)


def lu_solve(lower_upper: Any, perm: Any, rhs: Any, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The solution of A x = rhs, from `lu(A)`."""
    lower, upper = _unpacked(lower_upper)
    batch = lower.type.rank - 2
    permuted = gather_rows(rhs, perm, axis=batch, batch_dims=batch)
    return solving.triangular_solve(upper, solving.triangular_solve(lower, permuted), lower=False)


def lu_reconstruct(lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None) -> Tensor:
    """A, from `lu(A)`."""
    lower, upper = _unpacked(lower_upper)
    batch = lower.type.rank - 2
    inverse = sort_with_indices(perm, axis=-1, descending=False)[1]
    return gather_rows(matmul(lower, upper), inverse, axis=batch, batch_dims=batch)


def lu_matrix_inverse(lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The inverse of A, from `lu(A)`."""
    packed = convert_to_tensor(lower_upper)
    identity = eye(packed.type.shape[-1], batch_shape=packed.type.shape[:-2], dtype=packed.dtype)
    return lu_solve(packed, perm, identity)


# --- solving --------------------------------------------------------------------------------------------------------


def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Tensor:
    """The solution of A x = rhs, from `cholesky(A)`.

    >>> import treadle as tf
    >>> tf.linalg.cholesky_solve([[2.0]], [[8.0]]).numpy().tolist()
    [[2.0]]
    """
    return solving.triangular_solve(chol, solving.triangular_solve(chol, rhs), adjoint=True)


def logdet(matrix: Any, name: str | None = None) -> Tensor:
    """log det of Hermitian positive definite matrices, by their Cholesky factors.

    >>> import treadle as tf
    >>> round(float(tf.linalg.logdet([[2.0, 0.0], [0.0, 2.0]])), 4)
    1.3863
    """
    diagonal = diagonals.matrix_diag_part(decompositions.cholesky(matrix))
    return 2.0 * reduce_sum(log(real(diagonal) if diagonal.dtype.is_complex else diagonal), -1)


class SlogDet(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value."""

    sign: Tensor
    log_abs_determinant: Tensor


def slogdet(input: Any, name: str | None = None) -> SlogDet:
    """(sign, log|det|) of each matrix: the logarithm does not overflow where the determinant would.

    >>> import treadle as tf
    >>> sign, logabsdet = tf.linalg.slogdet([[2.0, 0.0], [0.0, -2.0]])
    >>> float(sign), round(float(logabsdet), 4)
    (-1.0, 1.3863)
    """
    return SlogDet(*solving.slogdet(input))


def _cutoff(s: Tensor, m: Size, n: Size, factor: Any = None) -> Tensor:
    """Singular values up to this are taken as 0, for matrices of shape [..., m, n]."""
    largest = reduce_max(s, -1, True)
    if factor is None:
        epsilon = 2.0**-23 if s.dtype is dtypes.float32 else 2.0**-52
        return largest * (epsilon * count_as_number(dims.maximum(m, n), s.dtype))
    factor = convert_to_tensor(factor, s.dtype)
    return largest * (expand_dims(factor, axis=-1) if factor.type.shape else factor)


def matrix_rank(a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """How many singular values exceed `tol`, which is eps * max(m, n) * (the largest) by default. int32.

    >>> import treadle as tf
    >>> int(tf.linalg.matrix_rank([[1.0, 1.0], [1.0, 1.0]]))
    1
    """
    x = convert_to_tensor(a)
    s = decompositions.singular_values(x)
    limit = _cutoff(s, *x.type.shape[-2:]) if tol is None else convert_to_tensor(tol, s.dtype)
    if tol is not None and limit.type.shape:
        limit = expand_dims(limit, axis=-1)
    return reduce_sum(cast(greater(s, limit), dtype=dtypes.int32), -1)


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The Moore-Penrose inverse: singular values up to `rcond` times the largest count as 0.

    `rcond` is 10 * max(m, n) * eps by default.

    >>> import treadle as tf
    >>> tf.linalg.pinv([[2.0, 0.0]]).numpy().tolist()
    [[0.5], [0.0]]
    """
    x = convert_to_tensor(a)
    s, u, v = decompositions.svd_with_vectors(x, full_matrices=False)
    if rcond is None:
        limit = 10.0 * _cutoff(s, *x.type.shape[-2:])
    else:
        limit = _cutoff(s, 0, 0, rcond)
    kept = greater(s, limit)
    inverse = select(kept, reciprocal(select(kept, s, ones_like(s))), zeros_like(s))
    return product(multiply(v, expand_dims(cast(inverse, dtype=v.dtype), axis=-2)), u, adjoint_b=True)


def lstsq(matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True, name: str | None = None) -> Tensor:
    """The x that minimises |matrix x - rhs|^2 + l2_regularizer |x|^2; the shortest one, if there are several.

    `fast` solves the normal equations with a Cholesky factor: accurate for well-conditioned matrices of full rank.
    Without it the pseudo-inverse is used, and `l2_regularizer` is ignored, as in TensorFlow.

    >>> import treadle as tf
    >>> tf.linalg.lstsq([[1.0], [1.0]], [[1.0], [3.0]]).numpy().round(4).tolist()
    [[2.0]]
    """
    a = convert_to_tensor(matrix)
    b = convert_to_tensor(rhs, dtype_hint=a.dtype)
    if not fast:
        return product(pinv(a), b)
    m, n = a.type.shape[-2:]
    tall = not dims.is_known(m, n) or m >= n
    gram = product(a, a, adjoint_a=True) if tall else product(a, a, adjoint_b=True)
    if l2_regularizer:
        gram = add(gram, multiply(eye(gram.type.shape[-1], dtype=a.dtype), float(l2_regularizer)))
    factor = decompositions.cholesky(gram)
    if tall:
        return cholesky_solve(factor, product(a, b, adjoint_a=True))
    return product(a, cholesky_solve(factor, b), adjoint_a=True)


errors.shield(globals())
