"""Layers called on symbolic inputs (`keras.Input`): the call is noted, to be made for each value the inputs are given."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.tracking import mask_of, set_mask


def is_deferred(value: Any) -> bool:
    """True for a symbolic input of a model, and for what was computed from one."""
    return isinstance(value, tf.deferred.DeferredTensor)


def holds_deferred(value: Any) -> bool:
    """True if a structure holds such a tensor."""
    if isinstance(value, (list, tuple, dict)):
        return any(map(is_deferred, tf.nest.flatten(value)))
    return is_deferred(value)


def make_input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: bool | None = None,
               ragged: bool | None = None, batch_shape: Any = None, name: str | None = None, tensor: Any = None,
               optional: bool = False, type_spec: Any = None) -> Any:
    """A symbolic input of a functional model.

    Args:
        shape: without the batch size; None for open sizes.
        batch_size: default: open.
        dtype: default `keras.config.floatx()`.
        batch_shape: the shape with the batch size, in place of the two.
        name: default: a numbered one.
        tensor: a symbolic tensor, which is then the input itself.
        type_spec: a `tf.TensorSpec` in place of shape and dtype, as `tf.keras` 2 has it.

    Raises UnimplementedError for `sparse`, `ragged` and `optional`, and InvalidArgumentError without a shape.

    >>> from treadle import keras
    >>> keras.Input((3,), dtype="int32").shape
    TensorShape([None, 3])
    """
    for what, asked in (("sparse", sparse), ("ragged", ragged), ("optional", optional)):
        if asked:
            raise tf.errors.UnimplementedError(
                f"An input is a dense tensor that is always given. Received: {what}=True. Pad rows of different length, mask "
                "them, and make a model of its own for each set of inputs.")
    if tensor is not None:
        if not is_deferred(tensor):
            raise tf.errors.DtypeError(f"`tensor` is a symbolic tensor, as `keras.Input` returns. Received: {tensor!r}.")
        return tensor
    if type_spec is not None:
        if shape is not None or batch_shape is not None:
            raise tf.errors.InvalidArgumentError("`type_spec` has a shape. Received: `shape` or `batch_shape` as well.")
        batch_shape, dtype = tuple(type_spec.shape), type_spec.dtype
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
    types, structure, masks = _results(layer, given, inputs)

    def run(sizes: Any, *values: Any) -> list[Any]:
        found = iter(values)
        filled, named = tf.nest.pack_sequence_as(given, [next(found) if is_deferred(leaf) else leaf for leaf in leaves])
        return tf.nest.flatten(layer(*filled, **named))

    made = tf.deferred.defer(run, inputs, types, layer.name, layer, given)
    for tensor, mask in zip(made, masks):
        if mask is not None:  # that its value will have
            set_mask(tensor, tf.deferred.defer(_mask_of_value, [tensor], [mask], "mask", _mask_of_value)[0])
    outputs = tf.nest.pack_sequence_as(structure, made)
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


def _mask_of_value(sizes: Any, value: Any) -> list[Any]:
    return [mask_of(value)]


def _results(layer: Any, given: Any, inputs: list[Any]) -> tuple[list[Any], Any, list[Any]]:
    """(the results' types, with the inputs' own open sizes; their structure; their masks' types), found by tracing."""
    specs = tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype) if is_deferred(leaf) else leaf, given)
    ranks = [mask_of(leaf).shape.rank if is_deferred(leaf) and mask_of(leaf) is not None else None
             for leaf in tf.nest.flatten(given)]

    def traced(given: Any) -> Any:
        for leaf, rank in zip(tf.nest.flatten(given), ranks):
            if rank is not None:  # types are all that is wanted of it
                set_mask(leaf, tf.ones(tf.shape(leaf)[:rank], tf.bool))
        found = layer(*given[0], **given[1])
        return found, [mask_of(leaf) for leaf in tf.nest.flatten(found)]

    concrete = tf.function(traced).get_concrete_function(specs)
    layer._forget_losses()
    sizes: dict[str, Any] = {}
    for value, tensor in zip(concrete.inputs, inputs):
        sizes.update((str(a), b) for a, b in zip(value.type.shape, tensor.type.shape) if not isinstance(a, int))
    if not concrete.outputs:
        raise tf.errors.DtypeError(
            f"The layer {layer.name!r} ({type(layer).__name__}) gave no tensors. Received: {concrete.structured_outputs[0]!r} "
            "from its `call`. Return the results at its end.")
    types = iter([v.type.substitute(sizes) for v in concrete.outputs])
    structure, masks = concrete.structured_outputs
    return ([next(types) for _ in tf.nest.flatten(structure)], structure,
            [None if mask is None else next(types) for mask in masks])
