"""`tf.dtypes`: element types."""

from treadle.ir.dtypes import (
    DType,
    as_dtype,
    bfloat16,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    string,
    uint8,
    uint16,
    uint32,
    uint64,
)
from treadle.ir.dtypes import bool_ as bool
from treadle.ir.dtypes import float16 as half
from treadle.ir.dtypes import float64 as double
from treadle.ir.ops.elementary import complex
from treadle.ir.ops.elementwise import cast

__all__ = ["DType", "as_dtype", "bfloat16", "bool", "cast", "complex", "complex128", "complex64", "double", "float16",
           "float32", "float64", "half", "int16", "int32", "int64", "int8", "string", "uint16", "uint32", "uint64",
           "uint8"]
