"""Inlining: a call is replaced by the operations of the graph it calls.

    graph f(%x: f32[]) -> (f32[]) {                graph f(%x: f32[]) -> (f32[]) {
      %0 = call(%x) {graph=@twice} : f32[]           %0 = add(%x, %x) : f32[]
      return %0                                ->    return %0
    }                                              }
    graph twice(%x: f32[]) -> (f32[]) {
      %0 = add(%x, %x) : f32[]
      return %0
    }

A gradient of the user's own (`call_with_gradient`) is forgotten: this runs after differentiation. A graph that is
called from several places is inlined only if it is small; otherwise the text could grow exponentially with its depth.
"""

from __future__ import annotations

from collections import Counter

from treadle.ir.builder import copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.structure import call, call_with_gradient
from treadle.ir.passes.nested import with_nested
from treadle.ir.rewrite import with_operands

LARGEST_SHARED = 200  # operations of a graph that has several callers


def inlining(graph: Graph) -> Graph:
    """The graph, and those nested in it, with calls inlined."""
    graphs = graph.nested()
    callers = Counter(id(g) for inner in graphs for o in inner.operations for g in o.graphs)
    new: dict[int, Graph] = {}
    count: Counter[int] = Counter()  # callers of the new graphs
    for old in graphs:
        new[id(old)] = _inlined(with_nested(old, new), count)
        count[id(new[id(old)])] = callers[id(old)]
    return new[id(graph)]


def _inlined(graph: Graph, callers: Counter[int]) -> Graph:
    if not any(_is_inlined(o, callers) for o in graph.operations):
        return graph
    result = Graph(graph.name, graph.inputs)
    values: dict[Value, Value] = {}
    for operation in graph.operations:
        operands = tuple([values.get(o, o) for o in operation.operands])
        if _is_inlined(operation, callers):
            body = operation.attributes["graph"]
            inner = dict(zip(body.inputs, operands))
            copy_operations(body.operations, result, inner)
            values.update(zip(operation.results, [inner[v] for v in body.outputs]))
            continue
        if operands != operation.operands:
            operation = with_operands(operation, operands, values)
        result.operations.append(operation)
    result.outputs = [values.get(v, v) for v in graph.outputs]
    return result


def _is_inlined(operation: Operation, callers: Counter[int]) -> bool:
    if operation.op is not call and operation.op is not call_with_gradient:
        return False
    body = operation.attributes["graph"]
    if body.input_types != [o.type for o in operation.operands] or body.output_types != [
            r.type for r in operation.results]:
        return False  # called with other sizes than its own
    return callers[id(body)] == 1 or len(body) <= LARGEST_SHARED
