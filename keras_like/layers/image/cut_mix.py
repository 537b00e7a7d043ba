"""CutMix: rectangles of images replaced by those of others of their batch."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.base import ImageLayer, Sizes
from treadle.keras_like.layers.image.patches import inside, random_stretch


class CutMix(ImageLayer):
    """While training, a rectangle of each image comes from another image of the batch; labels are mixed by the areas.

    Labels are floating or one-hot, [batch, classes]. Source: arXiv:1905.04899.

    Args:
        factor: the range that alpha is drawn from, within 0 to 1, or one number f for (0, f); what is kept of an image is
            drawn from the beta distribution with both parameters alpha. Default 1.
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> data = {"images": tf.ones([4, 8, 8, 3]), "labels": tf.eye(4)}
    >>> {k: v.shape.as_list() for k, v in keras.layers.CutMix()(data, training=True).items()}
    {'images': [4, 8, 8, 3], 'labels': [4, 4]}
    """

    def __init__(self, factor: Any = 1.0, seed: int | None = None, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        alpha = random.uniform([], *self.factor, dtype=self.compute_dtype, seed=seed) + 1e-6
        share = tf.sqrt(1 - random.beta([sizes.batch], alpha, alpha, dtype=self.compute_dtype, seed=seed))
        columns = random_stretch(sizes.batch, sizes.width, share, self.compute_dtype, seed)
        rows = random_stretch(sizes.batch, sizes.height, share, self.compute_dtype, seed)
        area = (columns[1] - columns[0]) * (rows[1] - rows[0])
        return {"permutation_order": random.shuffle(tf.range(sizes.batch), seed=seed),
                "batch_masks": inside(sizes, rows, columns, self.data_format),
                "mix_weight": 1 - area / tf.cast(sizes.width * sizes.height, area.dtype)}

    def _others(self, x: Any, transformation: Any) -> Any:
        return tf.gather(x, tf.cast(transformation["permutation_order"], "int32"))

    def change(self, images: Any, transformation: Any) -> Any:
        return tf.where(transformation["batch_masks"], self._others(images, transformation), images)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return labels
        labels = labels if labels.dtype.is_floating else tf.cast(labels, "float32")
        weight = tf.reshape(tf.cast(transformation["mix_weight"], labels.dtype), [-1, *[1] * (labels.shape.rank - 1)])
        return weight * labels + (1 - weight) * self._others(labels, transformation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        raise tf.errors.UnimplementedError(
            f"`CutMix` cannot say what becomes of bounding boxes. Leave them out of what the layer {self.name!r} gets.")
