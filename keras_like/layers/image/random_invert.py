"""RandomInvert: negatives of images at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.layers.image.arguments import chosen, factor_range, for_each_image
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomInvert(ImageLayer):
    """While training, high - x for each image, with a probability drawn from a range.

    Args:
        factor: two probabilities, or one number f for (0, f). Default 1.
        value_range: (low, high), of the pixel values. Default (0, 255).
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomInvert((1.0, 1.0))(tf.constant([[[55.0]]]), training=True).numpy().ravel().tolist()
    [200.0]
    """

    def __init__(self, factor: Any = 1.0, value_range: Any = (0, 255), seed: int | None = None, data_format: Any = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.value_range = factor_range(factor, 0, 1), value_range
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"apply_inversion": chosen(sizes.batch, self.factor, seed)}

    def change(self, images: Any, transformation: Any) -> Any:
        return tf.where(for_each_image(transformation["apply_inversion"]), self.value_range[1] - images, images)
