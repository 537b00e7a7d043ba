"""Loop values: a loop carries, takes and returns only what somebody needs.

    %0, %1, %2 = while(%i, %x, %n) {condition=@less, body=@body, carried=3} : i32[], f32[], i32[]
    return %0
    graph body(%i: i32[], %x: f32[], %n: i32[]) -> (i32[], f32[], i32[]) {
      ...                                      # %x goes into nothing but itself, %n is returned as it is
    ->
    %0 = while(%i, %n) {condition=@less, body=@body, carried=1} : i32[]
    return %0

- What is carried and goes into nothing but itself goes; so do the stacked results of a `scan` that nobody uses.
- What the body returns as it was is not carried: it becomes an invariant.
- What is carried twice, the same value before the first round and after each, is carried once.
- Invariants and scanned rows that are not needed, or are given twice, go.
- An invariant that is a scalar constant moves into the graphs, where folding sees it.

Operations with an effect, or that may raise an error, need what they need.
"""

from __future__ import annotations

from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.control import scan, while_
from treadle.ir.passes.regions import control_flow_pass, duplicates, inputs_needed, reduced, replaced, scalar_constant


def _simplified(operation: Operation, into: Graph, used: set[Value]) -> list[Value] | None:
    attributes, operands, results = operation.attributes, operation.operands, operation.results
    body, c = attributes["body"], attributes["carried"]
    condition = attributes.get("condition")
    fixed = len(operands) - attributes.get("scanned", 0)
    known: dict[Graph, bool] = {}

    unchanged = {j for j in range(c) if body.outputs[j] is body.inputs[j]}
    twice = _carried_twice(operation)
    once = {j: twice.get(j, j) for j in range(c)}
    stacked = [j for j in range(c, len(results)) if results[j] in used]
    asked = inputs_needed(condition, condition.outputs, known) if condition is not None else set()
    live = {once[j] for j in range(c) if results[j] in used or j in asked} - unchanged
    while True:
        needed = inputs_needed(body, [body.outputs[j] for j in [*sorted(live), *stacked]], known)
        more = {once[j] for j in needed if j < c} - unchanged - live
        if not more:
            break
        live |= more
    needed |= asked

    carried = sorted(live)
    invariants = sorted({j for j in needed if j < fixed} & {*unchanged, *range(c, fixed)})
    constants = {i: array for i in invariants if (array := scalar_constant(operands[i])) is not None}
    scanned = sorted(i for i in needed if i >= fixed)
    same = duplicates(operands, [i for i in invariants if i not in constants]) | duplicates(operands, scanned) | twice
    invariants = [i for i in invariants if i not in constants and i not in same]
    scanned = [i for i in scanned if i not in same]
    kept = [*carried, *stacked]
    inputs = [*carried, *invariants, *scanned]
    if len(inputs) == len(operands) and len(kept) == len(results) and len(carried) == c:
        return None
    new = {**attributes, "carried": len(carried),
           "body": reduced(body, inputs, [body.outputs[j] for j in kept], constants, same, known)}
    if condition is not None:
        new["condition"] = reduced(condition, inputs, condition.outputs, constants, same, known)
    else:
        new["scanned"] = len(scanned)
    found = replaced(operation, into, [operands[i] for i in inputs], new, kept)
    return [operands[j] if j in unchanged else found.get(once.get(j, j), r) for j, r in enumerate(results)]


def _carried_twice(operation: Operation) -> dict[int, int]:
    """What is carried and always the same as something carried before it, and which that is."""
    body, c = operation.attributes["body"], operation.attributes["carried"]
    first: dict[tuple[Value, Value], int] = {}
    return {j: found for j, pair in enumerate(zip(operation.operands[:c], body.outputs[:c]))
            if body.outputs[j] is not body.inputs[j] and (found := first.setdefault(pair, j)) != j}


loop_values = control_flow_pass(frozenset({while_, scan}), _simplified)
