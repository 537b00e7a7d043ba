"""RandomColorJitter: brightness, contrast, saturation and hue changed at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.layers.image.base import ImageLayer, Sizes
from treadle.keras_like.layers.image.random_brightness import RandomBrightness
from treadle.keras_like.layers.image.random_contrast import RandomContrast
from treadle.keras_like.layers.image.random_hue import RandomHue
from treadle.keras_like.layers.image.random_saturation import RandomSaturation

_PARTS: dict[str, Any] = {
    "brightness_factor": RandomBrightness, "contrast_factor": RandomContrast, "saturation_factor": RandomSaturation,
    "hue_factor": RandomHue,
}


class RandomColorJitter(ImageLayer):
    """While training: `RandomBrightness`, `RandomContrast`, `RandomSaturation`, `RandomHue`, those that have a factor.

    Args:
        value_range: (low, high), of the pixel values. Default (0, 255).
        brightness_factor, contrast_factor, saturation_factor, hue_factor: those of the layers. Default None.
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, value_range: Any = (0, 255), brightness_factor: Any = None, contrast_factor: Any = None,
                 saturation_factor: Any = None, hue_factor: Any = None, seed: int | None = None, data_format: Any = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._keep({"value_range": value_range, "brightness_factor": brightness_factor, "contrast_factor": contrast_factor,
                    "saturation_factor": saturation_factor, "hue_factor": hue_factor})
        self._seeded(seed)
        self._parts = {name: kind(getattr(self, name), value_range=value_range, seed=seed, data_format=self.data_format,
                                  dtype=self.dtype_policy)
                       for name, kind in _PARTS.items() if getattr(self, name) is not None}

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {name: part.draw(sizes, seed) for name, part in self._parts.items()}

    def change(self, images: Any, transformation: Any) -> Any:
        for name, part in self._parts.items():
            images = part.change(images, transformation[name])
        return tf.cast(images, self.compute_dtype)
