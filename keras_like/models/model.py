"""`Model`: a layer that is trained, saved and looked at as a whole."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.training.trainer import Trainer


class Model(Trainer, Layer):
    """A layer made of layers.

    `Model(inputs, outputs)` is the graph between symbolic tensors (`keras.Input`); a subclass defines `call`.

    >>> from treadle import keras
    >>> x = keras.Input(shape=(3,))
    >>> model = keras.Model(x, keras.layers.Dense(2)(x))
    >>> model.output_shape, model.count_params()
    ((None, 2), 8)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (args or "inputs" in kwargs):
            from_graph: Any = _functional[0]
            return Layer.__new__(from_graph)
        return Layer.__new__(cls)

    @property
    def layers(self) -> list[Layer]:
        """The layers this one is made of, without those inside them."""
        return list({id(c): c for c in tracking.children(self, Layer)}.values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place in `layers`."""
        layers = self.layers
        if index is not None:
            if index >= len(layers):
                raise tf.errors.InvalidArgumentError(f"The model has {len(layers)} layers. Received: index={index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise tf.errors.InvalidArgumentError(
            f"The model has no layer of that name. Received: {name!r}. Names: {', '.join(x.name for x in layers)}.")

    def build(self, input_shape: Any) -> None:
        """Make the weights of all layers, by tracing a call on inputs of this shape."""
        if not self._built and input_shape is not None:
            self._built = True
            self.compute_output_spec(tracking.specs_of_shapes(input_shape, self.compute_dtype))
        self._built = True

    def _build_for(self, arguments: dict[str, Any]) -> None:
        if type(self).build is Model.build:
            self._built = True  # its layers make their weights when they are called
            shapes = [tracking.shapes_of(v) for v in arguments.values() if tracking.holds_tensor(v)]
            self._build_shapes = {"input_shape": shapes[0]} if shapes else None
        else:
            super()._build_for(arguments)


# What `Model(inputs, outputs)` makes: set by `treadle.keras_like.models.functional`, which builds on this module.
_functional: list[Any] = []
