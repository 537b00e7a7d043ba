"""MixUp: images mixed with others of their batch."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class MixUp(ImageLayer):
    """While training, w * x + (1 - w) * another image of the batch; their labels likewise. Source: arXiv:1710.09412.

    Labels are floating or one-hot, [batch, classes]. Boxes of both images are kept.

    Args:
        alpha: w is drawn from the beta distribution with both parameters alpha. Default 0.2.
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> data = {"images": tf.ones([4, 8, 8, 3]), "labels": tf.eye(4)}
    >>> {k: v.shape.as_list() for k, v in keras.layers.MixUp()(data, training=True).items()}
    {'images': [4, 8, 8, 3], 'labels': [4, 4]}
    """

    def __init__(self, alpha: float = 0.2, data_format: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.alpha = alpha
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"permutation_order": random.shuffle(tf.range(sizes.batch), seed=seed),
                "mix_weight": random.beta([sizes.batch], self.alpha, self.alpha, seed=seed)}

    def change(self, images: Any, transformation: Any) -> Any:
        return _mixed(images, transformation, images.dtype)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        return _mixed(labels, transformation, "float32") if training and transformation is not None else labels

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return _mixed(segmentation_masks, transformation, "float32")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        order = tf.cast(transformation["permutation_order"], "int32")
        return {k: tf.concat([v, tf.gather(v, order)], axis=1) for k, v in bounding_boxes.items()}


def _mixed(x: Any, transformation: Any, dtype: Any) -> Any:
    """w * x + (1 - w) * the others, with a weight for each row."""
    x = tf.cast(x, x.dtype if x.dtype.is_floating else dtype)
    weight = tf.reshape(tf.cast(transformation["mix_weight"], x.dtype), [-1, *[1] * (x.shape.rank - 1)])
    return weight * x + (1 - weight) * tf.gather(x, tf.cast(transformation["permutation_order"], "int32"))
