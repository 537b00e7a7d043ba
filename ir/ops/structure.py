"""Ops that carry a program's structure rather than arithmetic: constants, identity, barriers, calls of graphs."""

from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.attributes import Any_, Array, Opaque, SubGraph
from treadle.ir.autodiff import Linearized, linearize
from treadle.ir.gradients.tangents import call_jvp
from treadle.ir.op import REGISTRY, Operand, Rest, on_sizes, op
from treadle.ir.types import TensorType


@op(infer=lambda *, value: TensorType.of(dtypes.as_dtype(value.dtype), value.shape),
    lower=lambda xp, *, value: xp.asarray(value),
    sizes=lambda *, value: value.astype(object), traits="constant exact")
def constant(*, value: Array):
    """A constant array."""


@op(infer=lambda x: x, lower=lambda xp, x: x, vjp=(lambda g, y, x: g,), sizes=on_sizes(lambda x: x),
    traits="elementwise exact")
def identity(input: Operand()):  # type: ignore[valid-type]
    """The tensor itself, as a new tensor."""


@op(infer=lambda x: x, lower=lambda xp, x: x, sizes=on_sizes(lambda x: x), traits="elementwise exact")
def stop_gradient(input: Operand()):  # type: ignore[valid-type]
    """The tensor itself; gradients do not flow through it: d stop_gradient(x) / dx = 0.

    >>> import treadle as tf
    >>> x = tf.constant(3.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * tf.stop_gradient(x)
    >>> tape.gradient(y, x).numpy()
    np.float32(3.0)
    """


@op(infer=lambda value, before: value, lower=lambda xp, value, before: value, vjp=(None, lambda g, y, value, before: g),
    sizes=on_sizes(lambda value, before: value), traits="exact")
def reread(value: Operand(), before: Operand()):  # type: ignore[valid-type]
    """A variable's value after it was assigned: `value`. Gradients flow to `before`, a value of the variable that came from
    outside, and not into what was assigned: y = reread(value, before), dy / dbefore = 1, dy / dvalue = 0.
    """


def _barrier_gradient(g: Any, y: Any, *operands: Any) -> Any:
    return g


@op(infer=lambda *types: types, lower=lambda xp, *x: xp.optimization_barrier(x), vjp=_barrier_gradient,
    traits="barrier", many=True)
def optimization_barrier(operands: Rest):
    """The operands as they are, but no optimisation looks through: recomputation stays recomputation."""


def _call_infer(*types: TensorType, graph: Any) -> Any:
    if len(types) != len(graph.inputs) or any(t is not v.type for t, v in zip(types, graph.inputs)):
        if graph.is_static or len(types) != len(graph.inputs):
            raise errors.InternalError(f"Graph {graph.name} takes {graph.input_types}. Received: {list(types)}.")
    return graph.output_types


def _call_residuals(operands: Any, attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Any]:
    linearized: Linearized = attributes["graph"].cache.get("linearized_by") or linearize(attributes["graph"])
    return {"graph": linearized.forward}, linearized.visible, operands


def _call_vjp(g: Any, y: Any, *operands: Any, graph: Any) -> Any:
    return graph.cache["linearized_by"].cotangents(g, y, operands)


@op(infer=_call_infer, lower=lambda xp, *x, graph: xp.run_graph(graph, x), vjp=_call_vjp,
    with_residuals=_call_residuals, jvp=call_jvp, many=True)
def call(operands: Rest, *, graph: SubGraph):
    """The outputs of `graph` for the operands."""


@op(infer=lambda *types, graph, how: graph.output_types, lower=lambda xp, *x, graph, how: xp.run_graph(graph, x), many=True)
def fusion(operands: Rest, *, graph: SubGraph, how: Opaque):
    """The outputs of `graph` for the operands, computed together. Only lowering makes it, for kernels that it says `how` to."""


def _custom_infer(*types: TensorType, graph: Any, linearized: Any) -> Any:
    return graph.output_types


def _custom_residuals(operands: Any, attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Any]:
    linearized = attributes["linearized"]
    return {"graph": linearized.forward, "linearized": linearized}, linearized.visible, operands


@op(infer=_custom_infer, lower=lambda xp, *x, graph, linearized: xp.run_graph(graph, x),
    vjp=lambda g, y, *x, graph, linearized: linearized.cotangents(g, y, x),
    with_residuals=_custom_residuals, many=True)
def call_with_gradient(operands: Rest, *, graph: SubGraph, linearized: Opaque):
    """The outputs of `graph` for the operands, with the user's own gradient in place of the derived one."""


def _vectorized_infer(*types: TensorType, graph: Any, mapped: Any) -> Any:
    sizes = [t.shape[0] for t, m in zip(types, mapped) if m]
    if not sizes:
        raise errors.InvalidArgumentError("At least one operand must be mapped over.")
    return [TensorType.of(v.type.dtype, (sizes[0], *v.type.shape)) for v in graph.outputs]


def _vectorized_residuals(operands: Any, attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Any]:
    linearized = linearize(attributes["graph"])
    return {"graph": linearized.forward, "mapped": attributes["mapped"]}, linearized.visible, operands


def _vectorized_vjp(g: Any, y: Any, *operands: Any, graph: Any, mapped: Any) -> Any:
    def run(arguments: Any, graph: Any, places: Any) -> Any:
        return vectorized_call(arguments, graph=graph, mapped=tuple(p < 0 or mapped[p] for p in places))

    found = graph.cache["linearized_by"].apply(run, g, y, operands)
    return [REGISTRY["reduce_sum"](f, axis=0) if f is not None and not m else f for f, m in zip(found, mapped)]


@op(infer=_vectorized_infer, lower=lambda xp, *x, graph, mapped: xp.vectorized_graph(graph, x, mapped),
    vjp=_vectorized_vjp, with_residuals=_vectorized_residuals, many=True)
def vectorized_call(operands: Rest, *, graph: SubGraph, mapped: Any_):
    """The outputs of `graph` for each row of the operands that are `mapped`, stacked along a new first axis."""


def _jax_infer(*types: TensorType, function: Any, types_out: Any) -> Any:
    return types_out


@op(infer=_jax_infer, lower=lambda xp, *x, function, types_out: xp.jax_function(function, x),
    vjp=lambda g, y, *x, function, types_out: _jax_vjp(g, x, function), many=True)
def jax_function(operands: Rest, *, function: Opaque, types_out: Opaque):
    """The results of a JAX function for the operands, as one operation; its gradient is `jax.vjp` of the function."""


def _jax_vjp(g: Any, operands: Any, function: Any) -> Any:
    transposed = function.transposed([o.dtype.is_differentiable for o in operands])
    differentiable = [o for o in operands if o.dtype.is_differentiable]
    results = iter(jax_function([*operands, *(c for c in g if c is not None)], function=transposed,
                                types_out=tuple(o.type for o in differentiable)))
    return [next(results) if o.dtype.is_differentiable else None for o in operands]


def constant_value(value: Any) -> np.ndarray | None:
    """The array of a value that a `constant` operation produced, else None."""
    producer = value.producer
    return producer.attributes["value"] if producer is not None and producer.op is constant else None
