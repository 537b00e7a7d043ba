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
from collections.abc import Iterator

from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.structure import call, call_with_gradient
from treadle.ir.passes.nested import with_nested
from treadle.ir.rewrite import with_operands

LARGEST_SHARED = 200  # operations of a graph that has several callers


def inlining(graph: Graph) -> Graph:
    """The graph, and those nested in it, with calls inlined."""
    graphs = graph.nested()
    callers = Counter(id(g) for inner in graphs for o in inner.operations for g in o.graphs)
    inlined: set[Operation] = set()  # the calls that go
    size: dict[int, int] = {}  # how many operations a graph will have
    kept = {id(graph)}  # the graphs that somebody will still refer to
    for inner in graphs:
        size[id(inner)] = 0
        for operation in inner.operations:
            body = _body(operation)
            if body is not None and (callers[id(body)] == 1 or size[id(body)] <= LARGEST_SHARED):
                inlined.add(operation)
                size[id(inner)] += size[id(body)]
            else:
                kept.update(map(id, operation.graphs))
                size[id(inner)] += 1
    if not inlined:
        return graph
    new: dict[int, Graph] = {}
    for inner in graphs:
        if id(inner) in kept:
            new[id(inner)] = with_nested(_flat(inner, inlined), new)
    return new[id(graph)]


def _flat(graph: Graph, inlined: set[Operation]) -> Graph:
    """The graph with the operations of called graphs, and of those called there, in the place of the calls."""
    if inlined.isdisjoint(graph.operations):
        return graph
    result = Graph(graph.name, graph.inputs)
    values: dict[Value, Value] = {v: v for v in graph.inputs}
    # The calls that are being inlined, each with what is left of its caller and the caller's values.
    stack: list[tuple[Operation, Iterator[Operation], dict[Value, Value]]] = []
    rest = iter(graph.operations)
    while True:
        operation = next(rest, None)
        if operation is None and not stack:
            break
        if operation is None:
            operation, rest, outer = stack.pop()
            outputs = operation.attributes["graph"].outputs
            outer.update(zip(operation.results, [values[v] for v in outputs]))
            values = outer
            continue
        operands = tuple([values[o] for o in operation.operands])
        if operation in inlined:
            stack.append((operation, rest, values))
            body = operation.attributes["graph"]
            rest, values = iter(body.operations), dict(zip(body.inputs, operands))
        elif stack or operands != operation.operands:
            result.operations.append(with_operands(operation, operands, values))
        else:
            values.update(zip(operation.results, operation.results))
            result.operations.append(operation)
    result.outputs = [values[v] for v in graph.outputs]
    return result


def _body(operation: Operation) -> Graph | None:
    """The graph that the operation calls, if it calls it with the sizes it was made for."""
    if operation.op is not call and operation.op is not call_with_gradient:
        return None
    body = operation.attributes["graph"]
    fits = body.input_types == [o.type for o in operation.operands] and body.output_types == [
        r.type for r in operation.results]
    return body if fits else None
