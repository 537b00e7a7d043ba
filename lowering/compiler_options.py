"""What XLA is told when it compiles a program: options for each platform, each with the measurement that speaks for it.

Measured on 2 CPU cores (AMD EPYC), jax 0.10.2: training steps of bench/workloads.py, as multiples of the same step without the
option, in one process, in turns.

Not used: `xla_cpu_copy_insertion_use_region_analysis`. It saves the copies of weights that are updated in place (a conv net's
step 0.96, a transformer's 0.98), but computes wrong gradients of loops (jax 0.6, 0.10, 0.12; sum of x^i / i! in a `while`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax

from treadle.ir.graph import Graph
from treadle.lowering.loops import SLOW_IN_LOOPS


@dataclass(frozen=True)
class Rule:
    """Options for programs that hold one of these ops."""

    ops: frozenset[str]
    options: dict[str, Any]


RULES: dict[str, list[Rule]] = {"cpu": [
    # XLA hands convolutions and products to the library YNNPACK. A conv net takes 0.7 if it only gets the sums (0.73 if it gets
    # nothing); but a transformer without its products 1.2, an LSTM 1.1-1.3.
    Rule(SLOW_IN_LOOPS["cpu"], {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}),
    # Loops with small bodies gain by vectors of 512 bits where the processor has them: LSTM 0.95-0.97. Others do not.
    Rule(frozenset({"scan", "while"}), {"xla_cpu_prefer_vector_width": 512}),
]}


def compiler_options(graph: Graph) -> dict[str, Any]:
    """What XLA is to be told for this graph, on the platform JAX runs on."""
    rules = RULES.get(jax.default_backend(), ())
    found: dict[str, Any] = {}
    names = {o.op.name for o in graph.walk()} if rules else set()
    for rule in rules:
        if rule.ops & names:
            found.update(rule.options)
    return found
