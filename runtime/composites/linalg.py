"""Products, norms and other functions of matrices that are formulas over other ops."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from treadle.ir import dims, errors
from treadle.ir.attributes import as_axis
from treadle.ir.ops import linalg as ops
from treadle.ir.ops.arrays import concat, expand_dims, reshape, squeeze, transpose
from treadle.ir.ops.decompositions import singular_values
from treadle.ir.ops.elementwise import abs_, cast, sqrt, square
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.ops.reductions import reduce_max, reduce_sum
from treadle.ir.ops.rules import conj
from treadle.ir.ops.solving import adjoint as _adjoint
from treadle.ir.types import product
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def _pair(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Two tensors; numbers and lists take the other's dtype."""
    if hasattr(a, "dtype") or not hasattr(b, "dtype"):
        a = convert_to_tensor(a)
        return a, convert_to_tensor(b, dtype_hint=a.dtype)
    b = convert_to_tensor(b)
    return convert_to_tensor(a, dtype_hint=b.dtype), b


# --- products -------------------------------------------------------------------------------------------------------


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False,
           adjoint_b: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False, output_type: Any = None,
           grad_a: bool = False, grad_b: bool = False, name: str | None = None) -> Tensor:
    """The matrix product a b for each pair of matrices: [..., m, k] and [..., k, n] give [..., m, n].

    Args:
        a, b: tensors of rank 2 or more and one dtype; leading axes broadcast.
        transpose_a, transpose_b: swap the last two axes of an operand first.
        adjoint_a, adjoint_b: transpose and conjugate it.
        output_type: the dtype to convert both operands to before multiplying.

    XLA chooses the precision: full float32 on CPU, TF32 or bfloat16 passes where a GPU or TPU does so by default.

    Raises:
        InvalidArgumentError: ranks or sizes that do not fit, or an operand both transposed and adjoint.

    >>> import treadle as tf
    >>> tf.matmul([[1.0, 2.0]], [[3.0], [4.0]]).numpy().tolist()
    [[11.0]]
    """
    for flag, transposed, adjointed in (("a", transpose_a, adjoint_a), ("b", transpose_b, adjoint_b)):
        if transposed and adjointed:
            raise errors.InvalidArgumentError(
                f"`matmul`: only one of transpose_{flag} and adjoint_{flag} may be True. Received: both.")
    if output_type is not None:
        a, b = (cast(convert_to_tensor(x), dtype=output_type) for x in (a, b))
    if adjoint_a or adjoint_b:
        a, b = _pair(a, b)
        a, b = conj(a) if adjoint_a else a, conj(b) if adjoint_b else b
    return ops.matmul(a, b, transpose_a=transpose_a or adjoint_a, transpose_b=transpose_b or adjoint_b)


def matvec(a: Any, b: Any, transpose_a: bool = False, adjoint_a: bool = False, a_is_sparse: bool = False,
           b_is_sparse: bool = False, name: str | None = None) -> Tensor:
    """Each matrix times a vector: [..., m, n] and [..., n] give [..., m].

    >>> import treadle as tf
    >>> tf.linalg.matvec([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy().tolist()
    [3.0, 7.0]
    """
    a, b = _pair(a, b)
    return squeeze(matmul(a, expand_dims(b, axis=-1), transpose_a=transpose_a, adjoint_a=adjoint_a), axis=-1)


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """The sum over products along `axes`: the other axes of `a` come first in the result, then those of `b`.

    Args:
        a, b: tensors of one dtype.
        axes: an integer n (the last n axes of `a` with the first n of `b`), or a pair of lists of axes.

    >>> import treadle as tf
    >>> float(tf.tensordot([1.0, 2.0], [3.0, 4.0], 1))
    11.0
    """
    a, b = _pair(a, b)
    along_a, along_b = _contracted(axes, a.type.rank, b.type.rank)
    for i, j in zip(along_a, along_b):
        if dims.is_known(a.type.shape[i], b.type.shape[j]) and a.type.shape[i] != b.type.shape[j]:
            raise errors.InvalidArgumentError(
                f"Sizes that are summed over must be equal. Received: axis {i} of shape {a.shape} and axis {j} of "
                f"shape {b.shape}.")
    free_a = [i for i in range(a.type.rank) if i not in along_a]
    free_b = [j for j in range(b.type.rank) if j not in along_b]
    total = product([a.type.shape[i] for i in along_a])
    rows, columns = [a.type.shape[i] for i in free_a], [b.type.shape[j] for j in free_b]
    left = reshape(_ordered(a, [*free_a, *along_a]), (product(rows), total))
    right = reshape(_ordered(b, [*along_b, *free_b]), (total, product(columns)))
    return reshape(ops.matmul(left, right), (*rows, *columns))


def _ordered(x: Tensor, order: list[int]) -> Tensor:
    return x if order == list(range(len(order))) else transpose(x, order)


def _contracted(axes: Any, rank_a: int, rank_b: int) -> tuple[list[int], list[int]]:
    known = getattr(axes, "known", None)
    if known is not None:
        axes = np.asarray(known).tolist()
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(rank_a, rank_b):
            raise errors.InvalidArgumentError(
                f"`axes` must be between 0 and the smaller rank, {min(rank_a, rank_b)}. Received: axes={axes}.")
        return list(range(rank_a - axes, rank_a)), list(range(axes))
    first, second = axes
    first, second = ([x] if isinstance(x, (int, np.integer)) else list(x) for x in (first, second))
    if len(first) != len(second):
        raise errors.InvalidArgumentError(
            f"`axes` must name as many axes of `a` as of `b`. Received: {len(first)} and {len(second)}.")
    return [as_axis(i, rank_a) for i in first], [as_axis(j, rank_b) for j in second]


def einsum(equation: str, *inputs: Any, optimize: Any = "greedy", name: str | None = None) -> Tensor:
    """Einstein's sum: `ij,jk->ik` is the matrix product.

    Letters name axes; the letters after `->` are kept, in that order, the others summed over. Without `->` the
    letters that occur once are kept, in alphabetical order. `...` stands for axes that broadcast. A letter that occurs
    twice in one operand is its diagonal.

    Raises InvalidArgumentError for an equation that does not fit the operands.

    >>> import treadle as tf
    >>> tf.einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy().tolist()
    [3.0, 7.0]
    """
    if not inputs:
        raise errors.InvalidArgumentError("`einsum` needs an equation and at least one tensor. Received: no tensors.")
    hint = next((x.dtype for x in inputs if hasattr(x, "dtype")), None)
    tensors = [convert_to_tensor(x, dtype_hint=hint) for x in inputs]
    labels, output = _explicit(equation, [t.type.rank for t in tensors])
    distinct = [_without_repeats(t, names) for t, names in zip(tensors, labels)]
    return ops.einsum([t for t, _ in distinct], equation=",".join(names for _, names in distinct) + "->" + output)


def _explicit(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """One letter for each axis of each operand, and of the result."""
    text = equation.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise errors.InvalidArgumentError(
            f"The equation {equation!r} has {len(terms)} operands. Received: {len(ranks)} tensors.")
    if any(c not in string.ascii_letters + ".," for c in left + output) or output.count(",") or any(
            t.replace("...", "", 1).count(".") for t in [*terms, output]):
        raise errors.InvalidArgumentError(f"An equation has letters, `,`, `->` and `...`. Received: {equation!r}.")
    spare = [c for c in string.ascii_uppercase + string.ascii_lowercase if c not in text]
    hidden = [rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks)]
    for term, rank, count in zip(terms, ranks, hidden):
        if count < 0 or (count and "..." not in term):
            raise errors.InvalidArgumentError(
                f"The term {term!r} of {equation!r} has {len(term.replace('...', ''))} axes. Received: a tensor of "
                f"rank {rank}.")
    most = max([n for t, n in zip(terms, hidden) if "..." in t], default=0)
    names = "".join(spare[:most])
    labels = [t.replace("...", names[most - n:]) for t, n in zip(terms, hidden)]
    if not arrow:
        once = sorted(c for c in set(left) - set(".,") if left.count(c) == 1)
        output = ("..." if "..." in left else "") + "".join(once)
    output = output.replace("...", names)
    if len(set(output)) != len(output) or set(output) - set("".join(labels)):
        raise errors.InvalidArgumentError(
            f"Each letter of the result must occur once there and in an operand. Received: {equation!r}.")
    return labels, output


def _without_repeats(x: Tensor, labels: str) -> tuple[Tensor, str]:
    """The diagonal of the axes that share a letter: multiplied by the identity and summed over one of them."""
    while len(set(labels)) < len(labels):
        letter = next(c for c in labels if labels.count(c) > 1)
        second = labels.index(letter, labels.index(letter) + 1)
        fresh = next(c for c in string.ascii_letters if c not in labels)
        renamed = labels[:second] + fresh + labels[second + 1:]
        kept = labels[:second] + labels[second + 1:]
        eye = ops.eye(x.type.shape[second], dtype=x.dtype)
        x, labels = ops.einsum([x, eye], equation=f"{renamed},{letter}{fresh}->{kept}"), kept
    return x, labels


def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Tensor:
    """The last two axes swapped, the elements conjugated with `conjugate`.

    >>> import treadle as tf
    >>> tf.linalg.matrix_transpose([[1, 2, 3]]).shape
    TensorShape([3, 1])
    """
    x = convert_to_tensor(a)
    if x.type.rank < 2:
        raise errors.InvalidArgumentError(f"A matrix has rank 2 or more. Received: shape {x.shape}.")
    return transpose(x, (*range(x.type.rank - 2), x.type.rank - 1, x.type.rank - 2), conjugate)


def adjoint(matrix: Any, name: str | None = None) -> Tensor:
    """The conjugate transpose of each matrix."""
    return _adjoint(convert_to_tensor(matrix))


def cross(a: Any, b: Any, name: str | None = None) -> Tensor:
    """The cross product of vectors in the last axis, which has size 3.

    >>> import treadle as tf
    >>> tf.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).numpy().tolist()
    [0.0, 0.0, 1.0]
    """
    a, b = _pair(a, b)
    if not a.shape.is_compatible_with(b.shape) or not a.type.shape or a.type.shape[-1] != 3:
        raise errors.InvalidArgumentError(
            f"`cross` takes two tensors of one shape [..., 3]. Received: {a.shape} and {b.shape}.")

    def turned(x: Tensor, by: int) -> Tensor:
        """Component i + by in the place of component i."""
        rank, shape = x.type.rank, x.type.shape
        first = strided_slice(x, (0,) * (rank - 1) + (by,), shape, (1,) * rank)
        last = strided_slice(x, (0,) * rank, (*shape[:-1], by), (1,) * rank)
        return concat([first, last], axis=-1)

    return turned(a, 1) * turned(b, 2) - turned(a, 2) * turned(b, 1)


# --- norms ----------------------------------------------------------------------------------------------------------


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool | None = None,
         name: str | None = None) -> Tensor:
    """The norm of vectors (one axis, or all) or of matrices (a pair of axes).

    Args:
        tensor: a floating or complex tensor.
        ord: "euclidean" (default; for matrices also "fro"), 1, 2, a positive number p, or infinity. For matrices 1, 2
            and infinity are the operator norms.
        axis: None (the whole tensor is one vector), an integer, or a pair of integers.
        keepdims: keep the axes, with size 1. Default False.

    >>> import treadle as tf
    >>> float(tf.norm([3.0, 4.0]))
    5.0
    """
    x = convert_to_tensor(tensor)
    keep = bool(keepdims)
    if isinstance(axis, (list, tuple)) and len(axis) == 2:
        return _matrix_norm(x, ord, (as_axis(axis[0], x.type.rank), as_axis(axis[1], x.type.rank)), keep)
    if ord == "fro":
        raise errors.InvalidArgumentError("`ord` 'fro' is a norm of matrices: give a pair of axes. Received: "
                                          f"axis={axis!r}.")
    size = abs_(x)
    if ord in ("euclidean", 2):
        length = sqrt(reduce_sum(square(size), axis, keep))
        return cast(length, dtype=x.dtype) if ord == "euclidean" and x.dtype.is_complex else length
    if ord == 1:
        return reduce_sum(size, axis, keep)
    if ord == np.inf:
        return reduce_max(size, axis, keep)
    if not isinstance(ord, (int, float)) or ord <= 0:
        raise errors.InvalidArgumentError(
            f"`ord` must be 'euclidean', 1, 2, infinity or another positive number. Received: ord={ord!r}.")
    return reduce_sum(size ** float(ord), axis, keep) ** (1.0 / ord)


def _matrix_norm(x: Tensor, ord: Any, axes: tuple[int, int], keep: bool) -> Tensor:
    if axes[0] == axes[1]:
        raise errors.InvalidArgumentError(f"A pair of axes must be two axes. Received: axis={axes}.")
    if ord in ("euclidean", "fro"):
        return sqrt(reduce_sum(square(abs_(x)), axes, keep))
    if ord in (1, np.inf):
        summed, greatest = axes if ord == 1 else axes[::-1]
        sums = reduce_sum(abs_(x), summed, True)
        largest = reduce_max(sums, greatest, True)
        return largest if keep else squeeze(largest, sorted(axes))
    if ord == 2:
        order = [i for i in range(x.type.rank) if i not in axes]
        values = singular_values(transpose(x, (*order, *axes)))
        largest = reduce_max(values, -1)
        if keep:
            for axis in sorted(axes):
                largest = expand_dims(largest, axis=axis)
        return largest
    raise errors.InvalidArgumentError(
        f"`ord` of a matrix norm must be 'euclidean', 'fro', 1, 2 or infinity. Received: ord={ord!r}.")


def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None) -> tuple[Tensor, Tensor]:
    """(tensor / norm, norm), the norm with its axes kept.

    >>> import treadle as tf
    >>> tf.linalg.normalize([3.0, 4.0])[1].numpy().tolist()
    [5.0]
    """
    x = convert_to_tensor(tensor)
    size = norm(x, ord, axis, True)
    return x / cast(size, dtype=x.dtype), size


def global_norm(t_list: Any, name: str | None = None) -> Tensor:
    """sqrt(sum of the squares of all elements of all tensors); entries that are None do not count.

    >>> import treadle as tf
    >>> float(tf.linalg.global_norm([[3.0], None, [4.0]]))
    5.0
    """
    total = None
    for tensor in t_list:
        if tensor is not None:
            part = reduce_sum(square(abs_(convert_to_tensor(tensor))))
            total = part if total is None else total + part
    if total is None:
        raise errors.InvalidArgumentError("`global_norm` needs at least one tensor. Received: none.")
    return sqrt(total)


errors.shield(globals())
