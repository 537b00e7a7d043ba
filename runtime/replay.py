"""Finding out what failed: the graph of a failed program is carried out again, op by op, until the same check raises.

So a compiled function raises the very exception that eager execution raises, with its values, at the user's line. The
inputs are still there, because a failed step changes nothing. Prints are left out: they have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from treadle.ir import errors
from treadle.ir.graph import Graph
from treadle.ir.interpreter import Interpreter
from treadle.ir.ops.control import cond, scan, while_
from treadle.ir.ops.distribution import all_reduce
from treadle.ir.ops.effects import host_function, print_, raise_from_host
from treadle.ir.ops.structure import call, call_with_gradient, vectorized_call
from treadle.ir.passes.effects import Threaded
from treadle.ir.passes.nested import everywhere
from treadle.runtime.tensor import EagerTensor, from_numpy


def raise_failure(code: int, threaded: Threaded, graph: Graph, inputs: Sequence[EagerTensor], eager: Interpreter) -> NoReturn:
    """Raise the exception that a program's code stands for. `graph` is what the program was made from."""
    if code < 0:
        raise_from_host(code)
    if not any(o.op is host_function for o in graph.walk()):  # that would be called twice
        _Replay(eager).run(without_prints(graph), inputs)
    site = threaded.sites[code - 1]
    errors.raise_at(errors.InvalidArgumentError(site.text), site.location)


@everywhere
def without_prints(graph: Graph) -> Graph:
    """The graph without its `print` operations."""
    kept = [o for o in graph.operations if o.op is not print_]
    return graph if len(kept) == len(graph.operations) else Graph(graph.name, graph.inputs, kept, graph.outputs)


def _rows(tensor: EagerTensor) -> list[EagerTensor]:
    return [from_numpy(row, tensor.dtype) for row in np.asarray(tensor._array)]


class _Replay:
    """Carries graphs out with an eager interpreter. Control flow happens in Python; the body of a loop is run as one
    program until one of its rounds fails, which is then carried out op by op like everything else.
    """

    def __init__(self, eager: Interpreter):
        self.eager = eager
        self.rules: dict[Any, Callable[..., Sequence[EagerTensor]]] = {
            call: self._call, call_with_gradient: self._call, cond: self._cond, while_: self._while, scan: self._scan,
            vectorized_call: self._vectorized}

    def run(self, graph: Graph, inputs: Sequence[EagerTensor]) -> list[EagerTensor]:
        """The outputs of a graph. What an op raises is raised at the user's line."""
        values = dict(zip(graph.inputs, inputs))
        for operation in graph.operations:
            operands = [values[o] for o in operation.operands]
            rule = self.rules.get(operation.op)
            if rule is not None:
                results = rule(operands, **operation.attributes)
            else:
                try:
                    results = self.eager.execute(operation.op, operands, operation.attributes)
                except Exception as error:
                    errors.raise_at(error, operation.location)
            values.update(zip(operation.results, results))
        return [values[v] for v in graph.outputs]

    def _program(self, graph: Graph, inputs: Sequence[EagerTensor]) -> list[EagerTensor]:
        return list(self.eager.execute(call, inputs, {"graph": graph}))

    def _call(self, operands: list[EagerTensor], *, graph: Graph, linearized: Any = None) -> list[EagerTensor]:
        return self.run(graph, operands)

    def _cond(self, operands: list[EagerTensor], *, branches: tuple[Graph, ...]) -> list[EagerTensor]:
        chosen = operands[0].numpy()
        last = len(branches) - 1
        place = int(not chosen) if operands[0].dtype.is_bool else int(chosen) if 0 <= chosen <= last else last
        return self.run(branches[place], operands[1:])

    def _while(self, operands: list[EagerTensor], *, condition: Graph, body: Graph, carried: int) -> list[EagerTensor]:
        state, invariants = operands[:carried], operands[carried:]
        while bool(self._program(condition, [*state, *invariants])[0]):
            state = self._program(body, [*state, *invariants])
        return state

    def _scan(self, operands: list[EagerTensor], *, body: Graph, carried: int, scanned: int, length: int,
              reverse: bool) -> list[EagerTensor]:
        fixed = len(operands) - scanned
        state, invariants, rows = operands[:carried], operands[carried:fixed], [_rows(o) for o in operands[fixed:]]
        found: list[Any] = [None] * length
        for i in reversed(range(length)) if reverse else range(length):
            results = self._program(body, [*state, *invariants, *(r[i] for r in rows)])
            state, found[i] = results[:carried], results[carried:]
        return [*state, *_stacked(found, body.output_types[carried:])]

    def _vectorized(self, operands: list[EagerTensor], *, graph: Graph, mapped: tuple[bool, ...]) -> list[EagerTensor]:
        rows: list[Any] = [_rows(o) if m else o for o, m in zip(operands, mapped)]
        length = next(o.type.shape[0] for o, m in zip(operands, mapped) if m)
        inputs = [[r[i] if m else r for r, m in zip(rows, mapped)] for i in range(length)]
        run = self._together if _looks_across(graph) else lambda graph, inputs: [self._program(graph, i) for i in inputs]
        return _stacked(run(graph, inputs), graph.output_types)

    def _together(self, graph: Graph, inputs: Sequence[Sequence[EagerTensor]]) -> list[list[EagerTensor]]:
        """The outputs for each row, operation by operation: some of them need all rows."""
        rows = [dict(zip(graph.inputs, i)) for i in inputs]
        for operation in graph.operations:
            operands = [[values[o] for o in operation.operands] for values in rows]
            if operation.op is all_reduce:
                arrays, type = np.stack([np.asarray(o._array) for o, in operands]), operation.results[0].type
                array = (arrays.mean if operation.attributes["reduction"] == "mean" else arrays.sum)(0)
                results = [[from_numpy(np.asarray(array, type.dtype.numpy), type.dtype)]] * len(rows)
            elif operation.op is call and _looks_across(operation.attributes["graph"]):
                results = self._together(operation.attributes["graph"], operands)
            else:
                alone = Graph(graph.name, operation.operands, [operation], operation.results)
                results = [self.run(alone, o) for o in operands]
            for values, result in zip(rows, results):
                values.update(zip(operation.results, result))
        return [[values[v] for v in graph.outputs] for values in rows]


def _looks_across(graph: Graph) -> bool:
    return any(o.op is all_reduce for o in graph.walk())


def _stacked(rounds: Sequence[Sequence[EagerTensor]], types: Sequence[Any]) -> list[EagerTensor]:
    """The results of all rounds, each stacked."""
    arrays = [np.empty((len(rounds), *t.shape), t.dtype.numpy) for t in types]
    for i, results in enumerate(rounds):
        for array, result in zip(arrays, results):
            array[i] = np.asarray(result._array)
    return [from_numpy(a, t.dtype) for a, t in zip(arrays, types)]
