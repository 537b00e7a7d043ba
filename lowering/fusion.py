"""Fusion: what is computed of a product, row by row, while its rows are in the cache.

A product with the bias, the activation, the residual connection and the normalization after it becomes one operation, `fusion`,
that a kernel carries out (`lowering.native`), where XLA writes the product to memory, and reads it again. So does a
normalization by itself. Gradients need values from in between: those are stored that lead to the fewest matrices in memory, and
the rest is computed again from them.

Lowering does this, program by program: the graph that users print is not changed.

Measured on 2 CPU cores (AMD EPYC, 512 bits), jax 0.10.2, as multiples of the time with kernels for products alone, in turns:

| program | time |
|---|---|
| training step of the transformer of bench/workloads.py; temporary memory 93 MB for 128 | 0.91 to 0.99, median 0.95 |
| causal attention with gradients, batch 4, 512 tokens, 8 heads of 64 | 0.91 |
| gelu(x w + b) v with gradients, x 2048 x 512, w 512 x 2048 | 1.00 |
| normalization of x w with gradients, 2048 x 1024 x 1024 | 1.00 |
| relu(x w + b) v with gradients, x 8192 x 64 | 0.96 |
| relu twice, x 128 x 256; tanh with gradients, 64 x 128; relu twice, 65536 x 16: not fused | 1.04; 1.07; 1.17 |

What it saves is memory traffic, and page faults where the memory is fresh: with `tf.config.keep_freed_memory` the transformer
takes 0.98 to 1.01.
"""

from __future__ import annotations

from collections.abc import Sequence

from treadle.ir.builder import copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.linalg import einsum, matmul
from treadle.ir.ops.structure import fusion
from treadle.lowering.native import product
from treadle.lowering.native.library import Library
from treadle.lowering.native.rows import ALONG_ROWS, ELEMENTWISE, PER_ROW, SAME, WHOLE, encoded
from treadle.lowering.overrides import kernels_for
from treadle.lowering.row_groups import WIDEST, Group, Rows
from treadle.lowering.stored_values import Stored

FEWEST, NARROWEST = 65536, 64  # elements of a matrix and of a row: below, XLA's own kernels serve


def fused(graph: Graph) -> Graph:
    """The graph with fusions, for programs that this process runs. Itself, if there is nothing to fuse."""
    if not kernels_for({o.op.name for o in graph.operations}):
        return graph
    return _Fusing(graph).run()


class _Fusing:
    """A graph while fusions are found. Its operations stay as they are: `reads` has what they take by now."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.order = list(graph.operations)
        self.position = {operation: i for i, operation in enumerate(self.order)}
        self.reads: dict[Operation, Sequence[Value]] = {}
        self.users: dict[Value, dict[Operation, None]] = {}
        for operation in self.order:
            self._read(operation, operation.operands)
        self.stored: dict[Value, Value] = {}  # from values to the results of fusions that they are now
        self.outputs = set(graph.outputs)

    def run(self) -> Graph:
        changed = False
        for root in list(self.order):
            plan = _product_of(root)
            if plan is not None:
                rows = Rows(int(root.results[0].type.count), plan.columns)  # type: ignore[arg-type]
                changed |= self._fuse(root, rows, plan)
        for root in list(self.order):
            if root.op.name in ALONG_ROWS:
                type = root.operands[0].type
                if type.shape and type.shape[-1] and type.count:
                    changed |= self._fuse(root, Rows(int(type.count), int(type.shape[-1])), None)
        return self._graph() if changed else self.graph

    def _read(self, operation: Operation, operands: Sequence[Value]) -> None:
        self.reads[operation] = operands
        for value in operands:
            self.users.setdefault(value, {})[operation] = None

    def _graph(self) -> Graph:
        result = Graph(self.graph.name, self.graph.inputs)
        values: dict[Value, Value] = {}
        for operation in self.order:
            operands = [values.get(v, v) for v in self.reads[operation]]
            copied = Operation(operation.op, operands, operation.attributes, [r.type for r in operation.results],
                               operation.location)
            values.update(zip(operation.results, copied.results))
            result.operations.append(copied)
        stored = [self.stored.get(v, v) for v in self.graph.outputs]
        result.outputs = [values.get(v, v) for v in stored]
        return result

    def _fuse(self, root: Operation, rows: Rows, plan: product.Plan | None) -> bool:
        """Make a fusion of the product, or of the operation along rows, and what is computed of it. False: it does not pay."""
        is_small = rows.count < FEWEST or rows.width < NARROWEST
        if is_small or rows.width % Library.lanes() or root not in self.position:
            return False
        group = Group(rows, self.reads)
        if plan is not None:
            group.operations.append(root)
            group.kinds[root.results[0]] = WHOLE
        else:
            kind = group.kind_of(root)
            if kind is None or root.results[0] in self.outputs:
                return False
            group.add(root, kind)
        self._grow(group, root)
        if plan is not None and group.needs_rows and rows.width > WIDEST:
            return False
        self._adopt(group)
        group.operations.sort(key=self.position.__getitem__)
        stored = Stored(group, self.users, self.outputs)
        return self._replace(group, root, plan, stored.values, stored.again)

    def _grow(self, group: Group, root: Operation) -> None:
        """Take in what is computed of the group alone, or of it and of values that do not depend on it."""
        waiting = set(self.users.get(root.results[0], ()))
        late: set[Value] = set()
        for operation in self.order[self.position[root] + 1:]:
            if not waiting:
                return
            waiting.discard(operation)
            operands = self.reads[operation]
            is_late = not late.isdisjoint(operands)
            if not is_late and group.kinds.keys().isdisjoint(operands):
                continue
            kind = None if is_late or not self.outputs.isdisjoint(operation.results) else group.kind_of(operation)
            if kind is None:
                late.update(operation.results)
            else:
                group.add(operation, kind)
                waiting.update(self.users.get(operation.results[0], ()))

    def _adopt(self, group: Group) -> None:
        """Take in what is computed for the group alone."""
        members = set(group.operations)
        waiting = list(group.outside)
        while waiting:
            value = waiting.pop()
            producer = value.producer
            if (value not in group.outside or producer is None or producer not in self.position or value in self.outputs
                    or not members.issuperset(self.users.get(value, ())) or producer.op.name not in ELEMENTWISE
                    or group.outside[value][0] not in (WHOLE, PER_ROW)):
                continue
            kind = group.kind_of(producer)
            if kind is not None and kind == group.outside[value][0]:
                group.add(producer, kind)
                members.add(producer)
                waiting += group.operands(producer)

    def _replace(self, group: Group, root: Operation, plan: product.Plan | None, needed: Sequence[Value],
                 again: set[Operation]) -> bool:
        """Put one operation in the place of a group that computes the `needed` values; what is in `again` stays as well."""
        factors = [] if plan is None else self.reads[root]
        taken = factors[::-1] if plan is not None and plan.swaps else factors
        on_rows = [o for o in _ancestors(needed, group) if plan is None or o is not root]
        if all(o.op.name in SAME for o in on_rows) or plan is not None and not any(group.kinds[v] == WHOLE for v in needed):
            return False
        outside = {v: group.outside[v] for o in on_rows for v in group.operands(o) if v not in group.kinds}
        body = Graph("fusion")
        values = {v: body.add_input(v.type) for v in taken}
        matrix = None
        if plan is not None:
            copy_operations([_with_operands(root, factors)], body, values)
            matrix = values[root.results[0]]
        # A factor that the rows need too comes twice: the kernel reads it in another way.
        operands = {body.add_input(v.type): found for v, found in outside.items()}
        values.update(zip(outside, operands))
        copy_operations([_with_operands(o, group.operands(o)) for o in on_rows], body, values)
        body.outputs = [values[v] for v in needed]
        kinds = {values[v]: kind for v, kind in group.kinds.items() if v in values}
        found = encoded(body, operands, kinds, group.rows.width, matrix)
        if found is None:
            return False
        told, held = found
        if plan is not None:
            how = "treadle_product", (*plan.how, held, int(group.needs_rows), *told)
        else:
            how = "treadle_rows", (group.rows.count // group.rows.width, *told)
        unit = Operation(fusion, [*taken, *outside], {"graph": body, "how": how}, [v.type for v in needed], root.location)
        self._put(unit, group, again)
        for value, result in zip(needed, unit.results):
            self.stored[value] = result
            for user in self.users.pop(value, ()):
                self._read(user, [result if v is value else v for v in self.reads[user]])
        return True

    def _put(self, unit: Operation, group: Group, again: set[Operation]) -> None:
        """The fusion stands after all that does not depend on the group, before the rest."""
        members, late = set(group.operations), set(group.kinds)
        first, last = self.position[group.operations[0]], self.position[group.operations[-1]]
        before: list[Operation] = []
        after: list[Operation] = []
        for operation in self.order[first:last + 1]:
            operands = self.reads[operation]
            if operation in members:
                if operation in again:
                    after.append(operation)
                else:
                    del self.position[operation]
                    for value in operands:
                        self.users.get(value, {}).pop(operation, None)
            elif not late.isdisjoint(operands):
                late.update(operation.results)
                after.append(operation)
            else:
                before.append(operation)
        self.order[first:last + 1] = [*before, unit, *after]
        self.position.update((operation, i) for i, operation in enumerate(self.order[first:], first))
        self._read(unit, unit.operands)


def _ancestors(values: Sequence[Value], group: Group) -> list[Operation]:
    """The operations of the group that the values are made of, in order."""
    wanted = set(values)
    found = []
    for operation in reversed(group.operations):
        if operation.results[0] in wanted:
            found.append(operation)
            wanted.update(group.operands(operation))
    return found[::-1]


def _with_operands(operation: Operation, operands: Sequence[Value]) -> Operation:
    copied = Operation(operation.op, operands, operation.attributes, [r.type for r in operation.results], operation.location)
    copied.results = operation.results
    return copied


def _product_of(operation: Operation) -> product.Plan | None:
    """How the kernel computes an operation that is a product, if it does."""
    if operation.op is not matmul and operation.op is not einsum or len(operation.operands) != 2:
        return None
    a, b = (v.type for v in operation.operands)
    return product.plan(operation.op, a, b, operation.attributes)
