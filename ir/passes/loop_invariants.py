"""Loop invariants: what a loop computes anew in each round, and is the same in each, is computed before it.

    %0 = while(%x, %w) {condition=@c, body=@body, carried=1}        %0 = exp(%w) : f32[]
    graph body(%x: f32[], %w: f32[]) -> (f32[]) {                   %1 = while(%x, %w, %0) {...}
      %0 = exp(%w) : f32[]                                    ->    graph body(%x: f32[], %w: f32[], %i: f32[]) ... {
      %1 = multiply(%x, %0) : f32[]                                   %0 = multiply(%x, %i) : f32[]
      return %1                                                       return %0

Only operations without effects that raise no errors: they may be computed although the loop makes no round. Constants
stay, and so do layout and broadcasting of an invariant, unless for an operation that leaves the loop: they cost nothing
in a round, but outside they would be an array to keep.

An invariant matrix that a product transposes is transposed before the loop: LSTM(128)'s step of the gradient, 32 by 512 times
the weights, takes 54 us in place of 65 so (2 CPU cores); a product with the transpose of what is on its left 49 for 180.
"""

from __future__ import annotations

from collections.abc import Sequence

from treadle.ir.builder import append, copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.arrays import broadcast_to, expand_dims, reshape, squeeze, transpose
from treadle.ir.ops.control import scan, while_
from treadle.ir.ops.elementwise import ones_like, zeros_like
from treadle.ir.ops.linalg import matmul
from treadle.ir.ops.structure import identity, stop_gradient
from treadle.ir.passes.nested import holds, matters
from treadle.ir.passes.regions import control_flow_pass
from treadle.ir.rewrite import with_operands

_FREE = frozenset({broadcast_to, expand_dims, reshape, squeeze, ones_like, zeros_like, identity, stop_gradient})
_STAYS = frozenset({"effect", "barrier", "constant"})


def _leaving(graph: Graph, invariants: Sequence[Value]) -> list[Operation]:
    """The operations of a loop's graph that can be carried out before the loop, with the constants they use."""
    same = set(invariants)
    could: list[Operation] = []
    constants: dict[Value, Operation] = {}
    known: dict[Graph, bool] = {}
    held: dict[Graph, bool] = {}
    for operation in graph.operations:
        if "constant" in operation.op.traits:
            constants[operation.results[0]] = operation
        elif (not same.isdisjoint(operation.operands) and all(o in same or o in constants for o in operation.operands)
              and not holds(operation, _STAYS - {"constant"}, held) and not matters(operation, known)):
            could.append(operation)
            same.update(operation.results)
    wanted: set[Value] = set()
    leaving = set()
    for operation in reversed(could):
        if operation.op not in _FREE or not wanted.isdisjoint(operation.results):
            leaving.add(operation)
            wanted.update(operation.operands)
    return [o for o in graph.operations if o in leaving or "constant" in o.op.traits and o.results[0] in wanted]


def _transposed_first(graph: Graph, invariants: Sequence[Value]) -> Graph:
    """The graph with a `transpose` of its own for each invariant that a product transposes."""
    same = set(invariants)

    def swaps(operation: Operation, side: str, operand: Value) -> bool:
        return operation.attributes[f"transpose_{side}"] and operand in same

    if not any(o.op is matmul and any(map(swaps, (o, o), "ab", o.operands)) for o in graph.operations):
        return graph
    new = Graph(graph.name, graph.inputs)
    values: dict[Value, Value] = {}
    for operation in graph.operations:
        operands, attributes = [values.get(v, v) for v in operation.operands], dict(operation.attributes)
        if operation.op is matmul:
            for i, side in enumerate("ab"):
                if swaps(operation, side, operands[i]):
                    rank = operands[i].type.rank
                    perm = (*range(rank - 2), rank - 1, rank - 2)
                    operands[i] = append(new, transpose, [operands[i]], {"perm": perm, "conjugate": False},
                                         operation.location).results[0]
                    attributes[f"transpose_{side}"] = False
        new.operations.append(with_operands(operation, operands, values, attributes))
    new.outputs = [values.get(v, v) for v in graph.outputs]
    return new


def _hoisted(operation: Operation, into: Graph, used: set[Value]) -> list[Value] | None:
    attributes, operands = operation.attributes, operation.operands
    c, fixed = attributes["carried"], len(operands) - attributes.get("scanned", 0)
    names = [k for k in ("condition", "body") if k in attributes]
    attributes = {**attributes, **{k: _transposed_first(attributes[k], attributes[k].inputs[c:fixed]) for k in names}}
    leaving = {k: _leaving(attributes[k], attributes[k].inputs[c:fixed]) for k in names}
    if not any(leaving.values()):
        return None
    new = dict(attributes)
    outside: list[Value] = []  # the new invariants
    inside: dict[str, list[Value]] = {}  # what stood for them in each graph
    for k in names:
        graph = attributes[k]
        values = dict(zip(graph.inputs, operands))
        copy_operations(leaving[k], into, values)
        gone = {o for o in leaving[k] if "constant" not in o.op.traits}
        needed = {*graph.outputs, *(v for o in graph.operations if o not in gone for v in o.operands)}
        inside[k] = [r for o in leaving[k] if o in gone for r in o.results if r in needed]
        outside += [values[v] for v in inside[k]]
    for k in names:
        graph = attributes[k]
        new[k] = Graph(graph.name)
        values = {v: new[k].add_input(v.type, v.name) for v in graph.inputs[:fixed]}
        for other in names:
            for v in inside[other]:
                values[v] = new[k].add_input(v.type)
        values.update((v, new[k].add_input(v.type, v.name)) for v in graph.inputs[fixed:])
        gone = {o for o in leaving[k] if "constant" not in o.op.traits}
        copy_operations([o for o in graph.operations if o not in gone], new[k], values)
        new[k].outputs = [values[v] for v in graph.outputs]
    moved = Operation(operation.op, [*operands[:fixed], *outside, *operands[fixed:]], new,
                      [r.type for r in operation.results], operation.location)
    into.operations.append(moved)
    return list(moved.results)


loop_invariants = control_flow_pass(frozenset({while_, scan}), _hoisted)
