"""Colours of images: dtypes, colour spaces, and adjustments. The last axis holds red, green and blue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.dtypes import DType
from treadle.ir.ops.arrays import stack, unstack
from treadle.ir.ops.elementwise import abs_, cast, floordiv, floormod, maximum, minimum, pow_, square
from treadle.ir.ops.logic import equal, greater
from treadle.ir.ops.reductions import reduce_mean
from treadle.ir.ops.rules import count_as_number
from treadle.ir.ops.select import select
from treadle.ir.types import product
from treadle.runtime.composites.arrays import repeat, zeros_like
from treadle.runtime.composites.image_resize import as_images
from treadle.runtime.composites.linalg import tensordot
from treadle.runtime.composites.math import clip_by_value, saturate_cast
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor

# --- dtypes ---------------------------------------------------------------------------------------------------------


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Tensor:
    """Images in another dtype: floats are over [0, 1], integers over [0, the dtype's largest].

    Args:
        saturate: numbers beyond the range become its ends. Default False: they are undefined.

    >>> import treadle as tf
    >>> tf.image.convert_image_dtype(tf.constant([0, 255], tf.uint8), tf.float32).numpy().tolist()
    [0.0, 1.0]
    """
    x, wanted = convert_to_tensor(image), dtypes.as_dtype(dtype)
    if not (wanted.is_floating or wanted.is_integer) or not (x.dtype.is_floating or x.dtype.is_integer):
        raise errors.DtypeError(f"Images are of floats or integers. Received: {x.dtype.name} to become {wanted.name}.")
    if x.dtype is wanted:
        return x
    to: Callable[[Tensor, DType], Tensor] = saturate_cast if saturate else _cast
    if x.dtype.is_floating:
        # Half more than the largest: 1.0 becomes the largest, and all steps are equally wide.
        return cast(x, dtype=wanted) if wanted.is_floating else to(x * (_largest(wanted) + 0.5), wanted)
    if wanted.is_floating:
        return cast(x, dtype=wanted) * (1.0 / _largest(x.dtype))
    if x.dtype.max > wanted.max:
        return to(floordiv(x, (_largest(x.dtype) + 1) // (_largest(wanted) + 1)), wanted)
    return to(x, wanted) * ((_largest(wanted) + 1) // (_largest(x.dtype) + 1))


def _cast(x: Tensor, dtype: DType) -> Tensor:
    return cast(x, dtype=dtype)


def _largest(dtype: DType) -> int:
    return int(dtype.max)


def _in_floats(function: Callable[[Tensor], Tensor], image: Any) -> Tensor:
    """`function` of the image in floats; the result in the image's own dtype."""
    x = convert_to_tensor(image)
    if x.dtype in (dtypes.float16, dtypes.float32):
        return function(x)
    return convert_image_dtype(function(convert_image_dtype(x, dtypes.float32)), x.dtype, saturate=True)


# --- colour spaces --------------------------------------------------------------------------------------------------


def _require_channels(x: Tensor, count: int) -> Tensor:
    if not x.type.rank or dims.is_known(x.type.shape[-1]) and x.type.shape[-1] != count:
        raise errors.InvalidArgumentError(f"The last axis must have {count} channels. Received: a tensor of shape {x.shape}.")
    return x


def _mixed(images: Any, matrix: Any) -> Tensor:
    x = _require_channels(convert_to_tensor(images), 3)
    return tensordot(x, convert_to_tensor(np.asarray(matrix), x.dtype), axes=[[-1], [0]])


def rgb_to_grayscale(images: Any, name: str | None = None) -> Tensor:
    """0.2989 red + 0.587 green + 0.114 blue, as one channel of the same dtype.

    >>> import treadle as tf
    >>> tf.image.rgb_to_grayscale(tf.ones([4, 4, 3])).shape
    TensorShape([4, 4, 1])
    """
    x = _require_channels(convert_to_tensor(images), 3)
    as_floats = convert_image_dtype(x, dtypes.float32)
    return convert_image_dtype(_mixed(as_floats, [[0.2989], [0.587], [0.114]]), x.dtype)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """One channel as three equal ones."""
    return repeat(_require_channels(convert_to_tensor(images), 1), 3, axis=-1)


def rgb_to_hsv(images: Any, name: str | None = None) -> Tensor:
    """Hue (0 to 1, a turn of the colour circle), saturation and value of colours, floats from 0 to 1.

    >>> import treadle as tf
    >>> tf.image.rgb_to_hsv([[0.0, 0.5, 0.5]]).numpy().tolist()
    [[0.5, 1.0, 0.5]]
    """
    red, green, blue = unstack(_require_channels(convert_to_tensor(images), 3), axis=-1)
    value = maximum(maximum(red, green), blue)
    spread = value - minimum(minimum(red, green), blue)
    zero = zeros_like(value)
    saturation = select(greater(value, 0.0), spread / select(greater(value, 0.0), value, zero + 1.0), zero)
    colored = greater(spread, 0.0)
    sixth = 1.0 / (6.0 * select(colored, spread, zero + 1.0))
    hue = select(equal(value, red), sixth * (green - blue), select(
        equal(value, green), sixth * (blue - red) + 1 / 3, sixth * (red - green) + 2 / 3))
    hue = select(colored, hue, zero)
    return stack([select(greater(zero, hue), hue + 1.0, hue), saturation, value], axis=-1)


def hsv_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """The colours of hue (one turn is 1), saturation and value: the inverse of `rgb_to_hsv`."""
    hue, saturation, value = unstack(_require_channels(convert_to_tensor(images), 3), axis=-1)
    turn = floormod(hue, 1.0) * 6.0
    shares = [abs_(turn - 3.0) - 1.0, 2.0 - abs_(turn - 2.0), 2.0 - abs_(turn - 4.0)]
    return stack([value * (1.0 - saturation + saturation * clip_by_value(s, 0.0, 1.0)) for s in shares], axis=-1)


_YIQ = [[0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617], [0.114, -0.32134392, 0.31119955]]
_YUV = [[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]]
_FROM_YIQ = [[1, 1, 1], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]]
_FROM_YUV = [[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]]


def rgb_to_yiq(images: Any) -> Tensor:
    """Luma and the two chroma channels of NTSC, from floats."""
    return _mixed(images, _YIQ)


def yiq_to_rgb(images: Any) -> Tensor:
    """The inverse of `rgb_to_yiq`."""
    return _mixed(images, _FROM_YIQ)


def rgb_to_yuv(images: Any) -> Tensor:
    """Luma and the two chroma channels of PAL, from floats.

    >>> import treadle as tf
    >>> tf.image.rgb_to_yuv([[0.0, 0.0, 0.0]]).numpy().tolist()
    [[0.0, 0.0, 0.0]]
    """
    return _mixed(images, _YUV)


def yuv_to_rgb(images: Any) -> Tensor:
    """The inverse of `rgb_to_yuv`."""
    return _mixed(images, _FROM_YUV)


# --- adjustments ----------------------------------------------------------------------------------------------------


def adjust_brightness(image: Any, delta: Any) -> Tensor:
    """The image plus `delta`, a share of the range of its dtype; integers saturate.

    >>> import treadle as tf
    >>> tf.image.adjust_brightness([[[0.25, 0.5, 1.0]]], 0.5).numpy().ravel().tolist()
    [0.75, 1.0, 1.5]
    """
    return _in_floats(lambda x: x + _number(delta, x), image)


def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """(x - mean) * contrast_factor + mean, with the mean of each channel of each image."""
    def adjusted(x: Tensor) -> Tensor:
        mean = reduce_mean(x, [-3, -2], keepdims=True)
        return (x - mean) * _number(contrast_factor, x) + mean
    return _in_floats(adjusted, as_images(images, "images"))


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    """gain * x^gamma, with x from 0 to 1; integers saturate.

    >>> import treadle as tf
    >>> tf.image.adjust_gamma([[[0.5]]], 2.0).numpy().ravel().tolist()
    [0.25]
    """
    if isinstance(gamma, (int, float)) and gamma < 0:
        raise errors.InvalidArgumentError(f"`gamma` must not be negative. Received: gamma={gamma!r}.")
    return _in_floats(lambda x: _number(gain, x) * pow_(x, _number(gamma, x)), image)


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Tensor:
    """Colours with their hue turned by `delta` turns of the colour circle (-1 to 1)."""
    def adjusted(x: Tensor) -> Tensor:
        hue, saturation, value = unstack(rgb_to_hsv(x), axis=-1)
        return hsv_to_rgb(stack([hue + _number(delta, x), saturation, value], axis=-1))
    return _in_floats(adjusted, image)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Tensor:
    """Colours with their saturation multiplied by `saturation_factor`, to at most 1."""
    def adjusted(x: Tensor) -> Tensor:
        hue, saturation, value = unstack(rgb_to_hsv(x), axis=-1)
        return hsv_to_rgb(stack([hue, clip_by_value(saturation * _number(saturation_factor, x), 0.0, 1.0), value], axis=-1))
    return _in_floats(adjusted, image)


def _number(value: Any, x: Tensor) -> Tensor:
    return cast(convert_to_tensor(value, dtype_hint=x.dtype), dtype=x.dtype)


def per_image_standardization(image: Any) -> Tensor:
    """(x - mean) / max(stddev, 1 / sqrt(N)) for each image of N numbers; f32 (half precision keeps its dtype).

    >>> import treadle as tf
    >>> tf.image.per_image_standardization([[[1.0], [3.0]]]).numpy().ravel().tolist()
    [-1.0, 1.0]
    """
    x = as_images(image)
    y = cast(x, dtype=dtypes.float32)
    mean = reduce_mean(y, [-3, -2, -1], keepdims=True)
    variance = reduce_mean(square(y - mean), [-3, -2, -1], keepdims=True)
    least = 1.0 / count_as_number(product(x.type.shape[-3:]), dtypes.float32)
    result = (y - mean) / maximum(variance, least) ** 0.5
    return cast(result, dtype=dtypes.float16) if x.dtype is dtypes.float16 else result


errors.shield(globals())
