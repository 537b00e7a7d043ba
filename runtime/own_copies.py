"""Copies of users' arrays, which they may write to while a program still runs, where programs take them as they lie.

XLA's programs on CPU take a NumPy array without a copy if it is aligned. And the memory of arrays that nobody holds any
longer is used again: the system fills fresh pages with zeros when they are first touched. Measured for a batch of 200 KB
(2 cores): copied and placed on the device 330 us; aligned 100; in memory used before 15.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from sys import getrefcount

import jax
import numpy as np

SMALL = 4096  # bytes: up to here nothing of it pays
_ALIGNMENT = 64  # bytes: what XLA's programs on CPU ask of their inputs
_LARGEST_KEPT = 4 << 20  # bytes
_kept: deque[np.ndarray] = deque(maxlen=4)
_lock = threading.Lock()


def own_copy(array: np.ndarray) -> np.ndarray:
    """A copy of the array for a tensor. It must not be written to afterwards."""
    if array.nbytes <= SMALL or array.dtype.kind not in "biufcV" or not array.dtype.isnative:
        return np.array(array)
    memory = _memory(array.nbytes + _ALIGNMENT)
    start = -memory.ctypes.data % _ALIGNMENT
    copy = memory[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _memory(size: int) -> np.ndarray:
    """So many bytes, which nobody uses."""
    if size > _LARGEST_KEPT:
        return np.empty(size, np.uint8)
    with _lock:
        for memory in _kept:
            # An array in use, or one that a program still reads, is a view that holds its memory.
            if memory.nbytes == size and getrefcount(memory) == _UNUSED:
                return memory
        memory = np.empty(size, np.uint8)
        _kept.append(memory)
        return memory


def _unused() -> int:
    """What `getrefcount` says, where `_memory` asks it, of memory that nobody uses."""
    for memory in deque([np.empty(1, np.uint8)]):
        return getrefcount(memory)
    raise AssertionError


_UNUSED = _unused()


@functools.cache
def _on_cpu() -> bool:
    return jax.devices()[0].platform == "cpu"


def lies_well(array: np.ndarray) -> bool:
    """Whether a program on this device takes the array without a copy."""
    return array.ctypes.data % _ALIGNMENT == 0 and array.flags.c_contiguous and _on_cpu()
