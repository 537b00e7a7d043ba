"""What many ops share: type rules, dtype checks, and pieces of gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.dims import Size
from treadle.ir.dtypes import DType
from treadle.ir.interpreter import TakeOver, state
from treadle.ir.op import REGISTRY, on_sizes
from treadle.ir.types import TensorType

FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)
COMPLEX = (dtypes.complex64, dtypes.complex128)
SIGNED = (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64)
UNSIGNED = (dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64)
INTEGERS = SIGNED + UNSIGNED
REALS = INTEGERS + FLOATS
NUMBERS = REALS + COMPLEX
BOOL = (dtypes.bool_,)
ALL = BOOL + NUMBERS


def require(type: TensorType, allowed: Sequence[DType], name: str = "x") -> None:
    """Raise DtypeError unless the dtype is one of `allowed`."""
    if type.dtype not in allowed:
        raise errors.DtypeError(
            f"`{name}` must have one of the dtypes {', '.join(d.name for d in allowed)}. "
            f"Received: {type.dtype.name}. Use `tf.cast` to convert it.")


def require_rank(type: TensorType, rank: int, name: str = "x") -> None:
    """Raise InvalidArgumentError unless the rank is `rank`."""
    if type.rank != rank:
        raise errors.InvalidArgumentError(
            f"`{name}` must have rank {rank}. Received: shape {show(type.shape)}, which has rank {type.rank}.")


def require_rank_at_least(type: TensorType, rank: int, name: str = "x") -> None:
    """Raise InvalidArgumentError unless the rank is `rank` or more."""
    if type.rank < rank:
        raise errors.InvalidArgumentError(
            f"`{name}` must have rank {rank} or more. Received: shape {show(type.shape)}, which has rank {type.rank}.")


def show(shape: Sequence[Size]) -> str:
    """A shape as users read it: `(256, None)`-free, symbolic sizes by name."""
    return "(" + ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"


def same_dtype(*types: TensorType) -> DType:
    """The dtype that all types share; DtypeError naming both where two differ."""
    first = types[0].dtype
    for type in types[1:]:
        if type.dtype is not first:
            raise errors.DtypeError(
                f"Tensors of different dtypes do not mix. Received: {types[0]} ({first.name}) and {type} "
                f"({type.dtype.name}). Convert one of them, for example with `tf.cast(x, tf.{first.name})`.",
                see="dtypes-do-not-mix")
    return first


def broadcast_shapes(*shapes: Sequence[Size]) -> tuple[Size, ...]:
    """The shape that all shapes broadcast to (NumPy's rules); InvalidArgumentError where they do not."""
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return tuple(shapes[0])
    rank = max(len(s) for s in shapes)
    result: list[Size] = [1] * rank
    for shape in shapes:
        for i, size in enumerate(shape, rank - len(shape)):
            try:
                result[i] = dims.broadcast(result[i], size)
            except ValueError:
                raise errors.InvalidArgumentError(
                    f"The shapes {' and '.join(show(s) for s in shapes)} do not fit together: counted from the "
                    f"right, axis {i - rank} has sizes {result[i]} and {size}; they must be equal, or one of them 1.",
                    see="shapes-do-not-fit") from None
    return tuple(result)


def same_size(a: Size, b: Size, what: str) -> Size:
    """The size both stand for; InvalidArgumentError if both are integers and differ."""
    if dims.is_known(a, b) and a != b:
        raise errors.InvalidArgumentError(f"{what} must be equal. Received: {a} and {b}.")
    return b if isinstance(a, dims.Dim) else a


def unary(*allowed: DType) -> Callable[..., TensorType]:
    """Type rule: the operand's own type, for the given dtypes."""
    def infer(x: TensorType, **attributes: Any) -> TensorType:
        require(x, allowed)
        return x
    return infer


def binary(*allowed: DType, result: DType | None = None) -> Callable[..., TensorType]:
    """Type rule: equal dtypes, broadcast shapes; the result has that dtype, or `result`."""
    def infer(x: TensorType, y: TensorType, **attributes: Any) -> TensorType:
        dtype = same_dtype(x, y)
        if dtype not in allowed:
            require(x, allowed)
        return TensorType.of(result or dtype, broadcast_shapes(x.shape, y.shape))
    return infer


def unbroadcast(g: Any, x: Any) -> Any:
    """The cotangent `g` of a broadcast of `x`, summed back to the shape of `x`."""
    return g if g.type.shape == x.type.shape else REGISTRY["sum_to_shape"](g, shape=x.type.shape)


def conj(x: Any) -> Any:
    """The complex conjugate; a real tensor as it is."""
    return REGISTRY["conj"](x) if x.dtype.is_complex else x


def as_operand(value: Any, hint: DType | None = None) -> Any:
    """`value` as the current interpreter's kind of tensor. `hint` is the dtype that a Python number takes."""
    current = state.interpreter
    try:
        return value if current.is_operand(value) else current.convert(value, hint)
    except TakeOver as other:  # the ops that get it are carried out there
        return other.interpreter.convert(value, hint)


def as_operands(*values: Any) -> list[Any]:
    """The values as tensors; Python numbers take the dtype of the first tensor, else that of the first value."""
    hint = next((dtypes.as_dtype(v.dtype) for v in values
                 if hasattr(v, "dtype") and not isinstance(v, (np.ndarray, np.generic))), None)
    result = []
    for value in values:
        result.append(as_operand(value, hint))
        hint = hint or result[0].dtype
    return result


def known_divisor(function: Callable) -> Callable:
    """A `sizes` rule for a division: not known where the divisor is 0."""
    def rule(x: Any, y: Any) -> Any:
        return None if any(isinstance(k, int) and k == 0 for k in y.flat) else function(x, y)
    return on_sizes(rule)


def count_as_number(size: Size, dtype: DType) -> Any:
    """A number of elements, to multiply or divide a tensor of `dtype` by."""
    return float(size) if dims.is_known(size) else REGISTRY["from_size"](size=size, dtype=dtype)
