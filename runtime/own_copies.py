"""Copies of users' arrays, which they may write to while a program still runs, where programs take them as they lie.

XLA's programs on CPU take a NumPy array without a copy if it is aligned: a batch of 200 KB is there in 100 us, where to copy
it and then to place it on the device took 330 (2 cores).
"""

from __future__ import annotations

import functools

import jax
import numpy as np

SMALL = 4096  # bytes: up to here nothing of it pays
_ALIGNMENT = 64  # bytes: what XLA's programs on CPU ask of their inputs


def own_copy(array: np.ndarray) -> np.ndarray:
    """A copy of the array for a tensor. It must not be written to afterwards."""
    if array.nbytes <= SMALL or array.dtype.kind not in "biufcV" or not array.dtype.isnative:
        return np.array(array)
    memory = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    copy = memory[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@functools.cache
def _on_cpu() -> bool:
    return jax.devices()[0].platform == "cpu"


def lies_well(array: np.ndarray) -> bool:
    """Whether a program on this device takes the array without a copy."""
    return array.ctypes.data % _ALIGNMENT == 0 and array.flags.c_contiguous and _on_cpu()
