"""Building graphs: an interpreter that adds each operation to a graph, and copying operations between graphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors, location
from treadle.ir.attributes import frozen
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import Interpreter
from treadle.ir.op import REGISTRY, Op
from treadle.ir.types import TensorType

LARGEST_KNOWN = 64  # elements: longer integer tensors are data, not shapes
_MOST_SPECIALISED = 256  # copies of one graph for different sizes that are kept


def append(graph: Graph, op: Op, operands: Sequence[Value], attributes: Mapping[str, Any],
           where: location.Location | None = None) -> Operation:
    """Add one operation to a graph, its result types inferred."""
    types = op.infer_types([o.type for o in operands], dict(attributes))
    operation = Operation(op, operands, attributes, types, where)
    if op.sizes is not None and not op.many and types[0].dtype.is_integer:
        count = types[0].count
        if isinstance(count, int) and count <= LARGEST_KNOWN:
            known = op.sizes(*operands, **attributes)
            operation.results[0].known = None if known is None else np.asarray(known, object)
    graph.operations.append(operation)
    return operation


def append_constant(graph: Graph, array: np.ndarray, where: location.Location | None = None) -> Value:
    """Add a constant to a graph."""
    return append(graph, REGISTRY["constant"], (), {"value": frozen(array)}, where).results[0]


class GraphBuilder(Interpreter):
    """Adds operations on IR values to `graph`."""

    def __init__(self, graph: Graph, where: location.Location | None = None):
        self.graph = graph
        self.where = where

    def is_operand(self, value: Any) -> bool:
        return isinstance(value, Value)

    def convert(self, value: Any, hint: Any = None) -> Value:
        if isinstance(value, Value):
            return value
        if hint is None and isinstance(value, (bool, int, float, complex)):
            hint = dtypes.as_dtype(type(value))
        return append_constant(self.graph, np.asarray(value, hint.numpy if hint is not None else None), self.where)

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Value, ...]:
        return append(self.graph, op, operands, attributes, self.where).results


class CapturingBuilder(GraphBuilder):
    """A graph builder that accepts tensors from outside: each becomes one more input. `captured` lists them in order."""

    def __init__(self, graph: Graph, where: location.Location | None = None):
        super().__init__(graph, where)
        self.captured: list[Any] = []
        self._inputs: dict[int, Value] = {}

    def convert(self, value: Any, hint: Any = None) -> Value:
        if isinstance(value, Value) or not hasattr(value, "type"):
            return super().convert(value, hint)
        if id(value) not in self._inputs:
            self._inputs[id(value)] = self.graph.add_input(value.type, f"c{len(self.captured)}")
            self.captured.append(value)
        return self._inputs[id(value)]


def copy_operations(operations: Iterable[Operation], into: Graph, values: dict[Value, Value],
                    sizes: Mapping[str, Any] | None = None) -> None:
    """Copy operations to the end of a graph. `values` maps old values to new ones and is extended.

    With `sizes`, symbolic sizes in attributes are replaced and every result type is inferred anew, so that sizes
    that turn out not to fit are reported with the line they came from.
    """
    for operation in operations:
        operands = [values[o] for o in operation.operands]
        if sizes is None:
            copied = Operation(operation.op, operands, operation.attributes, [r.type for r in operation.results],
                               operation.location)
            for old, new in zip(operation.results, copied.results):
                new.known = old.known
            into.operations.append(copied)
        elif dims.substitute(operation.attributes.get("length"), sizes) == 0 and operation.op is REGISTRY["scan"]:
            values.update(zip(operation.results, _without_rounds(operation, operands, into, sizes)))
            continue
        else:
            attributes = {k: substitute_sizes(v, sizes) for k, v in operation.attributes.items()}
            try:
                copied = append(into, operation.op, operands, attributes, operation.location)
            except errors.OpError as error:
                error.location = operation.location or error.location
                raise
        values.update(zip(operation.results, copied.results))


def _without_rounds(scan: Operation, operands: Sequence[Value], into: Graph, sizes: Mapping[str, Any]) -> list[Value]:
    """The results of a scan that turns out to have no rounds: its body may not fit rows that are not there."""
    carried = scan.attributes["carried"]
    found = list(operands[:carried])
    for result in scan.results[carried:]:
        type = result.type.substitute(sizes)
        zero = append_constant(into, np.zeros((), type.dtype.numpy), scan.location)
        found.append(append(into, REGISTRY["broadcast_to"], [zero], {"shape": type.shape}, scan.location).results[0])
    return found


def substitute_sizes(attribute: Any, sizes: Mapping[str, Any]) -> Any:
    """An attribute with symbolic sizes replaced."""
    if isinstance(attribute, Graph):
        return substitute(attribute, sizes)
    if isinstance(attribute, tuple):
        return tuple(substitute_sizes(a, sizes) for a in attribute)
    if isinstance(attribute, TensorType):
        return attribute.substitute(sizes)
    return dims.substitute(attribute, sizes)


def substitute(graph: Graph, sizes: Mapping[str, Any]) -> Graph:
    """A copy of the graph with symbolic sizes replaced."""
    copied = Graph(graph.name)
    values = {v: copied.add_input(v.type.substitute(sizes), v.name) for v in graph.inputs}
    copy_operations(graph.operations, copied, values, sizes)
    copied.outputs = [values[v] for v in graph.outputs]
    return copied


def specialise(graph: Graph, types: Sequence[TensorType]) -> Graph:
    """The graph for inputs of the given static types: the step from `f32[n0,784]` to `f32[256,784]`."""
    if graph.is_static:
        return graph
    specialised = graph.cache.setdefault("specialised", {})
    key = tuple(types)
    if key not in specialised:
        sizes: dict[str, Any] = {}
        for value, type in zip(graph.inputs, types):
            if len(value.type.shape) != len(type.shape) or value.type.dtype is not type.dtype:
                raise errors.InvalidArgumentError(f"Expected a {value.type}. Received: {type}.")
            for expected, given in zip(value.type.shape, type.shape):
                if isinstance(expected, dims.Dim) and expected.is_symbol:
                    if sizes.setdefault(str(expected), given) != given:
                        raise errors.InvalidArgumentError(
                            f"The size {expected} is {sizes[str(expected)]} in one input and {given} in another.")
                elif dims.is_known(expected) and expected != given:
                    raise errors.InvalidArgumentError(f"Expected a {value.type}. Received: {type}.")
        if len(specialised) >= _MOST_SPECIALISED:
            del specialised[next(iter(specialised))]
        specialised[key] = substitute(graph, sizes)
    return specialised[key]


def copy(graph: Graph, name: str | None = None) -> tuple[Graph, dict[Value, Value]]:
    """A copy of the graph, and the map from old values to new ones."""
    copied = Graph(name or graph.name)
    values = {v: copied.add_input(v.type, v.name) for v in graph.inputs}
    for old, new in values.items():
        new.known = old.known
    copy_operations(graph.operations, copied, values)
    copied.outputs = [values[v] for v in graph.outputs]
    return copied, values
