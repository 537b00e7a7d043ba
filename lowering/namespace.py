"""The namespace `xp` that lowering rules compute in when the target is JAX: `jax.numpy`, `jax.lax` where that is
more direct, and a few names of our own (`cast`, `run_graph`, `jax_function`).

Arithmetic goes to `jax.lax` straight away when the shapes agree: a `jax.numpy` function costs several times as
much to trace, and a training step has hundreds.

`inlined` turns `jax.jit` off while the rules run. Most of `jax.numpy` is jitted, and a jitted function keeps its trace for
each shape that it ever met, for as long as the process lives. Off, what such a function does becomes part of the program
that is being traced, and goes when that goes. Loops and branches are left to JAX as they are (`_staged`).
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from treadle.lowering import callback, compat, sharding
from treadle.lowering.fusion import fused
from treadle.lowering.overrides import lowering_of


def _binary(direct: Any, general: Any) -> Any:
    def apply(x: Any, y: Any) -> Any:
        return direct(x, y) if x.shape == y.shape and x.dtype == y.dtype else general(x, y)
    return staticmethod(apply)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to be traced as if none of the functions it calls were jitted."""
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with jax.disable_jit():
            return function(*args, **kwargs)
    return call


def _staged(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with `jax.jit` on: off, JAX would unroll its loops."""
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with jax.disable_jit(False):
            return function(*args, **kwargs)
    return call


class _Staged:
    """A module of JAX, with `_staged` for those of its functions that loop: the named ones, or any."""

    def __init__(self, module: Any, *names: str):
        self._module, self._names = module, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name in self._names or not self._names and callable(found):
            found = _staged(found)
        setattr(self, name, found)  # the next time it is found at once
        return found


class JaxNamespace:
    """`xp` for JAX. Names not defined here are those of `jax.numpy`."""

    native = False  # whether rules may call the C kernels of `lowering.native`, which only this process knows
    lax = _Staged(lax, "cond", "fori_loop", "map", "scan", "switch", "while_loop")
    nn = jax.nn
    random = _Staged(jax.random)
    linalg = _Staged(jnp.linalg)
    special = _Staged(jax.scipy.special)
    optimization_barrier = staticmethod(lax.optimization_barrier)
    host_call = staticmethod(callback.host_call)
    shard = staticmethod(sharding.constrain)

    add = _binary(lax.add, jnp.add)
    subtract = _binary(lax.sub, jnp.subtract)
    multiply = _binary(lax.mul, jnp.multiply)
    divide = _binary(lax.div, jnp.divide)
    negative = staticmethod(lax.neg)
    exp = staticmethod(lax.exp)
    log = staticmethod(lax.log)
    sqrt = staticmethod(lax.sqrt)
    tanh = staticmethod(lax.tanh)

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    @staticmethod
    def cast(x: Any, dtype: Any) -> Any:
        return lax.convert_element_type(x, dtype.numpy)

    @staticmethod
    def linear_transpose(function: Any, shape: Sequence[int], g: Any) -> Any:
        """The transpose, at `g`, of a linear function of one array of the given shape."""
        return jax.linear_transpose(function, jax.ShapeDtypeStruct(shape, g.dtype))(g)[0]

    def run_graph(self, graph: Any, arrays: Sequence[Any]) -> list[Any]:
        """The outputs of a graph for JAX arrays (or tracers), operation by operation."""
        graph = fused(graph) if self.native else graph
        values = dict(zip(graph.inputs, arrays))
        for operation in graph.operations:
            lower = lowering_of(operation.op)
            results = lower(self, *[values[o] for o in operation.operands], **operation.attributes)
            if operation.op.many:
                values.update(zip(operation.results, results))
            else:
                values[operation.results[0]] = results
        return [values[v] for v in graph.outputs]

    def vectorized_graph(self, graph: Any, arrays: Sequence[Any], mapped: Sequence[bool]) -> list[Any]:
        """The outputs of a graph for each row of the mapped arrays."""
        axes = tuple(0 if m else None for m in mapped)
        plain = copy.copy(self)
        plain.native = False  # JAX cannot map them
        return jax.vmap(lambda *rows: plain.run_graph(graph, rows), in_axes=axes, axis_name=sharding.ROWS)(*arrays)

    @staticmethod
    def all_reduce(x: Any, reduction: str) -> Any:
        """The sum or mean over the rows of `vectorized_graph`."""
        return (lax.psum if reduction == "sum" else lax.pmean)(x, sharding.ROWS)

    def cond(self, branches: Sequence[Any], chosen: Any, operands: Sequence[Any]) -> Sequence[Any]:
        """The outputs of the branch that a bool (true: the first) or an index (out of range: the last) chooses."""
        functions = [inlined(lambda *x, graph=graph: self.run_graph(graph, x)) for graph in branches]
        if chosen.dtype == bool:
            return self.lax.cond(chosen, functions[0], functions[1], *operands)
        last = len(branches) - 1
        return self.lax.switch(jnp.where((chosen < 0) | (chosen > last), last, chosen), functions, *operands)

    def while_loop(self, condition: Any, body: Any, carried: Sequence[Any], invariants: Sequence[Any]) -> Sequence[Any]:
        """The carried values after as many rounds of `body` as `condition` allows."""
        return self.lax.while_loop(inlined(lambda state: self.run_graph(condition, (*state, *invariants))[0]),
                                   inlined(lambda state: tuple(self.run_graph(body, (*state, *invariants)))), tuple(carried))

    def scan(self, body: Any, carried: Sequence[Any], invariants: Sequence[Any], scanned: Sequence[Any], length: int,
             reverse: bool) -> Sequence[Any]:
        """The carried values after `length` rounds of `body`, and its further outputs stacked."""
        @inlined
        def step(state: tuple, rows: tuple) -> tuple[tuple, tuple]:
            outputs = self.run_graph(body, (*state, *invariants, *rows))
            return tuple(outputs[:len(state)]), tuple(outputs[len(state):])

        state, stacked = self.lax.scan(step, tuple(carried), tuple(scanned), length, reverse)
        return [*state, *stacked]

    @staticmethod
    def jax_function(function: Any, arrays: Sequence[Any]) -> Sequence[Any]:
        """A user's JAX function, under the 64-bit setting that the user's own code would see."""
        wide = any(jnp.dtype(a.dtype).itemsize == 8 and a.dtype != jnp.complex64 for a in arrays)
        with compat.enable_x64(wide):
            return _staged(function)(*arrays)


JAX = JaxNamespace()
HERE = JaxNamespace()  # for programs that this process runs, on one device
HERE.native = True
