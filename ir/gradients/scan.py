"""The gradient and the tangents of `scan`.

The forward scan returns what the gradient of each round needs as further stacked results; the gradient is a scan in
the other direction, which carries the cotangents of what is carried and the sums of those of the invariants:

    %s, %ys = scan(%s0, %w, %xs) {body=@step}
    forward:    %s, %ys, %r = scan(%s0, %w, %xs) {body=@step'}
    backward:   %ds0, %dw, %dxs = scan(%ds, 0, %w, %xs, %r, %dys) {body=@step_backward, reverse=true}

Not everything is stacked: a row of what is scanned is read again, and what follows from invariants alone is computed
again (`treadle.ir.passes.invariants` takes it out of the loop). Memory: `length` times the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from treadle.ir import dims
from treadle.ir.autodiff import Linearized, linearize
from treadle.ir.builder import GraphBuilder, copy_operations
from treadle.ir.gradients.common import dependents, has_effect, inlined, or_zeros, spread, whole_gradient, zeros
from treadle.ir.gradients.tangents import Tangent, tangent_graph
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting
from treadle.ir.op import REGISTRY
from treadle.ir.types import TensorType


@dataclass(frozen=True)
class ScanGradient:
    """How the backward body gets what it needs: the backward graph's first inputs, in order.

    Of `linearized.forward`, `stacked` are the values that the forward body returns beyond its `visible` results;
    `again` are the operations that are carried out again, `invariants` the inputs they and the backward graph need.
    """

    linearized: Linearized
    forward: Graph
    visible: int
    carried: int
    fixed: int
    needs: tuple[Value, ...]
    stacked: tuple[Value, ...]
    again: tuple[Operation, ...]
    invariants: tuple[int, ...]


def residuals(operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Sequence[Any]]:
    """`with_residuals` of `scan`."""
    body, carried, scanned = (attributes[k] for k in ("body", "carried", "scanned"))
    key = ("scan_gradient", carried, scanned)
    found = body.cache.get("scan_linearized_by")
    if found is None:
        if key not in body.cache:
            body.cache[key] = _forward(body, carried, len(body.inputs) - scanned)
        found = body.cache[key]
    return {**attributes, "body": found.forward}, found.visible, operands


def _forward(body: Graph, carried: int, fixed: int) -> ScanGradient:
    linearized = linearize(body)
    graph, visible = linearized.forward, linearized.visible
    # What follows from invariants alone is the same in every round.
    constant = set(graph.inputs[carried:fixed])
    for operation in graph.operations:
        if constant.issuperset(operation.operands) and not has_effect(operation):
            constant.update(operation.results)
    needs = (*(graph.inputs[i] for i in linearized.kept_inputs), *graph.outputs[visible:])
    given = {*constant, *graph.inputs[carried:], *graph.outputs[carried:visible]}
    stacked = tuple(dict.fromkeys([v for v in needs if v not in given]))
    wanted = {v for v in needs if v in constant}
    again = []
    for operation in reversed(graph.operations):
        if not wanted.isdisjoint(operation.results):
            again.append(operation)
            wanted.update(operation.operands)
    invariants = tuple(i for i in range(carried, fixed) if graph.inputs[i] in wanted)
    forward = Graph(graph.name, graph.inputs, graph.operations, [*graph.outputs[:visible], *stacked])
    result = ScanGradient(linearized, forward, visible, carried, fixed, needs, stacked, tuple(again[::-1]), invariants)
    forward.cache["scan_linearized_by"] = result
    return result


def vjp(g: Sequence[Any], y: Sequence[Any], *operands: Any, body: Graph, carried: int, scanned: int, length: Any,
        reverse: bool) -> Any:
    """`vjp` of `scan`."""
    found: ScanGradient | None = body.cache.get("scan_linearized_by")
    if found is None or any(c is not None for c in g[found.visible:]):
        return whole_gradient("scan", g, operands, {
            "body": body, "carried": carried, "scanned": scanned, "length": length, "reverse": reverse})
    goes_round = dims.is_known(length) and length  # else the values carried in the end may be those of the beginning
    if goes_round:
        g = _on_one(found, g)
    given = frozenset(i for i, c in enumerate(g[:found.visible]) if c is not None)
    if goes_round:
        given &= set(found.linearized.outputs)
    backward = _backward(found, given)
    zeros_like = REGISTRY["zeros_like"]
    inputs = found.forward.inputs
    arguments = [*(or_zeros(g[j], y[j]) for j in backward.carried), *(zeros_like(operands[k]) for k in backward.summed),
                 *(operands[k] for k in found.invariants)]
    rows = [*(operands[k] for k in backward.rows), *(y[k] for k in backward.stacked), *(g[k] for k in backward.given)]
    result: list[Any] = [None] * len(inputs)
    if not backward.graph.outputs:
        return result
    cotangents = REGISTRY["scan"]([*arguments, *rows], body=backward.graph, carried=len(backward.carried) + len(
        backward.summed), scanned=len(rows), length=length, reverse=not reverse)
    for i, cotangent in zip([*backward.carried, *backward.summed, *backward.produced], cotangents):
        result[i] = cotangent
    return result


def _on_one(found: ScanGradient, g: Sequence[Any]) -> list[Any]:
    """The cotangents; where the body returns a value several times, they are those of one: of a state that it reads, too."""
    result, outputs = list(g), found.forward.outputs[:found.visible]
    if len(set(outputs)) == len(outputs):
        return result
    reads = dependents(found.linearized)
    for part in (range(found.carried), range(found.carried, found.visible)):
        chosen: dict[Value, int] = {}
        for i in sorted(part, key=lambda i: i not in reads):
            j = chosen.setdefault(outputs[i], i)
            if j != i and result[i] is not None:
                result[j] = result[i] if result[j] is None else REGISTRY["add"](result[j], result[i])
                result[i] = None
    return result


@dataclass(frozen=True)
class Backward:
    """The body of the backward scan: (cotangents of `carried`, sums for the invariants `summed`, invariants, `rows` of
    what is scanned, rows of the forward results `stacked`, cotangents of the stacked results `given`)
    -> (cotangents of `carried`, sums, cotangents of the scanned rows `produced`).
    """

    graph: Graph
    carried: list[int]
    summed: list[int]
    rows: list[int]
    stacked: list[int]
    given: list[int]
    produced: list[int]


def _backward(found: ScanGradient, given: frozenset[int]) -> Backward:
    """The backward body for cotangents of the results `given`."""
    cache = found.forward.cache
    key = ("backward", given)
    if key not in cache:
        cache[key] = _backward_body(found, given)
    return cache[key]


def _backward_body(found: ScanGradient, given: frozenset[int]) -> Backward:
    carried, fixed, forward = found.carried, found.fixed, found.forward
    ys = sorted(i for i in given if i >= carried)
    made_of = dependents(found.linearized)
    moving = spread({i for i in given if i < carried}, lambda s: {
        i for i, outputs in made_of.items() if i < carried and not outputs.isdisjoint({*s, *ys})})
    part = found.linearized.restricted([*moving, *ys])
    summed = [i for i in part.inputs if carried <= i < fixed]
    produced = [i for i in part.inputs if i >= fixed]

    graph = Graph(part.backward.name)
    types = forward.input_types
    g = {j: graph.add_input(types[j], f"g{j}") for j in moving}
    sums = {k: graph.add_input(types[k], f"sum{k}") for k in summed}
    values = {forward.inputs[k]: graph.add_input(types[k], f"x{k}") for k in found.invariants}
    rows = [i for i in range(fixed, len(types)) if forward.inputs[i] in found.needs]
    values.update((forward.inputs[i], graph.add_input(types[i], f"x{i}")) for i in rows)
    places = {v: i for i, v in enumerate(forward.outputs) if i >= carried}
    stacked = {v: places[v] for v in found.needs if v not in values and v in places}
    values.update((v, graph.add_input(v.type, f"r{i}")) for v, i in stacked.items())
    g.update((i, graph.add_input(forward.outputs[i].type, f"g{i}")) for i in ys)
    copy_operations(found.again, graph, values)
    arguments = [*(values[v] for v in found.needs), *(g[i] for i in part.outputs)]
    with interpreting(GraphBuilder(graph)):
        cotangents = dict(zip(part.inputs, inlined(part.backward, arguments)))
        graph.outputs = [*(cotangents[j] if j in cotangents else zeros(types[j]) for j in moving),
                         *(REGISTRY["add"](sums[k], cotangents[k]) for k in summed),
                         *(cotangents[k] for k in produced)]
    return Backward(graph, moving, summed, rows, list(stacked.values()), ys, produced)


def carried_tangents(body: Graph, carried: int, varying: Sequence[bool]) -> tuple[Tangent, tuple[bool, ...]]:
    """The tangents of a loop's body, and which of its inputs vary in some round."""
    while True:
        tangent = tangent_graph(body, tuple(varying))
        more = [v or i < carried and i in tangent.outputs for i, v in enumerate(varying)]
        if more == list(varying):
            return tangent, tuple(varying)
        varying = more


def jvp(types: Sequence[TensorType], attributes: dict[str, Any], varying: Sequence[bool]) -> Graph:
    """`jvp` of `scan`: a scan that carries values and tangents together."""
    body, carried, scanned = (attributes[k] for k in ("body", "carried", "scanned"))
    fixed, count = len(types) - scanned, len(body.outputs)
    tangent, moves = carried_tangents(body, carried, varying)
    parts = [range(carried), range(carried, fixed), range(fixed, len(types))]
    moving = [[i for i in part if moves[i]] for part in parts]

    # The body with tangents beside what they belong to.
    inner = Graph(tangent.graph.name)
    x: dict[int, Value] = {}
    t: dict[int, Value] = {}
    for part, some in zip(parts, moving):
        x.update((i, inner.add_input(body.inputs[i].type, f"x{i}")) for i in part)
        t.update((i, inner.add_input(body.inputs[i].type, f"t{i}")) for i in some)
    stacked = [i for i in tangent.outputs if i >= carried]
    joint = Graph("scan_tangents")
    operands = [joint.add_input(type, f"x{i}") for i, type in enumerate(types)]
    given = {i: joint.add_input(type, f"t{i}") for i, type in enumerate(types) if varying[i]}
    with interpreting(GraphBuilder(inner)):
        outputs = inlined(tangent.graph, [*(x[i] for i in range(len(types))), *(t[i] for i in sorted(t))])
        by_output = dict(zip(tangent.outputs, outputs[count:]))
        inner.outputs = [*outputs[:carried], *(or_zeros(by_output.get(i), outputs[i]) for i in moving[0]),
                         *outputs[carried:count], *(by_output[i] for i in stacked)]
    with interpreting(GraphBuilder(joint)):
        arguments = [v for part, some in zip(parts, moving) for v in (
            *(operands[i] for i in part), *(or_zeros(given.get(i), operands[i]) for i in some))]
        results = list(REGISTRY["scan"](arguments, body=inner, carried=carried + len(moving[0]),
                                        scanned=scanned + len(moving[2]), length=attributes["length"],
                                        reverse=attributes["reverse"]))
        end = carried + len(moving[0])
        found = dict(zip(moving[0], results[carried:end]))
        found.update(zip(stacked, results[end + count - carried:]))
        visible = [*results[:carried], *results[end:end + count - carried]]
        joint.outputs = [*visible, *(or_zeros(found.get(i), r) for i, r in enumerate(visible) if r.dtype.is_differentiable)]
    return joint
