"""`Pipeline`: layers in a row, as one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import as_config, from_description
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.data_layer import DataLayer, as_data


class Pipeline(DataLayer):
    """Each layer on the result of the one before. Unlike `Sequential` it is no model; strings may go in.

    Args:
        layers: the layers.

    Call arguments: inputs, training (default True).

    >>> from treadle import keras
    >>> layer = keras.layers.Pipeline([keras.layers.Rescaling(0.5), keras.layers.Rescaling(2.0, offset=1.0)])
    >>> layer([1.0, 2.0]).numpy().tolist()
    [2.0, 3.0]
    """

    supports_masking = True

    def __init__(self, layers: Sequence[Any], name: str | None = None, **kwargs: Any):
        super().__init__(name=name, autocast=False, **kwargs)
        wrong = [layer for layer in layers if not isinstance(layer, Layer)]
        if wrong:
            raise tf.errors.DtypeError(f"A pipeline is made of layers. Received: {wrong[0]!r}.")
        self._rows = list(layers)

    @property
    def layers(self) -> list[Any]:
        """The layers."""
        return self._rows

    def build(self, input_shape: Any) -> None:
        """The layers make their weights when they are called."""

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inputs, (dict, tuple)):  # of labelled images, say
            return super(DataLayer, self).__call__(inputs, *args, **kwargs)
        return super().__call__(as_data(inputs), *args, **kwargs)

    def call(self, inputs: Any, training: Any = True) -> Any:
        for layer in self._rows:
            inputs = layer(inputs, training=training)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {"layers": [as_config(layer) for layer in self._rows], "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if not isinstance(config.get("layers"), (list, tuple)):
            raise tf.errors.InvalidArgumentError(
                f"The configuration of a pipeline has a list of `layers`. Received: {config.get('layers')!r}.")
        return cls(**{**config, "layers": [from_description(layer) for layer in config["layers"]]})
