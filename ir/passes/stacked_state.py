"""Stacked state: what a program takes apart row by row, and puts together again, it takes and gives as a stack.

    graph f(%w0: f32[8], %w1: f32[8], %x: f32[]) -> (f32[8], f32[8], f32[]) {
      %0 = stack(%w0, %w1) {axis=0} : f32[2,8]
      ...                                                  graph f(%0: f32[2,8], %x: f32[]) -> (f32[2,8], f32[]) {
      %4, %5 = unstack(%3) : f32[8], f32[8]          ->      ...
      return %4, %5, %6                                      return %3, %6

`stacked_places` finds the inputs for which this can be done, `with_stacks` does it. For the variables of a program the
runtime then keeps the stack in place of the single values; `loop_stacks` does the same for what a loop carries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from treadle.ir.builder import append
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.arrays import stack, unstack
from treadle.ir.ops.control import scan
from treadle.ir.ops.select import select
from treadle.ir.passes.regions import control_flow_pass
from treadle.ir.rewrite import with_operands


def stacked_places(graph: Graph, count: int) -> list[tuple[int, ...]]:
    """Groups of the first `count` inputs that are only used stacked, while the outputs there are what an `unstack` gives."""
    place = {v: i for i, v in enumerate(graph.inputs[:count])}
    stacks: Counter[tuple[Value, ...]] = Counter()
    uses = Counter(v for v in graph.outputs if v in place)
    for operation in graph.operations:
        uses.update(o for o in operation.operands if o in place)
        if _is_stack(operation):
            stacks[operation.operands] += 1
    groups: dict[tuple[Operation, Value | None], dict[int, int]] = {}
    for i in range(count):
        row, well = _new_row(graph, i)
        if row.producer is not None and row.producer.op is unstack and row.producer.attributes["axis"] == 0:
            groups.setdefault((row.producer, well), {})[row.index] = i
    found = []
    for (producer, well), places in groups.items():
        rows = tuple([graph.inputs[places[r]] for r in sorted(places)])
        if len(places) == len(producer.results) and all(uses[r] == stacks[rows] + (well is not None) for r in rows):
            found.append(tuple([places[r] for r in sorted(places)]))
    return found


def _new_row(graph: Graph, place: int) -> tuple[Value, Value | None]:
    """What an input becomes; with a second value, only where that is true: a step that fails keeps the old state."""
    new = graph.outputs[place]
    made = new.producer
    if made is not None and made.op is select and made.operands[2] is graph.inputs[place] and made.operands[0].type.shape == ():
        return made.operands[1], made.operands[0]
    return new, None


def _is_stack(operation: Operation) -> bool:
    return operation.op is stack and operation.attributes["axis"] == 0


def with_stacks(graph: Graph, groups: Sequence[tuple[int, ...]]) -> Graph:
    """The graph that takes and returns a stack for each group, before the inputs and outputs that are in none."""
    result = Graph(graph.name)
    values: dict[Value, Value] = {}
    wholes: dict[tuple[Value, ...], Value] = {}
    gone = {i for group in groups for i in group}
    for group in groups:
        rows = tuple([graph.inputs[i] for i in group])
        type = rows[0].type
        wholes[rows] = result.add_input(type.with_shape((len(rows), *type.shape)), rows[0].name)
    for i, value in enumerate(graph.inputs):
        if i not in gone:
            values[value] = result.add_input(value.type, value.name)
    kept = {graph.outputs[i].producer for i in gone if _new_row(graph, i)[1] is not None}
    for operation in graph.operations:
        if _is_stack(operation) and operation.operands in wholes:
            values[operation.results[0]] = wholes[operation.operands]
        elif operation not in kept:
            result.operations.append(with_operands(operation, [values[o] for o in operation.operands], values))
    outputs = []
    for group in groups:
        row, well = _new_row(graph, group[0])
        new, old = values[row.producer.operands[0]], wholes[tuple([graph.inputs[i] for i in group])]  # type: ignore[union-attr]
        outputs.append(new if well is None else append(result, select, [values[well], new, old], {}).results[0])
    result.outputs = [*outputs, *(values[v] for i, v in enumerate(graph.outputs) if i not in gone)]
    return _without_unstack(result)


def _without_unstack(graph: Graph) -> Graph:
    used = {*graph.outputs, *(v for o in graph.operations for v in o.operands)}
    graph.operations = [o for o in graph.operations if o.op is not unstack or not used.isdisjoint(o.results)]
    return graph


def _stacked(operation: Operation, into: Graph, used: set[Value]) -> list[Value] | None:
    attributes, operands = operation.attributes, operation.operands
    body, carried = attributes["body"], attributes["carried"]
    groups = stacked_places(body, carried)
    if not groups:
        return None
    gone = {i for group in groups for i in group}
    alone = [i for i in range(len(operands)) if i not in gone]
    stacks = [append(into, stack, [operands[i] for i in group], {"axis": 0}, operation.location).results[0] for group in groups]
    left = len(groups) + carried - len(gone)
    found = append(into, scan, [*stacks, *(operands[i] for i in alone)],
                   {**attributes, "body": with_stacks(body, groups), "carried": left}, operation.location).results
    results = dict(zip([i for i in range(len(operation.results)) if i not in gone], found[len(groups):]))
    for group, whole in zip(groups, found):
        results.update(zip(group, append(into, unstack, [whole], {"num": None, "axis": 0}, operation.location).results))
    return [results[i] for i in range(len(operation.results))]


loop_stacks = control_flow_pass(frozenset({scan}), _stacked)
