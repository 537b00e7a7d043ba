"""`to_jax`: a compiled function as a pure JAX function of its state and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.builder import specialise
from treadle.ir.passes.effects import Settings, thread_effects
from treadle.ir.types import TensorType
from treadle.lowering.namespace import JAX
from treadle.lowering.symbolic import SymbolicJax
from treadle.runtime.variable import Variable
from treadle.tracer import signature
from treadle.tracer.concrete import ConcreteFunction


class PureFunction:
    """`pure(state, *args) -> (result, new_state)`, for `jax.jit`, `jax.grad`, `jax.vmap` and sharding.

    `state` is a list of arrays, one for each of `variables`; `state()` gives their values now. Nothing is changed by a
    call. Python values among the arguments are those of the trace; an argument may be given only as an array.
    """

    def __init__(self, concrete: ConcreteFunction):
        self._concrete = concrete
        self.variables: tuple[Variable, ...] = concrete.variables
        self.__name__ = concrete.name

    def state(self) -> list[jax.Array]:
        """Copies of the variables' values."""
        return [jnp.copy(v.array) for v in self.variables]

    def __call__(self, state: Sequence[Any], *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        concrete = self._concrete
        if len(state) != len(self.variables):
            raise errors.InvalidArgumentError(
                f"`{concrete.name}` has a state of {len(self.variables)} arrays. Received: {len(state)}.")
        arrays: list[Any] = []
        for leaf in jax.tree_util.tree_leaves((args, kwargs)):
            if hasattr(leaf, "_as_tensor"):
                leaf = leaf._as_tensor()
            if hasattr(leaf, "dtype"):
                arrays.append(leaf if isinstance(leaf, (jax.Array, np.ndarray, np.generic)) else leaf.__jax_array__())
        if len(arrays) != len(concrete.inputs):
            raise errors.InvalidArgumentError(
                f"`{concrete.name}` takes {len(concrete.inputs)} arrays. Received: {len(arrays)}.")
        captured = [t.__jax_array__() for t in concrete.captured_tensors]
        inputs = [*state, *captured, *arrays]
        graph, lower = concrete.graph, JAX
        if all(isinstance(size, int) for array in inputs for size in array.shape):
            graph = specialise(graph, [TensorType.of(dtypes.as_dtype(np.dtype(a.dtype)), a.shape) for a in inputs])
        else:  # `jax.export` with symbolic shapes
            lower = SymbolicJax(graph, inputs)
        # JAX functions cannot raise: checks are left out. Prints and host calls stay.
        threaded = thread_effects(graph, settings=Settings(checks=False))
        outputs = lower.run_graph(threaded.graph, inputs)[:len(graph.outputs)]
        updated = len(outputs) - len(concrete.outputs)
        results = signature.fill(concrete.results_structure, outputs[updated:])
        return results, [*outputs[:updated], *state[updated:]]
