"""Dead code elimination: operations whose results nobody uses go, except those with an effect or a possible error.

    graph f(%x: f32[2]) -> (f32[2]) {         graph f(%x: f32[2]) -> (f32[2]) {
      %0 = exp(%x) : f32[2]                     %0 = negative(%x) : f32[2]
      %1 = negative(%x) : f32[2]          ->    print(%0)
      print(%1)                                 return %0
      return %1                               }
    }

Inputs and outputs stay, also those of nested graphs: they are what callers agreed on.
"""

from __future__ import annotations

from treadle.ir.builder import GraphBuilder
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting
from treadle.ir.passes.nested import everywhere


@everywhere
def dead_code(graph: Graph) -> Graph:
    """The graph without operations that nothing depends on."""
    live: set[Value] = set(graph.outputs)
    kept: list[Operation] = []
    known: dict[Graph, bool] = {}
    for operation in reversed(graph.operations):
        if not live.isdisjoint(operation.results) or _matters(operation, known):
            kept.append(operation)
            live.update(operation.operands)
    if len(kept) == len(graph.operations):
        return graph
    return Graph(graph.name, graph.inputs, kept[::-1], graph.outputs)


def _matters(operation: Operation, known: dict[Graph, bool]) -> bool:
    """True if the operation, or one nested in it, has an effect or raises an error for some values of its operands."""
    op = operation.op
    if "effect" in op.traits:
        return True
    if op.valid is not None:
        with interpreting(GraphBuilder(Graph("scratch"))):
            if op.valid(*operation.operands, **operation.attributes) is not None:
                return True
    for graph in operation.graphs:
        if graph not in known:
            known[graph] = any(_matters(o, known) for o in graph.operations)
        if known[graph]:
            return True
    return False
