"""When rolling repeated blocks into a loop (`treadle.ir.passes.rolling`) pays, on the platform JAX runs on.

Measured on 2 CPU cores, jax 0.10.2, gradients of all weights and their update; seconds from `jit` to program, and ms a step.

D x D weights, batch 32. "Apart": the program takes and returns each weight by itself, and stacks and unstacks them inside.

| | unrolled | rolled, weights kept stacked | rolled, weights apart |
|---|---|---|---|
| 200 x tanh(x @ w + b), D 64 | 1.3 s, 6.5 ms | 0.53 s, 6.2 ms | 7.1 s, 8.6 ms |
| 48 transformer layers, D 32 | 219 s, 277 ms | 2.4 s, 26 ms | |

Weights kept stacked, in turns in one process on a machine that others used (so: the ratios), Adam but where it says SGD:

| | XLA | step | stacked gradients |
|---|---|---|---|
| 60 x tanh(x @ w + b), D 64, SGD | 0.47 -> 0.75 s | 0.84 | 1 MB |
| 100 of them | 0.81 -> 0.63 s | 0.86 | 2 MB |
| 200 of them | 1.13 -> 0.75 s; Adam 2.7 -> 0.8 s | 0.84; Adam 0.51 | 3 MB |
| 60 of them, D 256 | 1.8 -> 1.2 s | 0.77 | 16 MB |
| Dense layers with relu, batch 64: 32, D 256 | 1.6 -> 1.7 s | 0.98 to 1.11 | 8 MB |
| 64 of them, D 128 | 2.6 -> 2.3 s | 0.80 | 4 MB |
| 96 of them, D 256 | 3.3 -> 1.6 s | 1.32 to 1.40 | 25 MB |
| Keras transformer, 8 x 128 tokens: 4 layers, D 256 | 3.5 -> 3.5 s | 1.11 | 13 MB |
| 6 layers, D 256; D 64 | 3.8 -> 3.4 s; 5.9 -> 5.2 s | 1.05; 1.01 | 19 MB; 1 MB |
| 8 layers, D 64 | 11 -> 9 s | 0.93 | 2 MB |
| 12 layers, D 64; D 256 | 17 -> 7 s; 15 -> 6 s | 0.96; 0.95 | 2 MB; 38 MB |
| 24 layers, D 64 | 45 -> 7 s | 0.78 | 5 MB |
| 4 x 64 tokens: 5 layers; 8 layers, D 256 | 6.9 -> 5.8 s; 9.7 -> 7.5 s | 1.19; 1.16 | 16 MB; 25 MB |

So what compiling saves grows with the operations that are gone, and with the square of the number of blocks where a residual
stream (x + f(x)) runs through them: XLA computes the stream anew from the start in each block. What it costs is a loop to
compile (equal operations one by one share their kernels; a loop needs more of them), about 10 ms for each value that is cut
out of a stack (slices are the slowest to compile of all: 200 of them 2.1 s), 0.7 ms for each that is put into one, and in
each step the copying of both. State is stacked for good (`treadle.ir.passes.stacked_state`) and costs neither.

A step saves the stream's share. It loses where the gradients of all layers, which wait in stacks for their update, and the
weights, cut out of theirs in each round, no longer fit the caches: 2 ns a byte. (96 Dense layers: 1.12 in place of 1.40 with
`tf.config.keep_freed_memory`.)

On GPU and TPU, and on several devices, nothing is rolled: nothing was measured there.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax

from treadle.ir.graph import Graph, Operation
from treadle.ir.ops.arrays import reverse, stack, unstack
from treadle.ir.ops.control import scan
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.passes.nested import Pass
from treadle.ir.passes.pipeline import PIPELINE
from treadle.ir.passes.repeats import Repeat
from treadle.ir.passes.rolling import is_elementwise, rolled_loops, rolling_pass
from treadle.ir.passes.stacked_state import loop_stacks, stacked_places
from treadle.ir.types import TensorType
from treadle.lowering import sharding
from treadle.lowering.loops import is_slow_in_loops

FEWEST = 8  # blocks
# Seconds of compiling.
_OPERATION, _STREAM, _LOOP, _ROW_OUT, _ROW_IN = 0.0003, 0.02, 0.15, 0.01, 0.0007
_WORTH = 0.025  # what a loop must save by itself
_MOST_COPIED = 65536  # bytes in each step, unless a stream makes the unrolled step slower still
# Seconds a step, for each byte: of stacked gradients, if there are more than fit the caches; of a stream, times blocks squared.
_STACKED, _CACHES, _RECOMPUTED = 2e-9, 16 * 2**20, 0.35e-9
_STEPS = 300  # what compiling saves must last for, if a step takes longer


class _Now:
    rolls = True


def roll_repeated_blocks(roll: bool = True) -> None:
    """Whether equal blocks of a program may be compiled as one loop over them (the default: where it pays), or never are.

    A compiled function with the same layer many times over, and with its gradient, is then compiled several times faster;
    `explain()` lists its loops. Automatic means: on CPU, for 8 blocks and more, where compiling takes less time so and a
    step no more. Values are equal up to rounding: sums may be taken in another order. Functions that are compiled already
    stay as they are.

    >>> import treadle as tf
    >>> tf.config.roll_repeated_blocks(False)
    >>> tf.config.roll_repeated_blocks(True)
    """
    _Now.rolls = bool(roll)


def passes(state: int = 0) -> list[tuple[str, Pass]]:
    """The pipeline, with rolling where it may pay, for programs whose first `state` inputs and outputs are their state."""
    if not _Now.rolls or jax.default_backend() != "cpu" or sharding.in_use():
        return PIPELINE
    return [*PIPELINE, ("rolling", rolling_pass(FEWEST, _may, _worth, _pays, state)), ("loop_stacks", loop_stacks)]


def _may(operation: Operation) -> bool:
    return not (is_slow_in_loops(operation) or any(is_slow_in_loops(o) for g in operation.graphs for o in g.walk()))


def _worth(repeat: Repeat) -> bool:
    return _saved(repeat) > (0.0 if is_elementwise(repeat) else _WORTH)


def _pays(repeats: Sequence[Repeat], before: Graph, after: Graph, state: int) -> bool:
    into, out, size = (a - b for a, b in zip(_loose(after, state), _loose(before, state)))
    cost = into * _ROW_IN + out * _ROW_OUT + _LOOP * sum(not is_elementwise(r) for r in repeats)
    saved = sum(map(_saved, repeats)) - cost
    return saved > max(0.0, _STEPS * _slower(repeats, after)) and (size <= _MOST_COPIED or any(map(stream_bytes, repeats)))


def _saved(repeat: Repeat) -> float:
    """Seconds of compiling that one loop saves."""
    gone = (repeat.count - 1) * repeat.period * _OPERATION
    return gone + repeat.count ** 2 * _STREAM if stream_bytes(repeat) else gone


def _slower(repeats: Sequence[Repeat], after: Graph) -> float:
    """Seconds that a step takes more; negative: less."""
    stacked = _stacked_bytes(after)
    return (_STACKED * stacked if stacked > _CACHES else 0.0) - _RECOMPUTED * sum(
        r.count ** 2 * stream_bytes(r) for r in repeats)


def _stacked_bytes(graph: Graph) -> int:
    """What loops leave in stacks for others than loops: gradients for the update of the weights."""
    loops = rolled_loops(graph)
    stacks = {v for o in loops for v in o.results[o.attributes["carried"]:]}
    used = {v for o in graph.operations if o.op not in (scan, reverse, strided_slice) for v in o.operands}
    return sum(_bytes(v.type) for v in stacks & used)


def stream_bytes(repeat: Repeat) -> int:
    """The size of what is carried through the blocks by operations element by element alone, other values added to it."""
    sources = {source for source, _ in repeat.carried}
    stream: set[tuple[int, int]] = set()
    for j, (operation, slots) in enumerate(zip(repeat.block, repeat.slots)):
        if "elementwise" in operation.op.traits and len(operation.operands) > 1 and any(
                s.is_carried or s.inside and s.source in stream for s in slots):
            stream.update((j, r) for r in range(len(operation.results)))
    return sum(_bytes(repeat.block[j].results[r].type) for j, r in stream & sources)  # type: ignore[operator]


def _bytes(type: TensorType) -> int:
    return type.count * type.dtype.numpy.itemsize  # type: ignore[operator]


def _loose(graph: Graph, count: int) -> tuple[int, int, int]:
    """How many values are put into stacks and cut out of them, but for stacked state; and the bytes of the stacks."""
    places = [i for group in stacked_places(graph, count) for i in group]
    rows, state = {graph.inputs[i] for i in places}, {graph.outputs[i] for i in places}
    into = out = size = 0
    for operation in graph.operations:
        if operation.op is stack and rows.isdisjoint(operation.operands):
            into += len(operation.operands)
            size += _bytes(operation.results[0].type)
        elif operation.op is unstack and state.isdisjoint(operation.results):
            out += len(operation.results)
            size += _bytes(operation.operands[0].type)
    return into, out, size

