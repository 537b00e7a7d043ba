"""What XLA is told when it compiles a program: options for each platform, each with the measurement that speaks for it.

Measured on 2 CPU cores (AMD EPYC), jax 0.10.2: training steps of bench/workloads.py, as multiples of the same step without the
option, in one process, in turns.

Not used: `xla_cpu_copy_insertion_use_region_analysis`. It saves the copies of weights that are updated in place (a conv net's
step 0.96, a transformer's 0.98), but computes wrong gradients of loops (jax 0.6, 0.10, 0.12; sum of x^i / i! in a `while`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import jax

from treadle.ir.cost import largest_bytes, temporary_bytes
from treadle.ir.graph import Graph
from treadle.lowering.loops import SLOW_IN_LOOPS
from treadle.lowering.memory import LARGEST_KEPT


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
    Rule(frozenset({"scan", "while", "lstm", "lstm_gradient"}), {"xla_cpu_prefer_vector_width": 512}),
]}


def compiler_options(graph: Graph) -> dict[str, Any]:
    """What XLA is to be told for this graph, on the platform JAX runs on."""
    platform = jax.default_backend()
    rules = RULES.get(platform, ())
    found: dict[str, Any] = {}
    names = {o.op.name for o in graph.walk()} if rules else set()
    for rule in rules:
        if rule.ops & names:
            found.update(rule.options)
    if platform == "cpu":
        found.update(memory_blocks(graph, os.cpu_count() or 1))
    return found


BLOCKS = "xla_multiheap_size_constraint_per_heap"  # the option that has a program's memory in blocks, with their most bytes
_SMALLEST_BLOCK = 4 << 20
_MOST_KEPT = 1 << 30  # bytes, in blocks of all threads


def memory_blocks(graph: Graph, cores: int) -> dict[str, Any]:
    """A program's temporary memory in blocks that glibc keeps, where as one block it would be mapped anew at each call.

    The system fills each page that is mapped with zeros. As a multiple of the time without blocks: a transformer of batch 8
    (126 MB) 0.76-0.86; a conv net of batch 64 (56 MB) 0.87, of batch 128 0.75; an LSTM of batch 64 (40 MB) 0.79, of batch 128
    0.78. A transformer with blocks of 24 MB takes 0.91. Under 32 MB nothing is gained; an LSTM of batch 32 (20 MB) takes 1.2.

    All that in processes of their own. Next to other large programs glibc keeps less: the transformer meets 34,000 page faults
    a step without blocks, 3,000 with them, 8,700 to 21,000 where the same step runs as `jax.jit` by hand too.

    Each thread that ever runs such a program keeps up to twice its memory, and any of as many as there are cores may do so.
    XLA warns of each value that is larger than a block; it makes values a little larger than the graph's when it pads them.
    """
    needed, block = temporary_bytes(graph), max(_SMALLEST_BLOCK, largest_bytes(graph) * 5 // 4)
    if block < LARGEST_KEPT <= needed and 2 * needed * cores <= _MOST_KEPT:
        return {BLOCKS: block}
    return {}
