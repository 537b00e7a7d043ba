"""Lowering a graph whose sizes JAX itself leaves open: `jax.export` with symbolic shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from treadle.ir import dims
from treadle.ir.graph import Graph
from treadle.ir.types import TensorType
from treadle.lowering.namespace import JaxNamespace
from treadle.lowering.overrides import lowering_of


class SymbolicJax(JaxNamespace):
    """`xp` for graphs with open sizes: where an attribute holds one of them, the operation gets JAX's symbol for it."""

    def __init__(self, graph: Graph, arrays: Sequence[Any]):
        self._sizes = {str(size): given for value, array in zip(graph.inputs, arrays)
                       for size, given in zip(value.type.shape, array.shape) if isinstance(size, dims.Dim) and size.is_symbol}

    def run_graph(self, graph: Any, arrays: Sequence[Any]) -> list[Any]:
        """The outputs of a graph for JAX tracers, operation by operation."""
        values = dict(zip(graph.inputs, arrays))
        for operation in graph.operations:
            attributes = {name: _filled(value, self._sizes) for name, value in operation.attributes.items()}
            lower = _LOWERINGS.get(operation.op.name) or lowering_of(operation.op)
            results = lower(self, *[values[o] for o in operation.operands], **attributes)
            values.update(zip(operation.results, results if operation.op.many else [results]))
        return [values[v] for v in graph.outputs]


def _filled(attribute: Any, sizes: Mapping[str, Any]) -> Any:
    """An attribute with JAX's symbols in it. Graphs within are filled when they are run."""
    if isinstance(attribute, tuple):
        return tuple(_filled(part, sizes) for part in attribute)
    return attribute.substitute(sizes) if isinstance(attribute, (dims.Dim, TensorType)) else attribute


def _strided_slice(xp: Any, x: Any, *, begin: Any, end: Any, strides: Any) -> Any:
    whole = [(a == 0 and b == size and step == 1) for size, a, b, step in zip(x.shape, begin, end, strides)]
    return x[tuple(slice(None) if w else slice(*bounds) for w, *bounds in zip(whole, begin, end, strides))]


# Ops whose own lowering counts with integers.
_LOWERINGS: dict[str, Any] = {"strided_slice": _strided_slice}
