"""`Wrapper`: a layer that changes what another one does; and layers made again from their configurations."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import from_description
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.built_in import BuiltIn


class Wrapper(BuiltIn):
    """A layer around `layer`. Subclasses define `call`.

    Raises InvalidArgumentError if `layer` is no layer.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Twice(keras.layers.Wrapper):
    ...     def call(self, inputs):
    ...         return 2.0 * self.layer(inputs)
    >>> Twice(keras.layers.Dense(1, kernel_initializer="ones"))(tf.ones([1, 3])).numpy().tolist()
    [[6.0]]
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = require_layer(layer, "layer")

    def build(self, input_shape: Any = None) -> None:
        build_once(self.layer, input_shape)
        self._built = True

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        return super().from_config({**config, "layer": restored(config["layer"], custom_objects)})


def require_layer(value: Any, name: str) -> Layer:
    """`value`, or InvalidArgumentError if it is no layer."""
    if not isinstance(value, Layer):
        raise tf.errors.InvalidArgumentError(f"`{name}` must be a layer. Received: {name}={value!r}.")
    return value


def build_once(layer: Any, *shapes: Any) -> None:
    """Make a layer's weights, if it is a layer and has none yet."""
    if isinstance(layer, Layer) and not layer.built:
        layer.build(*shapes)
        layer.built = True


def restored(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer of a description; a layer stays what it is. Raises InvalidArgumentError for unknown classes."""
    return from_description(config, custom_objects, family="layers")
