"""Applying a pass to a graph and to every graph nested in it, and asking about both."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.rewrite import with_operands

Pass = Callable[[Graph], Graph]


def everywhere(one: Pass) -> Pass:
    """The pass that applies `one` to each graph once, inner ones first.

    `one` sees the nested graphs in their new form. A graph in which nothing changes stays the same object.
    """
    @functools.wraps(one)
    def all_graphs(graph: Graph) -> Graph:
        new: dict[int, Graph] = {}
        for old in graph.nested():
            new[id(old)] = one(with_nested(old, new))
        return new[id(graph)]
    return all_graphs


def with_nested(graph: Graph, new: dict[int, Graph]) -> Graph:
    """The graph with nested graphs replaced by those that `new` has for their ids; itself if all are the same."""
    if all(new[id(g)] is g for o in graph.operations for g in o.graphs):
        return graph
    values: dict[Value, Value] = {}
    result = Graph(graph.name, graph.inputs)
    for operation in graph.operations:
        operands = [values.get(o, o) for o in operation.operands]
        if any(new[id(g)] is not g for g in operation.graphs):
            attributes = {k: _replaced(v, new) for k, v in operation.attributes.items()}
            operation = with_operands(operation, operands, values, attributes)
        elif operation.operands != tuple(operands):
            operation = with_operands(operation, operands, values)
        result.operations.append(operation)
    result.outputs = [values.get(v, v) for v in graph.outputs]
    return result


def _replaced(attribute: Any, new: dict[int, Graph]) -> Any:
    if isinstance(attribute, Graph):
        return new[id(attribute)]
    if isinstance(attribute, tuple):
        return tuple(_replaced(a, new) for a in attribute)
    return attribute


def holds(operation: Operation, traits: frozenset[str], known: dict[Graph, bool]) -> bool:
    """True if the operation, or one nested in it, has one of the traits. `known` remembers answers for graphs."""
    if not traits.isdisjoint(operation.op.traits):
        return True
    for graph in operation.graphs:
        if graph not in known:
            known[graph] = any(holds(o, traits, known) for o in graph.operations)
        if known[graph]:
            return True
    return False
