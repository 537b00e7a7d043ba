"""Branches: a `cond` whose choice is known is that branch; a `cond` takes and returns only what somebody needs.

    graph f(%x: f32[], %y: f32[]) -> (f32[]) {
      %0 = constant() {value=bool[] true} : bool[]
      %1, %2 = cond(%0, %x, %y) {branches=(@a, @b)} : f32[], f32[]
      return %1
    }                                                                    graph f(%x: f32[], %y: f32[]) -> (f32[]) {
    graph a(%x: f32[], %y: f32[]) -> (f32[], f32[]) {              ->      %0 = add(%x, %y) : f32[]
      %0 = add(%x, %y) : f32[]                                             return %0
      return %0, %y                                                      }
    }

Otherwise results that nobody uses go, and operands that no branch needs or that are given twice; a scalar constant
among the operands moves into the branches, where folding sees it; a result that is one and the same operand in every
branch is that operand. Operations with an effect, or that may raise an error, stay.
"""

from __future__ import annotations

from treadle.ir.builder import copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.control import cond
from treadle.ir.ops.structure import constant_value
from treadle.ir.passes.regions import control_flow_pass, duplicates, inputs_needed, reduced, replaced, scalar_constant


def _simplified(operation: Operation, into: Graph, used: set[Value]) -> list[Value] | None:
    branches, (predicate, *operands) = operation.attributes["branches"], operation.operands
    chosen = _chosen(branches, predicate)
    if chosen is not None:
        values = dict(zip(chosen.inputs, operands))
        copy_operations(chosen.operations, into, values)
        return [values[v] for v in chosen.outputs]

    known: dict[Graph, bool] = {}
    places = [{v: i for i, v in enumerate(b.inputs)} for b in branches]
    passed: dict[int, Value] = {}
    for j in range(len(operation.results)):
        found = {p.get(b.outputs[j], -1) for b, p in zip(branches, places)}
        if len(found) == 1 and found != {-1}:
            passed[j] = operands[found.pop()]
    kept = [j for j, r in enumerate(operation.results) if r in used and j not in passed]
    needed = set().union(*[inputs_needed(b, [b.outputs[j] for j in kept], known) for b in branches])
    constants = {i: array for i in needed if (array := scalar_constant(operands[i])) is not None}
    same = duplicates(operands, sorted(needed - constants.keys()))
    inputs = [i for i in sorted(needed) if i not in constants and i not in same]
    if len(inputs) == len(operands) and len(kept) == len(operation.results):
        return None
    new = tuple([reduced(b, inputs, [b.outputs[j] for j in kept], constants, same, known) for b in branches])
    found_results = replaced(operation, into, [predicate, *(operands[i] for i in inputs)], {"branches": new}, kept)
    return [passed[j] if j in passed else found_results.get(j, r) for j, r in enumerate(operation.results)]


def _chosen(branches: tuple[Graph, ...], predicate: Value) -> Graph | None:
    """The branch that is always taken."""
    if all(b is branches[0] for b in branches):
        return branches[0]
    array = constant_value(predicate)
    if array is None:
        return None
    if array.dtype == bool:
        return branches[0 if array else 1]
    return branches[int(array) if 0 <= array < len(branches) else -1]


branches = control_flow_pass(frozenset({cond}), _simplified)
