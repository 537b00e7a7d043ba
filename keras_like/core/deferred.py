"""Layers called on symbolic inputs (`keras.Input`): the call is noted, to be made for each value the inputs are given."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.policy import floatx


def is_deferred(value: Any) -> bool:
    """True for a symbolic input of a model, and for what was computed from one."""
    return isinstance(value, tf.deferred.DeferredTensor)


def make_input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, name: str | None = None,
               batch_shape: Any = None) -> Any:
    """A symbolic input; see `keras.Input`."""
    if batch_shape is None:
        if shape is None:
            raise tf.errors.InvalidArgumentError("`keras.Input` needs `shape` (or `batch_shape`). Received: neither.")
        batch_shape = (batch_size, *((shape,) if isinstance(shape, int) else shape))
    return tf.deferred.deferred_input(tf.TensorSpec(batch_shape, dtype or floatx()), name or auto_name("keras_tensor"))


def call_layer(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Note a layer's call; returns symbolic tensors in the structure of its results."""
    given = (args, kwargs)
    leaves = tf.nest.flatten(given)
    inputs = [leaf for leaf in leaves if is_deferred(leaf)]
    types, structure = _results(layer, given, inputs)

    def run(sizes: Any, *values: Any) -> list[Any]:
        found = iter(values)
        filled, named = tf.nest.pack_sequence_as(given, [next(found) if is_deferred(leaf) else leaf for leaf in leaves])
        return tf.nest.flatten(layer(*filled, **named))

    outputs = tf.deferred.defer(run, inputs, types, layer.name, layer)
    layer._inbound.append(outputs[0].deferral if outputs else None)
    return tf.nest.pack_sequence_as(structure, outputs)


def _results(layer: Any, given: Any, inputs: list[Any]) -> tuple[list[Any], Any]:
    """(the results' types, with the inputs' own open sizes; their structure), found by tracing the layer."""
    specs = tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype) if is_deferred(leaf) else leaf, given)
    concrete = tf.function(lambda given: layer._run(*given)).get_concrete_function(specs)
    for inner in layer._flatten_layers():
        inner._losses.clear()
    sizes: dict[str, Any] = {}
    for value, tensor in zip(concrete.inputs, inputs):
        sizes.update((str(a), b) for a, b in zip(value.type.shape, tensor.type.shape) if not isinstance(a, int))
    return [v.type.substitute(sizes) for v in concrete.outputs], concrete.structured_outputs
