"""Products of matrices and tensors: matmul and einsum, and the matrices they are built from."""

from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Bool, Dtype, Int, Shape, Str
from treadle.ir.op import Many, op
from treadle.ir.ops.arrays import broadcast_to, reshape
from treadle.ir.ops.rules import (
    NUMBERS,
    broadcast_shapes,
    conj,
    require,
    same_dtype,
    show,
    unbroadcast,
)
from treadle.ir.types import TensorType, product

# --- matmul ---------------------------------------------------------------------------------------------------------


def _matmul_infer(a: TensorType, b: TensorType, *, transpose_a: bool, transpose_b: bool) -> TensorType:
    dtype = same_dtype(a, b)
    require(a, NUMBERS, "a")
    for name, type in (("a", a), ("b", b)):
        if type.rank < 2:
            raise errors.InvalidArgumentError(
                f"`matmul`: `{name}` must be a matrix or a batch of matrices (rank 2 or more). Received: shapes "
                f"{show(a.shape)} and {show(b.shape)}. Use `tf.linalg.matvec` for a matrix times a vector, "
                "`tf.tensordot(a, b, 1)` for two vectors.")
    (m, k), (l, n) = _oriented(a.shape, transpose_a), _oriented(b.shape, transpose_b)
    if dims.is_known(k, l) and k != l:
        flags = "".join(f", {f}=True" for f, on in (("transpose_a", transpose_a), ("transpose_b", transpose_b)) if on)
        raise errors.InvalidArgumentError(
            f"`matmul`: the inner sizes must be equal. Received: shapes {show(a.shape)} and {show(b.shape)}{flags}, "
            f"so {k} meets {l}.")
    return TensorType.of(dtype, (*broadcast_shapes(a.shape[:-2], b.shape[:-2]), m, n))


def _oriented(shape: Any, transposed: bool) -> Any:
    return shape[:-3:-1] if transposed else shape[-2:]


def _matmul_lower(xp: Any, a: Any, b: Any, *, transpose_a: bool, transpose_b: bool) -> Any:
    # The dimension numbers say what is transposed; nothing is moved beforehand.
    contract_a = a.ndim - (2 if transpose_a else 1)
    contract_b = b.ndim - (1 if transpose_b else 2)
    if b.ndim == 2:
        return xp.lax.dot_general(a, b, (((contract_a,), (contract_b,)), ((), ())), preferred_element_type=a.dtype)
    batch = xp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shift_a, shift_b = len(batch) + 2 - a.ndim, len(batch) + 2 - b.ndim
    a = xp.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = xp.broadcast_to(b, (*batch, *b.shape[-2:]))
    axes = tuple(range(len(batch)))
    return xp.lax.dot_general(a, b, (((contract_a + shift_a,), (contract_b + shift_b,)), (axes, axes)),
                              preferred_element_type=a.dtype)


def _matmul_vjp_a(g: Any, y: Any, a: Any, b: Any, *, transpose_a: bool, transpose_b: bool) -> Any:
    b = conj(b)
    grad = (matmul(b, g, transpose_a=transpose_b, transpose_b=True) if transpose_a
            else matmul(g, b, transpose_b=not transpose_b))
    return unbroadcast(grad, a)


def _matmul_vjp_b(g: Any, y: Any, a: Any, b: Any, *, transpose_a: bool, transpose_b: bool) -> Any:
    a = conj(a)
    if b.type.rank == 2 and a.type.rank > 2 and not transpose_a:
        # One product over all rows of the batch, not one for each matrix and then a sum.
        a, g = (reshape(x, shape=(product(x.type.shape[:-1]), x.type.shape[-1])) for x in (a, g))
    grad = (matmul(g, a, transpose_a=True, transpose_b=transpose_a) if transpose_b
            else matmul(a, g, transpose_a=not transpose_a))
    return unbroadcast(grad, b)


@op(infer=_matmul_infer, lower=_matmul_lower, vjp=(_matmul_vjp_a, _matmul_vjp_b))
def matmul(a, b, *, transpose_a: Bool = False, transpose_b: Bool = False):
    """The matrix product a b for each pair of matrices: [..., m, k] and [..., k, n] give [..., m, n].

    Leading axes broadcast. `transpose_a` and `transpose_b` swap the last two axes of an operand first.

    >>> import treadle as tf
    >>> tf.matmul([[1, 2]], [[3], [4]]).numpy().tolist()
    [[11]]
    """


# --- einsum ---------------------------------------------------------------------------------------------------------


def _labels(equation: str) -> tuple[list[str], str]:
    inputs, output = equation.split("->")
    return inputs.split(","), output


def _einsum_infer(*types: TensorType, equation: str) -> TensorType:
    dtype = same_dtype(*types)
    require(types[0], NUMBERS, "inputs")
    inputs, output = _labels(equation)
    sizes: dict[str, Any] = {}
    for labels, type in zip(inputs, types):
        for label, size in zip(labels, type.shape):
            try:
                sizes[label] = dims.broadcast(sizes.get(label, 1), size)
            except ValueError:
                raise errors.InvalidArgumentError(
                    f"`einsum`: the label {label!r} of {equation!r} stands for sizes that differ: {sizes[label]} and "
                    f"{size}. Received: shapes {', '.join(show(t.shape) for t in types)}.") from None
    return TensorType.of(dtype, [sizes[label] for label in output])


def _einsum_vjp(g: Any, y: Any, *operands: Any, equation: str) -> list[Any]:
    inputs, output = _labels(equation)
    found = []
    for i, (labels, operand) in enumerate(zip(inputs, operands)):
        others = [(inputs[j], conj(o)) for j, o in enumerate(operands) if j != i]
        elsewhere = set(output).union(*(labels for labels, _ in others))
        # A label that only this operand has was summed alone: its cotangent is the same all along that axis.
        kept = "".join(label for label in labels if label in elsewhere)
        grad = einsum([g, *(o for _, o in others)],
                      equation=",".join([output, *(labels for labels, _ in others)]) + f"->{kept}")
        if kept != labels:
            shape = [s if label in elsewhere else 1 for label, s in zip(labels, operand.type.shape)]
            grad = broadcast_to(reshape(grad, shape=tuple(shape)), shape=operand.type.shape)
        found.append(unbroadcast(grad, operand))
    return found


@op(infer=_einsum_infer, lower=lambda xp, *x, equation: xp.einsum(equation, *x, preferred_element_type=x[0].dtype),
    vjp=_einsum_vjp)
def einsum(inputs: Many, *, equation: Str):
    """Einstein's sum in explicit form (`ij,jk->ik`); no label twice in one operand, no ellipsis.

    `tf.einsum` takes every form of equation and brings it to this one.
    """


# --- matrices -------------------------------------------------------------------------------------------------------


def _eye_shape(num_rows: Any, num_columns: Any, batch_shape: Any) -> tuple[Any, ...]:
    return (*(batch_shape or ()), num_rows, num_rows if num_columns is None else num_columns)


def _eye_infer(*, num_rows: Any, num_columns: Any, batch_shape: Any, dtype: Any) -> TensorType:
    shape = _eye_shape(num_rows, num_columns, batch_shape)
    for size in shape:
        if dims.is_known(size) and size < 0:
            raise errors.InvalidArgumentError(f"`eye`: a size must not be negative. Received: {show(shape)}.")
    return TensorType.of(dtype, shape)


def _eye_lower(xp: Any, *, num_rows: int, num_columns: Any, batch_shape: Any, dtype: Any) -> Any:
    shape = _eye_shape(num_rows, num_columns, batch_shape)
    return xp.broadcast_to(xp.eye(*shape[-2:], dtype=dtype.numpy), shape)


@op(infer=_eye_infer, lower=_eye_lower, traits="exact")
def eye(*, num_rows: Int, num_columns: Int = None, batch_shape: Shape = None, dtype: Dtype = dtypes.float32):
    """Ones on the main diagonal and zeros elsewhere, of shape [*batch_shape, num_rows, num_columns].

    `num_columns` is `num_rows` by default.

    >>> import treadle as tf
    >>> tf.eye(2).numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
