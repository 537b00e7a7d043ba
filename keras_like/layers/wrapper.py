"""`Wrapper`: a layer that changes what another one does; and layers made again from their configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import treadle as tf
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
    """The layer of a configuration {"class_name": ..., "config": ...}; anything else stays what it is.

    Raises InvalidArgumentError for a class that is neither built in nor among `custom_objects`.
    """
    if not isinstance(config, Mapping) or "class_name" not in config:
        return config
    name = config["class_name"]
    kinds = {k.__name__: k for k in _subclasses(Layer) if k.__module__.startswith("treadle.keras_like.")}
    kind: Any = (custom_objects or {}).get(name) or kinds.get(name)
    if kind is None:
        raise tf.errors.InvalidArgumentError(
            f"There is no layer of that name. Received: {name!r}. Pass the class in `custom_objects`.")
    return kind.from_config(dict(config["config"]))


def _subclasses(kind: Any) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)
