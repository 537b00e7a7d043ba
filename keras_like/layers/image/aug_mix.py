"""AugMix: a mixture of images that went through chains of augmentations."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.augmentations import augmentations, branches
from treadle.keras_like.layers.image.base import ImageLayer, Sizes

_NAMES = ("random_shear", "random_translation", "random_rotation", "random_posterization", "solarization",
          "auto_contrast", "equalization")
_MORE = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")


class AugMix(ImageLayer):
    """While training, w * x + (1 - w) * the weighted sum of `num_chains` images, each from a chain of augmentations.

    A chain has `chain_depth` places; each holds one of RandomShear, RandomTranslation, RandomRotation,
    RandomPosterization, Solarization, AutoContrast, Equalization (and with `all_ops` RandomBrightness,
    RandomColorDegeneration, RandomContrast, RandomSharpness), or none. Source: arXiv:1912.02781.

    Args:
        value_range: (low, high), of the pixel values. Default (0, 255).
        num_chains, chain_depth: default 3.
        factor: the strength of the augmentations, two numbers from 0 to 1, or one number f for (0, f). Default 0.3.
        alpha: w is drawn from the beta distribution, the chains' weights from the Dirichlet distribution, with parameters
            alpha. Default 1.
        all_ops: default True.
        interpolation: "bilinear" (default) or "nearest".
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AugMix(num_chains=1, chain_depth=2, all_ops=False)(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    staged = False  # one of the branches is computed, and compiled, at a time

    def __init__(self, value_range: Any = (0, 255), num_chains: int = 3, chain_depth: int = 3, factor: Any = 0.3,
                 alpha: float = 1.0, all_ops: bool = True, interpolation: str = "bilinear", seed: int | None = None,
                 data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._keep({"value_range": value_range, "num_chains": num_chains, "chain_depth": chain_depth, "alpha": alpha,
                    "all_ops": all_ops, "interpolation": interpolation})
        self.factor = factor_range(factor, 0, 1)
        self._seeded(seed)
        self._parts = augmentations(_NAMES + (_MORE if all_ops else ()), self.factor, value_range, interpolation, seed,
                                    data_format=self.data_format, dtype=self.dtype_policy)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        places = self.num_chains * self.chain_depth
        many = replace(sizes, batch=sizes.batch * places)  # the numbers of all places at once
        weights = random.gamma([self.num_chains], self.alpha, seed=seed)
        return {"chain_mixing_weights": weights / tf.reduce_sum(weights),
                "weight_sample": random.beta([], self.alpha, self.alpha, seed=seed),
                "layer_idxes": random.randint([places], 0, len(self._parts) + 1, seed=seed),
                "transforms": {name: part.draw(many, seed) for name, part in self._parts.items()}, "batch": sizes.batch}

    def _mixed(self, method: str, x: Any, transformation: Any) -> Any:
        batch, drawn = transformation["batch"], transformation["transforms"]
        places = self.num_chains * self.chain_depth

        def at(place: int, name: str) -> Any:
            """The numbers of a place, of all that were drawn for each image."""
            return {k: tf.reshape(v, [places, batch, *v.shape[1:]])[place] if isinstance(v, tf.Tensor) and v.shape.rank else v
                    for k, v in drawn[name].items()}

        chains: Any = 0
        for chain in range(self.num_chains):
            changed = x
            for place in range(chain * self.chain_depth, (chain + 1) * self.chain_depth):
                found = branches(self._parts, method, changed, functools.partial(at, place))
                found.append(functools.partial(tf.identity, changed))
                changed = tf.switch_case(transformation["layer_idxes"][place], found)
            chains = chains + tf.cast(transformation["chain_mixing_weights"][chain], x.dtype) * changed
        weight = tf.cast(transformation["weight_sample"], x.dtype)
        return weight * x + (1 - weight) * chains

    def change(self, images: Any, transformation: Any) -> Any:
        return tf.clip_by_value(self._mixed("transform_images", images, transformation), *self.value_range)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._mixed("transform_segmentation_masks", tf.cast(segmentation_masks, self.compute_dtype), transformation)
