"""What a loop over calls costs or gains on a platform, where it matters."""

from __future__ import annotations

import math

import jax

from treadle.ir.cost import costs
from treadle.ir.graph import Graph, Operation
from treadle.lowering import depthwise
from treadle.lowering.native import convolution

# Ops that XLA carries out with a library at the top of a program only, and as plain loops inside a `while`. Measured on 2 CPU
# cores: a step of a conv net (32x32x3, batch 32, Adam) 70 ms by itself, 2,000 ms in a loop over steps. The kernels in C that
# serve some of them do as well there as anywhere.
SLOW_IN_LOOPS: dict[str, frozenset[str]] = {"cpu": frozenset({
    "convolution", "convolution_input_gradient", "convolution_filter_gradient"})}

# Floating point operations of a round from which on a loop over calls gains nothing: calling costs 0.05 ms, such a round 20 ms.
# It rather loses, by the state that it carries: a step of a transformer (23 GFLOP) takes 0.96 of the time by itself.
LONG_ROUND: dict[str, float] = {"cpu": 4e9}


def is_long_round(graph: Graph) -> bool:
    """True if one run of the graph takes so long that many of them need not be one program."""
    return graph.is_static and costs(graph).flops > LONG_ROUND.get(jax.default_backend(), math.inf)


def is_slow_in_loops(operation: Operation) -> bool:
    """True if a loop around the operation costs far more than its rounds one by one, on the platform JAX runs on."""
    name = operation.op.name
    if name not in SLOW_IN_LOOPS.get(jax.default_backend(), ()):
        return False
    types = [o.type for o in operation.operands]
    shapes = [t.shape for t in types]
    return not (depthwise.serves(name, shapes, operation.attributes)
                or convolution.serves(name, types[0].dtype.numpy, shapes, operation.attributes))
