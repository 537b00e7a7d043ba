"""What the gradients of control flow share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir.autodiff import Linearized, gradient
from treadle.ir.builder import GraphBuilder, append, copy, copy_operations
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting, state
from treadle.ir.op import REGISTRY
from treadle.ir.ops.rules import as_operand
from treadle.ir.types import TensorType


def zeros(type: TensorType) -> Any:
    """Zeros of a type, under the current interpreter."""
    zero = as_operand(np.zeros((), type.dtype.numpy))
    return REGISTRY["broadcast_to"](zero, shape=type.shape) if type.shape else zero


def or_zeros(value: Any, like: Any) -> Any:
    """The value, or zeros where there is none."""
    return REGISTRY["zeros_like"](like) if value is None else value


def graph_of(name: str, types: Sequence[TensorType], function: Callable[..., Sequence[Value]]) -> Graph:
    """The graph of a function of values."""
    graph = Graph(name)
    inputs = [graph.add_input(t, f"x{i}") for i, t in enumerate(types)]
    with interpreting(GraphBuilder(graph)):
        graph.outputs = list(function(*inputs))
    return graph


def inlined(graph: Graph, arguments: Sequence[Value]) -> list[Value]:
    """The outputs of `graph` for values of the graph that is being built, its operations copied to the end of that."""
    values = dict(zip(graph.inputs, arguments))
    copy_operations(graph.operations, state.interpreter.graph, values)  # type: ignore[attr-defined]
    return [values[v] for v in graph.outputs]


def dependents(linearized: Linearized) -> dict[int, set[int]]:
    """For each input that has a cotangent, the outputs whose cotangents it is made of."""
    backward = linearized.backward
    first = len(backward.inputs) - len(linearized.outputs)
    reached: dict[Value, set[int]] = {v: {i} for v, i in zip(backward.inputs[first:], linearized.outputs)}
    for operation in backward.operations:
        found = set().union(*[reached.get(o, ()) for o in operation.operands])
        reached.update((r, found) for r in operation.results)
    return {i: reached.get(v, set()) for i, v in zip(linearized.inputs, backward.outputs)}


def spread(start: set[int], feeds: Callable[[set[int]], set[int]]) -> list[int]:
    """The smallest set that holds `start` and all that `feeds` adds to it, sorted."""
    found = set(start)
    while not (more := feeds(found)) <= found:
        found |= more
    return sorted(found)


def whole_gradient(name: str, g: Sequence[Any], operands: Sequence[Any], attributes: dict[str, Any]) -> list[Any]:
    """The `vjp` of an operation whose residuals have cotangents too: as of any operation, computing it again.

    The graphs lose what marks them as those that keep residuals, so that all their results count.
    """
    key = ("alone", name, *[(k, v) for k, v in attributes.items() if not _holds_graph(v)], *[o.type for o in operands])
    holder = next(g for v in attributes.values() if _holds_graph(v) for g in (v if isinstance(v, tuple) else (v,)))
    if key not in holder.cache:
        alone = Graph(f"{name}_alone")
        inputs = [alone.add_input(o.type, f"x{i}") for i, o in enumerate(operands)]
        plain = {k: _unmarked(v) for k, v in attributes.items()}
        alone.outputs = list(append(alone, REGISTRY[name], inputs, plain).results)
        holder.cache[key] = alone
    alone = holder.cache[key]
    given = [zeros(v.type) if c is None else c for c, v in zip(g, alone.outputs) if v.dtype.is_differentiable]
    found = iter(REGISTRY["call"]([*operands, *given], graph=gradient(alone)))
    return [next(found) if o.dtype.is_differentiable else None for o in operands]


def _holds_graph(attribute: Any) -> bool:
    return isinstance(attribute, Graph) or isinstance(attribute, tuple) and any(isinstance(a, Graph) for a in attribute)


def _unmarked(attribute: Any) -> Any:
    if isinstance(attribute, Graph):
        return copy(attribute)[0]
    return tuple(map(_unmarked, attribute)) if isinstance(attribute, tuple) else attribute


def has_effect(operation: Operation) -> bool:
    """True if the operation, or one nested in it, has an effect."""
    return "effect" in operation.op.traits or any("effect" in o.op.traits for g in operation.graphs for o in g.walk())
