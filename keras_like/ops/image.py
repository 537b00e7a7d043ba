"""`keras.ops.image`: crops, borders, patches, edges and resampling of images; other functions come from `images/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.images.layout import area_axes, height_and_width, require_images
from treadle.keras_like.layers.arguments import per_axis
from treadle.keras_like.ops.nn_windows import conv
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, tensor


def _exactly(count: int, **given: Any) -> None:
    if sum(v is not None for v in given.values()) != count:
        raise tf.errors.InvalidArgumentError(
            f"Give exactly {count} of {', '.join(given)}. Received: {', '.join(f'{n}={v}' for n, v in given.items())}.")


def _not_negative(**given: Any) -> None:
    for name, value in given.items():
        if isinstance(value, (int, np.integer)) and value < 0:
            raise tf.errors.InvalidArgumentError(f"`{name}` is at least 0. Received: {name}={value}.")


@operation
def crop_images(images: Any, top_cropping: Any = None, left_cropping: Any = None, bottom_cropping: Any = None,
                right_cropping: Any = None, target_height: Any = None, target_width: Any = None,
                data_format: str | None = None) -> Any:
    """Images without so many rows and columns at their borders.

    Two of `top_cropping`, `bottom_cropping`, `target_height` are given, and two of `left_cropping`, `right_cropping`,
    `target_width`.

    >>> from treadle import keras
    >>> keras.ops.image.crop_images(keras.ops.ones((5, 6, 3)), top_cropping=1, left_cropping=2, target_height=3,
    ...                             target_width=4).shape
    TensorShape([3, 4, 3])
    """
    x, order = require_images(images), as_data_format(data_format)
    _exactly(2, top_cropping=top_cropping, bottom_cropping=bottom_cropping, target_height=target_height)
    _exactly(2, left_cropping=left_cropping, right_cropping=right_cropping, target_width=target_width)
    height, width = height_and_width(x, order)
    top = height - target_height - bottom_cropping if top_cropping is None else top_cropping
    left = width - target_width - right_cropping if left_cropping is None else left_cropping
    rows = height - bottom_cropping - top if target_height is None else target_height
    columns = width - right_cropping - left if target_width is None else target_width
    _not_negative(top_cropping=top, left_cropping=left, target_height=rows, target_width=columns)
    lead = (slice(None),) * (x.shape.rank + area_axes(order)[0])
    return x[(*lead, slice(top, top + rows), slice(left, left + columns))]


@operation
def pad_images(images: Any, top_padding: Any = None, left_padding: Any = None, bottom_padding: Any = None,
               right_padding: Any = None, target_height: Any = None, target_width: Any = None,
               data_format: str | None = None) -> Any:
    """Images in a frame of zeros.

    Two of `top_padding`, `bottom_padding`, `target_height` are given, and two of `left_padding`, `right_padding`,
    `target_width`.
    """
    x, order = require_images(images), as_data_format(data_format)
    _exactly(2, top_padding=top_padding, bottom_padding=bottom_padding, target_height=target_height)
    _exactly(2, left_padding=left_padding, right_padding=right_padding, target_width=target_width)
    height, width = height_and_width(x, order)
    top = target_height - bottom_padding - height if top_padding is None else top_padding
    bottom = target_height - top - height if bottom_padding is None else bottom_padding
    left = target_width - right_padding - width if left_padding is None else left_padding
    right = target_width - left - width if right_padding is None else right_padding
    _not_negative(top_padding=top, bottom_padding=bottom, left_padding=left, right_padding=right)
    border = [[0, 0]] * x.shape.rank
    rows, columns = area_axes(order)
    border[rows], border[columns] = [top, bottom], [left, right]
    return tf.pad(x, border)


# --- patches ----------------------------------------------------------------------------------------------------------


@operation
def extract_patches(images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
                    data_format: str | None = None) -> Any:
    """Windows of images as channels: [..., rows, columns, size * size * channels]; of volumes for a size of three.

    `strides`: default `size`.

    >>> from treadle import keras
    >>> keras.ops.image.extract_patches(keras.ops.ones((2, 8, 8, 3)), 4).shape
    TensorShape([2, 2, 2, 48])
    """
    rank = 3 if not isinstance(size, int) and len(size) == 3 else 2
    return _patches(images, rank, size, strides, dilation_rate, padding, data_format)


@operation
def extract_patches_3d(volumes: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
                       data_format: str | None = None) -> Any:
    """Windows of volumes as channels: [..., depth, rows, columns, size^3 * channels]."""
    return _patches(volumes, 3, size, strides, dilation_rate, padding, data_format)


def _patches(x: Any, rank: int, size: Any, strides: Any, dilation_rate: Any, padding: str, data_format: str | None) -> Any:
    x, order = tensor(x), as_data_format(data_format)
    window = per_axis(size, rank, "size")
    channels = x.shape[-1 if order == "channels_last" else -1 - rank]
    count = channels * int(np.prod(window))
    kernel = tf.constant(np.eye(count).reshape((*window, channels, count)), x.dtype)
    single = x.shape.rank == rank + 1
    found = conv(x[None] if single else x, kernel, strides or window, padding, order, dilation_rate)
    return found[0] if single else found


# --- edges and likeness -----------------------------------------------------------------------------------------------


@operation
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How images change (downwards, to the right), by Sobel's filters, along a new last axis; zeros around the images."""
    x, order = tensor(images), as_data_format(data_format)
    if x.shape.rank != 4:
        raise tf.errors.InvalidArgumentError(f"`sobel_edges` takes a batch of images. Received: shape {x.shape}.")
    x = tf.transpose(x, [0, 2, 3, 1]) if order == "channels_first" else x
    right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
    channels = x.shape[-1]
    kernel = np.repeat(np.stack([right.T, right], axis=-1)[:, :, None], channels, axis=2)  # [3, 3, channels, 2]
    found = tf.nn.depthwise_conv2d(x, tf.constant(kernel, x.dtype), [1, 1, 1, 1], "SAME")
    found = tf.reshape(found, [-1, *tf.unstack(tf.shape(x))[1:3], channels, 2] if None in x.shape.as_list()[1:3]
                       else [-1, x.shape[1], x.shape[2], channels, 2])
    return tf.transpose(found, [0, 3, 1, 2, 4]) if order == "channels_first" else found


@operation
def ssim(image1: Any, image2: Any, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
         k2: float = 0.03, data_format: str | None = None) -> Any:
    """The structural similarity of two images, between -1 and 1: one number for each pair of a batch.

    Means, variances and covariances are weighed with a normal density of the width `filter_sigma`; k1 and k2 keep the
    denominators from 0. Source: Wang et al., IEEE Transactions on Image Processing 13 (2004).
    """
    order = as_data_format(data_format)
    x, y = promoted(image1, image2, floating=True)
    x, y = require_images(x, "image1"), require_images(y, "image2")
    single = x.shape.rank == 3
    x, y = (v[None] if single else v for v in (x, y))
    if order == "channels_first":
        x, y = (tf.transpose(v, [0, 2, 3, 1]) for v in (x, y))
    place = np.arange(filter_size) - (filter_size - 1) / 2
    bell = np.exp(-0.5 * (place / filter_sigma) ** 2)
    weights = np.outer(bell, bell) / np.sum(bell) ** 2
    kernel = tf.constant(np.repeat(weights[:, :, None, None], x.shape[-1], axis=2), x.dtype)

    def smoothed(v: Any) -> Any:
        return tf.nn.depthwise_conv2d(v, kernel, [1, 1, 1, 1], "VALID")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean_x, mean_y = smoothed(x), smoothed(y)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance = smoothed(x * y) - product
    variances = smoothed(x * x + y * y) - squares
    likeness = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    found = tf.reduce_mean(likeness, axis=[1, 2, 3])
    return found[0] if single else found


# --- resampling -------------------------------------------------------------------------------------------------------


def _keys(x: Any) -> Any:
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return tf.where(x < 1, near, tf.where(x < 2, far, tf.zeros_like(x)))


def _lanczos(radius: float) -> Any:
    def kernel(x: Any) -> Any:
        angle = np.pi * tf.maximum(x, 1e-3)
        found = radius * tf.sin(angle) * tf.sin(angle / radius) / tf.square(angle)
        return tf.where(x > radius, tf.zeros_like(x), tf.where(x > 1e-3, found, tf.ones_like(x)))

    return kernel


_KERNELS = {"linear": lambda x: tf.maximum(1 - x, tf.zeros_like(x)), "cubic": _keys, "lanczos3": _lanczos(3.0),
            "lanczos5": _lanczos(5.0)}


@operation
def scale_and_translate(images: Any, output_shape: Sequence[int], scale: Any, translation: Any,
                        spatial_dims: Sequence[int], method: str, antialias: bool = True) -> Any:
    """Images scaled and moved along some axes: output place o shows the input around (o + 0.5 - translation) / scale - 0.5.

    Args:
        output_shape: the result's shape, all axes of it.
        scale, translation: a number for each of `spatial_dims`.
        method: "linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3" or "lanczos5".
        antialias: when images become smaller, average over all that one output element stands for.

    What lies outside is 0.
    """
    kernel = _KERNELS.get(method.removeprefix("bi").removeprefix("tri"))
    if kernel is None:
        raise tf.errors.InvalidArgumentError(
            f"`method` is 'linear', 'cubic', 'lanczos3' or 'lanczos5'. Received: method={method!r}.")
    x = floating(images)
    scale, translation = tensor(scale, "float32"), tensor(translation, "float32")
    for i, axis in enumerate(spatial_dims):
        axis = axis % x.shape.rank
        size, step = x.shape[axis], 1 / scale[i]
        place = (tf.range(output_shape[axis], dtype="float32") + 0.5 - translation[i]) * step - 0.5
        distance = tf.abs(place[None, :] - tf.range(size, dtype="float32")[:, None])
        weights = kernel(distance / tf.maximum(step, 1.0) if antialias else distance)
        total = tf.reduce_sum(weights, axis=0, keepdims=True)
        some = tf.abs(total) > 1000 * float(np.finfo(np.float32).eps)
        weights = tf.where(some, weights / tf.where(some, total, tf.ones_like(total)), tf.zeros_like(weights))
        inside = tf.logical_and(place >= -0.5, place <= size - 0.5)
        weights = tf.cast(tf.where(inside[None, :], weights, tf.zeros_like(weights)), x.dtype)
        order = list(range(x.shape.rank - 1))
        order.insert(axis, x.shape.rank - 1)
        x = tf.transpose(tf.tensordot(x, weights, axes=[[axis], [0]]), order)
    return x
