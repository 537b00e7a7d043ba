"""Element types. One `DType` object per type, with TensorFlow's names (`float32`) and the IR's short ones (`f32`)."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from treadle.ir import errors


class DType:
    """An element type.

    Compares equal to its name, its numpy dtype and itself: `x.dtype == "float32"`, `x.dtype == np.float32`.

    >>> import treadle as tf
    >>> tf.float32.is_floating, tf.float32.size, tf.int8.max
    (True, 4, 127)
    """

    __slots__ = ("name", "short", "as_numpy_dtype", "numpy", "kind", "_hash")

    def __init__(self, name: str, short: str, scalar: type, kind: str):
        self.name = name
        self.short = short
        self.as_numpy_dtype = scalar
        self.numpy = np.dtype(scalar)
        self.kind = kind
        self._hash = hash(name)
        BY_NAME[name] = BY_SHORT[short] = self
        if kind != "string":
            _BY_NUMPY[self.numpy] = self

    is_floating = property(lambda self: self.kind == "float")
    is_integer = property(lambda self: self.kind in "int uint")
    is_unsigned = property(lambda self: self.kind == "uint")
    is_complex = property(lambda self: self.kind == "complex")
    is_bool = property(lambda self: self.kind == "bool")
    is_string = property(lambda self: self.kind == "string")
    is_differentiable = property(lambda self: self.kind in ("float", "complex"))
    is_64_bit = property(lambda self: self.name in ("int64", "uint64", "float64", "complex128"))
    size = property(lambda self: self.numpy.itemsize)
    base_dtype = property(lambda self: self)

    @property
    def real_dtype(self) -> DType:
        """The dtype of the real part: float32 for complex64, itself for a real dtype."""
        return {"complex64": BY_NAME["float32"], "complex128": BY_NAME["float64"]}.get(self.name, self)

    @property
    def min(self) -> Any:
        """The smallest finite value."""
        return self._limits().min

    @property
    def max(self) -> Any:
        """The largest finite value."""
        return self._limits().max

    def _limits(self) -> Any:
        if self.is_bool:
            return _BoolLimits
        if self.is_integer:
            return np.iinfo(self.numpy)
        if self.is_floating:
            return ml_dtypes.finfo(self.numpy)
        raise errors.DtypeError(f"{self.name} has no smallest or largest value.")

    def is_compatible_with(self, other: Any) -> bool:
        """True if `other` names the same dtype."""
        return self is as_dtype(other)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, DType) or other is None:
            return False
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __reduce__(self) -> Any:
        return as_dtype, (self.name,)


class _BoolLimits:
    min = False
    max = True


BY_NAME: dict[str, DType] = {}
BY_SHORT: dict[str, DType] = {}
_BY_NUMPY: dict[np.dtype, DType] = {}

bool_ = DType("bool", "bool", np.bool_, "bool")
int8 = DType("int8", "i8", np.int8, "int")
int16 = DType("int16", "i16", np.int16, "int")
int32 = DType("int32", "i32", np.int32, "int")
int64 = DType("int64", "i64", np.int64, "int")
uint8 = DType("uint8", "u8", np.uint8, "uint")
uint16 = DType("uint16", "u16", np.uint16, "uint")
uint32 = DType("uint32", "u32", np.uint32, "uint")
uint64 = DType("uint64", "u64", np.uint64, "uint")
float16 = DType("float16", "f16", np.float16, "float")
bfloat16 = DType("bfloat16", "bf16", ml_dtypes.bfloat16, "float")
float32 = DType("float32", "f32", np.float32, "float")
float64 = DType("float64", "f64", np.float64, "float")
complex64 = DType("complex64", "c64", np.complex64, "complex")
complex128 = DType("complex128", "c128", np.complex128, "complex")
string = DType("string", "str", np.object_, "string")

_ALIASES: dict[Any, DType] = {
    float: float32, int: int32, bool: bool_, complex: complex128, str: string, bytes: string,
    "half": float16, "float": float32, "double": float64, "bool_": bool_,
}


def as_dtype(value: Any) -> DType:
    """The DType that `value` names: a DType, a name, a numpy dtype or scalar type, or a Python type.

    Raises DtypeError for anything else. Python's `float` and `int` name the 32-bit dtypes, as a Python literal does.
    """
    if isinstance(value, DType):
        return value
    try:
        found = BY_NAME.get(value) or _ALIASES.get(value)
    except TypeError:
        found = None
    if found is not None:
        return found
    try:
        as_numpy = np.dtype(value)
        if as_numpy.kind in "OSU":
            return string
        return _BY_NUMPY[as_numpy]
    except (TypeError, KeyError):
        raise errors.DtypeError(
            f"Not a dtype that treadle knows. Received: {value!r}. Known: {', '.join(BY_NAME)}."
        ) from None
