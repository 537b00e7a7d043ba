"""Finding the operation that makes a compiled result wrong: every stage, every operation, eagerly beside compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.builder import specialise
from treadle.ir.graph import Graph, Operation
from treadle.ir.passes.effects import Settings, thread_effects
from treadle.lowering.executable import Executable
from treadle.runtime.eager import EAGER
from treadle.runtime.tensor import EagerTensor
from treadle.tracer import signature
from treadle.tracer.function import Function


@dataclass
class Difference:
    """An operation whose compiled result differs from the eager one for the same operands."""

    stage: str
    operation: Operation
    result: int
    eager: np.ndarray
    compiled: np.ndarray

    @property
    def largest(self) -> float:
        """The largest absolute difference."""
        a, b = (np.asarray(x).astype(np.complex128 if x.dtype.kind == "c" else np.float64)
                for x in (self.eager, self.compiled))
        with np.errstate(all="ignore"):
            return float(np.nanmax(np.abs(a - b), initial=0.0))

    def __str__(self) -> str:
        where = self.operation.location
        return (f"stage {self.stage}: result {self.result} of `{self.operation.op.name}` "
                f"{self.operation.results[self.result].type}" + (f" at {where} in {where.function}" if where else "")
                + f" differs by up to {self.largest:.3g}\n  eager:    {np.array2string(self.eager, threshold=8)}"
                f"\n  compiled: {np.array2string(self.compiled, threshold=8)}")


def _same(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> bool:
    if a.dtype.kind not in "fcV":
        return np.array_equal(a, b)
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return bool(np.allclose(a.astype(wide), b.astype(wide), rtol=rtol, atol=atol, equal_nan=True))


def first_difference(graph: Graph, inputs: Sequence[Any], rtol: float = 1e-5, atol: float = 1e-6,
                     stage: str = "graph") -> Difference | None:
    """The first operation of `graph` whose compiled results differ from running it eagerly, operation by operation.

    The graph is compiled with every intermediate result as an output. None if everything agrees.
    """
    values = dict(zip(graph.inputs, inputs))
    everything = [r for o in graph.operations for r in o.results]
    whole = Graph(graph.name, graph.inputs, graph.operations, everything)
    compiled = Executable(thread_effects(whole, settings=Settings(checks=False)).graph).call(*[t._array for t in inputs])
    found = dict(zip(everything, compiled))
    for operation in graph.operations:
        results = EAGER.execute(operation.op, [values[o] for o in operation.operands], operation.attributes)
        for place, (value, result) in enumerate(zip(operation.results, results)):
            a, b = np.asarray(result._array), np.asarray(found[value])
            if not _same(a, b, rtol, atol):
                return Difference(stage, operation, place, a, b)
            values[value] = result
    return None


def compare(function: Function, *args: Any, rtol: float = 1e-5, atol: float = 1e-6) -> Difference | None:
    """Check a compiled function against eager execution, stage by stage, and name the first operation that differs.

    Variables are read but not changed. Returns None if every operation of every stage agrees within the tolerances.

    >>> import treadle as tf
    >>> f = tf.function(lambda x: tf.sin(x) * 2.0)
    >>> tf.debugging.compare(f, tf.constant([1.0, 2.0])) is None
    True
    """
    concrete = function.get_concrete_function(*args)
    tensors: list[Any] = []
    signature.flatten(args, [], tensors)
    if len(tensors) != len(concrete.inputs):
        raise errors.InvalidArgumentError("Pass every argument by position.")
    state = [EagerTensor(v.array, v.type) for v in concrete.variables]
    inputs = [*state, *concrete.captured_tensors, *tensors]
    static = specialise(concrete.graph, [t.type for t in inputs])
    pipeline = concrete.pipeline(*args)
    for stage, graph in [("traced", static), *pipeline.stages]:
        difference = first_difference(graph, inputs, rtol, atol, stage)
        if difference is not None:
            return difference
    return None
