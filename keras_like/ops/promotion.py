"""Which dtype comes of several: Keras' rules, and tensors made to follow them.

bool < Python int < integers < Python float < floats < complex. Within a kind the larger one wins; a signed and an unsigned
integer go to a signed one that holds both; an unsigned 64-bit integer with a signed one, and a Python float with integers,
to `floatx()`; float16 with bfloat16 to float32. 64-bit dtypes stay what they are, but a NumPy array of 64 bits beside a
tensor counts as one of 32: NumPy makes 64 bits of anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.policy import floatx

_SIGNED = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}
_NARROWED = {"float64": float, "int64": "int32", "uint64": "uint32", "complex128": "complex64"}


def result_type(*dtypes: Any) -> str:
    """The dtype of a result of operands of these dtypes; `int` and `float` stand for Python numbers, None for `floatx()`.

    >>> from treadle import keras
    >>> keras.backend.result_type("int32", "float16"), keras.backend.result_type("uint8", "int8")
    ('float16', 'int16')
    >>> keras.backend.result_type("int32", float), keras.backend.result_type("bfloat16", "float16")
    ('float32', 'float32')
    """
    found = [floatx() if d is None else d for d in dtypes] or [floatx()]
    strong = [tf.as_dtype(d) for d in found if d is not int and d is not float]
    if any(d.is_string for d in strong):
        if all(d.is_string for d in strong) and len(strong) == len(found):
            return "string"
        raise tf.errors.DtypeError(
            f"Strings do not mix with numbers. Received: dtypes {', '.join(map(str, found))}. Convert one of them.")
    wide = any(d.is_64_bit for d in strong if d.is_floating or d.is_complex)
    if any(d.is_complex for d in strong):
        return "complex128" if wide else "complex64"
    floats = {d.name for d in strong if d.is_floating}
    if floats:
        return floats.pop() if len(floats) == 1 else "float64" if wide else "float32"
    integers = [d for d in strong if d.is_integer]
    signed = max((d.size for d in integers if not d.is_unsigned), default=0)
    unsigned = max((d.size for d in integers if d.is_unsigned), default=0)
    if float in found or (signed and unsigned == 8):
        return floatx()
    if not integers:
        return "int32" if int in found else "bool"
    if not signed:
        return _SIGNED[unsigned].replace("int", "uint")
    return _SIGNED[max(signed, 2 * unsigned)]


def tensor(x: Any, dtype: Any = None) -> Any:
    """`x` as a tensor, cast to `dtype`."""
    if isinstance(x, tf.Variable):
        x = tf.identity(x)
    elif not isinstance(x, tf.Tensor):
        x = tf.convert_to_tensor(_stacked(x))
    return x if dtype is None or x.dtype is tf.as_dtype(dtype) else tf.cast(x, dtype)


def _stacked(x: Any) -> Any:
    """A list that holds symbolic tensors as one of them."""
    if isinstance(x, (list, tuple)) and any(isinstance(v, (tf.Tensor, tf.Variable, list, tuple)) for v in x):
        parts = promoted(*x)
        return tf.stack(parts)
    return x


def promoted(*values: Any, floating: bool = False) -> list[Any]:
    """The values as tensors of one dtype; of a floating one if `floating`."""
    beside = any(isinstance(v, (tf.Tensor, tf.Variable)) for v in values)
    kinds: list[Any] = []
    tensors: list[Any] = []
    for value in values:
        if type(value) in (int, float):
            kinds.append(type(value))
            tensors.append(value)
            continue
        found = tensor(value)
        tensors.append(found)
        narrow = beside and isinstance(value, (np.ndarray, np.generic))
        kinds.append(_NARROWED.get(found.dtype.name, found.dtype) if narrow else found.dtype)
    dtype = result_type(*kinds, *((float,) if floating else ()))
    return [constant(v, dtype) if type(v) in (int, float) else tensor(v, dtype) for v in tensors]


def constant(value: Any, dtype: str) -> Any:
    """A number as a tensor; in integers, what the cast makes of it."""
    kind = tf.as_dtype(dtype)
    if type(value) is int and (kind.is_integer and not kind.min <= value <= kind.max):
        return tf.cast(tf.constant(value), kind)
    return tf.constant(value, kind) if not kind.is_bool else tf.cast(value, "bool")


def floating(x: Any) -> Any:
    """`x` as a tensor; an integer or bool one as `floatx()`."""
    found = tensor(x)
    return found if found.dtype.is_floating or found.dtype.is_complex else tf.cast(found, floatx())


def numeric(x: Any) -> Any:
    """`x` as a tensor; a bool one as int32."""
    found = tensor(x)
    return tf.cast(found, "int32") if found.dtype.is_bool else found


def summed(x: Any) -> Any:
    """`x` as sums need it: integers of at least 32 bits."""
    found = tensor(x)
    if found.dtype.is_bool:
        return tf.cast(found, "int32")
    if found.dtype.is_integer and found.dtype.size < 4:
        return tf.cast(found, "uint32" if found.dtype.is_unsigned else "int32")
    return found


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype; `floatx()` for None.

    >>> from treadle import keras
    >>> keras.utils.standardize_dtype(None), keras.utils.standardize_dtype(int)
    ('float32', 'int32')
    """
    return floatx() if dtype is None else tf.as_dtype(dtype).name
