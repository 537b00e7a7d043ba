"""Forward mode of a whole graph, operation by operation: what the tangents of ops that hold graphs are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from treadle.ir.autodiff import pushforward
from treadle.ir.builder import append, copy_operations
from treadle.ir.graph import Graph, Value
from treadle.ir.op import REGISTRY
from treadle.ir.types import TensorType


@dataclass(frozen=True)
class Tangent:
    """`graph`: (inputs, tangents of the varying inputs) -> (outputs, tangents of the outputs at `outputs`)."""

    graph: Graph
    outputs: tuple[int, ...]


def tangent_graph(graph: Graph, varying: tuple[bool, ...]) -> Tangent:
    """The graph with its tangents, for the inputs that vary."""
    key = ("tangent", varying)
    if key not in graph.cache:
        graph.cache[key] = _tangent_graph(graph, varying)
    return graph.cache[key]


def _tangent_graph(graph: Graph, varying: tuple[bool, ...]) -> Tangent:
    joint = Graph(f"{graph.name}_tangents")
    values: dict[Value, Value] = {v: joint.add_input(v.type, v.name) for v in graph.inputs}
    tangents: dict[Value, Value] = {
        v: joint.add_input(v.type, f"t{i}") for i, (v, moves) in enumerate(zip(graph.inputs, varying)) if moves}
    for operation in graph.operations:
        op, operands = operation.op, operation.operands
        moves = tuple([o in tangents for o in operands])
        if op.vjp is None or not any(moves):
            copy_operations([operation], joint, values)
            continue
        types = [o.type for o in operands]
        inputs = [*(values[o] for o in operands), *(tangents[o] for o in operands if o in tangents)]
        if op.jvp is not None:  # results and tangents in one: the loop runs once
            inner = op.jvp(types, operation.attributes, moves)
            start = len(joint.operations)
            new = dict(zip(inner.inputs, inputs))
            copy_operations(inner.operations, joint, new)
            found = [new[v] for v in inner.outputs]
            values.update(zip(operation.results, found))
            given = found[len(operation.results):]
        else:
            copy_operations([operation], joint, values)
            start = len(joint.operations)
            inner = pushforward(op, types, operation.attributes, moves)
            new = dict(zip(inner.inputs, inputs))
            copy_operations(inner.operations, joint, new)
            given = [new[v] for v in inner.outputs]
        for made in joint.operations[start:]:
            made.location = operation.location
        tangents.update(zip([r for r in operation.results if r.dtype.is_differentiable], given))
    moved = tuple(i for i, v in enumerate(graph.outputs) if v in tangents)
    joint.outputs = [*(values[v] for v in graph.outputs), *(tangents[graph.outputs[i]] for i in moved)]
    return Tangent(joint, moved)


def call_jvp(types: Sequence[TensorType], attributes: dict[str, Any], varying: Sequence[bool]) -> Graph:
    """`jvp` of `call`: a call of the graph with its tangents."""
    graph = attributes["graph"]
    tangent = tangent_graph(graph, tuple(varying))
    joint = Graph(f"{graph.name}_pushforward")
    inputs = [joint.add_input(t, f"x{i}") for i, t in enumerate(types)]
    inputs += [joint.add_input(t, f"t{i}") for i, t in enumerate(types) if varying[i]]
    results = append(joint, REGISTRY["call"], inputs, {"graph": tangent.graph}).results
    count = len(graph.outputs)
    found = dict(zip(tangent.outputs, results[count:]))
    joint.outputs = [*results[:count]]
    for i, result in enumerate(results[:count]):
        if result.dtype.is_differentiable:
            zero = found.get(i) or append(joint, REGISTRY["zeros_like"], [result], {}).results[0]
            joint.outputs.append(zero)
    return joint
