"""Linear systems: solving, inverting, determinants.

The gradients are those of Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008). Matrices are the last two axes; leading axes are a batch.
"""

from typing import Any

from treadle.ir import dims, errors
from treadle.ir.attributes import Bool
from treadle.ir.op import op
from treadle.ir.ops.arrays import expand_dims, transpose
from treadle.ir.ops.diagonals import band_part
from treadle.ir.ops.elementwise import cast, negative
from treadle.ir.ops.linalg import matmul
from treadle.ir.ops.rules import (
    COMPLEX,
    FLOATS,
    broadcast_shapes,
    conj,
    require,
    require_rank_at_least,
    same_dtype,
    show,
    unbroadcast,
)
from treadle.ir.types import TensorType

# XLA factorises matrices of 32 and 64 bits only.
FACTORED = (*FLOATS[2:], *COMPLEX)


def require_square(type: TensorType, name: str = "input") -> None:
    """Raise unless the operand is a batch of square matrices that can be factorised."""
    require(type, FACTORED, name)
    require_rank_at_least(type, 2, name)
    rows, columns = type.shape[-2:]
    if dims.is_known(rows, columns) and rows != columns:
        raise errors.InvalidArgumentError(f"`{name}` must be square. Received: shape {show(type.shape)}.")


def adjoint(x: Any) -> Any:
    """The conjugate transpose of each matrix."""
    rank = x.type.rank
    return conj(transpose(x, perm=(*range(rank - 2), rank - 1, rank - 2)))


def product(a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False) -> Any:
    """matmul of either matrix or its conjugate transpose."""
    return matmul(conj(a) if adjoint_a else a, conj(b) if adjoint_b else b, transpose_a=adjoint_a,
                  transpose_b=adjoint_b)


def as_factor(x: Any) -> Any:
    """A vector for each matrix, as numbers for its rows and columns: [...] -> [..., 1, 1]."""
    return expand_dims(expand_dims(x, axis=-1), axis=-1)


# --- A x = b --------------------------------------------------------------------------------------------------------


def _solve_infer(matrix: TensorType, rhs: TensorType, **how: Any) -> TensorType:
    dtype = same_dtype(matrix, rhs)
    require_square(matrix, "matrix")
    require_rank_at_least(rhs, 2, "rhs")
    rows, given = matrix.shape[-1], rhs.shape[-2]
    if dims.is_known(rows, given) and rows != given:
        raise errors.InvalidArgumentError(
            f"`rhs` must have as many rows as `matrix`. Received: matrix of shape {show(matrix.shape)}, rhs of shape "
            f"{show(rhs.shape)}.")
    return TensorType.of(dtype, (*broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2]), *rhs.shape[-2:]))


def _same_batch(xp: Any, a: Any, b: Any) -> Any:
    batch = xp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return xp.broadcast_to(a, (*batch, *a.shape[-2:])), xp.broadcast_to(b, (*batch, *b.shape[-2:]))


def _solve_lower(xp: Any, a: Any, b: Any, *, adjoint: bool) -> Any:
    a, b = _same_batch(xp, a, b)
    return xp.linalg.solve(xp.conj(xp.swapaxes(a, -1, -2)) if adjoint else a, b)


def _solve_vjp_rhs(g: Any, x: Any, a: Any, b: Any, *, adjoint: bool) -> Any:
    return unbroadcast(solve(a, g, adjoint=not adjoint), b)


def _solve_vjp_matrix(g: Any, x: Any, a: Any, b: Any, *, adjoint: bool) -> Any:
    back = solve(a, g, adjoint=not adjoint)
    outer = product(x, back, adjoint_b=True) if adjoint else product(back, x, adjoint_b=True)
    return unbroadcast(negative(outer), a)


@op(infer=_solve_infer, lower=_solve_lower, vjp=(_solve_vjp_matrix, _solve_vjp_rhs))
def solve(matrix, rhs, *, adjoint: Bool = False):
    """The solution x of matrix x = rhs, or of matrix^H x = rhs with `adjoint`: [..., n, n], [..., n, k] -> [..., n, k].

    A singular matrix gives inf or NaN.

    >>> import treadle as tf
    >>> tf.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [[2.0], [2.0]]).numpy().tolist()
    [[1.0], [0.5]]
    """


def _triangular_lower(xp: Any, a: Any, b: Any, *, lower: bool, adjoint: bool) -> Any:
    a, b = _same_batch(xp, a, b)
    return xp.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint)


def _triangular_vjp_rhs(g: Any, x: Any, a: Any, b: Any, *, lower: bool, adjoint: bool) -> Any:
    return unbroadcast(triangular_solve(a, g, lower=lower, adjoint=not adjoint), b)


def _triangular_vjp_matrix(g: Any, x: Any, a: Any, b: Any, *, lower: bool, adjoint: bool) -> Any:
    back = triangular_solve(a, g, lower=lower, adjoint=not adjoint)
    outer = product(x, back, adjoint_b=True) if adjoint else product(back, x, adjoint_b=True)
    triangle = band_part(negative(outer), -1, 0) if lower else band_part(negative(outer), 0, -1)
    return unbroadcast(triangle, a)


@op(infer=_solve_infer, lower=_triangular_lower, vjp=(_triangular_vjp_matrix, _triangular_vjp_rhs))
def triangular_solve(matrix, rhs, *, lower: Bool = True, adjoint: Bool = False):
    """`solve` for a triangular matrix, of which only that triangle is read.

    >>> import treadle as tf
    >>> tf.linalg.triangular_solve([[2.0, 9.0], [0.0, 4.0]], [[2.0], [2.0]]).numpy().tolist()
    [[1.0], [0.5]]
    """


# --- inverse and determinant ----------------------------------------------------------------------------------------


def _square_infer(input: TensorType, **how: Any) -> TensorType:
    require_square(input)
    return input


def _inv_lower(xp: Any, a: Any, *, adjoint: bool) -> Any:
    return xp.linalg.inv(xp.conj(xp.swapaxes(a, -1, -2)) if adjoint else a)


def _inv_vjp(g: Any, y: Any, a: Any, *, adjoint: bool) -> Any:
    if adjoint:  # y = A^-H, so the cotangent of A is the conjugate transpose of that of A^H
        return negative(product(product(y, g, adjoint_b=True), y))
    return negative(product(product(y, g, adjoint_a=True), y, adjoint_b=True))


@op(infer=_square_infer, lower=_inv_lower, vjp=(_inv_vjp,))
def inv(input, *, adjoint: Bool = False):
    """The inverse of each matrix, or of its conjugate transpose with `adjoint`. A singular one gives inf or NaN.

    >>> import treadle as tf
    >>> tf.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).numpy().tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """


def _det_infer(input: TensorType) -> TensorType:
    require_square(input)
    return input.with_shape(input.shape[:-2])


@op(infer=_det_infer, lower=lambda xp, a: xp.linalg.det(a),
    vjp=(lambda g, y, a: as_factor(g * conj(y)) * inv(a, adjoint=True),))
def det(input):
    """The determinant of each matrix. Its gradient, det(A) A^-H, needs an invertible matrix.

    >>> import treadle as tf
    >>> float(tf.linalg.det([[2.0, 0.0], [0.0, 4.0]]))
    8.0
    """


def _slogdet_infer(input: TensorType) -> tuple[TensorType, TensorType]:
    sign = _det_infer(input)
    return sign, sign.with_dtype(sign.dtype.real_dtype)


def _slogdet_vjp(g: Any, y: Any, a: Any) -> list[Any]:
    # The sign of a real determinant is constant; the phase of a complex one gets no gradient, as in TensorFlow.
    return [as_factor(cast(g[1], dtype=a.dtype)) * inv(a, adjoint=True)]


@op(infer=_slogdet_infer, lower=lambda xp, a: tuple(xp.linalg.slogdet(a)), vjp=_slogdet_vjp, many=True)
def slogdet(input):
    """(sign, log|det|) of each matrix: the logarithm does not overflow where the determinant would.

    >>> import treadle as tf
    >>> sign, logabsdet = tf.linalg.slogdet([[2.0, 0.0], [0.0, -2.0]])
    >>> float(sign), round(float(logabsdet), 4)
    (-1.0, 1.3863)
    """
