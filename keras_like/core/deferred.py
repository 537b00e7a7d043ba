"""Layers called on symbolic inputs (`keras.Input`): the call is noted, to be made for each value the inputs are given."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.policy import floatx


def is_deferred(value: Any) -> bool:
    """True for a symbolic input of a model, and for what was computed from one."""
    return isinstance(value, tf.deferred.DeferredTensor)


def holds_deferred(value: Any) -> bool:
    """True if a structure holds such a tensor."""
    if isinstance(value, (list, tuple, dict)):
        return any(map(is_deferred, tf.nest.flatten(value)))
    return is_deferred(value)


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

    outputs = tf.nest.pack_sequence_as(structure, tf.deferred.defer(run, inputs, types, layer.name, layer, given))
    layer._inbound.append((args[0] if args else given[1], outputs))
    return outputs


def called_inputs(layer: Any) -> Any:
    """The symbolic inputs of the only call of a layer on such. Raises FailedPreconditionError if there were none, or more."""
    return _only_call(layer)[0]


def called_outputs(layer: Any) -> Any:
    """The symbolic outputs of that call."""
    return _only_call(layer)[1]


def _only_call(layer: Any) -> tuple[Any, Any]:
    if len(layer._inbound) != 1:
        raise tf.errors.FailedPreconditionError(
            f"The layer {layer.name!r} was called {len(layer._inbound)} times on symbolic inputs (`keras.Input`). It has an "
            "`input` and an `output` if it was called once.")
    return layer._inbound[0]


def _results(layer: Any, given: Any, inputs: list[Any]) -> tuple[list[Any], Any]:
    """(the results' types, with the inputs' own open sizes; their structure), found by tracing the layer."""
    specs = tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype) if is_deferred(leaf) else leaf, given)
    concrete = tf.function(lambda given: layer(*given[0], **given[1])).get_concrete_function(specs)
    layer._forget_losses()
    sizes: dict[str, Any] = {}
    for value, tensor in zip(concrete.inputs, inputs):
        sizes.update((str(a), b) for a, b in zip(value.type.shape, tensor.type.shape) if not isinstance(a, int))
    return [v.type.substitute(sizes) for v in concrete.outputs], concrete.structured_outputs
