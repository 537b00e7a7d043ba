"""`Sequential`: layers in a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred, make_input
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.layers.identity import InputLayer, input_layer_of
from treadle.keras_like.models.model import Model


class Sequential(Model):
    """Layers, each called on the result of the one before.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    >>> model(tf.ones([2, 3])).shape
    TensorShape([2, 1])
    """

    def __init__(self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None, **kwargs: Any):
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._rows: list[Layer] = []
        self._input: Any = None
        self._stand_in: dict[str, Any] | None = None  # an input layer's description, for a model without an `Input`
        self._chain: list[Any] = []  # the symbolic input that `build` made, and the layers' results on it
        self._results: list[Any] = []  # of the layers on the symbolic input, as far as they were called on it
        for layer in layers or []:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers."""
        return list(self._rows)

    @property
    def input(self) -> Any:
        """The symbolic input. A model without an `Input` has one once it was called on data."""
        if self._input is None:
            shape = self.input_shape_if_known()
            if shape is None:
                raise AttributeError(
                    f"The model {self.name!r} has no symbolic input. Received: layers only. Begin it with "
                    "`keras.Input(shape)`, or call it on data first.")
            self._input, *self._results = self._chain or [
                make_input(batch_shape=shape, dtype=self.input_dtype(), name=auto_name("keras_tensor"))]
            self._extend()
        return self._input

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._results[-1] if self.input is not None and self._results else self._input

    inputs = property(lambda self: [self.input], doc="The symbolic input, in a list.")
    outputs = property(lambda self: [self.output], doc="The symbolic output, in a list.")

    @property
    def input_shape(self) -> tuple:
        """The inputs' shape, batch included, once it is known."""
        shape = self.input_shape_if_known()
        if shape is None:
            raise AttributeError(
                f"The model {self.name!r} does not know its inputs' shape. Call it, `build(input_shape)` it, or make it with "
                "`keras.Input(shape)` first.")
        return shape

    @property
    def output_shape(self) -> tuple:
        """The outputs' shape, batch included, once the inputs' is known."""
        return tuple(self._results[-1].shape) if self._results else self.compute_output_shape(self.input_shape)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Append a layer, or a `keras.Input` in the first place. `rebuild` is accepted: layers are built when they can be."""
        layer = layer.output if isinstance(layer, InputLayer) else layer
        if is_deferred(layer):
            if self._rows or self._input is not None:
                raise tf.errors.InvalidArgumentError("An `Input` must be the first thing in a Sequential model.")
            self._input = layer
            return
        if callable(layer) and not isinstance(layer, Layer):
            raise tf.errors.DtypeError(
                f"A Sequential model is made of layers. Received: {layer!r}. Wrap functions in `keras.layers.Lambda`.")
        if any(layer is other or layer.name == other.name for other in self._rows):
            raise tf.errors.InvalidArgumentError(
                f"Layers of a model must have different names. Received: a second layer called {layer.name!r}.")
        if not self._rows and self._input is None and layer._batch_input_shape is not None:
            self._input = make_input(batch_shape=layer._batch_input_shape, dtype=layer.compute_dtype,
                                     name=f"{layer.name}_input")
        self._rows = [*self._rows, layer]
        self._built = False
        if self._input is not None:
            self._extend()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it. `rebuild` is accepted."""
        *self._rows, layer = self._rows
        self._chain = []
        del self._results[len(self._rows):]
        self._built = bool(self._results)
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape (that of the `Input`, if there is one)."""
        if self._input is None and input_shape is not None:
            chain = [make_input(batch_shape=input_shape, dtype=self.compute_dtype, name=auto_name("keras_tensor"))]
            for row in self._rows:
                chain.append(row(chain[-1]))
            self._chain = chain
        self._extend()

    def _extend(self) -> None:
        """Call the layers that were added on what those before them gave."""
        if self._input is not None:
            for row in self._rows[len(self._results):]:
                self._results.append(row(self._results[-1] if self._results else self._input))
        self._built = bool(self._rows)

    def get_config(self) -> dict[str, Any]:
        """The layers, and the shape of the inputs if it is known."""
        shape = self.input_shape_if_known()
        layers = [] if shape is None else [self._input_layer(shape)]
        config = {**Model.get_config(self), "name": self.name, "layers": layers + [describe(row) for row in self._rows]}
        return config if shape is None else {**config, "build_input_shape": shape}

    def input_shape_if_known(self) -> tuple | None:
        """The inputs' shape, batch included, once it is known."""
        if self._input is not None:
            return tuple(self._input.shape)
        shape = (self._build_shapes or {}).get("input_shape")
        if shape is None or isinstance(shape, dict) or not all(s is None or isinstance(s, int) for s in shape):
            return None
        fixed = any(getattr(row, "stateful", False) for row in self._rows)
        return tuple(shape) if fixed else (None, *shape[1:])

    def input_dtype(self) -> Any:
        """The inputs' dtype."""
        return self.compute_dtype if self._input is None else self._input.dtype

    def _input_layer(self, shape: tuple) -> dict[str, Any]:
        if self._input is not None:
            return describe(input_layer_of(self._input))
        if self._stand_in is None or self._stand_in["config"]["batch_shape"] != shape:
            self._stand_in = describe(InputLayer(batch_shape=shape, dtype=self.input_dtype()))
        return self._stand_in

    def get_build_config(self) -> dict[str, Any] | None:
        """The inputs' shape, if it is known."""
        shape = self.input_shape_if_known()
        return None if shape is None else {"input_shape": shape}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The model of a configuration, with new weights. `custom_objects`: your own classes and functions by name."""
        if not isinstance(config.get("layers"), (list, tuple)):
            raise tf.errors.InvalidArgumentError(
                f"The configuration of a Sequential model has `layers`, a list. Received: {config}.")
        rest = {k: v for k, v in config.items() if k not in ("layers", "build_input_shape")}
        model = cls(**rest)
        for layer in config["layers"]:
            model.add(from_description(layer, custom_objects, family="layers"))
        shape = config.get("build_input_shape")
        if not model.built and shape and isinstance(shape, (tuple, list)):
            model.build(tuple(shape))
        return model

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Each layer on the result of the one before."""
        for row in self._rows:
            inputs = row(inputs)
        return inputs
