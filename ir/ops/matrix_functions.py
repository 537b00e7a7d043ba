"""Functions of whole matrices: the exponential and the square root."""

from typing import Any

from treadle.ir.op import op
from treadle.ir.ops.arrays import concat
from treadle.ir.ops.elementwise import zeros_like
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.ops.solving import adjoint, require_square
from treadle.ir.types import TensorType

# The coefficients of the [13/13] Pade approximant of e^x, accurate for matrices of 1-norm below 5.37
# (Higham, "The scaling and squaring method for the matrix exponential revisited", 2005).
_PADE = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
         10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0)
_LARGEST_NORM = 5.37


def _infer(input: TensorType) -> TensorType:
    require_square(input)
    return input


def _expm_lower(xp: Any, a: Any) -> Any:
    norm = xp.max(xp.sum(xp.abs(a), axis=-2, keepdims=True), axis=-1, keepdims=True, initial=0)
    squarings = xp.maximum(xp.ceil(xp.log2(xp.maximum(norm, 1e-30) / _LARGEST_NORM)), 0)
    squarings = xp.where(xp.isfinite(norm), squarings, 0).astype(xp.int32)
    a = a / (2.0 ** squarings.astype(norm.dtype)).astype(a.dtype)
    b = [c / _PADE[-2] for c in _PADE]  # scaled, so that float32 does not overflow
    eye = xp.broadcast_to(xp.eye(a.shape[-1], dtype=a.dtype), a.shape)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * eye)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * eye
    result = xp.linalg.solve(even - odd, even + odd)
    most = xp.max(squarings, initial=0)

    def squared(state: Any) -> Any:
        count, x = state
        return count + 1, xp.where(count < squarings, x @ x, x)

    return xp.lax.while_loop(lambda state: state[0] < most, squared, (xp.zeros((), xp.int32), result))[1]


def _through_blocks(function: Any, g: Any, a: Any) -> Any:
    """The cotangent of A of a matrix function f: the derivative in direction G stands in the upper right of
    f([[A, G], [0, A]]) (Mathias, 1996), and its adjoint is that of A^H."""
    turned, n = adjoint(a), a.type.shape[-1]
    upper = concat([turned, g], axis=-1)
    lower = concat([zeros_like(turned), turned], axis=-1)
    whole = function(concat([upper, lower], axis=-2))
    rank, batch = a.type.rank, a.type.shape[:-2]
    return strided_slice(whole, (*[0] * (rank - 1), n), (*batch, n, n + n), (1,) * rank)


@op(infer=_infer, lower=_expm_lower, vjp=(lambda g, y, a: _through_blocks(expm, g, a),))
def expm(input):
    """The exponential of each matrix, I + A + A^2 / 2! + ..., by a Pade approximant with scaling and squaring.

    >>> import treadle as tf
    >>> tf.linalg.expm([[0.0, 1.0], [0.0, 0.0]]).numpy().round(4).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """


_MOST_STEPS = 60


def _sqrtm_lower(xp: Any, a: Any) -> Any:
    """Denman and Beavers' iteration, which is stable and converges quadratically: y to the root, z to its inverse."""
    def further(state: Any) -> Any:
        step, _, y, z = state
        following = (y + xp.linalg.inv(z)) / 2
        change = xp.max(xp.abs(following - y) / xp.max(xp.abs(following), axis=(-2, -1), keepdims=True), initial=0)
        return step + 1, change, following, (z + xp.linalg.inv(y)) / 2

    def unfinished(state: Any) -> Any:
        step, change, _, _ = state
        return (step < _MOST_STEPS) & (change > 4 * xp.finfo(a.dtype).eps)

    eye = xp.broadcast_to(xp.eye(a.shape[-1], dtype=a.dtype), a.shape)
    first = (xp.zeros((), xp.int32), xp.asarray(xp.inf, xp.finfo(a.dtype).dtype), a, eye)
    return xp.lax.while_loop(unfinished, further, first)[2]


@op(infer=_infer, lower=_sqrtm_lower, vjp=(lambda g, y, a: _through_blocks(sqrtm, g, a),))
def sqrtm(input):
    """The principal square root of each matrix: X with X X = input.

    The matrix must be invertible, without eigenvalues on the negative real axis; otherwise the result has no meaning.

    >>> import treadle as tf
    >>> tf.linalg.sqrtm([[4.0, 0.0], [0.0, 9.0]]).numpy().round(4).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
