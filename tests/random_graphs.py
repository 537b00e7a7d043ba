"""Random graphs for fuzzing the text form and the passes, and a bit-exact way to evaluate and compare them."""

from __future__ import annotations

import random
import time
from typing import Any

import ml_dtypes
import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.builder import append, append_constant
from treadle.ir.graph import Graph, Value
from treadle.ir.location import Location
from treadle.ir.op import REGISTRY, Op
from treadle.ir.ops import activations, elementary, elementwise, logic, select, structure
from treadle.ir.types import TensorType
from treadle.lowering import compat
from treadle.lowering.namespace import JAX

DTYPES = (dtypes.float32, dtypes.int32, dtypes.bool_, dtypes.bfloat16, dtypes.complex64, dtypes.uint8)
SHAPES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (2, 1))


def fresh_rng(attempt: int) -> random.Random:
    """A generator with a new seed, which pytest shows if the test fails."""
    seed = time.time_ns() + attempt
    print("seed", seed)
    return random.Random(seed)


def elementwise_ops() -> list[Op]:
    """The ops that need no attributes, of a few families. Not `pow`: negative powers of integers are an error."""
    families = {m.__name__ for m in (activations, elementary, elementwise, logic, select)}
    return [o for o in REGISTRY.values() if o.__module__ in families and "elementwise" in o.traits and o.name != "pow"
            and o.attributes.keys() <= o.defaults.keys() and not o.variadic]


def special_values(dtype: dtypes.DType) -> list[Any]:
    """The values that break things: zeros of both signs, infinities, NaN, subnormal numbers, the extremes."""
    if dtype.is_bool:
        return [True, False]
    if dtype.is_integer:
        return [0, 1, dtype.min, dtype.max]
    if dtype.is_string:
        return ["a", 'é"', ""]
    real = dtype.real_dtype.numpy
    limits = ml_dtypes.finfo(real)
    parts = [0.0, -0.0, 1.1, -3.0, float("inf"), float("-inf"), float("nan"), float(limits.max), float(limits.tiny),
             float(limits.smallest_subnormal), 1 / 3]
    return [complex(a, b) for a in parts for b in (0.0, -0.0, float("nan"))] if dtype.is_complex else parts


def random_array(rng: random.Random, type: TensorType, special: bool = False) -> np.ndarray:
    """Small numbers; with `special` also NaN, infinities, zeros of both signs and the extremes of integers."""
    count = int(np.prod(type.shape))
    if type.dtype.is_bool:
        values: list[Any] = [rng.random() < 0.5 for _ in range(count)]
    elif type.dtype.is_integer:
        low, high = type.dtype.min, type.dtype.max
        values = [rng.choice([low, high, 0, 1]) if special and rng.random() < 0.3 else rng.randint(max(low, -5), 9)
                  for _ in range(count)]
    else:
        def real() -> float:
            if special and rng.random() < 0.3:
                return rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0])
            return rng.choice([0.0, 1.0, -1.0, 2.0, rng.uniform(-3, 3)])
        values = [complex(real(), real()) if type.dtype.is_complex else real() for _ in range(count)]
    return np.asarray(values, type.dtype.numpy).reshape(type.shape)


def random_graph(rng: random.Random, operations: int = 25, depth: int = 2, symbolic: bool = False,
                 dtypes: tuple = DTYPES, special: bool = False) -> Graph:
    """A graph of elementwise ops, casts, constants and calls of graphs like itself."""
    size: Any = dims.Dim.symbol("n0") if symbolic else 3
    shapes = [tuple(size if s == 3 else s for s in shape) for shape in SHAPES]
    types = [TensorType.of(rng.choice(dtypes), rng.choice(shapes)) for _ in range(rng.randint(1, 4))]
    return _grown(rng, types, operations, depth, shapes, special)


def _grown(rng: random.Random, types: list[TensorType], operations: int, depth: int, shapes: list,
           special: bool) -> Graph:
    graph = Graph(rng.choice(["step", "body", "odd name!", "f.g"]))
    values = [graph.add_input(t, rng.choice(["x", "", "x", "dense/kernel:0", "0", "y.1"])) for t in types]
    shared: list[Graph] = []
    ops = elementwise_ops()
    for _ in range(operations):
        where = rng.choice([None, Location("/home/me/train.py", rng.randint(1, 99), "step"),
                            Location("/other/train.py", 3), Location("C:\\odd: \"dir\"\\a b.py", 7, "<lambda>")])
        choice = rng.random()
        if choice < 0.15:
            shape = rng.choice([s for s in shapes if dims.is_known(*s)])
            type = TensorType.of(rng.choice(DTYPES), shape)
            values.append(append_constant(graph, random_array(rng, type, special), where))
        elif choice < 0.25:
            x = rng.choice(values)
            targets = [d for d in DTYPES if d.is_complex or not x.dtype.is_complex]
            # Out of range, the cast of a float to an integer has no right answer.
            targets = [d for d in targets if not d.is_integer or not x.dtype.is_floating]
            values += append(graph, REGISTRY["cast"], [x], {"dtype": rng.choice(targets)}, where).results
        elif choice < 0.35 and depth:
            if not shared or rng.random() < 0.4:
                inner = [rng.choice(values).type for _ in range(rng.randint(1, 3))]
                shared.append(_grown(rng, inner, operations // 3, depth - 1, shapes, special))
            body = rng.choice(shared)
            arguments = [rng.choice([v for v in values if v.type is t] or [None]) for t in body.input_types]
            if None not in arguments:
                values += append(graph, structure.call, arguments, {"graph": body}, where).results
        else:
            _append_elementwise(rng, graph, rng.choice(ops), values, where)
    graph.outputs = [rng.choice(values) for _ in range(rng.randint(1, 5))]
    return graph


def _append_elementwise(rng: random.Random, graph: Graph, op: Op, values: list[Value], where: Any) -> None:
    """Apply an op to random values, if a few tries find some that fit."""
    for _ in range(8):
        operands = [rng.choice(values) for _ in range(op.arity)]
        try:
            values += append(graph, op, operands, dict(op.defaults), where).results
            return
        except errors.OpError:
            pass


def evaluate(graph: Graph, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs, each operation run on its own: nothing is fused, so equal graphs give equal bits."""
    with compat.enable_x64(True):
        return [np.asarray(a) for a in JAX.run_graph(graph, [JAX.asarray(a) for a in arrays])]


def flushed(array: np.ndarray) -> np.ndarray:
    """The array with subnormal numbers replaced by zero of their sign, as the target may do."""
    if array.dtype.kind == "c":
        result = array.copy()
        result.real, result.imag = flushed(array.real), flushed(array.imag)
        return result
    if array.dtype.kind in "biuO":
        return array
    tiny = ml_dtypes.finfo(array.dtype).smallest_normal
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(array) < tiny, np.copysign(array.dtype.type(0), array), array)
