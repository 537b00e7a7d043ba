"""Rolling: blocks of operations that repeat become one `scan` over their rows.

    %0 = matmul(%x, %w0) : f32[4,8]           %0 = stack(%w0, %w1, ...) {axis=0} : f32[200,8,8]
    %1 = tanh(%0) : f32[4,8]                  %1 = scan(%x, %0) {body=@block, carried=1, scanned=1, length=200, reverse=false}
    %2 = matmul(%1, %w1) : f32[4,8]     ->    graph block(%0: f32[4,8], %1: f32[8,8]) -> (f32[4,8]) {
    %3 = tanh(%2) : f32[4,8]                    %2 = matmul(%0, %1) : f32[4,8]
    ...                                         %3 = tanh(%2) : f32[4,8]

What each block has for itself (weights) is stacked, what the next block takes is carried, what all share is an invariant.
What others need of a block comes out stacked; a backward chain runs over the stacks of the forward one in reverse, and the
updates of all layers' weights, element by element, become operations on whole stacks. `unstack` gives single values.

The gradients are in the graph already, as operations: this pass knows nothing of them. Operations with an effect, or that
may raise an error, are not rolled. When it pays is a matter of the platform: `treadle.lowering.rolling`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from treadle.ir import errors
from treadle.ir.builder import append, copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.arrays import reverse, squeeze, stack, unstack
from treadle.ir.ops.control import scan
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.passes.nested import Pass, holds, matters
from treadle.ir.passes.regions import control_flow_pass
from treadle.ir.passes.repeats import Repeat, find_repeats
from treadle.ir.passes.series import Index, Series, aligned, rows_of
from treadle.ir.rewrite import with_operands

_EFFECT = frozenset({"effect"})
_BLOCK = "block"  # the name of the loops' bodies
_FEW = 3  # so many rows of a stack are cut out one by one; for more, `unstack` gives them all


def rolled(graph: Graph, repeats: Sequence[Repeat]) -> Graph:
    """The graph with each of the (aligned) repeats as one operation."""
    return _Rolling(graph, repeats).run()


class _Rolling:
    """One run over a graph's operations. `values` maps old values to new ones, `stacks` rows of old values to stacks."""

    def __init__(self, graph: Graph, repeats: Sequence[Repeat]):
        self.graph, self.repeats = graph, repeats
        self.into = Graph(graph.name, graph.inputs)
        self.values: dict[Value, Value] = {v: v for v in graph.inputs}
        self.stacks: dict[tuple[Value, ...], Value] = {}
        self.row_in: dict[Value, list[tuple[Value, ...]]] = {}  # the stacks a value is a row of
        self.alone, self.series = needed(graph, repeats)

    def run(self) -> Graph:
        first = {r.operations[0]: r for r in self.repeats}
        inside = {o for r in self.repeats for o in r.operations}
        early = _constants(self.graph)
        for operation in sorted(self.graph.operations, key=lambda o: o not in early):
            if operation in first:
                self._roll(first[operation])
            elif operation not in inside:
                self._keep(operation)
        self.into.outputs = [self._single(v) for v in self.graph.outputs]
        return self.into

    def _keep(self, operation: Operation) -> None:
        operands = tuple([self._single(o) for o in operation.operands])
        if operands == operation.operands:
            self.values.update((r, r) for r in operation.results)
            self.into.operations.append(operation)
        else:
            self.into.operations.append(with_operands(operation, operands, self.values))

    # --- rows ---

    def _single(self, value: Value) -> Value:
        """The new value for one old value by itself."""
        if value not in self.values:
            rows = self.row_in[value][0]
            whole = self.stacks[rows]
            location = value.producer.location if value.producer is not None else None
            if sum(v in self.alone and v not in self.values for v in rows) > _FEW:
                results = append(self.into, unstack, [whole], {"num": None, "axis": 0}, location).results
                for old, new in zip(rows, results):
                    self.values.setdefault(old, new)
            else:
                cut = self._cut(whole, rows.index(value), 1)
                self.values[value] = append(self.into, squeeze, [cut], {"axis": (0,)}, location).results[0]
        return self.values[value]

    def _cut(self, whole: Value, start: int, count: int) -> Value:
        shape = whole.type.shape
        rest = [0] * (len(shape) - 1)
        return append(self.into, strided_slice, [whole], {
            "begin": (start, *rest), "end": (start + count, *shape[1:]), "strides": (1,) * len(shape)}).results[0]

    def _found(self, rows: tuple[Value, ...]) -> tuple[tuple[Value, ...], int, bool] | None:
        """A stack that has the rows one after the other: it, where they begin, and whether they are the other way round."""
        for whole in self.row_in.get(rows[0], ()):
            at = whole.index(rows[0])
            if whole[at:at + len(rows)] == rows:
                return whole, at, False
            if at - len(rows) + 1 >= 0 and whole[at - len(rows) + 1:at + 1] == rows[::-1]:
                return whole, at - len(rows) + 1, True
        return None

    def _stack(self, rows: tuple[Value, ...]) -> Value:
        """The stack of old values: one that is there, a part of one, or a new one."""
        if rows not in self.stacks:
            found = self._found(rows)
            if found is None:
                made = append(self.into, stack, [self._single(v) for v in rows], {"axis": 0}).results[0]
            else:
                whole, start, backwards = found
                made = self.stacks[whole]
                if len(whole) != len(rows):
                    made = self._cut(made, start, len(rows))
                if backwards:
                    made = append(self.into, reverse, [made], {"axis": (0,)}).results[0]
            self._enter(rows, made)
        return self.stacks[rows]

    def _enter(self, rows: tuple[Value, ...], made: Value) -> None:
        self.stacks[rows] = made
        for value in rows:
            self.row_in.setdefault(value, []).append(rows)

    # --- blocks ---

    def _roll(self, repeat: Repeat) -> None:
        taken = rows_of(repeat)
        turns = [found[2] for rows in taken if (found := self._found(rows)) is not None]
        backwards = sum(turns) * 2 > len(turns)
        order = slice(None, None, -1) if backwards else slice(None)
        made = [s for s in self.series if s.repeat is repeat]
        whole = {rows: self._stack(rows[order]) for rows in taken}
        if not (is_elementwise(repeat) and self._on_stacks(repeat, whole, made, order)):
            self._scan(repeat, whole, made, order, backwards)

    def _scan(self, repeat: Repeat, whole: dict[tuple[Value, ...], Value], made: Sequence[Series], order: slice,
              backwards: bool) -> None:
        carried = repeat.carried
        fixed = list(dict.fromkeys([s.values[0] for row in repeat.slots for s in row if s.is_fixed]))
        body = Graph(_BLOCK)
        entering = [body.add_input(v.type) for _, v in carried]
        shared = {v: body.add_input(v.type, v.name) for v in fixed}
        rows = {r: body.add_input(r[0].type) for r in whole}
        results: list[tuple[Value, ...]] = []
        for operation, slots in zip(repeat.block, repeat.slots):
            values: dict[Value, Value] = {}
            operands = []
            for slot in slots:
                if slot.inside:
                    operands.append(results[slot.source[0]][slot.source[1]])  # type: ignore[index]
                elif slot.source is not None:
                    operands.append(entering[carried.index((slot.source, slot.values[0]))])
                else:
                    operands.append(rows[slot.values] if slot.values in rows else shared[slot.values[0]])
            body.operations.append(with_operands(operation, operands, values))
            results.append(body.operations[-1].results)
        leaving = [results[j][r] for (j, r), _ in carried]
        body.outputs = [*leaving, *(entering[s.place] if s.entering else results[s.place[0]][s.place[1]] for s in made)]  # type: ignore[index]
        operands = [*(self._single(v) for _, v in carried), *(self._single(v) for v in fixed), *whole.values()]
        found = append(self.into, scan, operands, {
            "body": body, "carried": len(carried), "scanned": len(whole), "length": repeat.count, "reverse": backwards},
            repeat.block[0].location).results
        for (source, _), result in zip(carried, found):
            self.values[repeat.results(source)[-1]] = result
        for series, result in zip(made, found[len(carried):]):
            self._enter(series.values[order], result)

    def _on_stacks(self, repeat: Repeat, whole: dict[tuple[Value, ...], Value], made: Sequence[Series], order: slice) -> bool:
        """Carry out the block's operations on the stacks; False, and nothing done, where broadcasting does not allow it."""
        plan = Graph("plan")
        results: list[tuple[Value, ...]] = []
        stands: dict[Value, Value] = {}
        for operation, slots in zip(repeat.block, repeat.slots):
            operands = []
            for slot, old in zip(slots, operation.operands):
                if slot.is_fixed:
                    operands.append(stands.setdefault(slot.values[0], Value(old.type)))
                else:
                    operands.append(results[slot.source[0]][slot.source[1]] if slot.source else whole[slot.values])
                    if old.type.rank != operation.results[0].type.rank:
                        return False
            try:
                new = append(plan, operation.op, operands, operation.attributes, operation.location)
            except errors.OpError:
                return False
            if [r.type for r in new.results] != [r.type.with_shape((repeat.count, *r.type.shape)) for r in operation.results]:
                return False
            results.append(new.results)
        values = {w: w for w in whole.values()} | {s: self._single(v) for v, s in stands.items()}
        copy_operations(plan.operations, self.into, values)
        for series in made:
            j, r = series.place  # type: ignore[misc]
            self._enter(series.values[order], values[results[j][r]])
        return True


def rolled_loops(graph: Graph) -> list[Operation]:
    """The loops that the pass has made, those in nested graphs included."""
    return [o for o in graph.walk() if o.op is scan and o.attributes["body"].name == _BLOCK]


def is_elementwise(repeat: Repeat) -> bool:
    """True if the blocks become operations on whole stacks (where broadcasting allows it), not a loop."""
    return not repeat.carried and all("elementwise" in o.op.traits and not o.graphs for o in repeat.block)


def _constants(graph: Graph) -> set[Operation]:
    """Constants, and what follows from nothing else: they may stand before everything."""
    found: set[Operation] = set()
    known: dict[Graph, bool] = {}
    held: dict[Graph, bool] = {}
    for operation in graph.operations:
        if all(o.producer in found for o in operation.operands) and not (
                holds(operation, frozenset({"effect", "barrier"}), held) or matters(operation, known)):
            found.add(operation)
    return found


def needed(graph: Graph, repeats: Sequence[Repeat]) -> tuple[set[Value], list[Series]]:
    """The values of repeats that are needed by themselves, and the series that must come out stacked."""
    inside = {o for r in repeats for o in r.operations}
    made = {v for o in inside for v in o.results}
    alone = {*graph.outputs, *(v for o in graph.operations if o not in inside for v in o.operands)}
    index = Index(repeats)
    series: dict[tuple[int, bool, object], Series] = {}
    for repeat in repeats:
        alone.update(v for _, v in repeat.carried)
        alone.update(s.values[0] for row in repeat.slots for s in row if s.is_fixed)
        for rows in rows_of(repeat):
            best = index.best(rows)
            if best is not None:
                series[id(best.repeat), best.entering, best.place] = best
            else:
                alone.update(rows)
    alone &= made
    stacked = {v for s in series.values() for v in s.values}
    for repeat in repeats:
        last = {repeat.results(source)[-1] for source, _ in repeat.carried}
        for j, operation in enumerate(repeat.block):
            for r in range(len(operation.results)):
                values = repeat.results((j, r))
                if any(v in alone and v not in last and v not in stacked for v in values):
                    series[id(repeat), False, (j, r)] = Series(repeat, False, (j, r), values)
    return alone, list(series.values())


def rolling_pass(fewest: int, may: Callable[[Operation], bool] = lambda operation: True,
                 worth: Callable[[Repeat], bool] = lambda repeat: True,
                 pays: Callable[[Sequence[Repeat], Graph, Graph, int], bool] = lambda repeats, before, after, state: True,
                 state: int = 0) -> Pass:
    """The pass, over a graph, whose first `state` inputs and outputs are the program's state, and the bodies of its scans.

    It rolls repeats of `fewest` blocks and more, of operations that `may` be in a loop: those that are `worth` it, if it
    then `pays`, given them, the graph before and after, and how many of its first inputs are state.
    """
    def roll(graph: Graph, state: int) -> Graph:
        if len(graph.operations) < 2 * fewest or not graph.is_static:
            return graph
        early = _constants(graph)
        known: dict[Graph, bool] = {}
        held: dict[Graph, bool] = {}
        allowed: dict[Operation, bool] = {}

        def may_here(operation: Operation) -> bool:
            if operation not in allowed:
                allowed[operation] = not (holds(operation, _EFFECT, held) or matters(operation, known)) and may(operation)
            return allowed[operation]

        repeats = find_repeats([o for o in graph.operations if o not in early], fewest, may_here)
        repeats = aligned(list(filter(worth, repeats)), fewest)
        if not repeats:
            return graph
        result = rolled(graph, repeats)
        return result if pays(repeats, graph, result, state) else graph

    def in_body(operation: Operation, into: Graph, used: set[Value]) -> list[Value] | None:
        body = roll(operation.attributes["body"], operation.attributes["carried"])
        if body is operation.attributes["body"]:
            return None
        return list(append(into, scan, operation.operands, {**operation.attributes, "body": body}, operation.location).results)

    inner = control_flow_pass(frozenset({scan}), in_body)

    def rolling(graph: Graph) -> Graph:
        return inner(roll(graph, state))
    return rolling
