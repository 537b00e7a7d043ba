"""Long short-term memory over whole sequences by the kernels of lstm.c.

A task takes some rows of the batch through all steps, with the weights packed once: XLA's loop starts a dozen kernels a step.

Measured on 2 CPU cores (AMD EPYC, 512 bits), jax 0.10.2, ms beside programs without kernels:

| steps, batch, units | forward | with gradients |
|---|---|---|
| 64, 32, 128  | 2.4 for 8.1   | 6.6 for 16.8 |
| 128, 64, 256 | 25.1 for 46.1 | 110 for 166  |
| 100, 1, 64   | 0.16 for 0.29 | 0.47 for 0.62 |
| 20, 256, 64  | 1.8 for 5.6   | 4.9 for 11.9 |
| 32, 8, 512   | 6.5 for 8.2   | 15.8 for 20.4 |

The training step of bench/workloads.py: 7.1 to 8.7 ms, 15 to 16 without kernels, 10 to 14 with that of products in a loop.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from treadle.ir.ops import recurrent as ops
from treadle.lowering.native.library import Library, own_rule

_MOST_UNITS = 512  # each thread reads all weights in each step: of 512 units 4 MB


def lstm(xp: Any, x: Any, w: Any, h: Any, c: Any, *, residuals: bool) -> Any:
    """As the op's own rule."""
    if not _serves(xp, x):
        return own_rule(ops.lstm)(xp, x, w, h, c, residuals=residuals)
    time, batch, units = _sizes(x)
    every = _like((time, batch, units))
    results = [every, _like(h.shape), _like(c.shape), *([every, _like(x.shape)] if residuals else [])]
    # The gates take the place of x, if nobody else needs that.
    call = jax.ffi.ffi_call("treadle_lstm", results, input_output_aliases={0: 4} if residuals else None)
    return call(x, w, h, c, how=np.array([time, batch, units, residuals], np.int64))


def lstm_gradient(xp: Any, *operands: Any) -> Any:
    """As the op's own rule."""
    gates = operands[-1]
    if not _serves(xp, gates):
        return own_rule(ops.lstm_gradient)(xp, *operands)
    results = [_like(gates.shape), _like(operands[1].shape), _like(operands[2].shape)]
    call = jax.ffi.ffi_call("treadle_lstm_gradient", results, input_output_aliases={6: 0, 1: 1, 2: 2})
    return call(*operands, how=np.array(_sizes(gates), np.int64))


def _serves(xp: Any, x: Any) -> bool:
    units = x.shape[2] // 4
    return bool(xp.native and x.dtype == np.float32 and 0 not in x.shape and units <= _MOST_UNITS
                and Library.lanes() and units % Library.lanes() == 0)


def _sizes(x: Any) -> tuple[int, int, int]:
    return x.shape[0], x.shape[1], x.shape[2] // 4


def _like(shape: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(shape), np.float32)
