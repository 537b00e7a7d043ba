"""Eager execution: each operation runs at once, as a small compiled program kept for the next time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from treadle.ir import errors
from treadle.ir.attributes import attribute_key
from treadle.ir.autodiff import Pullback, pullback
from treadle.ir.builder import append
from treadle.ir.dims import Dim
from treadle.ir.dtypes import as_dtype
from treadle.ir.graph import Graph, Operation
from treadle.ir.interpreter import Interpreter, TakeOver, set_default_interpreter, state
from treadle.ir.op import Op
from treadle.ir.ops.effects import check
from treadle.ir.ops.structure import call
from treadle.ir.passes.effects import NUMBERS, Threaded, numbers_error, thread_effects
from treadle.ir.types import TensorType
from treadle.lowering import compat
from treadle.lowering.executable import Executable, compile_op
from treadle.runtime import checks, convert, places
from treadle.runtime.interpreter import TensorInterpreter
from treadle.runtime.replay import raise_failure
from treadle.runtime.tensor import EagerTensor, from_numpy, jax_array

_MOST_KERNELS = 4096


class Kernel:
    """One operation compiled for given operand types and attributes."""

    __slots__ = ("call", "types", "wide")

    def __init__(self, call: Callable[..., Any], operands: Sequence[TensorType], results: Sequence[TensorType]):
        self.call, self.types = call, results
        # NumPy arrays of 64 bits are taken as such only while JAX's 64-bit mode is on.
        self.wide = any(t.dtype.is_64_bit for t in operands)

    def run(self, operands: Sequence[Any]) -> tuple[EagerTensor, ...]:
        """The results for eager tensors of the right types."""
        if self.wide:
            with compat.enable_x64(True):
                arrays = self.call(*[o._array for o in operands])
        else:
            arrays = self.call(*[o._array for o in operands])
        return tuple(map(EagerTensor, arrays, self.types))


class CheckedKernel:
    """The kernel of an operation that may fail. Its program's last result is the code of `treadle.ir.passes.effects`."""

    __slots__ = ("kernel", "operation", "threaded")

    def __init__(self, operation: Operation, threaded: Threaded):
        self.operation, self.threaded = operation, threaded
        self.kernel = Kernel(Executable(threaded.graph).call, threaded.graph.input_types, threaded.graph.output_types)

    def run(self, operands: Sequence[Any]) -> tuple[EagerTensor, ...]:
        """The results; raises the exception of the first check that fails."""
        results = self.kernel.run(operands)
        code = int(np.asarray(results[-1]._array))
        if code:
            self._fail(code, operands, results[:-1])
        return results[:-1]

    def _fail(self, code: int, operands: Sequence[Any], results: Sequence[Any]) -> NoReturn:
        op, attributes = self.operation.op, self.operation.attributes
        if self.operation.graphs:
            graph = Graph(op.name, self.operation.operands, [self.operation], self.operation.results)
            raise_failure(code, self.threaded, graph, operands, EAGER)
        if self.threaded.sites[code - 1].about == NUMBERS:
            raise numbers_error(op, [r._array for r in results if r.dtype.is_floating])
        raise op.invalid(*[np.asarray(o._array) for o in operands], **attributes)  # type: ignore[misc]


def kernel_of(op: Op, types: Sequence[TensorType], attributes: dict[str, Any]) -> Kernel | CheckedKernel:
    """The operation compiled, with its checks."""
    for type in types:
        if type.dtype.is_string:
            raise errors.UnimplementedError(f"`{op.name}` does not take string tensors; XLA has no strings.", see="strings")
    graph = Graph(op.name)
    operation = append(graph, op, [graph.add_input(t) for t in types], attributes)
    if any(r.type.dtype.is_string for r in operation.results):
        raise errors.UnimplementedError(f"`{op.name}` does not make string tensors; XLA has no strings.", see="strings")
    graph.outputs = list(operation.results)
    threaded = thread_effects(graph, settings=checks.settings())
    if threaded.has_code:
        return CheckedKernel(operation, threaded)
    return Kernel(compile_op(op, types, attributes), types, graph.output_types)


def has_open_size(attributes: Mapping[str, Any]) -> bool:
    """Whether a size among the attributes is one that a model's symbolic input leaves open."""
    return any(isinstance(part, Dim) for value in attributes.values()
               for part in (value if isinstance(value, tuple) else (value,)))


class EagerInterpreter(TensorInterpreter):
    """Runs operations on eager tensors."""

    is_eager = True
    # Who carries out operations whose attributes hold open sizes: those of a model's symbolic inputs.
    for_open_sizes: Interpreter | None = None

    def __init__(self) -> None:
        self._kernels: dict[tuple, Kernel | CheckedKernel] = {}
        self._pullbacks: dict[tuple, tuple[Pullback, Kernel | CheckedKernel | None]] = {}
        self._lock = threading.Lock()
        checks.listen(self)

    def settings_changed(self) -> None:
        """Kernels contain the checks: compile them anew."""
        with self._lock:
            self._kernels.clear()
            self._pullbacks.clear()

    def is_operand(self, value: Any) -> bool:
        return type(value) is EagerTensor

    def convert(self, value: Any, hint: Any = None) -> EagerTensor:
        if isinstance(value, (list, tuple)) and convert.holds_tensor(value):
            return convert.stacked(value, None, hint)  # type: ignore[return-value]
        return convert.to_eager(value, None, hint)

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
        if attributes:
            if "constant" in op.traits:
                array = attributes["value"]
                return (from_numpy(array, op.infer(value=array).dtype),)
            if op.host is not None:
                return self._on_host(op, operands, attributes)
            key = (op, *[o.type for o in operands], *map(attribute_key, attributes.values()))
        else:
            key = (op, *[o.type for o in operands])
        kernel = self._kernels.get(key)
        if kernel is None:
            if places.takes_strings(op) and any(o.type.dtype.is_string for o in operands):
                return places.run_on_places(self.execute, op, operands, attributes)
            kernel = self._compile(key, op, operands, attributes)
        return kernel.run(operands)

    def _on_host(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[EagerTensor, ...]:
        if op is check and not attributes["failure"].required and not checks.checks_enabled():
            return ()
        self._hand_over_open_sizes(attributes)
        op.infer_types([o.type for o in operands], attributes)
        results = op.host(*[np.asarray(o._array) for o in operands], **attributes)  # type: ignore[misc]
        return tuple([from_numpy(r, as_dtype(r.dtype)) for r in results])

    def _hand_over_open_sizes(self, attributes: dict[str, Any]) -> None:
        if self.for_open_sizes is not None and has_open_size(attributes):
            raise TakeOver(self.for_open_sizes)

    def _compile(self, key: tuple, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> Kernel | CheckedKernel:
        self._hand_over_open_sizes(attributes)
        kernel = kernel_of(op, [o.type for o in operands], attributes)
        with self._lock:
            if len(self._kernels) >= _MOST_KERNELS:
                del self._kernels[next(iter(self._kernels))]
            self._kernels[key] = kernel
        return kernel

    def cotangents(self, op: Op, g: Sequence[Any], y: Sequence[Any], operands: Sequence[Any],
                   attributes: dict[str, Any], needed: Sequence[bool]) -> Sequence[Any]:
        if state.recorders or not isinstance(op, Op) or op.with_residuals is not None or op.host is not None:
            return op.cotangents(g, y, operands, attributes, needed)
        # Nobody looks at what happens inside a gradient: it runs as one program.
        types = [o.type for o in operands]
        key = ("gradient", op, *types, *needed, *map(attribute_key, attributes.values()))
        found = self._pullbacks.get(key)
        if found is None:
            rule = pullback(op, types, [r.type for r in y], attributes, needed)
            kernel = kernel_of(call, rule.graph.input_types, {"graph": rule.graph}) if rule.produced else None
            with self._lock:
                if len(self._pullbacks) >= _MOST_KERNELS:
                    del self._pullbacks[next(iter(self._pullbacks))]
                found = self._pullbacks[key] = rule, kernel
        rule, kernel = found
        result: list[Any] = [None] * len(operands)
        if kernel is not None:
            given = [*g, *y, *operands]
            for place, tensor in zip(rule.produced, kernel.run([given[i] for i in rule.used])):
                result[place] = tensor
        return result

    def read_variable(self, variable: Any) -> EagerTensor:
        return EagerTensor(variable.array, variable.type)

    def assign_variable(self, variable: Any, value: EagerTensor) -> None:
        variable.store(value._array if value.type.dtype.is_string else jax_array(value))

    def lift(self, initial_value: Any) -> Any:
        return initial_value

    def variable_created(self, variable: Any) -> None:
        pass


EAGER = EagerInterpreter()
set_default_interpreter(EAGER)
