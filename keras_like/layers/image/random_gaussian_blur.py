"""RandomGaussianBlur: images blurred at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.filters import gaussian_blur
from treadle.keras_like.layers.image.arguments import chosen, factor_range, for_each_image
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomGaussianBlur(ImageLayer):
    """While training, images are blurred, each with a probability drawn from a range.

    Args:
        factor: two probabilities, or one number f for (0, f). Default 1.
        kernel_size: an odd number, or (columns, rows). Default 3.
        sigma: the range, within 0 to 1, that the two widths of the blur are drawn from, the same for the whole batch, or
            one number f for (0, f). Default 1.
        value_range: (low, high), at which the result is cut off. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomGaussianBlur()(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: Any = 1.0, kernel_size: Any = 3, sigma: Any = 1.0, value_range: Any = (0, 255),
                 data_format: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.sigma = factor_range(factor, 0, 1), factor_range(sigma, 0, 1, "sigma")
        self.kernel_size = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        if len(self.kernel_size) != 2 or any(not isinstance(n, int) or n < 1 or n % 2 == 0 for n in self.kernel_size):
            raise tf.errors.InvalidArgumentError(
                f"`kernel_size` is an odd number, or two of them. Received: kernel_size={kernel_size!r}.")
        self.value_range = value_range
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"should_apply_blur": chosen(sizes.batch, self.factor, seed),
                "blur_factor": random.uniform([2], *self.sigma, dtype=self.compute_dtype, seed=seed) + 1e-6}

    def change(self, images: Any, transformation: Any) -> Any:
        blurred = gaussian_blur(images, self.kernel_size, transformation["blur_factor"], self.data_format)
        found = tf.where(for_each_image(transformation["should_apply_blur"]), blurred, images)
        return tf.clip_by_value(found, *self.value_range)
