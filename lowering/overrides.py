"""Other lowerings of an op for one platform, where a measurement shows a better form than the op's own rule.

`OVERRIDES[platform][op name]` has the signature of the op's `lower` rule. Write the measurement beside each entry, or in the
module that it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

import jax

from treadle.lowering import depthwise
from treadle.lowering.native import lstm, product, rows
from treadle.lowering.native.library import Library

OVERRIDES: dict[str, dict[str, Callable[..., Any]]] = {"cpu": {
    "convolution": depthwise.convolution,
    "convolution_input_gradient": depthwise.input_gradient,
    "convolution_filter_gradient": depthwise.filter_gradient,
    "matmul": product.matmul,
    "einsum": product.einsum,
    "lstm": lstm.lstm,
    "lstm_gradient": lstm.lstm_gradient,
    "fusion": rows.fusion,
}, "gpu": {}, "tpu": {}}


def lowering_of(op: Any) -> Callable[..., Any]:
    """The rule that lowers `op` on the platform JAX runs on."""
    found = OVERRIDES.get(jax.default_backend())
    return found.get(op.name, op.lower) if found else op.lower


def kernels_for(names: Set[str]) -> int:
    """Which C kernels a program with these ops may call: their vectors' lanes, 0 for none. They are known to XLA afterwards."""
    return Library.lanes() if names & OVERRIDES.get(jax.default_backend(), {}).keys() else 0
