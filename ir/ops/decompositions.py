"""Decompositions of matrices (the last two axes) and their gradients.

Sources of the gradients: Cholesky - Murray, "Differentiation of the Cholesky decomposition" (2016); QR - Walter and
Lehmann, "Algorithmic differentiation of linear algebra functions" (2018); eigenvalues and singular values - Giles
(2008), and Wan and Zhang, "Automatic differentiation for complex valued SVD" (2019). Where two eigenvalues or singular
values coincide, the gradient of the vectors is not defined; its terms for that pair are taken as 0.
"""

from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Bool
from treadle.ir.op import op
from treadle.ir.ops.arrays import concat, expand_dims
from treadle.ir.ops.diagonals import band_part, matrix_diag, matrix_diag_part, matrix_set_diag
from treadle.ir.ops.elementary import real
from treadle.ir.ops.elementwise import add, cast, multiply, ones_like, reciprocal, subtract, zeros_like
from treadle.ir.ops.indexing import scatter_rows_add, strided_slice
from treadle.ir.ops.logic import equal
from treadle.ir.ops.rules import COMPLEX, conj, require, require_rank_at_least
from treadle.ir.ops.select import select
from treadle.ir.ops.solving import FACTORED, adjoint, product, require_square, solve, triangular_solve
from treadle.ir.types import TensorType


def _diagonal(x: Any) -> Any:
    """[..., n] as diagonal matrices [..., n, n]."""
    n = x.type.shape[-1]
    return matrix_diag(x, k=0, num_rows=n, num_cols=n)


def _columns(x: Any) -> Any:
    """[..., n] as a factor of the columns of a matrix."""
    return expand_dims(x, axis=-2)


def _rows(x: Any) -> Any:
    """[..., n] as a factor of the rows of a matrix."""
    return expand_dims(x, axis=-1)


def _inverse_or_zero(x: Any) -> Any:
    """1 / x, and 0 where x is 0."""
    zero = equal(x, zeros_like(x))
    safe = select(zero, add(x, 1), x)
    return select(zero, zeros_like(x), reciprocal(safe))


# --- Cholesky -------------------------------------------------------------------------------------------------------


def _square_infer(input: TensorType) -> TensorType:
    require_square(input)
    return input


def _half_lower(x: Any) -> Any:
    """The lower triangle, with half the diagonal."""
    lower = band_part(x, -1, 0)
    return matrix_set_diag(lower, matrix_diag_part(lower) * 0.5)


def _cholesky_vjp(g: Any, y: Any, a: Any) -> Any:
    middle = _half_lower(product(y, g, adjoint_a=True))
    left = triangular_solve(y, middle, lower=True, adjoint=True)          # L^-H P
    whole = adjoint(triangular_solve(y, adjoint(left), lower=True, adjoint=True))  # L^-H P L^-1
    return multiply(add(whole, adjoint(whole)), 0.5)


@op(infer=_square_infer, lower=lambda xp, a: xp.lax.linalg.cholesky(a, symmetrize_input=False), vjp=(_cholesky_vjp,))
def cholesky(input):
    """The lower triangular L with L L^H = input, for Hermitian positive definite matrices; NaN for others.

    Only the lower triangle is read. The gradient is Hermitian.

    >>> import treadle as tf
    >>> tf.linalg.cholesky([[4.0, 0.0], [0.0, 9.0]]).numpy().tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """


# --- QR -------------------------------------------------------------------------------------------------------------


def _qr_infer(input: TensorType, *, full_matrices: bool) -> tuple[TensorType, TensorType]:
    require(input, FACTORED, "input")
    require_rank_at_least(input, 2, "input")
    *batch, m, n = input.shape
    k = m if full_matrices else dims.minimum(m, n)
    return input.with_shape((*batch, m, k)), input.with_shape((*batch, k, n))


def _tall_qr_vjp(q: Any, r: Any, gq: Any, gr: Any) -> Any:
    m = subtract(product(r, gr, adjoint_b=True), product(gq, q, adjoint_a=True))
    lower = band_part(m, -1, 0)
    strict = matrix_set_diag(lower, zeros_like(matrix_diag_part(lower)))
    hermitian = add(matrix_set_diag(lower, _real_part(matrix_diag_part(lower))), adjoint(strict))
    right = add(gq, product(q, hermitian))
    return adjoint(triangular_solve(r, adjoint(right), lower=False, adjoint=False))


def _real_part(x: Any) -> Any:
    return cast(real(x), dtype=x.dtype) if x.dtype.is_complex else x


def _column_slice(x: Any, begin: Any, end: Any) -> Any:
    rank = x.type.rank
    return strided_slice(x, (*[0] * (rank - 1), begin), (*x.type.shape[:-1], end), (1,) * rank)


def _qr_vjp(g: Any, y: Any, a: Any, *, full_matrices: bool) -> list[Any]:
    (q, r), (gq, gr) = y, g
    m, n = a.type.shape[-2:]
    if not dims.is_known(m, n):
        raise errors.UnimplementedError("The gradient of `qr` needs matrices whose size is known while tracing.")
    if m >= n:
        if full_matrices and m > n:
            raise errors.UnimplementedError("`qr` with full_matrices=True has no gradient for more rows than columns.")
        return [_tall_qr_vjp(q, r, gq, gr)]
    # A = [X Y] with X square: X = Q U and Y = Q V, so Q also depends on the cotangent of V.
    x_rest, u = _column_slice(a, m, n), _column_slice(r, 0, m)
    gu, gv = _column_slice(gr, 0, m), _column_slice(gr, m, n)
    gx = _tall_qr_vjp(q, u, add(gq, product(x_rest, gv, adjoint_b=True)), gu)
    return [concat([gx, product(q, gv)], axis=-1)]


@op(infer=_qr_infer, vjp=_qr_vjp, many=True,
    lower=lambda xp, a, *, full_matrices: xp.lax.linalg.qr(a, full_matrices=full_matrices))
def qr(input, *, full_matrices: Bool = False):
    """(q, r) with input = q r, q^H q = I and r upper triangular.

    [..., m, n] gives [..., m, k] and [..., k, n] with k = min(m, n), or k = m with `full_matrices`.

    >>> import treadle as tf
    >>> q, r = tf.linalg.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> round(abs(float(r[0, 0])), 4)
    5.0
    """


# --- Hermitian eigenvalues ------------------------------------------------------------------------------------------


def _eigh_infer(tensor: TensorType) -> tuple[TensorType, TensorType]:
    require_square(tensor, "tensor")
    return TensorType.of(tensor.dtype.real_dtype, tensor.shape[:-1]), tensor


def _eigh_lower(xp: Any, a: Any) -> Any:
    vectors, values = xp.lax.linalg.eigh(a, lower=True, symmetrize_input=False)
    return values, vectors


def _eigh_vjp(g: Any, y: Any, a: Any) -> list[Any]:
    (e, v), (ge, gv) = y, g
    gaps = cast(_inverse_or_zero(subtract(_columns(e), _rows(e))), dtype=a.dtype)
    middle = add(_diagonal(cast(ge, dtype=a.dtype)), multiply(gaps, product(v, gv, adjoint_a=True)))
    whole = product(product(v, middle), v, adjoint_b=True)
    # Only the lower triangle is read, so it takes the gradient of both.
    return [_half_lower(add(whole, adjoint(whole)))]


@op(infer=_eigh_infer, lower=_eigh_lower, vjp=_eigh_vjp, many=True)
def eigh(tensor):
    """(eigenvalues, eigenvectors) of Hermitian matrices, the values ascending and the vectors as columns.

    Only the lower triangle is read, and only it has a gradient.

    >>> import treadle as tf
    >>> tf.linalg.eigh([[2.0, 0.0], [0.0, 1.0]])[0].numpy().tolist()
    [1.0, 2.0]
    """


# --- general eigenvalues --------------------------------------------------------------------------------------------


def _complex(type: TensorType) -> TensorType:
    return type if type.dtype.is_complex else type.with_dtype(COMPLEX[0 if type.dtype.size == 4 else 1])


def _eig_infer(tensor: TensorType) -> tuple[TensorType, TensorType]:
    require_square(tensor, "tensor")
    vectors = _complex(tensor)
    return vectors.with_shape(tensor.shape[:-1]), vectors


def _eig_vjp(g: Any, y: Any, a: Any) -> list[Any]:
    (e, v), (ge, gv) = y, g
    gaps = conj(_inverse_or_zero(subtract(_columns(e), _rows(e))))
    vgv = product(v, gv, adjoint_a=True)
    # The vectors have length 1, so a change along themselves does not count.
    along = product(v, multiply(v, _columns(_real_part(matrix_diag_part(vgv)))), adjoint_a=True)
    middle = add(_diagonal(ge), multiply(gaps, subtract(vgv, along)))
    found = solve(v, product(middle, v, adjoint_b=True), adjoint=True)
    return [found if a.dtype.is_complex else real(found)]


@op(infer=_eig_infer, lower=lambda xp, a: tuple(xp.lax.linalg.eig(a, compute_left_eigenvectors=False)), vjp=_eig_vjp,
    many=True)
def eig(tensor):
    """(eigenvalues, eigenvectors) of any square matrices, complex; the vectors are columns. CPU only.

    >>> import treadle as tf
    >>> tf.linalg.eig([[2.0]])[0].numpy().tolist()
    [(2+0j)]
    """


# --- singular values ------------------------------------------------------------------------------------------------


def _svd_infer(tensor: TensorType, *, full_matrices: bool) -> tuple[TensorType, TensorType, TensorType]:
    require(tensor, FACTORED, "tensor")
    require_rank_at_least(tensor, 2, "tensor")
    *batch, m, n = tensor.shape
    k = dims.minimum(m, n)
    return (TensorType.of(tensor.dtype.real_dtype, (*batch, k)),
            tensor.with_shape((*batch, m, m if full_matrices else k)),
            tensor.with_shape((*batch, n, n if full_matrices else k)))


def _svd_lower(xp: Any, a: Any, *, full_matrices: bool) -> Any:
    u, s, vh = xp.linalg.svd(a, full_matrices=full_matrices)
    return s, u, xp.conj(xp.swapaxes(vh, -1, -2))


def _svd_vjp(g: Any, y: Any, a: Any, *, full_matrices: bool) -> list[Any]:
    (s, u, v), (gs, gu, gv) = y, g
    if full_matrices and a.type.shape[-1] != a.type.shape[-2]:
        raise errors.UnimplementedError("`svd` with full_matrices=True has no gradient for rectangular matrices.")
    squares = multiply(s, s)
    gaps = cast(_inverse_or_zero(subtract(_columns(squares), _rows(squares))), dtype=a.dtype)
    sigma, inverse = cast(s, dtype=a.dtype), cast(_inverse_or_zero(s), dtype=a.dtype)
    ugu, vgv = product(u, gu, adjoint_a=True), product(v, gv, adjoint_a=True)
    j, k = multiply(gaps, ugu), multiply(gaps, vgv)
    middle = add(_diagonal(cast(gs, dtype=a.dtype)),
                 add(multiply(add(j, adjoint(j)), _columns(sigma)), multiply(_rows(sigma), add(k, adjoint(k)))))
    if a.dtype.is_complex:
        phase = _diagonal(matrix_diag_part(vgv))
        middle = add(middle, multiply(_rows(multiply(inverse, 0.5)), subtract(adjoint(phase), phase)))
    found = product(product(u, middle), v, adjoint_b=True)
    # What u and v leave out of their spaces: nothing, where the matrix is square.
    outside_u = multiply(subtract(gu, product(u, ugu)), _columns(inverse))
    outside_v = multiply(subtract(gv, product(v, vgv)), _columns(inverse))
    return [add(found, add(product(outside_u, v, adjoint_b=True), product(u, outside_v, adjoint_b=True)))]


@op(infer=_svd_infer, lower=_svd_lower, vjp=_svd_vjp, many=True)
def svd_with_vectors(tensor, *, full_matrices: Bool):
    """(s, u, v) with tensor = u diag(s) v^H, the singular values s descending."""


def _values_infer(tensor: TensorType) -> TensorType:
    return _svd_infer(tensor, full_matrices=False)[0]


def _values_vjp(g: Any, y: Any, a: Any) -> Any:
    _, u, v = svd_with_vectors(a, full_matrices=False)
    return product(multiply(u, _columns(cast(g, dtype=a.dtype))), v, adjoint_b=True)


@op(infer=_values_infer, lower=lambda xp, a: xp.linalg.svd(a, compute_uv=False), vjp=(_values_vjp,))
def singular_values(tensor):
    """The singular values of each matrix, descending."""


# --- LU -------------------------------------------------------------------------------------------------------------


def _lu_infer(input: TensorType) -> tuple[TensorType, TensorType]:
    require_square(input)
    return input, TensorType.of(dtypes.int32, input.shape[:-1])


def _lu_lower(xp: Any, a: Any) -> Any:
    lu, _, permutation = xp.lax.linalg.lu(a)
    return lu, permutation


def _lu_vjp(g: Any, y: Any, a: Any) -> list[Any]:
    packed, permutation = y
    upper = band_part(packed, 0, -1)
    lower = matrix_set_diag(band_part(packed, -1, 0), ones_like(matrix_diag_part(packed)))
    in_lower, in_upper = product(lower, g[0], adjoint_a=True), product(g[0], upper, adjoint_b=True)
    middle = add(subtract(band_part(in_lower, -1, 0), _diagonal(matrix_diag_part(in_lower))),
                 band_part(in_upper, 0, -1))
    left = triangular_solve(lower, middle, lower=True, adjoint=True)
    permuted = adjoint(triangular_solve(upper, adjoint(left), lower=False, adjoint=False))
    batch = a.type.rank - 2
    return [scatter_rows_add(permuted, permutation, shape=a.type.shape, axis=batch, batch_dims=batch)]


@op(infer=_lu_infer, lower=_lu_lower, vjp=_lu_vjp, many=True)
def lu_with_permutation(input):
    """(lu, p): L (below the diagonal, ones on it) and U in one matrix, with input[p] = L U."""
