"""Calling Python from inside a program.

JAX hands the arrays over under the 64-bit setting of whatever thread the program runs in, so numbers of 64 bits travel
as pairs of 32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import io_callback

from treadle.ir.types import TensorType

_WIDE = {np.dtype(t) for t in ("int64", "uint64", "float64", "complex128")}
_HALF = np.dtype(np.uint32)


def host_call(function: Callable, types: Sequence[TensorType], arrays: Sequence[Any]) -> list[Any]:
    """`function(*numpy_arrays)`, a list of NumPy arrays of the given types, called once each time the program gets here."""
    given = [(tuple(a.shape), np.dtype(a.dtype)) for a in arrays]
    wanted = [(t.shape, t.dtype.numpy) for t in types]

    def on_host(*packed: Any) -> list[np.ndarray]:
        unpacked = [_unpacked_on_host(np.asarray(p), *g) for p, g in zip(packed, given)]
        return [_packed_on_host(np.asarray(r)) for r in function(*unpacked)]

    structs = [jax.ShapeDtypeStruct(*_packed_form(*w)) for w in wanted]
    results = io_callback(on_host, structs, *map(_packed, arrays), ordered=False)
    return [_unpacked(r, *w) for r, w in zip(results, wanted)]


def _packed_form(shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], np.dtype]:
    return ((*shape, dtype.itemsize // 4), _HALF) if dtype in _WIDE else (shape, dtype)


def _packed(array: Any) -> Any:
    shape, dtype = _packed_form(array.shape, np.dtype(array.dtype))
    if dtype == array.dtype:
        return array
    if array.dtype.kind == "c":
        array = jnp.stack([array.real, array.imag], axis=-1)
    return lax.bitcast_convert_type(array, _HALF).reshape(shape)


def _unpacked(array: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    if dtype not in _WIDE:
        return array
    if dtype.kind != "c":
        return lax.bitcast_convert_type(array, dtype)
    parts = lax.bitcast_convert_type(array.reshape(*shape, 2, 2), np.dtype(np.float64))
    return lax.complex(parts[..., 0], parts[..., 1])


def _packed_on_host(array: np.ndarray) -> np.ndarray:
    shape, dtype = _packed_form(array.shape, array.dtype)
    return np.frombuffer(array.tobytes(), dtype).reshape(shape) if dtype != array.dtype else array


def _unpacked_on_host(array: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(array.tobytes(), dtype).reshape(shape) if dtype in _WIDE else array
