"""Numbers about images: how alike two are, how rough one is, and its edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.ops.arrays import concat, reshape, stack
from treadle.ir.ops.elementwise import abs_, cast, log, maximum, pow_, square
from treadle.ir.ops.reductions import reduce_mean, reduce_prod, reduce_sum
from treadle.ir.ops.rules import show
from treadle.runtime.composites.arrays import pad, zeros_like
from treadle.runtime.composites.convolution import depthwise_conv2d
from treadle.runtime.composites.image_color import convert_image_dtype
from treadle.runtime.composites.image_resize import as_images, over_batch
from treadle.runtime.composites.pooling import avg_pool2d
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def total_variation(images: Any, name: str | None = None) -> Tensor:
    """The sum over each image of the differences |.| of neighbouring pixels, down and to the right.

    >>> import treadle as tf
    >>> float(tf.image.total_variation([[[1.0], [4.0]]]))
    3.0
    """
    x = as_images(images, "images")
    down, right = x[..., 1:, :, :] - x[..., :-1, :, :], x[..., :, 1:, :] - x[..., :, :-1, :]
    return reduce_sum(abs_(down), [-3, -2, -1]) + reduce_sum(abs_(right), [-3, -2, -1])


def image_gradients(image: Any) -> tuple[Tensor, Tensor]:
    """(dy, dx) of [batch, height, width, channels]: the next pixel minus this one; 0 in the last row and column.

    >>> import treadle as tf
    >>> dy, dx = tf.image.image_gradients([[[[1.0], [4.0]]]])
    >>> dy.numpy().ravel().tolist(), dx.numpy().ravel().tolist()
    ([0.0, 0.0], [3.0, 0.0])
    """
    x = convert_to_tensor(image)
    if x.type.rank != 4:
        raise errors.InvalidArgumentError(f"`image` has the shape [batch, height, width, channels]. Received: {x.shape}.")
    down, right = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    return concat([down, zeros_like(x[:, -1:])], axis=1), concat([right, zeros_like(x[:, :, -1:])], axis=2)


def sobel_edges(image: Any) -> Tensor:
    """The Sobel derivatives of [batch, height, width, channels]: the last, new axis holds (dy, dx). Edges are mirrored.

    >>> import treadle as tf
    >>> tf.image.sobel_edges(tf.ones([1, 4, 4, 3])).shape
    TensorShape([1, 4, 4, 3, 2])
    """
    x = convert_to_tensor(image)
    channels = x.type.shape[-1]
    dy = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], np.float32)
    both = np.tile(np.stack([dy, dy.T], -1)[:, :, None, :], [1, 1, channels, 1])
    framed = pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
    found = depthwise_conv2d(framed, convert_to_tensor(both, x.dtype), [1, 1, 1, 1], "VALID")
    return reshape(found, (*x.type.shape, 2))


# --- how alike two images are ---------------------------------------------------------------------------------------


def _pair(a: Any, b: Any, max_val: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Two images and the largest value, as floats over [0, 1]."""
    x, y = convert_to_tensor(a), convert_to_tensor(b)
    if x.type.rank < 3 or y.type.rank < 3 or x.dtype is not y.dtype or any(
            dims.is_known(s, t) and s != t for s, t in zip(x.type.shape[-3:], y.type.shape[-3:])):
        raise errors.InvalidArgumentError(
            "Both are images [..., height, width, channels] of one size and dtype. Received: tensors of shape "
            f"{show(x.type.shape)} and {show(y.type.shape)}, {x.dtype.name} and {y.dtype.name}.")
    limit = cast(convert_to_tensor(max_val, dtype_hint=x.dtype), dtype=x.dtype)
    return tuple(convert_image_dtype(t, dtypes.float32) for t in (x, y, limit))  # type: ignore[return-value]


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Tensor:
    """The peak signal-to-noise ratio of each pair of images, 10 log10(max_val^2 / mean squared difference).

    >>> import treadle as tf
    >>> round(float(tf.image.psnr(tf.zeros([2, 2, 1]), tf.fill([2, 2, 1], 0.1), max_val=1.0)), 3)
    20.0
    """
    x, y, limit = _pair(a, b, max_val)
    error = reduce_mean(square(x - y), [-3, -2, -1])
    return 20.0 * log(limit) / math.log(10.0) - 10.0 / math.log(10.0) * log(error)


def _window(size: int, sigma: float, channels: int) -> np.ndarray:
    """A Gaussian of total weight 1, for each channel: [size, size, channels, 1]."""
    line = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    plane = np.outer(line, line)
    return np.tile((plane / plane.sum()).astype(np.float32)[:, :, None, None], [1, 1, channels, 1])


def _ssim_map(x: Tensor, y: Tensor, limit: Tensor, size: int, sigma: float, k1: float, k2: float) -> tuple[Tensor, Tensor]:
    """(luminance * contrast-structure, contrast-structure) around each pixel whose window is inside."""
    if any(dims.is_known(n) and n < size for n in x.type.shape[-3:-1]):
        raise errors.InvalidArgumentError(
            f"Images must be at least as large as the filter. Received: images of shape {show(x.type.shape)}, "
            f"filter_size={size}.")
    window = convert_to_tensor(_window(size, sigma, x.type.shape[-1]))

    def mean(values: Tensor) -> Tensor:
        return depthwise_conv2d(values, window, [1, 1, 1, 1], "VALID")

    c1, c2 = square(limit * k1), square(limit * k2)
    mean_x, mean_y = mean(x), mean(y)
    luminance = (mean_x * mean_y * 2.0 + c1) / (square(mean_x) + square(mean_y) + c1)
    covariance = mean(x * y) * 2.0 - mean_x * mean_y * 2.0
    variances = mean(square(x) + square(y)) - square(mean_x) - square(mean_y)
    structure = (covariance + c2) / (variances + c2)
    return luminance * structure, structure


def ssim(img1: Any, img2: Any, max_val: Any, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
         k2: float = 0.03, return_index_map: bool = False) -> Tensor:
    """The structural similarity of each pair of images: 1 for equal ones. Source: Wang et al., 2004.

    Args:
        img1, img2: [..., height, width, channels], at least as large as the filter.
        max_val: the span of possible values (1.0, or 255).
        filter_size, filter_sigma: of the Gaussian window that local means are taken with.
        k1, k2: small constants against division by 0.
        return_index_map: the similarity around each pixel instead of the mean.

    >>> import treadle as tf
    >>> float(tf.image.ssim(tf.ones([16, 16, 1]), tf.ones([16, 16, 1]), max_val=1.0))
    1.0
    """
    x, y, limit = _pair(img1, img2, max_val)
    value = _over_leading(x, y, lambda a, b: _ssim_map(a, b, limit, filter_size, filter_sigma, k1, k2)[0])
    return reduce_mean(value, [-1]) if return_index_map else reduce_mean(value, [-3, -2, -1])


def _over_leading(x: Tensor, y: Tensor, function: Any) -> Tensor:
    """`function` of two batches of images, with all axes in front as the batch."""
    lead = x.type.shape[:-3]
    if len(lead) == 1:
        return function(x, y)
    result = function(*(reshape(t, (-1, *t.type.shape[-3:])) for t in (x, y)))
    return reshape(result, (*lead, *result.type.shape[1:]))


_POWER_FACTORS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ssim_multiscale(img1: Any, img2: Any, max_val: Any, power_factors: Sequence[float] = _POWER_FACTORS,
                    filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03) -> Tensor:
    """The product over scales, each half as large, of the structural similarities to the powers `power_factors`.

    Source: Wang, Simoncelli and Bovik, 2003. Arguments as for `ssim`.
    """
    x, y, limit = _pair(img1, img2, max_val)
    factors = []
    for scale, power in enumerate(power_factors):
        if scale:
            x, y = (over_batch(lambda t: avg_pool2d(t, 2, 2, "VALID"), _even(t)) for t in (x, y))
        whole, structure = _ssim_map_of_images(x, y, limit, filter_size, filter_sigma, k1, k2)
        factors.append(pow_(maximum(whole if scale == len(power_factors) - 1 else structure, 0.0), float(power)))
    return reduce_mean(reduce_prod(stack(factors, axis=-1), [-1]), [-1])


def _even(x: Tensor) -> Tensor:
    """The image with an odd number of rows or columns mirrored by one at the end."""
    more = [[0, n % 2] if dims.is_known(n) else [0, 0] for n in x.type.shape[-3:-1]]
    if not any(after for _, after in more):
        return x
    return pad(x, [*[[0, 0]] * (x.type.rank - 3), *more, [0, 0]], mode="SYMMETRIC")


def _ssim_map_of_images(x: Tensor, y: Tensor, limit: Tensor, *arguments: Any) -> list[Tensor]:
    """The means over each channel of both maps, [..., channels]."""
    return [reduce_mean(_over_leading(x, y, lambda a, b, i=i: _ssim_map(a, b, limit, *arguments)[i]), [-3, -2])
            for i in range(2)]


errors.shield(globals())
