"""Applying a pass to a graph and to every graph nested in it, and asking about both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from treadle.ir.builder import GraphBuilder
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting
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


def matters(operation: Operation, known: dict[Graph, bool]) -> bool:
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
            known[graph] = any(matters(o, known) for o in graph.operations)
        if known[graph]:
            return True
    return False


def live_operations(graph: Graph, outputs: Iterable[Value], known: dict[Graph, bool]) -> list[Operation]:
    """The operations that the outputs depend on, and those that matter anyway."""
    live = set(outputs)
    kept = []
    for operation in reversed(graph.operations):
        if not live.isdisjoint(operation.results) or matters(operation, known):
            kept.append(operation)
            live.update(operation.operands)
    return kept[::-1]
