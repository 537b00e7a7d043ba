"""`keras.utils.image_dataset_from_directory`: a data set of the images in folders."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.images.sampling import require_one_of
from treadle.keras_like.utils.directories import dataset_from_directory
from treadle.keras_like.utils.images import COLOR_MODES, load_img, pillow, resized_array

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def image_dataset_from_directory(
        directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
        color_mode: str = "rgb", batch_size: int | None = 32, image_size: Any = (256, 256), shuffle: bool = True,
        seed: int | None = None, validation_split: float | None = None, subset: str | None = None,
        interpolation: str = "bilinear", follow_links: bool = False, crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False, data_format: str | None = None, format: str = "tf", verbose: bool = True) -> Any:
    """A `tf.data.Dataset` of the images in a folder: batches (images, labels), or of images only.

    Images are float32[batch, height, width, channels] with values 0 to 255 (uint8 with interpolation="nearest").

    Args:
        directory: the folder; with labels="inferred" it holds a folder for each class.
        labels: "inferred" (default), a list with one integer for each file in the order of their paths, or None.
        label_mode: "int" (default: int32), "categorical" (one-hot), "binary" (0.0 and 1.0 for two classes) or None.
        class_names: the classes' folders, in another order than the alphabet's.
        color_mode: "rgb" (default), "rgba" or "grayscale".
        batch_size: default 32; None: single images.
        image_size: (height, width), or one number. Default (256, 256).
        shuffle: whether the order is random, another one in each epoch. Default True; False: that of the paths.
        seed: of the order.
        validation_split: the share, between 0 and 1, of the validation data.
        subset: "training", "validation", or "both" (a pair of data sets); with `validation_split`.
        interpolation: "bilinear" (default), "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian",
            "mitchellcubic".
        follow_links: whether folders behind links count. Default False.
        crop_to_aspect_ratio: cut images to the ratio of `image_size` first, rather than stretch them.
        pad_to_aspect_ratio: frame them with zeros instead.
        data_format: "channels_last" (default) or "channels_first".
        format: "tf".
        verbose: whether to say how many files there are.

    The result has the attributes `class_names` and `file_paths`. Files end in .bmp, .gif, .jpeg, .jpg or .png.
    """
    pillow("image_dataset_from_directory")
    require_one_of(color_mode, tuple(COLOR_MODES), "color_mode")
    require_one_of(format, ("tf",), "format")
    method = require_one_of(str(interpolation).lower(), _METHODS, "interpolation")
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2:
        raise tf.errors.InvalidArgumentError(f"`image_size` is (height, width). Received: image_size={image_size!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise tf.errors.InvalidArgumentError(
            "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True. Received: both.")
    layout = as_data_format(data_format)

    def read(path: str) -> np.ndarray:
        pixels = np.asarray(load_img(path, color_mode))
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        found = resized_array(pixels, size, method, crop_to_aspect_ratio, pad_to_aspect_ratio)
        return found.transpose(2, 0, 1) if layout == "channels_first" else found

    return dataset_from_directory(
        directory, read, _ENDINGS, labels=labels, label_mode=label_mode, class_names=class_names, batch_size=batch_size,
        shuffle=shuffle, seed=seed, validation_split=validation_split, subset=subset, follow_links=follow_links,
        verbose=verbose)
