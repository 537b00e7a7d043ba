"""Graphs with control flow for the tests: building them, running them in Python, growing random ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes
from treadle.ir.builder import GraphBuilder
from treadle.ir.graph import Graph, Value
from treadle.ir.interpreter import interpreting
from treadle.ir.op import REGISTRY
from treadle.ir.ops.control import cond, scan, while_
from treadle.ir.ops.structure import call
from treadle.ir.types import TensorType
from treadle.lowering import compat
from treadle.lowering.executable import Executable
from treadle.lowering.namespace import JAX

BOOL, INT, F32, F64 = (TensorType.of(d) for d in (dtypes.bool_, dtypes.int32, dtypes.float32, dtypes.float64))


def graph_of(function: Callable, *types: TensorType, name: str = "f") -> Graph:
    """The graph of a function of values that returns a value or several."""
    graph = Graph(name)
    inputs = [graph.add_input(t, f"x{i}") for i, t in enumerate(types)]
    with interpreting(GraphBuilder(graph)):
        result = function(*inputs)
        graph.outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    return graph


def counting(body: Callable, *types: TensorType) -> Any:
    """A while loop as a function of (values, invariants, rounds): `body(values, *invariants)` for `rounds` rounds."""
    def loop(values: Sequence[Any], invariants: Sequence[Any], rounds: Any, start: Any) -> list[Any]:
        count = len(values)
        operands = [start, *values, rounds, *invariants]
        given = [o.type for o in operands]
        condition = graph_of(lambda i, *x: i < x[count], *given, name="condition")
        step = graph_of(lambda i, *x: [i + 1, *body(x[:count], *x[count + 1:])], *given, name="body")
        return list(while_(operands, condition=condition, body=step, carried=count + 1))[1:]
    return loop


def run_python(graph: Graph, arrays: Sequence[Any]) -> list[Any]:
    """The outputs, with Python's own `if`, `while` and `for`, each other operation on its own."""
    with compat.enable_x64(True):
        values = dict(zip(graph.inputs, map(JAX.asarray, arrays)))
        for operation in graph.operations:
            x, a = [values[o] for o in operation.operands], operation.attributes
            if operation.op is cond:
                index = int(x[0]) if x[0].dtype != bool else 1 - int(x[0])
                last = len(a["branches"]) - 1
                results = run_python(a["branches"][index if 0 <= index <= last else last], x[1:])
            elif operation.op is while_:
                results, fixed = x[:a["carried"]], x[a["carried"]:]
                while run_python(a["condition"], [*results, *fixed])[0]:
                    results = run_python(a["body"], [*results, *fixed])
            elif operation.op is scan:
                results = _scan(operation, x)
            elif operation.op is call:
                results = run_python(a["graph"], x)
            else:
                results = JAX.run_graph(Graph("", operation.operands, [operation], operation.results), x)
            values.update(zip(operation.results, results))
        return [values[v] for v in graph.outputs]


def _scan(operation: Any, x: list[Any]) -> list[Any]:
    a = operation.attributes
    c, fixed = a["carried"], len(x) - a["scanned"]
    state, rows = x[:c], []
    order = range(a["length"])
    for i in reversed(order) if a["reverse"] else order:
        results = run_python(a["body"], [*state, *x[c:fixed], *(s[i] for s in x[fixed:])])
        state = results[:c]
        rows.append(results[c:])
    rows = rows[::-1] if a["reverse"] else rows
    stacked = [JAX.stack([r[j] for r in rows]) if rows else JAX.zeros(t.type.shape, t.dtype.numpy)
               for j, t in enumerate(operation.results[c:])]
    return [*state, *stacked]


def run_compiled(graph: Graph, arrays: Sequence[Any]) -> list[np.ndarray]:
    """The outputs of the compiled graph."""
    with compat.enable_x64(True):
        return [np.asarray(r) for r in Executable(graph).call(*map(JAX.asarray, arrays))]


class Grower:
    """Random graphs of smooth arithmetic, conditions and loops, nested up to `depth`."""

    def __init__(self, rng: random.Random, dtype: Any = dtypes.float64):
        self.rng = rng
        self.types = [TensorType.of(dtype), TensorType.of(dtype, (3,))]

    def graph(self, types: Sequence[TensorType], outputs: Sequence[TensorType], depth: int, size: int) -> Graph:
        """A graph from values of the given types to values of the given types."""
        graph = Graph(self.rng.choice(["body", "step", "f"]))
        values = [graph.add_input(t, f"x{i}") for i, t in enumerate(types)]
        with interpreting(GraphBuilder(graph)):
            for _ in range(size):
                self.grow(values, depth)
            graph.outputs = [self.pick(values, t) for t in outputs]
        return graph

    def pick(self, values: Sequence[Value], type: TensorType) -> Value:
        """One of the values of that type, or a constant."""
        fitting = [v for v in values if v.type is type]
        if fitting and self.rng.random() < 0.9:
            return self.rng.choice(fitting[-4:])
        array = np.full(type.shape, self.rng.choice([0.5, -1.0, 0.0, 1.0])).astype(type.dtype.numpy)
        return REGISTRY["constant"](value=array)

    def some(self, values: Sequence[Value], least: int = 0) -> list[Value]:
        return [self.pick(values, self.rng.choice(self.types)) for _ in range(self.rng.randint(least, 3))]

    def grow(self, values: list[Value], depth: int) -> None:
        """Append one more operation, with what it needs."""
        kind = self.rng.choice(["cond", "while", "scan", *["plain"] * 4]) if depth else "plain"
        if kind == "plain":
            name = self.rng.choice(["sin", "tanh", "add", "multiply", "subtract", "cos"])
            x, y = self.some(values, 2)[:2]
            values.append(REGISTRY[name](x) if REGISTRY[name].arity == 1 else REGISTRY[name](x, y))
            return
        inner = lambda given, outputs: self.graph([v.type for v in given], outputs, depth - 1, self.rng.randint(1, 4))
        if kind == "cond":
            given = self.some(values)
            outputs = [self.rng.choice(self.types) for _ in range(self.rng.randint(1, 3))]
            scalar = self.pick(values, self.types[0])
            if self.rng.random() < 0.7:
                predicate, count = REGISTRY["less"](scalar, 0.3), 2
            else:
                predicate, count = REGISTRY["cast"](REGISTRY["floor"](scalar * 2.0), dtype=dtypes.int32), 3
            values += cond([predicate, *given], branches=tuple([inner(given, outputs) for _ in range(count)]))
            return
        carried, invariants = self.some(values, 1), self.some(values)
        types = [v.type for v in carried]
        if kind == "scan":
            length = self.rng.choice([0, 1, 4])
            rows = [REGISTRY["broadcast_to"](v, shape=(length, *v.type.shape)) for v in self.some(values)[:1]]
            row_types = [r.type.with_shape(r.type.shape[1:]) for r in rows]
            body = self.graph([*types, *(v.type for v in invariants), *row_types],
                              [*types, self.rng.choice(self.types)], depth - 1, self.rng.randint(1, 4))
            values += scan([*carried, *invariants, *rows], body=body, carried=len(carried), scanned=len(rows),
                           length=length, reverse=self.rng.random() < 0.5)
            return
        # Not a counted loop: the bound is a value of the graph's own.
        scalar = self.pick(values, self.types[0])
        bound = REGISTRY["cast"](REGISTRY["abs"](REGISTRY["sin"](scalar * 3.0)) * 5.0, dtype=dtypes.int32)
        if self.rng.random() < 0.3:
            bound = REGISTRY["constant"](value=np.int32(self.rng.choice([0, 1, 3])))
        start = REGISTRY["constant"](value=np.int32(0))
        inside = self.graph([*types, *(v.type for v in invariants)], types, depth - 1, self.rng.randint(1, 4))
        loop = counting(lambda x, *rest: call([*x, *rest], graph=inside))
        values += loop(carried, invariants, bound, start)
