"""`Rescaling`: a factor and an offset."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import image_data_format
from treadle.keras_like.layers.data_layer import DataLayer


class Rescaling(DataLayer):
    """inputs * scale + offset, in the compute dtype.

    Args:
        scale, offset: numbers, or one for each channel. `offset` defaults to 0.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Rescaling(1 / 127.5, offset=-1)(tf.constant([0, 255])).numpy().tolist()
    [-1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        scale, offset = (tf.constant(np.asarray(v, np.float64), self.compute_dtype) for v in (self.scale, self.offset))
        if scale.shape.rank and image_data_format() == "channels_first":
            scale = tf.reshape(scale, [*scale.shape, *(1,) * (3 - scale.shape.rank)])
        return tf.cast(inputs, self.compute_dtype) * scale + offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        listed = {name: np.asarray(value).tolist() for name, value in (("scale", self.scale), ("offset", self.offset))}
        return super().get_config() | listed

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super().from_config({k: _array(v) if k in ("scale", "offset") else v for k, v in config.items()})


def _array(value: Any) -> Any:
    """An array as Keras' files hold it, as a list."""
    return value["config"]["value"] if isinstance(value, dict) else value
