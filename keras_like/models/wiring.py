"""How a model's layers hang together, for pictures and tables: its steps, and which results of which calls each takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.identity import InputLayer, input_layer_of
from treadle.keras_like.models.ordering import operation_of


def is_graph(model: Any) -> bool:
    """True for functional models."""
    return getattr(model, "is_graph", False)


def steps(model: Any) -> list[Any]:
    """The layers of a model; of a functional one also its input layers, and calls of ops."""
    return model.operations if is_graph(model) else model.layers


def is_linear(model: Any) -> bool:
    """True if each step has one input, which is the output of the step before; or if nothing is known of them."""
    if not is_graph(model):
        return True
    if len(model.inputs) != 1:
        return False
    tensors, seen = list(model.inputs), set()
    for call in model.calls:
        given = list(filter(is_deferred, call.inputs))
        if len(given) != 1 or all(given[0] is not t for t in tensors) or id(operation_of(call)) in seen:
            return False
        seen.add(id(operation_of(call)))
        tensors = call.outputs
    return True


def name_of(model: Any, step: Any) -> str:
    """A step's name. Calls of the same op are numbered within the model."""
    if isinstance(step, Layer):
        return step.name
    alike = [s for s in steps(model) if not isinstance(s, Layer) and s.name == step.name]
    place = next((i for i, s in enumerate(alike) if s is step), 0)
    return f"{step.name}_{place}" if place else step.name


def kind_of(step: Any) -> str:
    """The class of a layer; for an op, its name as one would write a class."""
    return type(step).__name__ if isinstance(step, Layer) else "".join(p.capitalize() for p in step.name.split("_"))


def calls_of(model: Any, step: Any) -> list[Any]:
    """The calls of a step within a functional model."""
    return [call for call in model.calls if operation_of(call) is step]


def sources_of(model: Any, step: Any) -> list[tuple[Any, int, int]]:
    """(step, which of its calls, which result) for each tensor that a step takes, call by call."""
    if not is_graph(model):
        return []
    tensors = [t for call in calls_of(model, step) for t in call.inputs if is_deferred(t)]
    return [source_of(model, tensor) for tensor in tensors]


def source_of(model: Any, tensor: Any) -> tuple[Any, int, int]:
    if tensor.deferral is None or any(tensor is t for t in model.inputs):
        return input_layer_of(tensor), 0, 0
    step = operation_of(tensor.deferral)
    return step, _number(step, tensor), tensor.index


def _number(step: Any, tensor: Any) -> int:
    """Which of all calls of a layer on symbolic tensors gave this one."""
    for i, (_, outputs) in enumerate(getattr(step, "_inbound", [])):
        if any(out.deferral is tensor.deferral for out in tf.nest.flatten(outputs)):
            return i
    return 0


def edges(model: Any) -> Iterator[tuple[Any, Any]]:
    """(from, to) for each step that takes a result of another, each pair once."""
    if not is_graph(model):
        yield from zip(model.layers, model.layers[1:])
        return
    for step in steps(model):
        seen: set[int] = set()
        for source, _, _ in sources_of(model, step):
            if id(source) not in seen:
                seen.add(id(source))
                yield source, step


def output_shapes(step: Any) -> Any:
    """The shape of a step's result, or a list of those of several; those of the last call. None if they are not known."""
    if isinstance(step, InputLayer):
        return step.batch_shape
    if not isinstance(step, Layer) or step._inbound:
        outputs = tf.nest.flatten(step._inbound[-1][1]) if isinstance(step, Layer) else step.outputs
        found = [tuple(t.shape) for t in outputs]
        return found[0] if len(found) == 1 else found
    try:
        return step.output_shape
    except (AttributeError, RuntimeError, ValueError):
        pass
    return _shapes_as_built(step)


def _shapes_as_built(step: Any) -> Any:
    """The shapes of the results for inputs of the shapes that the layer was built for."""
    if not step._build_shapes:
        return None
    try:
        return step.compute_output_shape(*step._build_shapes.values())
    except Exception:  # a layer of the user's that cannot tell
        return None


def input_shapes(step: Any) -> Any:
    """The shapes of what a step takes, in their structure; None if they are not known."""
    if not isinstance(step, Layer):
        found = [tuple(t.shape) for t in step.inputs if is_deferred(t)]
        return found[0] if len(found) == 1 else found
    if isinstance(step, InputLayer):
        return step.batch_shape
    if step._inbound:
        return tf.nest.map_structure(lambda t: tuple(t.shape) if is_deferred(t) else (), step._inbound[-1][0])
    return next(iter(step._build_shapes.values()), None) if step._build_shapes else None
