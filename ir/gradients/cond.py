"""The gradient and the tangents of `cond`.

Each branch keeps its residuals in slots that all branches share: only one of them runs, so two branches that both
keep an f32[8] need one slot. A branch leaves zeros in slots that are not its own. The gradient is a `cond` with the
same predicate, whose branches turn residuals and cotangents into cotangents of the operands.

    %0 = cond(%p, %x) {branches=(@sin, @square)}       forward:   %0, %r = cond(%p, %x) {branches=(@sin', @square')}
                                                       backward:  %dx = cond(%p, %x, %r, %g) {branches=(@a, @b)}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from treadle.ir.autodiff import Linearized, linearize
from treadle.ir.builder import GraphBuilder
from treadle.ir.gradients.common import inlined, or_zeros, whole_gradient, zeros
from treadle.ir.gradients.tangents import tangent_graph
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.op import REGISTRY
from treadle.ir.types import TensorType

_KEY = "cond_gradient"


@dataclass(frozen=True)
class CondGradient:
    """The branches' gradients. `places[b][r]` is the slot of residual r of branch b."""

    branches: tuple[Linearized, ...]
    slots: tuple[TensorType, ...]
    places: tuple[tuple[int, ...], ...]
    forward: tuple[Graph, ...]
    visible: int


def residuals(operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Sequence[Any]]:
    """`with_residuals` of `cond`."""
    branches = attributes["branches"]
    found = _marked(branches)
    if found is None:
        if _KEY not in branches[0].cache or branches[0].cache[_KEY][0] != branches:
            branches[0].cache[_KEY] = branches, _forward(branches)
        found = branches[0].cache[_KEY][1]
    return {"branches": found.forward}, found.visible, operands


def _marked(branches: tuple[Graph, ...]) -> CondGradient | None:
    """The gradient of which these branches are the forward half."""
    found = branches[0].cache.get("cond_linearized_by")
    return found if found is not None and found.forward == branches else None


def _forward(branches: tuple[Graph, ...]) -> CondGradient:
    linearized = tuple(linearize(b) for b in branches)
    visible = len(branches[0].outputs)
    slots: list[TensorType] = []
    places = []
    for one in linearized:
        free = list(range(len(slots)))
        mine = []
        for type in one.forward.output_types[visible:]:
            place = next((i for i in free if slots[i] is type), None)
            if place is None:
                place = len(slots)
                slots.append(type)
            else:
                free.remove(place)
            mine.append(place)
        places.append(tuple(mine))
    forward = tuple(_filled(one.forward, visible, slots, mine) for one, mine in zip(linearized, places))
    result = CondGradient(linearized, tuple(slots), tuple(places), forward, visible)
    for graph in forward:
        graph.cache["cond_linearized_by"] = result
    return result


def _filled(forward: Graph, visible: int, slots: Sequence[TensorType], mine: Sequence[int]) -> Graph:
    """The forward branch with its residuals in their slots and zeros in the others."""
    result = Graph(forward.name, forward.inputs, forward.operations)
    by_slot = dict(zip(mine, forward.outputs[visible:]))
    with interpreting(GraphBuilder(result)):
        filled = [by_slot[i] if i in by_slot else zeros(type) for i, type in enumerate(slots)]
    result.outputs = [*forward.outputs[:visible], *filled]
    return result


def vjp(g: Sequence[Any], y: Sequence[Any], *operands: Any, branches: tuple[Graph, ...]) -> Any:
    """`vjp` of `cond`."""
    found = _marked(branches)
    if found is None or any(c is not None for c in g[found.visible:]):
        return whole_gradient("cond", g, operands, {"branches": branches})
    wanted = tuple(i for i, c in enumerate(g[:found.visible]) if c is not None)
    backward, kept, given, inputs = _backward(found, wanted)
    result: list[Any] = [None] * len(operands)
    if inputs:
        arguments = [operands[0], *(operands[1 + i] for i in kept), *y[found.visible:], *(g[i] for i in given)]
        for i, cotangent in zip(inputs, REGISTRY["cond"](arguments, branches=backward)):
            result[1 + i] = cotangent
    return result


def _backward(found: CondGradient, wanted: tuple[int, ...]) -> tuple[tuple[Graph, ...], list[int], list[int], list[int]]:
    """The backward branches, the operands and cotangents they take, and the operands whose cotangents they return."""
    cache = found.forward[0].cache
    key = ("backward", wanted)
    if key not in cache:
        parts = [one.restricted(wanted) for one in found.branches]
        kept = sorted({i for p in parts for i in p.kept_inputs})
        given = sorted({i for p in parts for i in p.outputs})
        inputs = sorted({i for p in parts for i in p.inputs})
        graphs = []
        for part, places in zip(parts, found.places):
            graph = Graph(part.backward.name)
            types = part.forward.input_types
            x = {i: graph.add_input(types[i], f"x{i}") for i in kept}
            slots = [graph.add_input(t, f"r{i}") for i, t in enumerate(found.slots)]
            g = {i: graph.add_input(part.forward.outputs[i].type, f"g{i}") for i in given}
            arguments = [*(x[i] for i in part.kept_inputs), *(slots[i] for i in places), *(g[i] for i in part.outputs)]
            with interpreting(GraphBuilder(graph)):
                cotangents = dict(zip(part.inputs, inlined(part.backward, arguments)))
                graph.outputs = [cotangents[i] if i in cotangents else zeros(types[i]) for i in inputs]
            graphs.append(graph)
        cache[key] = tuple(graphs), kept, given, inputs
    return cache[key]


def jvp(types: Sequence[TensorType], attributes: dict[str, Any], varying: Sequence[bool]) -> Graph:
    """`jvp` of `cond`: a `cond` of the branches with their tangents."""
    tangents = [tangent_graph(b, tuple(varying[1:])) for b in attributes["branches"]]
    count = len(attributes["branches"][0].outputs)
    moved = sorted({i for t in tangents for i in t.outputs})
    branches = []
    for tangent in tangents:
        branch = Graph(tangent.graph.name, tangent.graph.inputs, tangent.graph.operations)
        own = dict(zip(tangent.outputs, tangent.graph.outputs[count:]))
        results = tangent.graph.outputs[:count]
        with interpreting(GraphBuilder(branch)):
            branch.outputs = [*results, *(or_zeros(own.get(i), results[i]) for i in moved)]
        branches.append(branch)
    joint = Graph("cond_tangents")
    inputs = [joint.add_input(t, f"x{i}") for i, t in enumerate(types)]
    given = [joint.add_input(t, f"t{i}") for i, t in enumerate(types) if varying[i]]
    with interpreting(GraphBuilder(joint)):
        results = REGISTRY["cond"]([*inputs, *given], branches=tuple(branches))
        found = dict(zip(moved, results[count:]))
        joint.outputs = [*results[:count],
                         *(or_zeros(found.get(i), r) for i, r in enumerate(results[:count]) if r.dtype.is_differentiable)]
    return joint
