"""`clone_model`: the same model of new layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred, make_input
from treadle.keras_like.core.descriptions import describe, describing, from_description
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.identity import input_layer_of
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.model import is_made_from_graph
from treadle.keras_like.models.sequential import Sequential


def clone_model(model: Any, input_tensors: Any = None, clone_function: Callable | None = None,
                call_function: Callable | None = None, recursive: bool = False, **kwargs: Any) -> Any:
    """A new model like `model`, of new layers with new weights; compiled if `model` is.

    Args:
        model: a functional, Sequential or subclassed model; the class of the last must define `get_config`.
        input_tensors: symbolic inputs to build the copy on. Default: new ones.
        clone_function: makes a layer's copy. Default: from its configuration.
        call_function: calls a copy: (layer, *args, **kwargs) -> result. For functional models.
        recursive: copy the layers of models inside one by one, by `clone_function` too. Default False.

    Raises InvalidArgumentError for arguments that do not go with the kind of model.

    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> copy = keras.models.clone_model(model)
    >>> copy.count_params(), copy.layers[0] is model.layers[0]
    (8, False)
    """
    if kwargs:
        raise tf.errors.InvalidArgumentError(f"`clone_model` has no argument {next(iter(kwargs))!r}.")
    return _Cloner(clone_function or copy_of, call_function, recursive).clone(
        model, input_tensors, clone_function is not None)


def copy_of(layer: Layer) -> Any:
    """A new layer with the same configuration."""
    with describing(by_reference=True, safe_mode=False):  # functions of the layer are those of its copy
        return type(layer).from_config(layer.get_config())


class _Cloner:
    """One cloning: each layer has one copy."""

    def __init__(self, copy: Callable, call: Callable | None, recursive: bool):
        self._copy, self._call, self._recursive = copy, call, recursive
        self._copies: dict[int, Any] = {}

    def clone(self, model: Any, input_tensors: Any = None, special: bool = False) -> Any:
        if isinstance(model, Sequential):
            if self._call is not None and not self._recursive:
                raise tf.errors.InvalidArgumentError("`call_function` is for functional models. Received: a Sequential model.")
            made: Any = self._sequential(model, input_tensors)
        elif isinstance(model, Functional) and (is_made_from_graph(type(model)) or special or input_tensors is not None):
            made = self._functional(model, input_tensors)
        elif special or input_tensors is not None or self._call is not None:
            raise tf.errors.InvalidArgumentError(
                "`clone_function`, `input_tensors` and `call_function` are for functional and Sequential models. Received: a "
                f"`{type(model).__name__}`.")
        else:
            with describing(by_reference=True, safe_mode=False):
                return from_description(describe(model), {type(model).__name__: type(model)})
        if model.compiled:
            with describing(by_reference=True):
                made.compile_from_config(model.get_compile_config())
        return made

    def _layer(self, layer: Any) -> Any:
        if id(layer) not in self._copies:
            inner = self._recursive and isinstance(layer, (Sequential, Functional))
            self._copies[id(layer)] = self.clone(layer) if inner else self._copy(layer)
        return self._copies[id(layer)]

    def _sequential(self, model: Sequential, input_tensors: Any) -> Sequential:
        layers = [self._layer(layer) for layer in model.layers]
        given = tf.nest.flatten(input_tensors)
        if input_tensors is not None:
            if len(given) != 1 or not is_deferred(given[0]):
                raise tf.errors.InvalidArgumentError(
                    f"A Sequential model has one symbolic input. Received: input_tensors={input_tensors!r}.")
            layers = [*given, *layers]
        elif model.input_shape_if_known() is not None:
            layers = [make_input(batch_shape=model.input_shape_if_known(), dtype=model.input_dtype()), *layers]
        return Sequential(layers, name=model.name, trainable=model.trainable)

    def _functional(self, model: Functional, input_tensors: Any) -> Any:
        if input_tensors is None:
            inputs = [make_input(batch_shape=tuple(t.shape), dtype=t.dtype, name=input_layer_of(t).name) for t in model.inputs]
            structure = tf.nest.pack_sequence_as(model.input, inputs)
        else:
            inputs, structure = tf.nest.flatten(input_tensors), input_tensors
            if len(inputs) != len(model.inputs) or not all(map(is_deferred, inputs)):
                raise tf.errors.InvalidArgumentError(
                    f"The model has {len(model.inputs)} symbolic inputs. Received: input_tensors={input_tensors!r}.")
        values = {id(t): new for t, new in zip(model.inputs, inputs)}
        sizes = tf.deferred.sizes_of(model.inputs, inputs)
        for call in model.calls:
            values.update((id(t), new) for t, new in zip(call.outputs, self._results(call, values, sizes)))
        outputs = tf.nest.map_structure(lambda t: values[id(t)], model.output)
        kind: Any = type(model) if is_made_from_graph(type(model)) else Functional
        return kind(structure, outputs, name=model.name, trainable=model.trainable)

    def _results(self, call: Any, values: dict[int, Any], sizes: dict[str, Any]) -> list[Any]:
        """What a call gives on the new tensors."""
        if not isinstance(call.owner, Layer):
            found = call.run(sizes, *(values.get(id(t), t) for t in call.inputs))
            return list(found) if isinstance(found, (list, tuple)) else [found]
        args, kwargs = tf.nest.map_structure(lambda leaf: values.get(id(leaf), leaf), call.arguments)
        layer = self._layer(call.owner)
        return tf.nest.flatten(self._call(layer, *args, **kwargs) if self._call is not None else layer(*args, **kwargs))
