"""Reverse-mode differentiation: one sweep that serves the eager tape, the traced tape and whole graphs.

`sweep` walks recorded operations backwards and applies each op's `vjp` rule, which is itself made of ops: under a
graph builder the sweep builds a graph, under the eager interpreter it computes.

`linearize` splits a graph's gradient into a forward graph, which also returns what the gradient needs (the
residuals), and a backward graph from residuals and cotangents to cotangents of the inputs. Forward mode (`pushforward`)
is reverse mode applied twice: the backward pass is linear in its cotangent, and transposing it gives the tangent map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from treadle.ir import errors, location
from treadle.ir.builder import GraphBuilder, append, append_constant, copy, copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting, state
from treadle.ir.op import REGISTRY, Op
from treadle.ir.passes import nested
from treadle.ir.trip_counts import as_scan_if_counted


class Record(NamedTuple):
    """One operation that was carried out. The fields are those of `Operation`; the values may be tensors."""

    op: Op
    operands: Sequence[Any]
    attributes: dict[str, Any]
    results: Sequence[Any]


def active_ids(records: Sequence[Any], sources: Iterable[Any]) -> set[int]:
    """The ids of all values that depend differentiably on `sources`."""
    active = {id(s) for s in sources}
    for record in records:
        if record.op.vjp is not None and not active.isdisjoint(map(id, record.operands)):
            active.update(id(r) for r in record.results if r.dtype.is_differentiable)
    return active


def sweep(records: Sequence[Any], cotangents: dict[int, Any], active: set[int]) -> dict[int, Any]:
    """Propagate cotangents (by id of the value) backwards through `records`; returns them, extended to every active value."""
    add, zeros_like = REGISTRY["add"], REGISTRY["zeros_like"]
    around = location.inside.forward
    try:
        for record in reversed(records):
            op, operands, attributes, results = record.op, record.operands, record.attributes, record.results
            found = [cotangents.get(id(r)) for r in results]
            if all(f is None for f in found):
                continue
            needed = [id(o) in active for o in operands]
            if not any(needed) or op.vjp is None:
                continue
            if not state.interpreter.is_eager:
                location.inside.forward = _place(record)
            if op.with_residuals is None:
                g = [zeros_like(r) if f is None and r.dtype.is_differentiable else f for f, r in zip(found, results)]
            else:
                g = found  # None for a residual says that its part of the gradient need not be derived
            gradients = state.interpreter.cotangents(op, g, results, operands, attributes, needed)
            for operand, gradient, need in zip(operands, gradients, needed):
                if gradient is not None and need:
                    before = cotangents.get(id(operand))
                    cotangents[id(operand)] = gradient if before is None else add(before, gradient)
    finally:
        location.inside.forward = around
    return cotangents


def _place(record: Any) -> location.Location | None:
    """Where a recorded operation was made, if that is known."""
    if not record.results:
        return None
    value = getattr(record.results[0], "value", record.results[0])  # what stands for a tensor in its trace
    producer = getattr(value, "producer", None)
    return producer.location if producer is not None else None


@dataclass(frozen=True)
class Linearized:
    """The gradient of a graph, in two graphs.

    `forward` returns the graph's `visible` outputs and then the residuals. `backward` takes the forward inputs at
    `kept_inputs`, the residuals, and the cotangents of the outputs at `outputs`; it returns the cotangents of the
    inputs at `inputs`. An input that the outputs do not depend on is not in `inputs`. `derived`: by `linearize`, and
    not given by the user.
    """

    forward: Graph
    visible: int
    kept_inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    backward: Graph
    inputs: tuple[int, ...]
    derived: bool = False

    def cotangents(self, g: Sequence[Any], y: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """The `vjp` of a call of `forward`."""
        return self.apply(lambda operands, graph, _: REGISTRY["call"](operands, graph=graph), g, y, operands)

    def apply(self, call: Callable[[Sequence[Any], Graph, Sequence[int]], Sequence[Any]], g: Sequence[Any],
              y: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """`cotangents`, where `call(arguments, graph, places)` runs a graph; `places` says which operand each argument is
        (-1 for what is none).

        If the residuals have cotangents too (somebody differentiates the gradient), the whole of `forward` is
        differentiated, which computes it again.
        """
        zeros_like = REGISTRY["zeros_like"]
        if any(c is not None for c in g[self.visible:]):
            given = [zeros_like(r) if c is None else c for c, r in zip(g, y) if r.dtype.is_differentiable]
            places = [*range(len(operands)), *[-1] * len(given)]
            found_all = iter(call([*operands, *given], gradient(self.forward), places))
            return [next(found_all) if o.dtype.is_differentiable else None for o in operands]
        part = self.restricted(i for i in self.outputs if g[i] is not None) if self.derived else self
        found: list[Any] = [None] * len(operands)
        if not part.inputs:
            return found
        given = [zeros_like(y[i]) if g[i] is None else g[i] for i in part.outputs]
        arguments = [*(operands[i] for i in part.kept_inputs), *y[self.visible:], *given]
        results = call(arguments, part.backward, [*part.kept_inputs, *[-1] * (len(arguments) - len(part.kept_inputs))])
        for i, result in zip(part.inputs, results):
            found[i] = result
        return found

    def restricted(self, outputs: Iterable[int]) -> Linearized:
        """The gradient with cotangents of some of the outputs only; the others count as zero and cost nothing."""
        wanted = tuple(sorted({*outputs} & {*self.outputs}))
        if wanted == self.outputs:
            return self
        key = ("restricted", wanted)
        if key not in self.forward.cache:
            self.forward.cache[key] = _restricted(self, wanted)
        return self.forward.cache[key]


def linearize(graph: Graph) -> Linearized:
    """The gradient of a graph with respect to all its differentiable inputs, cached on the graph."""
    if "linearized" not in graph.cache:
        graph.cache["linearized"] = _linearize(graph)
    return graph.cache["linearized"]


def _linearize(graph: Graph) -> Linearized:
    joint = Graph(graph.name)
    values = {v: joint.add_input(v.type, v.name) for v in graph.inputs}
    _copy_with_residuals(graph.operations, joint, values)
    outputs = [values[v] for v in graph.outputs]
    inputs = [v for v in joint.inputs if v.dtype.is_differentiable]
    active = active_ids(joint.operations, inputs)
    wanted = tuple(i for i, v in enumerate(outputs) if id(v) in active)
    count = len(joint.operations)
    given = [joint.add_input(outputs[i].type, f"g{i}") for i in wanted]
    with interpreting(GraphBuilder(joint)):
        seeds = _seeds(outputs, wanted, given)
        cotangents = _swept_with_locations(joint, joint.operations[:count], seeds, active)
    found = [(i, cotangents[id(v)]) for i, v in enumerate(joint.inputs[:len(graph.inputs)]) if id(v) in cotangents]
    return split(joint, count, len(graph.inputs), outputs, wanted, found, derived=True)


def _copy_with_residuals(operations: Sequence[Operation], into: Graph, values: dict[Value, Value]) -> None:
    """Copy operations; those that hold graphs in the form that keeps residuals, as on the tape."""
    for operation in operations:
        op, attributes = operation.op, operation.attributes
        if op.with_residuals is None:
            copy_operations([operation], into, values)
        else:
            operands = [values[o] for o in operation.operands]
            counted = as_scan_if_counted(operands, **attributes) if op.name == "while" else None
            if counted is not None:
                op, attributes = REGISTRY["scan"], counted
            assert op.with_residuals is not None
            with interpreting(GraphBuilder(into, operation.location)):
                attributes, _, operands = op.with_residuals(operands, attributes)
            results = append(into, op, operands, attributes, operation.location).results
            values.update(zip(operation.results, results))


def _restricted(linearized: Linearized, wanted: tuple[int, ...]) -> Linearized:
    joint, _ = copy(linearized.forward)
    inputs, early = list(joint.inputs), list(joint.operations)
    active = active_ids(early, [v for v in inputs if v.dtype.is_differentiable])
    given = [joint.add_input(joint.outputs[i].type, f"g{i}") for i in wanted]
    with interpreting(GraphBuilder(joint)):
        cotangents = _swept_with_locations(joint, early, _seeds(joint.outputs, wanted, given), active)
    found = [(i, cotangents[id(v)]) for i, v in enumerate(inputs) if id(v) in cotangents]
    live = _live(joint.operations[len(early):], {v for _, v in found})
    backward = Graph(linearized.backward.name)
    values = {v: backward.add_input(v.type, v.name) for v in [
        *(inputs[i] for i in linearized.kept_inputs), *joint.outputs[linearized.visible:], *given]}
    _copy_backward(live, early, backward, values)
    backward.outputs = [values[v] for _, v in found]
    return replace(linearized, outputs=wanted, backward=backward, inputs=tuple(i for i, _ in found))


def _seeds(outputs: Sequence[Value], wanted: Sequence[int], given: Sequence[Value]) -> dict[int, Any]:
    """The cotangents that a sweep starts with; a value may be returned twice. Adds operations where it is."""
    cotangents: dict[int, Any] = {}
    for i, g in zip(wanted, given):
        before = cotangents.get(id(outputs[i]))
        cotangents[id(outputs[i])] = g if before is None else REGISTRY["add"](before, g)
    return cotangents


def _live(operations: Sequence[Operation], needed: set[Value]) -> list[Operation]:
    """The operations that `needed` depends on; `needed` is extended by their operands."""
    live: list[Operation] = []
    for operation in reversed(operations):
        if not needed.isdisjoint(operation.results):
            live.append(operation)
            needed.update(operation.operands)
    return live[::-1]


def _copy_backward(live: Sequence[Operation], early: Sequence[Operation], into: Graph, values: dict[Value, Value]) -> None:
    """Copy the operations of a backward graph. What they need of the forward operations `early`, beside what `values`
    has, are constants, made again, and values of which only the shape matters.
    """
    needed = {o for operation in live for o in operation.operands}
    copy_operations([o for o in early if "constant" in o.op.traits and o.results[0] in needed], into, values)
    for operation in live:
        if operation.op.name == "zeros_like" and operation.operands[0] not in values:
            type = operation.results[0].type
            with interpreting(GraphBuilder(into, operation.location)):
                zero = append_constant(into, np.zeros((), type.dtype.numpy), operation.location)
                values[operation.results[0]] = REGISTRY["broadcast_to"](zero, shape=type.shape) if type.shape else zero
        else:
            copy_operations([operation], into, values)


def _swept_with_locations(joint: Graph, records: list[Operation], cotangents: dict, active: set[int]) -> dict:
    """`sweep`, each gradient operation carrying the source line of the operation it differentiates."""
    for record in reversed(records):
        before = len(joint.operations)
        sweep([record], cotangents, active)
        for operation in joint.operations[before:]:
            operation.location = record.location and record.location._replace(forward=record.location)
    return cotangents


def split(joint: Graph, count: int, n_inputs: int, outputs: list[Value], wanted: tuple[int, ...],
          found: list[tuple[int, Value]], derived: bool = False) -> Linearized:
    """Cut a joint graph after its first `count` operations into forward and backward."""
    forward_inputs, given = joint.inputs[:n_inputs], joint.inputs[n_inputs:]
    early = joint.operations[:count]
    live = _live(joint.operations[count:], {v for _, v in found})
    # Constants are made again in the backward graph, and so are zeros of a known shape; everything else it needs from
    # the forward one is a residual.
    needed = {v for _, v in found}.union(*[o.operands for o in live if not (
        o.op.name == "zeros_like" and o.results[0].type.is_static)])
    residuals = [r for o in early if "constant" not in o.op.traits for r in o.results if r in needed]
    kept = tuple(i for i, v in enumerate(forward_inputs) if v in needed)

    backward = Graph(f"{joint.name}_backward")
    values = {v: backward.add_input(v.type, v.name)
              for v in [*(forward_inputs[i] for i in kept), *residuals, *given]}
    _copy_backward(live, early, backward, values)
    backward.outputs = [values[v] for _, v in found]

    forward = Graph(f"{joint.name}_forward")
    values = {v: forward.add_input(v.type, v.name) for v in forward_inputs}
    copy_operations(early, forward, values)
    forward.outputs = [values[v] for v in [*outputs, *residuals]]
    linearized = Linearized(forward, len(outputs), kept, wanted, backward, tuple(i for i, _ in found), derived)
    forward.cache["linearized_by"] = linearized
    return linearized


@dataclass(frozen=True)
class Pullback:
    """An operation's gradient as a graph. Of the list (cotangents, results, operands) it takes those at `used`; its
    outputs are the cotangents of the operands at `produced`.
    """

    graph: Graph
    used: tuple[int, ...]
    produced: tuple[int, ...]


def pullback(op: Op, types: Sequence[Any], results: Sequence[Any], attributes: dict[str, Any],
             needed: Sequence[bool]) -> Pullback:
    """The graph of one operation's gradient, for operands and results of the given types."""
    graph = Graph(f"{op.name}_gradient")
    inputs = [graph.add_input(t, f"i{i}") for i, t in enumerate([*results, *results, *types])]
    count = len(results)
    g = [v if v.dtype.is_differentiable else None for v in inputs[:count]]
    with interpreting(GraphBuilder(graph)):
        found = op.cotangents(g, inputs[count:2 * count], inputs[2 * count:], attributes, needed)
    produced = tuple(i for i, (f, need) in enumerate(zip(found, needed)) if f is not None and need)
    outputs = [found[i] for i in produced]
    reached = set(outputs)
    operations = _live(graph.operations, reached)
    used = tuple(i for i, v in enumerate(inputs) if v in reached)
    return Pullback(Graph(graph.name, [inputs[i] for i in used], operations, outputs), used, produced)


def gradient(graph: Graph) -> Graph:
    """The graph (inputs, cotangents of the differentiable outputs) -> cotangents of the differentiable inputs.

    Inputs that no output depends on get zeros. This is `linearize` put back together in one graph.
    """
    if "gradient" not in graph.cache:
        graph.cache["gradient"] = _gradient(graph)
    return graph.cache["gradient"]


def _gradient(graph: Graph) -> Graph:
    linearized = linearize(graph)
    # The gradient may compute the graph's results again, but what the graph does (printing) it does not do again.
    joint, _ = copy(without_effects(linearized.forward), f"{graph.name}_gradient")
    results = joint.outputs
    wanted = [i for i, v in enumerate(graph.outputs) if v.dtype.is_differentiable]
    given = {i: joint.add_input(graph.outputs[i].type, f"g{i}") for i in wanted}
    inputs = joint.inputs[:len(graph.inputs)]
    arguments = [*(inputs[i] for i in linearized.kept_inputs), *results[linearized.visible:],
                 *(given[i] for i in linearized.outputs)]
    values = dict(zip(linearized.backward.inputs, arguments))
    copy_operations(linearized.backward.operations, joint, values)
    found = {i: values[v] for i, v in zip(linearized.inputs, linearized.backward.outputs)}
    with interpreting(GraphBuilder(joint)):
        joint.outputs = [found[i] if i in found else REGISTRY["zeros_like"](v)
                         for i, v in enumerate(inputs) if v.dtype.is_differentiable]
    return joint


def without_effects(graph: Graph) -> Graph:
    """The graph without operations that nothing depends on, those with an effect included."""
    if "without_effects" not in graph.cache:
        live = _live(graph.operations, set(graph.outputs))
        result = graph if len(live) == len(graph) else Graph(graph.name, graph.inputs, live, graph.outputs)
        if any("effect" in o.op.traits for o in result.walk()):
            result = nested.with_nested(result, {id(g): without_effects(g) for o in live for g in o.graphs})
        graph.cache["without_effects"] = result
    return graph.cache["without_effects"]


def pushforward(op: Op, types: Sequence[Any], attributes: dict[str, Any], varying: tuple[bool, ...]) -> Graph:
    """The graph (operands, tangents of the varying operands) -> tangents of the differentiable results."""
    if op.jvp is not None:
        joint = op.jvp(types, attributes, varying)
        count = len(op.infer_types(types, attributes))
        return without_effects(Graph(joint.name, joint.inputs, joint.operations, joint.outputs[count:]))
    base = Graph(f"{op.name}_once")
    operands = [base.add_input(t, f"x{i}") for i, t in enumerate(types)]
    base.outputs = list(append(base, op, operands, attributes).results)
    linearized = linearize(base)
    joint = Graph(f"{op.name}_pushforward")
    inputs = [joint.add_input(t, f"x{i}") for i, t in enumerate(types)]
    tangents = {i: joint.add_input(t, f"t{i}") for i, t in enumerate(types) if varying[i]}
    with interpreting(GraphBuilder(joint)):
        values = dict(zip(linearized.forward.inputs, inputs))
        copy_operations(linearized.forward.operations, joint, values)
        results = [values[v] for v in linearized.forward.outputs]
        zeros_like, identity = REGISTRY["zeros_like"], REGISTRY["identity"]
        # The point at which the linear map is transposed does not matter; a fresh value keeps each apart.
        dummies = [identity(zeros_like(results[i])) for i in linearized.outputs]
        arguments = [*(inputs[i] for i in linearized.kept_inputs), *results[linearized.visible:], *dummies]
        values = dict(zip(linearized.backward.inputs, arguments))
        start = len(joint.operations)
        _copy_with_residuals(linearized.backward.operations, joint, values)
        records = joint.operations[start:]
        active = active_ids(records, dummies)
        seeds: dict[int, Any] = {}
        for i, output in zip(linearized.inputs, linearized.backward.outputs):
            value = values[output]
            if varying[i] and id(value) in active:
                before = seeds.get(id(value))
                seeds[id(value)] = tangents[i] if before is None else REGISTRY["add"](before, tangents[i])
        swept = sweep(records, seeds, active)
        by_output = {i: swept.get(id(d)) for i, d in zip(linearized.outputs, dummies)}
        joint.outputs = []
        for i, result in enumerate(results[:linearized.visible]):
            if result.dtype.is_differentiable:
                tangent = by_output.get(i)
                joint.outputs.append(zeros_like(result) if tangent is None else tangent)
    return without_effects(joint)


def require_differentiable(value: Any, what: str) -> None:
    """Raise if a target's or source's dtype has no gradient."""
    if not value.dtype.is_differentiable:
        raise errors.DtypeError(f"{what} must have a floating or complex dtype. Received: {value.dtype.name}.")
