"""What passes over `cond`, `while` and `scan` share: other inputs and outputs for a nested graph, and the sweep."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from treadle.ir.builder import append_constant, copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.op import Op
from treadle.ir.ops.structure import constant_value
from treadle.ir.passes.nested import Pass, everywhere, live_operations
from treadle.ir.rewrite import with_operands

# What an operation becomes: the values of its results, as it is added to a graph. None: it stays as it is.
Rule = Callable[[Operation, Graph, set[Value]], "list[Value] | None"]


def control_flow_pass(ops: frozenset[Op], rule: Rule) -> Pass:
    """The pass that applies a rule to each operation that holds graphs, everywhere, until it has nothing to do.

    The rule is given the operation, the graph to add to, and the values somebody uses.
    """
    one = everywhere(functools.partial(_sweep, ops, rule))

    def whole(graph: Graph) -> Graph:
        while (new := one(graph)) is not graph:
            graph = new
        return graph
    return whole


def _sweep(ops: frozenset[Op], rule: Rule, graph: Graph) -> Graph:
    if not any(o.op in ops for o in graph.operations):
        return graph
    used = {*graph.outputs, *(v for o in graph.operations for v in o.operands)}
    result = Graph(graph.name, graph.inputs)
    values: dict[Value, Value] = {}
    changed = False
    for operation in graph.operations:
        operands = tuple([values.get(o, o) for o in operation.operands])
        old = operation
        if operands != operation.operands:
            operation = with_operands(operation, operands, values)
        if old.op in ops:
            made = rule(operation, result, {n for n, o in zip(operation.results, old.results) if o in used})
            if made is not None:
                changed = True
                values.update(zip(old.results, made))
                continue
        result.operations.append(operation)
    if not changed:
        return graph
    result.outputs = [values.get(v, v) for v in graph.outputs]
    return result


def reduced(graph: Graph, inputs: Sequence[int], outputs: Sequence[Value], constants: Mapping[int, np.ndarray],
            same: Mapping[int, int], known: dict[Graph, bool]) -> Graph:
    """The graph with only the given inputs, in that order, and other outputs.

    An input in `constants` is that constant, one in `same` the input named there; others must not be needed.
    """
    new = Graph(graph.name)
    values = {graph.inputs[i]: new.add_input(graph.inputs[i].type, graph.inputs[i].name) for i in inputs}
    live = live_operations(graph, outputs, known)
    needed = {*outputs, *(v for o in live for v in o.operands)}
    for i, array in constants.items():
        if graph.inputs[i] in needed:
            values[graph.inputs[i]] = append_constant(new, array)
    values.update((graph.inputs[i], values[graph.inputs[j]]) for i, j in same.items() if graph.inputs[j] in values)
    copy_operations(live, new, values)
    new.outputs = [values[v] for v in outputs]
    return new


def inputs_needed(graph: Graph, outputs: Sequence[Value], known: dict[Graph, bool]) -> set[int]:
    """The inputs that the outputs depend on, or operations that matter anyway."""
    needed = {*outputs, *(v for o in live_operations(graph, outputs, known) for v in o.operands)}
    return {i for i, v in enumerate(graph.inputs) if v in needed}


def scalar_constant(value: Value) -> np.ndarray | None:
    """The array of a constant scalar."""
    array = constant_value(value)
    return array if array is not None and array.shape == () else None


def duplicates(operands: Sequence[Value], among: Sequence[int]) -> dict[int, int]:
    """Operands that are the same value as an earlier one, and which that is."""
    first: dict[Value, int] = {}
    return {i: first[operands[i]] for i in among if first.setdefault(operands[i], i) != i}


def replaced(operation: Operation, into: Graph, operands: Sequence[Value], attributes: Mapping[str, Any],
             kept: Sequence[int]) -> dict[int, Value]:
    """Add the operation with other operands and attributes, that gives only the results at `kept`: those by their place."""
    new = Operation(operation.op, operands, attributes, [operation.results[i].type for i in kept], operation.location)
    into.operations.append(new)
    return dict(zip(kept, new.results))
