"""Common subexpression elimination: of operations that compute the same, the first is kept and serves all.

    graph f(%x: f32[], %y: f32[]) -> (f32[]) {        graph f(%x: f32[], %y: f32[]) -> (f32[]) {
      %0 = add(%x, %y) : f32[]                          %0 = add(%x, %y) : f32[]
      %1 = add(%y, %x) : f32[]                    ->    %1 = multiply(%0, %0) : f32[]
      %2 = multiply(%0, %1) : f32[]                     return %1
      return %2                                       }
    }

Operations with an effect stay each for itself, and so do barriers: they ask for a computation to be done again.
"""

from __future__ import annotations

from typing import Any

from treadle.ir.attributes import attribute_key
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.passes.nested import everywhere, holds
from treadle.ir.rewrite import with_operands

_APART = frozenset({"effect", "barrier"})


@everywhere
def common_subexpressions(graph: Graph) -> Graph:
    """The graph with equal operations merged."""
    result = Graph(graph.name, graph.inputs)
    values: dict[Value, Value] = {}
    first: dict[Any, Operation] = {}
    known: dict[Graph, bool] = {}
    for operation in graph.operations:
        operands = operation.operands
        if values and not values.keys().isdisjoint(operands):
            operands = tuple([values.get(o, o) for o in operands])
        if not holds(operation, _APART, known):
            before = first.setdefault(_key(operation, operands), operation)
            if before is not operation:
                for old, new in zip(operation.results, before.results):
                    values[old] = values.get(new, new)
                continue
        if operands is not operation.operands:
            operation = with_operands(operation, operands, values)
        result.operations.append(operation)
    if len(result.operations) == len(graph.operations):
        return graph
    result.outputs = [values.get(v, v) for v in graph.outputs]
    return result


def _key(operation: Operation, operands: tuple[Value, ...]) -> Any:
    if "commutative" in operation.op.traits:
        operands = tuple(sorted(operands, key=id))
    if not operation.attributes:
        return operation.op, operands
    return operation.op, operands, *map(attribute_key, operation.attributes.values())
