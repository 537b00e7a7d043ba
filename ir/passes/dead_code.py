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

from treadle.ir.graph import Graph
from treadle.ir.passes.nested import everywhere, live_operations


@everywhere
def dead_code(graph: Graph) -> Graph:
    """The graph without operations that nothing depends on."""
    kept = live_operations(graph, graph.outputs, {})
    if len(kept) == len(graph.operations):
        return graph
    return Graph(graph.name, graph.inputs, kept, graph.outputs)
