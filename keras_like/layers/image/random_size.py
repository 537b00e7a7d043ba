"""RandomHeight, RandomWidth: images stretched along one axis, so that their size is a random one."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.core.random import SeedGenerator
from treadle.keras_like.images.layout import require_images
from treadle.keras_like.layers.built_in import BuiltIn


class _RandomSize(BuiltIn):
    """While training, images [..., height, width, channels] whose size along `axis` is 1 + f times theirs."""

    axis = -3

    def __init__(self, factor: Any, interpolation: str = "bilinear", seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        lower, upper = factor if isinstance(factor, (tuple, list)) else (-factor, factor)
        if upper < lower or lower <= -1.0:
            raise tf.errors.InvalidArgumentError(
                f"`factor` is one number below 1, or two over -1, the smaller one first. Received: factor={factor!r}.")
        self.factor, self.interpolation, self.seed = factor, interpolation, seed
        self._range = 1.0 + lower, 1.0 + upper
        self.generator = SeedGenerator(seed)

    def call(self, inputs: Any, training: Any = True) -> Any:
        x = tf.cast(require_images(inputs), self.compute_dtype)
        if not training:
            return x
        if not tf.executing_eagerly():
            raise tf.errors.UnimplementedError(
                f"{type(self).__name__} gives images of another size in each batch, but the sizes in a compiled program follow "
                f"from those of its inputs. Received: a call of {self.name!r} in a `@tf.function`, or in `fit`. Call it in "
                "`dataset.map(...)`, or compile the model with `run_eagerly=True`; or use `RandomZoom`, which keeps the size.")
        size = list(x.shape[-3:-1])
        drawn = np.float32(random.uniform([], *self._range, seed=self.generator))
        size[self.axis + 3] = max(int(drawn * np.float32(size[self.axis + 3])), 1)
        return tf.cast(tf.image.resize(x, size, method=self.interpolation), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        shape[self.axis] = None
        return tuple(shape)


class RandomHeight(_RandomSize):
    """While training, images of a random height, stretched or squeezed, the same for a whole batch. A layer of `tf.keras` 2.

    Args:
        factor: the new height is 1 + f of the old one, with f drawn from a range: two numbers over -1, or one number f for
            (-f, f).
        interpolation: a method of `tf.image.resize`. Default "bilinear".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    While training it works eagerly only: see the error that it raises in a compiled program.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomHeight((-0.5, -0.5))(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 4, 8, 3])
    """


class RandomWidth(_RandomSize):
    """The same for the width. Arguments as for `RandomHeight`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomWidth((0.5, 0.5))(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 12, 3])
    """

    axis = -2
