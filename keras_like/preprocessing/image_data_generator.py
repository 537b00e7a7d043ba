"""`ImageDataGenerator`: batches of images that are changed at random, as `tf.keras` 2 has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.overrides import shield
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.warning import warn
from treadle.keras_like.preprocessing.image_changes import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    check_range,
    random_zooms,
)
from treadle.keras_like.preprocessing.image_iterators import (
    DataFrameIterator,
    DirectoryIterator,
    NumpyArrayIterator,
)


class ImageDataGenerator:
    """Images in batches, each changed anew by NumPy and SciPy whenever it is its turn.

    An image goes through `apply_transform` with numbers from `get_random_transform`, then through `standardize`.
    `flow`, `flow_from_directory` and `flow_from_dataframe` give batches for `fit`. On an accelerator the layers
    `keras.layers.RandomFlip`, `RandomRotation` ... are many times as fast.

    Args:
        featurewise_center, featurewise_std_normalization: mean 0 and deviation 1 of each channel over all images; see `fit`.
        samplewise_center, samplewise_std_normalization: the same for each image.
        zca_whitening: make the pixels uncorrelated; see `fit`. `zca_epsilon`: default 1e-6.
        rotation_range: turn by at most so many degrees. Default 0.
        width_shift_range, height_shift_range: shift by at most this share (below 1), or so many pixels; or a list of pixels to
            choose from. Default 0.
        brightness_range: two factors. Default: none.
        shear_range: an angle in degrees. Default 0.
        zoom_range: two shares of the image that are shown, or one number z for (1 - z, 1 + z). Default 0.
        channel_shift_range: add at most this to all pixels. Default 0.
        fill_mode: what is beyond the edges: "nearest" (default), "constant" (with `cval`), "reflect", "wrap".
        horizontal_flip, vertical_flip: mirror every second image.
        rescale: a factor for all pixels, after the changes. Default: none.
        preprocessing_function: a function of one image, after the changes.
        data_format: "channels_last" (default) or "channels_first".
        validation_split: which share the `subset` "validation" is. Default 0.
        interpolation_order: of the spline between pixels. Default 1: linear.
        dtype: default `keras.config.floatx()`.

    >>> import numpy as np
    >>> from treadle import keras
    >>> images, labels = np.ones([5, 8, 8, 3]), np.arange(5)
    >>> generator = keras.preprocessing.image.ImageDataGenerator(rotation_range=20, horizontal_flip=True, rescale=1 / 255)
    >>> [x.shape for x, y in (generator.flow(images, labels, batch_size=2)[i] for i in range(3))]
    [(2, 8, 8, 3), (2, 8, 8, 3), (1, 8, 8, 3)]
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        shield(cls)

    def __init__(self, featurewise_center: bool = False, samplewise_center: bool = False,
                 featurewise_std_normalization: bool = False, samplewise_std_normalization: bool = False,
                 zca_whitening: bool = False, zca_epsilon: float = 1e-6, rotation_range: float = 0,
                 width_shift_range: Any = 0.0, height_shift_range: Any = 0.0, brightness_range: Any = None,
                 shear_range: float = 0.0, zoom_range: Any = 0.0, channel_shift_range: float = 0.0,
                 fill_mode: str = "nearest", cval: float = 0.0, horizontal_flip: bool = False, vertical_flip: bool = False,
                 rescale: float | None = None, preprocessing_function: Callable[[Any], Any] | None = None,
                 data_format: str | None = None, validation_split: float = 0.0, interpolation_order: int = 1,
                 dtype: Any = None):
        if fill_mode not in ("nearest", "constant", "reflect", "wrap"):
            raise tf.errors.InvalidArgumentError(
                f"`fill_mode` is 'nearest', 'constant', 'reflect' or 'wrap'. Received: fill_mode={fill_mode!r}.")
        if validation_split and not 0 < validation_split < 1:
            raise tf.errors.InvalidArgumentError(
                f"`validation_split` is a share between 0 and 1. Received: validation_split={validation_split!r}.")
        # The deviation is that from the mean, so it takes centering; whitening has its own.
        self.featurewise_center = featurewise_center or featurewise_std_normalization or zca_whitening
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range, self.channel_shift_range = rotation_range, shear_range, channel_shift_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else check_range(brightness_range, "brightness_range")
        self.zoom_range = ((1 - zoom_range, 1 + zoom_range) if isinstance(zoom_range, (int, float))
                           else check_range(zoom_range, "zoom_range"))
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = as_data_format(data_format)
        self.channel_axis, self.row_axis, self.col_axis = (3, 1, 2) if self.data_format == "channels_last" else (1, 2, 3)
        self.validation_split = validation_split
        self.dtype = floatx() if dtype is None else dtype
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None

    # --- batches ---

    def flow(self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None,
             seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
             ignore_class_split: bool = False, subset: str | None = None) -> NumpyArrayIterator:
        """Batches x, (x, y) or (x, y, sample_weight) of arrays.

        Args:
            x: images, of rank 4; or a pair (images, other arrays), the latter as they are.
            y, sample_weight: for each image. Default: none.
            batch_size: default 32.
            shuffle: another order in each epoch. Default True.
            seed: of order and changes.
            save_to_dir: a folder for the changed images; `save_prefix` and `save_format` for their names.
            ignore_class_split: allow the two subsets to have different labels.
            subset: "training" or "validation", with `validation_split`.
        """
        return NumpyArrayIterator(x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight, seed=seed,
                                  data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix,
                                  save_format=save_format, subset=subset, ignore_class_split=ignore_class_split,
                                  dtype=self.dtype)

    def flow_from_directory(self, directory: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
                            class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
                            seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
                            follow_links: bool = False, subset: str | None = None, interpolation: str = "nearest",
                            keep_aspect_ratio: bool = False) -> DirectoryIterator:
        """Batches of the images in a folder that holds a folder for each class.

        Args:
            directory: the folder.
            target_size: (height, width). Default (256, 256).
            color_mode: "rgb" (default), "rgba" or "grayscale".
            classes: the classes' folders, in the order of their numbers. Default: all, by the alphabet.
            class_mode: "categorical" (default: one-hot), "binary" and "sparse" (numbers), "input" (the images themselves),
                None (no labels).
            follow_links: whether folders behind links count. Default False.
            interpolation, keep_aspect_ratio: as for `keras.utils.load_img`.
            Others as for `flow`.
        """
        return DirectoryIterator(directory, self, target_size=target_size, color_mode=color_mode, classes=classes,
                                 class_mode=class_mode, batch_size=batch_size, shuffle=shuffle, seed=seed,
                                 data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix,
                                 save_format=save_format, follow_links=follow_links, subset=subset,
                                 interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio, dtype=self.dtype)

    def flow_from_dataframe(self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class",
                            weight_col: str | None = None, target_size: Any = (256, 256), color_mode: str = "rgb",
                            classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32,
                            shuffle: bool = True, seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "",
                            save_format: str = "png", subset: str | None = None, interpolation: str = "nearest",
                            validate_filenames: bool = True) -> DataFrameIterator:
        """Batches of the images that a table lists: a pandas DataFrame, or a dict of lists.

        Args:
            dataframe: the table.
            directory: the folder in which the files are. Default: their paths are whole.
            x_col: the column of the files. Default "filename".
            y_col: the column of the labels, or several. Default "class".
            weight_col: a column of sample weights.
            classes: the labels that count, in the order of their numbers. Default: all there are, sorted.
            class_mode: as for `flow_from_directory` (labels are strings, or lists of strings); also "raw" (the column as it
                is) and "multi_output" (a list with an array for each of the columns).
            validate_filenames: leave out what is not there or no image. Default True.
            Others as for `flow_from_directory`.
        """
        return DataFrameIterator(dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col,
                                 target_size=target_size, color_mode=color_mode, classes=classes, class_mode=class_mode,
                                 batch_size=batch_size, shuffle=shuffle, seed=seed, data_format=self.data_format,
                                 save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format, subset=subset,
                                 interpolation=interpolation, validate_filenames=validate_filenames, dtype=self.dtype)

    # --- one image ---

    def get_random_transform(self, img_shape: Any, seed: int | None = None) -> dict[str, Any]:
        """Random numbers for an image of a shape, as `apply_transform` takes them."""
        if seed is not None:
            np.random.seed(seed)
        theta = _around_zero(self.rotation_range)
        tx = _shift(self.height_shift_range, img_shape[self.row_axis - 1])
        ty = _shift(self.width_shift_range, img_shape[self.col_axis - 1])
        shear = _around_zero(self.shear_range)
        zx, zy = random_zooms(self.zoom_range)
        # Both are drawn in any case.
        flips = [np.random.random() < 0.5 for _ in range(2)]
        intensity = _around_zero(self.channel_shift_range) if self.channel_shift_range else None
        brightness = None if self.brightness_range is None else np.random.uniform(*self.brightness_range)
        return {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy,
                "flip_horizontal": flips[0] and self.horizontal_flip, "flip_vertical": flips[1] and self.vertical_flip,
                "channel_shift_intensity": intensity, "brightness": brightness}

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """An image changed by numbers.

        Args:
            x: the image, of rank 3.
            transform_parameters: a dict with any of "theta", "tx", "ty", "shear", "zx", "zy" (see
                `apply_affine_transform`), "channel_shift_intensity", "flip_horizontal", "flip_vertical", "brightness".
        """
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        affine = {k: transform_parameters[k] for k in ("theta", "tx", "ty", "shear", "zx", "zy") if k in transform_parameters}
        x = apply_affine_transform(x, **affine, row_axis=rows, col_axis=columns, channel_axis=channels,
                                   fill_mode=self.fill_mode, cval=self.cval, order=self.interpolation_order)
        if transform_parameters.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, transform_parameters["channel_shift_intensity"], channels)
        for name, axis in (("flip_horizontal", columns), ("flip_vertical", rows)):
            if transform_parameters.get(name):
                x = np.flip(x, axis)
        if transform_parameters.get("brightness") is not None:
            x = apply_brightness_shift(x, transform_parameters["brightness"], scale=False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """`apply_transform` with new random numbers."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """An image, or a batch, with what does not depend on chance: `preprocessing_function`, `rescale`, means, deviations."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * self.rescale
        if self.samplewise_center:
            x = x - np.mean(x)
        if self.samplewise_std_normalization:
            x = x / (np.std(x) + 1e-6)
        needs_fit = ((self.featurewise_center, self.mean), (self.featurewise_std_normalization, self.std),
                     (self.zca_whitening, self.zca_whitening_matrix))
        if any(wanted and found is None for wanted, found in needs_fit):
            warn(
                "This ImageDataGenerator normalizes by statistics that it does not have: images stay as they are. Call "
                "`.fit(images)` first.")
        if self.featurewise_center and self.mean is not None:
            x = x - self.mean
        if self.featurewise_std_normalization and self.std is not None:
            x = x / (self.std + 1e-6)
        if self.zca_whitening and self.zca_whitening_matrix is not None:
            x = (x.reshape(-1, math.prod(x.shape[-3:])) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    # --- statistics ---

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find the statistics that `featurewise_center`, `featurewise_std_normalization` and `zca_whitening` need.

        Args:
            x: images, of rank 4.
            augment: from images changed at random, `rounds` times each. Default False: as they are.
            seed: of the changes.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise tf.errors.InvalidArgumentError(f"`fit` takes images, of rank 4. Received: an array of shape {x.shape}.")
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x]).astype(self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes, keepdims=True)[0]
            x /= self.std + 1e-6
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T


def _around_zero(largest: float) -> float:
    return np.random.uniform(-largest, largest) if largest else 0


def _shift(given: Any, size: int) -> Any:
    """A shift in pixels, drawn from a share of the size, a number of pixels, or a list of such."""
    if not np.any(given):
        return 0
    if np.ndim(given) or isinstance(given, (int, np.integer)):
        drawn = np.random.choice(given) * np.random.choice([-1, 1])
    else:
        drawn = np.random.uniform(-given, given)
    return drawn * size if np.max(given) < 1 else drawn


shield(ImageDataGenerator)
