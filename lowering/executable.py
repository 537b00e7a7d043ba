"""Graph -> XLA executable: compiled ahead of time, with 64-bit types on, state donated, called without Python between."""

from __future__ import annotations

import inspect
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from treadle.ir import errors
from treadle.ir.cost import costs
from treadle.ir.fingerprint import graph_fingerprint, op_fingerprint
from treadle.ir.graph import Graph
from treadle.ir.types import TensorType
from treadle.lowering import compat, disk_cache, memory, sharding
from treadle.lowering.compiler_options import BLOCKS, compiler_options
from treadle.lowering.namespace import HERE, JAX, JaxNamespace, inlined
from treadle.lowering.overrides import kernels_for, lowering_of
from treadle.lowering.packing import Layout


def struct(type: TensorType) -> jax.ShapeDtypeStruct:
    """JAX's description of a type."""
    return jax.ShapeDtypeStruct(type.shape, type.dtype.numpy)


def as_jax_function(graph: Graph) -> Callable[..., list[Any]]:
    """A function of JAX arrays, one for each input, that returns the list of outputs. It may be traced by JAX."""
    def run(*arrays: Any) -> list[Any]:
        return JAX.run_graph(graph, arrays)
    run.__name__ = run.__qualname__ = graph.name
    return run


EXECUTABLES: weakref.WeakSet[Executable] = weakref.WeakSet()  # all there are, for who measures them


class Executable:
    """A compiled graph. `call(*inputs)` returns the list of outputs; it is C++ from the first to the last instruction.

    The graph's first `donated` inputs are state: their new values are its first `donated` outputs, and their buffers
    may be reused, unless `reuse` is False. With `packs` (places among the state), each pack's arrays travel as one
    buffer; the program's inputs and outputs are then the buffers, the state that is in none, and the rest.

    With `spread` it runs on several devices; `input_shardings` says how the inputs must lie then.
    """

    def __init__(self, graph: Graph, donated: int = 0, packs: Sequence[tuple[int, ...]] = (), reuse: bool = True,
                 spread: sharding.Spread | None = None):
        if not graph.is_static:
            raise errors.InternalError(f"Graph {graph.name} has symbolic sizes; specialise it first.")
        self._graph, self._donated, self._packs, self._reuse, self._spread = graph, donated, packs, reuse, spread
        self.layouts = [Layout(tuple(graph.input_types[i] for i in pack)) for pack in packs]
        start = time.perf_counter()
        options = compiler_options(graph)
        if BLOCKS in options:
            memory.keep_blocks()
        self.namespace, entry = JAX, None
        if spread is None:
            self.namespace = HERE
            kernels = kernels_for({o.op.name for o in graph.walk()})
            entry = disk_cache.entry(graph_fingerprint(graph), donated, packs, reuse, options, kernels)
        with compat.enable_x64(True):
            self.compiled = disk_cache.load(entry)
            self.lowering_seconds = 0.0  # JAX's part
            if self.compiled is None:
                lowered = self._lower(self.namespace)
                self.lowering_seconds = time.perf_counter() - start
                self.compiled = _compiled(lowered, options)
                disk_cache.save(entry, self.compiled)
        self.seconds = time.perf_counter() - start  # with XLA's
        self.call = _direct_call(self.compiled)
        self.kernels: dict[str, Any] | None = None  # see `labels`
        EXECUTABLES.add(self)

    def __del__(self) -> None:
        memory.FreeMemory.program_dropped()

    def _lower(self, namespace: JaxNamespace) -> Any:
        """JAX's lowered form. Nothing of it is kept: the function alone would hold over 1 MB in JAX's caches."""
        graph, donated, packs, layouts = self._graph, self._donated, self._packs, self.layouts
        types = graph.input_types
        packed = {place for pack in packs for place in pack}
        alone = [i for i in range(donated) if i not in packed]
        count = len(packs) + len(alone)

        def run(*arrays: Any) -> list[Any]:
            inputs: dict[int, Any] = dict(zip(alone, arrays[len(packs):count]))
            for pack, layout, buffer in zip(packs, layouts, arrays):
                inputs.update(zip(pack, layout.unpack(buffer)))
            outputs = inlined(namespace.run_graph)(graph, [*(inputs[i] for i in range(donated)), *arrays[count:]])
            for value, output in zip(graph.outputs, outputs):
                _check_lowered(value.type, output, graph)
            buffers = [layout.pack(buffer, [outputs[i] for i in pack])
                       for pack, layout, buffer in zip(packs, layouts, arrays)]
            return [*buffers, *(outputs[i] for i in alone), *outputs[donated:]]
        run.__name__ = run.__qualname__ = graph.name

        program_types = [jax.ShapeDtypeStruct((sum(x.sizes),), x.types[0].dtype.numpy) for x in layouts]
        program_types += [struct(types[i]) for i in [*alone, *range(donated, len(types))]]
        places: dict[str, Any] = {}
        if self._spread is not None:
            for i, place in enumerate(self._spread.inputs):
                program_types[i] = jax.ShapeDtypeStruct(program_types[i].shape, program_types[i].dtype, sharding=place)
            results = [self._spread.whole] * (len(graph.outputs) - donated)
            places["out_shardings"] = [*self._spread.inputs[:donated], *results]
        with compat.enable_x64(True), sharding.spreading(self._spread is not None):
            reused = tuple(range(count)) if self._reuse else ()
            return memory.lowered(jax.jit(run, donate_argnums=reused, keep_unused=True, **places), program_types)

    @property
    def input_shardings(self) -> list[Any]:
        """How each input lies on the devices."""
        return list(self.compiled.input_shardings[0])

    def compiled_again(self, namespace: JaxNamespace) -> Any:
        """The program, compiled from what the operations' rules make in another namespace."""
        with compat.enable_x64(True):
            return _compiled(self._lower(namespace), compiler_options(self._graph))

    def input_name(self, place: int) -> str:
        """The name of the program's input at a place: a variable's, an argument's, or what packs have."""
        if place < len(self._packs):
            return "small variables"
        packed = {i for pack in self._packs for i in pack}
        alone = [i for i in range(self._donated) if i not in packed]
        rest = [*alone, *range(self._donated, len(self._graph.inputs))]
        place -= len(self._packs)
        return self._graph.inputs[rest[place]].name if place < len(rest) else ""

    def stablehlo(self) -> str:
        """The program as StableHLO text."""
        return self._lower(self.namespace).as_text()

    def cost(self) -> dict[str, float]:
        """XLA's own estimate: `flops`, `bytes accessed`, and more by target; `flops` no less than the graph's operations have,
        as XLA does not know what kernels in C compute.
        """
        found = self.compiled.cost_analysis() or {}
        found = dict(found[0] if isinstance(found, list) else found)
        return {**found, "flops": max(float(found.get("flops", 0.0)), costs(self._graph).flops)}

    def memory(self) -> dict[str, int]:
        """Bytes of arguments, outputs, temporaries and code, as XLA planned them."""
        plan = self.compiled.memory_analysis()
        fields = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes",
                  "alias_size_in_bytes", "generated_code_size_in_bytes")
        return {f: int(getattr(plan, f)) for f in fields if plan is not None and hasattr(plan, f)}


def _compiled(lowered: Any, options: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """The compiled program, without the options if this version of XLA does not know them.

    JAX's C++ code turns a Ctrl-C in one of its Python callbacks into a RuntimeError: turn it back.
    """
    start = time.perf_counter()
    try:
        compiled = lowered.compile(compiler_options=dict(options) or None)
    except RuntimeError as error:
        if "KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from None
        unknown = [name for name in options if f"No such compile option: '{name}'" in str(error)]  # an older XLA
        if not unknown:
            raise
        return _compiled(lowered, {name: value for name, value in options.items() if name not in unknown})
    memory.FreeMemory.program_compiled(time.perf_counter() - start)
    return compiled


def _check_lowered(type: TensorType, array: Any, graph: Graph) -> None:
    if tuple(array.shape) != type.shape or np.dtype(array.dtype) != type.dtype.numpy:
        raise errors.InternalError(
            f"Lowering of {graph.name} gave {array.dtype}{list(array.shape)} where the type rule says {type}.")


def _direct_call(compiled: Any) -> Callable[..., Any]:
    """The C++ entry point of a compiled program, or the program itself where this JAX does not offer one.

    `Compiled.__call__` is Python; a signal that arrives between the program's end and that function's return would
    lose the results, and with them the donated state.
    """
    executable: Any = getattr(compiled, "_executable", None)
    try:
        create = executable.create_cpp_call
        if len(inspect.signature(create).parameters) == 1:
            direct = create(compiled._params)
        else:  # older versions of JAX
            direct = create(compiled._no_kwargs, compiled.in_tree, compiled.out_tree)
    except (AttributeError, TypeError):
        direct = None
    return direct if direct is not None else compiled


def compile_op(op: Any, types: Sequence[TensorType], attributes: dict[str, Any]) -> Callable[..., Any]:
    """One operation as a compiled function of arrays: what eager execution runs."""
    def run(*arrays: Any) -> Any:
        results = inlined(lowering_of(op))(HERE, *arrays, **attributes)
        return list(results) if op.many else [results]
    run.__name__ = run.__qualname__ = op.name
    entry = disk_cache.entry(op_fingerprint(op, types, attributes), kernels_for({op.name}))
    with compat.enable_x64(True):
        compiled = disk_cache.load(entry)
        if compiled is None:
            compiled = _compiled(memory.lowered(jax.jit(run, keep_unused=True), [struct(t) for t in types]))
            disk_cache.save(entry, compiled)
    return _direct_call(compiled)
