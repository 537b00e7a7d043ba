"""When rolling repeated blocks into a loop (`treadle.ir.passes.rolling`) pays, on the platform JAX runs on.

Measured on 2 CPU cores, jax 0.10.2, D x D weights, batch 32, gradients of all and their update; seconds from `jit` to
program, and ms a step. "Apart": the program takes and returns each weight by itself, and stacks and unstacks them inside.

| | unrolled | rolled, weights kept stacked | rolled, weights apart |
|---|---|---|---|
| 200 x tanh(x @ w + b), D 64 | 1.3 s, 6.5 ms | 0.53 s, 6.2 ms | 7.1 s, 8.6 ms |
| 2 transformer layers, D 64 | 1.4 s, 4.4 ms | 2.1 s, 4.7 ms | |
| 8 of them | 6.5 s, 31 ms | 2.7 s, 19 ms | |
| 48 of them | 208 s | 2.5 s | |
| 48 of them, D 32 | 219 s, 277 ms | 2.4 s, 26 ms | |

So what is saved grows with the operations that are gone, and with the square of the number of blocks where a residual
stream (x + f(x)) runs through them: XLA computes the stream anew from the start in each block. What it costs is a loop to
compile, about 10 ms for each value that is cut out of a stack (slices are the slowest to compile of all: 200 of them
2.1 s), 0.7 ms for each that is put into one, and in each step the copying of both. State is stacked for good
(`treadle.ir.passes.stacked_state`) and costs neither.

On GPU and TPU, and on several devices, nothing is rolled: nothing was measured there.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax

from treadle.ir.graph import Graph, Operation
from treadle.ir.ops.arrays import stack, unstack
from treadle.ir.passes.nested import Pass
from treadle.ir.passes.pipeline import PIPELINE
from treadle.ir.passes.repeats import Repeat
from treadle.ir.passes.rolling import is_elementwise, rolling_pass
from treadle.ir.passes.stacked_state import loop_stacks, stacked_places
from treadle.lowering import sharding
from treadle.lowering.overrides import is_slow_in_loops

FEWEST = 8  # blocks
# Seconds of compiling.
_OPERATION, _STREAM, _LOOP, _ROW_OUT, _ROW_IN = 0.0003, 0.02, 0.05, 0.01, 0.0007
_MOST_COPIED = 65536  # bytes in each step, unless a stream makes the unrolled step slower still


def passes(state: int = 0) -> list[tuple[str, Pass]]:
    """The pipeline, with rolling where it may pay, for programs whose first `state` inputs and outputs are their state."""
    if jax.default_backend() != "cpu" or sharding.in_use():
        return PIPELINE
    return [*PIPELINE, ("rolling", rolling_pass(FEWEST, _may, _worth, _pays, state)), ("loop_stacks", loop_stacks)]


def _may(operation: Operation) -> bool:
    return not (is_slow_in_loops(operation.op) or any(is_slow_in_loops(o.op) for g in operation.graphs for o in g.walk()))


def _worth(repeat: Repeat) -> bool:
    return _saved(repeat) > (0.0 if is_elementwise(repeat) else _LOOP / 2)


def _pays(repeats: Sequence[Repeat], before: Graph, after: Graph, state: int) -> bool:
    into, out, size = (a - b for a, b in zip(_loose(after, state), _loose(before, state)))
    cost = into * _ROW_IN + out * _ROW_OUT + _LOOP * sum(not is_elementwise(r) for r in repeats)
    return sum(map(_saved, repeats)) > cost and (size <= _MOST_COPIED or any(map(has_stream, repeats)))


def _saved(repeat: Repeat) -> float:
    """Seconds of compiling that one loop saves."""
    gone = (repeat.count - 1) * repeat.period * _OPERATION
    return gone + repeat.count ** 2 * _STREAM if has_stream(repeat) else gone


def has_stream(repeat: Repeat) -> bool:
    """True if something is carried through the blocks by operations element by element alone, other values added to it."""
    sources = {source for source, _ in repeat.carried}
    stream: set[tuple[int, int]] = set()
    for j, (operation, slots) in enumerate(zip(repeat.block, repeat.slots)):
        if "elementwise" in operation.op.traits and len(operation.operands) > 1 and any(
                s.is_carried or s.inside and s.source in stream for s in slots):
            stream.update((j, r) for r in range(len(operation.results)))
    return not stream.isdisjoint(sources)


def _loose(graph: Graph, count: int) -> tuple[int, int, int]:
    """How many values are put into stacks and cut out of them, but for stacked state; and the bytes of the stacks."""
    places = [i for group in stacked_places(graph, count) for i in group]
    rows, state = {graph.inputs[i] for i in places}, {graph.outputs[i] for i in places}
    into = out = size = 0
    for operation in graph.operations:
        if operation.op is stack and rows.isdisjoint(operation.operands):
            into += len(operation.operands)
            size += operation.results[0].type.count * operation.results[0].type.dtype.numpy.itemsize  # type: ignore[operator]
        elif operation.op is unstack and state.isdisjoint(operation.results):
            out += len(operation.results)
            size += operation.operands[0].type.count * operation.operands[0].type.dtype.numpy.itemsize  # type: ignore[operator]
    return into, out, size

