"""What the machine can do at best: a large matrix product and a copy, timed once in a process."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from treadle.lowering import compat

_SECONDS = 0.08  # for each measurement
_SMALLEST, _LARGEST = 1 << 18, 1 << 28  # bytes


def peak_flops(dtype: Any) -> float:
    """Floating point operations a second of a large matrix product of a dtype, on the first device."""
    return _matmul_rate(np.dtype(dtype).name, jax.default_backend())


def bandwidth(size: float) -> float:
    """Bytes a second, read and written, when an array is updated again and again that is as large as what a program uses.

    Small arrays stay in the processor's caches, and are faster.
    """
    rounded = 1 << (max(_SMALLEST, min(_LARGEST, int(size))) - 1).bit_length()
    return _update_rate(rounded, jax.default_backend())


@functools.lru_cache(maxsize=32)
def _matmul_rate(dtype: str, backend: str) -> float:
    n = 1024 if backend == "cpu" else 8192
    with compat.enable_x64(True):
        x = jnp.full((n, n), 1 / n, dtype)
        product = jax.jit(jnp.matmul).lower(x, x).compile()
        return 2 * n**3 / _best(lambda: product(x, x))


@functools.lru_cache(maxsize=32)
def _update_rate(size: int, backend: str) -> float:
    x = jnp.zeros((size // 4 // 256, 256), jnp.float32)
    rounds = max(1, (1 << 26) // size)
    update = jax.jit(lambda x: lax.fori_loop(0, rounds, lambda i, x: x * 0.5 + 1.0, x)).lower(x).compile()
    return 2 * size * rounds / _best(lambda: update(x))


def _best(run: Callable[[], Any]) -> float:
    """The shortest of the times that a call takes, over `_SECONDS` or three calls."""
    jax.block_until_ready(run())
    found: list[float] = []
    stop = time.perf_counter() + _SECONDS
    while len(found) < 3 or time.perf_counter() < stop:
        start = time.perf_counter()
        jax.block_until_ready(run())
        found.append(time.perf_counter() - start)
    return min(found)
