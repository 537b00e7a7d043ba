"""Checks that need few of a program's inputs, as a program of their own.

    graph f(%logits: f32[64,10], %y: i32[64]) {        graph f_checks(%y: i32[64]) {
      %0 = greater(%y, 9)                                %0 = greater(%y, 9)
      ...                                                ...
      %3 = select(%2, 0, 1)                      ->      return %3
      %4 = log_softmax(%logits)                        }
      ...                                              graph f(%logits: f32[64,10], %y: i32[64]) {
      return %9, %3                                      %4 = log_softmax(%logits)
    }                                                    ...

Who runs the checks first need not wait for the rest: that of `%y` is known at once, while `%logits` may be on their way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.passes.constant_folding import LARGEST, NUMPY
from treadle.ir.passes.effects import Threaded

_MOST_OPERATIONS = 32
_REDUCTIONS = {"reduce_all", "reduce_any", "reduce_max", "reduce_min"}
_FORMS = {"reshape", "broadcast_to", "expand_dims", "squeeze"}


class ChecksFirst(NamedTuple):
    """The checks, which take the program's inputs at `places` and return the code, and the program without them."""

    checks: Graph
    places: tuple[int, ...]
    rest: Graph


def checks_first(threaded: Threaded) -> ChecksFirst | None:
    """The program in two, if its checks are cheap and do not need all of its inputs."""
    if not threaded.has_code or threaded.calls_host:
        return None
    graph = threaded.graph
    needed: set[Value] = {graph.outputs[-1]}
    operations = _leading_to(graph, needed)
    places = tuple(i for i, v in enumerate(graph.inputs) if v in needed)
    if len(operations) > _MOST_OPERATIONS or len(places) == len(graph.inputs) or not all(map(_is_cheap, operations)):
        return None
    outputs = graph.outputs[:-1]
    rest = Graph(graph.name, graph.inputs, _leading_to(graph, set(outputs)), outputs)
    return ChecksFirst(Graph(f"{graph.name}_checks", [graph.inputs[i] for i in places], operations, graph.outputs[-1:]), places,
                       rest)


def runs_on_host(checks: Graph) -> bool:
    """Whether `code_on_host` may be used: the checks are of few integers, and numpy says of them what XLA does."""
    return all(v.type.dtype.is_integer and v.type.count <= LARGEST for v in checks.inputs) and all(
        o.op.traits & {"exact", "constant"} or o.op.name == "cast" for o in checks.operations)


def code_on_host(checks: Graph, arrays: Sequence[np.ndarray]) -> int:
    """The code for small arrays of integers, by numpy: 15 us, where a program takes 40, and longer while others run."""
    values = dict(zip(checks.inputs, arrays))
    for o in checks.operations:
        constant = "constant" in o.op.traits
        values[o.results[0]] = o.attributes["value"] if constant else o.op.lower(  # type: ignore[misc]
            NUMPY, *[values[operand] for operand in o.operands], **o.attributes)
    return int(values[checks.outputs[0]])


def _leading_to(graph: Graph, needed: set[Value]) -> list[Operation]:
    """The operations that `needed` depends on; `needed` is extended by their operands."""
    found = []
    for operation in reversed(graph.operations):
        if not needed.isdisjoint(operation.results):
            found.append(operation)
            needed.update(operation.operands)
    return found[::-1]


def _is_cheap(operation: Operation) -> bool:
    op = operation.op
    return bool(op.traits & {"elementwise", "constant"}) or op.name in _REDUCTIONS or op.name in _FORMS
