"""Ops on the diagonals of matrices: the last two axes of their operand."""

from typing import Any

from treadle.ir import dims, errors
from treadle.ir.attributes import Int
from treadle.ir.dims import Size
from treadle.ir.op import op
from treadle.ir.ops.elementwise import zeros_like
from treadle.ir.ops.rules import require_rank_at_least, same_dtype, show
from treadle.ir.types import TensorType


def diagonal_length(rows: Size, columns: Size, k: int) -> Size:
    """How many elements the `k`-th diagonal has (above the main one where k > 0)."""
    return dims.minimum(rows + min(k, 0), columns - max(k, 0))


def _check_k(type: TensorType, k: int) -> None:
    require_rank_at_least(type, 2, "input")
    rows, columns = type.shape[-2:]
    if (dims.is_known(rows) and k <= -rows and k != 0) or (dims.is_known(columns) and k >= columns and k != 0):
        raise errors.InvalidArgumentError(
            f"The diagonal must lie inside the matrix. Received: k={k} for matrices of shape {show(type.shape[-2:])}.")


def _place(xp: Any, rows: int, columns: int, k: int) -> Any:
    """True on the `k`-th diagonal."""
    return xp.arange(columns)[None, :] - xp.arange(rows)[:, None] == k


def _spread(xp: Any, diagonal: Any, rows: int, columns: int, k: int) -> Any:
    """The diagonal's elements at their rows (or columns, below the main diagonal), repeated along the other axis."""
    missing = (rows if k >= 0 else columns) - diagonal.shape[-1]
    padded = xp.pad(diagonal, [(0, 0)] * (diagonal.ndim - 1) + [(0, missing)])
    return padded[..., :, None] if k >= 0 else padded[..., None, :]


# --- matrices from diagonals ----------------------------------------------------------------------------------------


def _diag_infer(diagonal: TensorType, *, k: int, num_rows: Any, num_cols: Any) -> TensorType:
    require_rank_at_least(diagonal, 1, "diagonal")
    result = diagonal.with_shape((*diagonal.shape[:-1], num_rows, num_cols))
    _check_k(result, k)
    length = diagonal_length(num_rows, num_cols, k)
    if dims.is_known(length, diagonal.shape[-1]) and length != diagonal.shape[-1]:
        raise errors.InvalidArgumentError(
            f"Diagonal {k} of a matrix of shape {show((num_rows, num_cols))} has {length} elements. Received: a "
            f"diagonal of shape {show(diagonal.shape)}.")
    return result


def _diag_lower(xp: Any, diagonal: Any, *, k: int, num_rows: int, num_cols: int) -> Any:
    spread = _spread(xp, diagonal, num_rows, num_cols, k)
    return xp.where(_place(xp, num_rows, num_cols, k), spread, xp.zeros((), diagonal.dtype))


@op(infer=_diag_infer, lower=_diag_lower,
    vjp=(lambda g, y, diagonal, *, k, num_rows, num_cols: matrix_diag_part(g, k=k),))
def matrix_diag(diagonal, *, k: Int, num_rows: Int, num_cols: Int):
    """Matrices of zeros with the given `k`-th diagonal: [..., n] -> [..., num_rows, num_cols]."""


def _diag_part_infer(input: TensorType, *, k: int) -> TensorType:
    _check_k(input, k)
    rows, columns = input.shape[-2:]
    return input.with_shape((*input.shape[:-2], diagonal_length(rows, columns, k)))


@op(infer=_diag_part_infer, lower=lambda xp, x, *, k: xp.diagonal(x, k, -2, -1),
    vjp=(lambda g, y, x, *, k: matrix_diag(g, k=k, num_rows=x.type.shape[-2], num_cols=x.type.shape[-1]),))
def matrix_diag_part(input, *, k: Int = 0):
    """The `k`-th diagonals of matrices: [..., rows, columns] -> [..., n]."""


def _set_diag_infer(input: TensorType, diagonal: TensorType, *, k: int) -> TensorType:
    same_dtype(input, diagonal)
    expected = _diag_part_infer(input, k=k).shape
    if len(expected) != diagonal.rank or any(dims.is_known(a, b) and a != b for a, b in zip(expected, diagonal.shape)):
        raise errors.InvalidArgumentError(
            f"Diagonal {k} of a tensor of shape {show(input.shape)} has shape {show(expected)}. Received: a diagonal "
            f"of shape {show(diagonal.shape)}.")
    return input


def _set_diag_lower(xp: Any, x: Any, diagonal: Any, *, k: int) -> Any:
    rows, columns = x.shape[-2:]
    return xp.where(_place(xp, rows, columns, k), _spread(xp, diagonal, rows, columns, k), x)


@op(infer=_set_diag_infer, lower=_set_diag_lower,
    vjp=(lambda g, y, x, d, *, k: matrix_set_diag(g, zeros_like(d), k=k),
         lambda g, y, x, d, *, k: matrix_diag_part(g, k=k)))
def matrix_set_diag(input, diagonal, *, k: Int = 0):
    """The matrices with their `k`-th diagonals replaced."""


# --- bands ----------------------------------------------------------------------------------------------------------


def _band_infer(input: TensorType, *, num_lower: int, num_upper: int) -> TensorType:
    require_rank_at_least(input, 2, "input")
    return input


def _band_lower(xp: Any, x: Any, *, num_lower: int, num_upper: int) -> Any:
    above = xp.arange(x.shape[-1])[None, :] - xp.arange(x.shape[-2])[:, None]
    inside = xp.ones(x.shape[-2:], bool)
    if num_lower >= 0:
        inside &= above >= -num_lower
    if num_upper >= 0:
        inside &= above <= num_upper
    return xp.where(inside, x, xp.zeros((), x.dtype))


@op(infer=_band_infer, lower=_band_lower,
    vjp=(lambda g, y, x, *, num_lower, num_upper: band_part(g, num_lower=num_lower, num_upper=num_upper),))
def band_part(input, *, num_lower: Int, num_upper: Int):
    """The matrices with zeros outside a band: `num_lower` diagonals below the main one and `num_upper` above it.

    A negative number keeps that whole triangle: band_part(x, -1, 0) is the lower triangle.

    >>> import treadle as tf
    >>> tf.linalg.band_part(tf.ones([2, 2]), -1, 0).numpy().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
