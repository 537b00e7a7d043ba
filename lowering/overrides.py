"""Other lowerings of an op for one platform, where a measurement shows a better form than the op's own rule.

`OVERRIDES[platform][op name]` has the signature of the op's `lower` rule. Write the measurement beside each entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from treadle.ir.graph import Graph

OVERRIDES: dict[str, dict[str, Callable[..., Any]]] = {"cpu": {}, "gpu": {}, "tpu": {}}

# Ops that XLA carries out with a library at the top of a program only, and as plain loops inside a `while`. Measured on 2 CPU
# cores: a step of a conv net (32x32x3, batch 32, Adam) 70 ms by itself, 2,000 ms in a loop over steps.
SLOW_IN_LOOPS: dict[str, frozenset[str]] = {"cpu": frozenset({
    "convolution", "convolution_input_gradient", "convolution_filter_gradient"})}


def is_slow_in_loops(op: Any) -> bool:
    """True if a loop around the op costs far more than its rounds one by one, on the platform JAX runs on."""
    return op.name in SLOW_IN_LOOPS.get(jax.default_backend(), ())


# Options that XLA is to compile a program with if it holds one of these ops. Measured on 2 CPU cores, jax 0.10.2: XLA hands
# convolutions to the library YNNPACK; without, a training step of a conv net (32x32x3, batch 32, Adam) takes 0.7 times as
# long, but one of a transformer 1.2 times and one of an LSTM 1.1 times.
COMPILER_OPTIONS: dict[str, list[tuple[frozenset[str], dict[str, Any]]]] = {"cpu": [
    (SLOW_IN_LOOPS["cpu"], {"xla_cpu_experimental_ynn_fusion_type": ""})]}


def compiler_options(graph: Graph) -> dict[str, Any]:
    """What XLA is to be told for this graph, on the platform JAX runs on."""
    found: dict[str, Any] = {}
    for ops, options in COMPILER_OPTIONS.get(jax.default_backend(), ()):
        if any(o.op.name in ops for o in graph.walk()):
            found.update(options)
    return found


def lowering_of(op: Any) -> Callable[..., Any]:
    """The rule that lowers `op` on the platform JAX runs on."""
    found = OVERRIDES.get(jax.default_backend())
    return found.get(op.name, op.lower) if found else op.lower
