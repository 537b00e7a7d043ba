"""Dead code elimination: operations whose results nobody uses go, except those that have an effect.

    graph f(%x: f32[2]) -> (f32[2]) {         graph f(%x: f32[2]) -> (f32[2]) {
      %0 = exp(%x) : f32[2]                     %0 = negative(%x) : f32[2]
      %1 = negative(%x) : f32[2]          ->    print(%0)
      print(%1)                                 return %0
      return %1                               }
    }

Inputs and outputs stay, also those of nested graphs: they are what callers agreed on.
"""

from __future__ import annotations

from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.passes.nested import everywhere, holds

_EFFECT = frozenset({"effect"})


@everywhere
def dead_code(graph: Graph) -> Graph:
    """The graph without operations that nothing depends on."""
    live: set[Value] = set(graph.outputs)
    kept: list[Operation] = []
    known: dict[Graph, bool] = {}
    for operation in reversed(graph.operations):
        if not live.isdisjoint(operation.results) or holds(operation, _EFFECT, known):
            kept.append(operation)
            live.update(operation.operands)
    if len(kept) == len(graph.operations):
        return graph
    return Graph(graph.name, graph.inputs, kept[::-1], graph.outputs)
