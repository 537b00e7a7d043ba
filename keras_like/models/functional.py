"""`Functional`: the model between symbolic inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred
from treadle.keras_like.core.descriptions import FUNCTIONAL
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.registry import publish_as
from treadle.keras_like.layers.identity import InputLayer, input_layer_of
from treadle.keras_like.models.model import Model, _functional, is_made_from_graph
from treadle.keras_like.models.ordering import in_order, operation_of
from treadle.keras_like.saving import graphs


class Functional(Model):
    """What was done from `inputs` to `outputs`, as a model. Made by `keras.Model(inputs, outputs)`.

    Inputs may be given as a tensor, a list, or a dict by name; the outputs have the structure of `outputs`.
    """

    is_graph = True

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True, **kwargs: Any):
        super().__init__(name=name, trainable=trainable, **kwargs)
        for what, tensors in (("inputs", inputs), ("outputs", outputs)):
            for tensor in tf.nest.flatten(tensors):
                if not is_deferred(tensor):
                    raise tf.errors.DtypeError(
                        f"The {what} of a model must be symbolic: made by `keras.Input`, or computed from that. Received: "
                        f"{tensor!r}.")
        self._inputs_structure, self._outputs_structure = inputs, outputs
        self._order = tf.deferred.deferrals_between(self.inputs, self.outputs)
        entries = {id(tensor): input_layer_of(tensor) for tensor in self.inputs}
        self._operations = in_order(entries, self.outputs, self._order)
        self._layers = [operation for operation in self._operations if isinstance(operation, Layer)]
        _require_different_names(self._layers)
        self._built = True

    @property
    def calls(self) -> list[Any]:
        """What is done from the inputs to the outputs (`tf.deferred.Deferral`s), each after what it needs; without checks."""
        operations = set(map(id, self._operations))
        return [call for call in self._order if id(operation_of(call)) in operations]

    @property
    def operations(self) -> list[Any]:
        """Input layers, layers and calls of ops, farthest from the outputs first."""
        return list(self._operations)

    @property
    def layers(self) -> list[Layer]:
        """The layers, those of the inputs among them, farthest from the outputs first."""
        return list(self._layers)

    @property
    def input_layers(self) -> list[InputLayer]:
        """The layers that stand for the inputs."""
        return [input_layer_of(tensor) for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers (or ops) that give the outputs: those by which losses and metrics are told apart."""
        return [tensor.deferral.name if tensor.deferral is not None else input_layer_of(tensor).name for tensor in self.outputs]

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [layer.name for layer in self.input_layers]

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs."""
        return tf.nest.flatten(self._inputs_structure)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs."""
        return tf.nest.flatten(self._outputs_structure)

    input = property(lambda self: self._inputs_structure, doc="The symbolic inputs, in their structure.")
    output = property(lambda self: self._outputs_structure, doc="The symbolic outputs, in their structure.")

    @property
    def input_shape(self) -> Any:
        """The inputs' shapes."""
        return tf.nest.map_structure(lambda t: tuple(t.shape.as_list()), self._inputs_structure)

    @property
    def output_shape(self) -> Any:
        """The outputs' shapes."""
        return tf.nest.map_structure(lambda t: tuple(t.shape.as_list()), self._outputs_structure)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Do for `inputs` what was done for the symbolic ones."""
        given = self._arranged(inputs)
        symbolic = self.inputs
        values = {id(s): v for s, v in zip(symbolic, given)}
        tf.deferred.carry_out(self._order, values, tf.deferred.sizes_of(symbolic, given))
        return tf.nest.pack_sequence_as(self._outputs_structure, [values[id(o)] for o in self.outputs])

    def get_config(self) -> dict[str, Any]:
        """The layers, and what they are called on: Keras' format."""
        return graphs.describe_graph(self) if is_made_from_graph(type(self)) else super().get_config()

    def get_build_config(self) -> None:
        """None: a graph is built when it is made."""

    def _arranged(self, inputs: Any) -> list[Any]:
        """The inputs as a list in the order of the model's own, cast and with a last axis added where theirs lack one."""
        expected = self.inputs
        if isinstance(inputs, Mapping) and not isinstance(self._inputs_structure, Mapping):
            self._need([t.name for t in expected], inputs)
            given = [inputs[t.name] for t in expected]
        elif isinstance(self._inputs_structure, Mapping) and isinstance(inputs, Mapping):
            self._need(list(self._inputs_structure), inputs)
            given = tf.nest.flatten({k: inputs[k] for k in self._inputs_structure})
        else:
            given = tf.nest.flatten(inputs)
        if len(given) != len(expected):
            raise tf.errors.InvalidArgumentError(
                f"The model {self.name!r} has {len(expected)} inputs. Received: {len(given)}.")
        return [_fitted(value, tensor) for value, tensor in zip(given, expected)]

    def _need(self, names: list[str], inputs: Mapping) -> None:
        if any(name not in inputs for name in names):
            raise tf.errors.InvalidArgumentError(f"The model {self.name!r} has the inputs {names}. Received: {list(inputs)}.")


def _fitted(value: Any, tensor: Any) -> Any:
    value = tf.convert_to_tensor(value)
    if value.dtype is not tensor.dtype:
        value = tf.cast(value, tensor.dtype)
    if value.shape.rank == tensor.shape.rank - 1 and tensor.shape[-1] == 1:
        value = tf.expand_dims(value, -1)
    elif value.shape.rank == tensor.shape.rank + 1 and value.shape[-1] == 1:
        value = tf.squeeze(value, -1)
    return value


def _require_different_names(layers: list[Layer]) -> None:
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise tf.errors.InvalidArgumentError(
            f"Layers of a model must have different names. Received: two layers called {twice!r}.")


_functional.append(Functional)
publish_as(FUNCTIONAL, "Functional", Functional)
