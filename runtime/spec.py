"""`TensorSpec`: what a tensor must look like, for `input_signature` and data sets."""

from __future__ import annotations

from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.dtypes import DType
from treadle.ir.types import TensorType
from treadle.runtime.tensor import Tensor
from treadle.runtime.tensor_shape import TensorShape


class TensorSpec:
    """A shape (None for sizes left open), a dtype and a name.

    >>> import treadle as tf
    >>> tf.TensorSpec([None, 3], tf.float32).is_compatible_with(tf.zeros([7, 3]))
    True
    """

    __slots__ = ("shape", "dtype", "name")

    def __init__(self, shape: Any = None, dtype: Any = dtypes.float32, name: str | None = None):
        self.shape = TensorShape(shape)
        self.dtype: DType = dtypes.as_dtype(dtype)
        self.name = name

    @staticmethod
    def from_tensor(tensor: Tensor, name: str | None = None) -> TensorSpec:
        """The spec of a tensor."""
        return TensorSpec(tensor.shape, tensor.dtype, name)

    from_spec = from_tensor

    @property
    def rank(self) -> int | None:
        """How many axes, or None."""
        return self.shape.rank

    def is_compatible_with(self, other: Any) -> bool:
        """True if the tensor or spec has this dtype and an agreeing shape."""
        if not hasattr(other, "dtype") or not hasattr(other, "shape"):
            return False
        return other.dtype == self.dtype and self.shape.is_compatible_with(TensorShape(other.shape))

    def most_specific_compatible_type(self, other: TensorSpec) -> TensorSpec:
        """The spec that both are instances of: sizes that differ become None."""
        if self.dtype is not other.dtype:
            raise errors.DtypeError(f"No spec covers both dtypes. Received: {self.dtype.name} and {other.dtype.name}.")
        if self.shape.rank is None or self.shape.rank != other.shape.rank:
            return TensorSpec(None, self.dtype, self.name)
        return TensorSpec([a if a == b else None for a, b in zip(self.shape, other.shape)], self.dtype, self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype, self.name) == (
            other.shape, other.dtype, other.name)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.name))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype=tf.{self.dtype.name}, name={self.name!r})"

    def __reduce__(self) -> Any:
        return TensorSpec, (self.shape, self.dtype, self.name)


def type_spec_from_value(value: Any) -> TensorSpec:
    """The `TensorSpec` of a tensor, variable or array."""
    if not isinstance(getattr(value, "type", None), TensorType):
        raise errors.DtypeError(f"Expected a tensor or a variable. Received: {value!r}.")
    return TensorSpec(value.type.shape, value.type.dtype)


errors.shield(globals())
