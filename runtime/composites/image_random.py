"""Random changes of images: those that draw from a stream (`seed=`), and `stateless_` ones, with a seed of two integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import as_shape
from treadle.ir.ops.arrays import from_size, reshape, reverse, stack
from treadle.ir.ops.elementwise import floormod
from treadle.ir.ops.logic import less
from treadle.ir.ops.rules import show
from treadle.ir.ops.select import select
from treadle.runtime.composites import random
from treadle.runtime.composites.image_color import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from treadle.runtime.composites.image_resize import as_images
from treadle.runtime.composites.indexing import slice_
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor

Draw = Callable[..., Tensor]  # (shape, minval, maxval, dtype=) -> numbers


def _from_stream(seed: Any) -> Draw:
    return lambda shape, low, high, dtype=dtypes.float32: random.uniform(shape, low, high, dtype, seed)


def _from_seed(seed: Any) -> Draw:
    return lambda shape, low, high, dtype=dtypes.float32: random.stateless_uniform(shape, seed, low, high, dtype)


# --- flips ----------------------------------------------------------------------------------------------------------


def _flipped(image: Any, axis: int, draw: Draw) -> Tensor:
    """Each image, with probability 1/2, with an axis reversed."""
    x = as_images(image)
    flips = less(draw([x.type.shape[0]] if x.type.rank == 4 else [], 0.0, 1.0), 0.5)
    if x.type.rank == 4:
        flips = reshape(flips, (x.type.shape[0], 1, 1, 1))
    return select(flips, reverse(x, axis=[axis]), x)


def random_flip_left_right(image: Any, seed: int | None = None) -> Tensor:
    """Images, each with its columns in reversed order with probability 1/2.

    >>> import treadle as tf
    >>> tf.image.random_flip_left_right(tf.ones([2, 4, 4, 3])).shape
    TensorShape([2, 4, 4, 3])
    """
    return _flipped(image, -2, _from_stream(seed))


def random_flip_up_down(image: Any, seed: int | None = None) -> Tensor:
    """Images, each with its rows in reversed order with probability 1/2."""
    return _flipped(image, -3, _from_stream(seed))


def stateless_random_flip_left_right(image: Any, seed: Any) -> Tensor:
    """`random_flip_left_right`, the same for the same `seed`, two integers."""
    return _flipped(image, -2, _from_seed(seed))


def stateless_random_flip_up_down(image: Any, seed: Any) -> Tensor:
    """`random_flip_up_down`, the same for the same `seed`, two integers."""
    return _flipped(image, -3, _from_seed(seed))


# --- colours --------------------------------------------------------------------------------------------------------


def _symmetric(limit: float, name: str, largest: float | None = None) -> tuple[float, float]:
    if limit < 0 or largest is not None and limit > largest:
        raise errors.InvalidArgumentError(
            f"`{name}` is at least 0{'' if largest is None else f' and at most {largest}'}. Received: {name}={limit!r}.")
    return -limit, limit


def _between(lower: float, upper: float) -> tuple[float, float]:
    if lower < 0 or upper <= lower:
        raise errors.InvalidArgumentError(f"It must hold that 0 <= lower < upper. Received: lower={lower!r}, upper={upper!r}.")
    return lower, upper


def random_brightness(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`adjust_brightness` by a number drawn from [-max_delta, max_delta), one for all images.

    >>> import treadle as tf
    >>> bool(tf.reduce_max(tf.abs(tf.image.random_brightness(tf.zeros([2, 2, 3]), 0.2))) <= 0.2)
    True
    """
    return adjust_brightness(image, _from_stream(seed)([], *_symmetric(max_delta, "max_delta")))


def stateless_random_brightness(image: Any, max_delta: float, seed: Any) -> Tensor:
    """`random_brightness`, the same for the same `seed`, two integers."""
    return adjust_brightness(image, _from_seed(seed)([], *_symmetric(max_delta, "max_delta")))


def random_contrast(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`adjust_contrast` by a factor drawn from [lower, upper), one for all images."""
    return adjust_contrast(image, _from_stream(seed)([], *_between(lower, upper)))


def stateless_random_contrast(image: Any, lower: float, upper: float, seed: Any) -> Tensor:
    """`random_contrast`, the same for the same `seed`, two integers."""
    return adjust_contrast(image, _from_seed(seed)([], *_between(lower, upper)))


def random_hue(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`adjust_hue` by a number drawn from [-max_delta, max_delta), one for all images; max_delta is at most 0.5."""
    return adjust_hue(image, _from_stream(seed)([], *_symmetric(max_delta, "max_delta", 0.5)))


def stateless_random_hue(image: Any, max_delta: float, seed: Any) -> Tensor:
    """`random_hue`, the same for the same `seed`, two integers."""
    return adjust_hue(image, _from_seed(seed)([], *_symmetric(max_delta, "max_delta", 0.5)))


def random_saturation(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`adjust_saturation` by a factor drawn from [lower, upper), one for all images."""
    return adjust_saturation(image, _from_stream(seed)([], *_between(lower, upper)))


def stateless_random_saturation(image: Any, lower: float, upper: float, seed: Any = None) -> Tensor:
    """`random_saturation`, the same for the same `seed`, two integers."""
    return adjust_saturation(image, _from_seed(seed)([], *_between(lower, upper)))


# --- crops ----------------------------------------------------------------------------------------------------------


def _cropped(value: Any, size: Any, draw: Draw) -> Tensor:
    x, wanted = convert_to_tensor(value), as_shape(size)
    if len(wanted) != x.type.rank or any(dims.is_known(a, b) and a < b for a, b in zip(x.type.shape, wanted)):
        raise errors.InvalidArgumentError(
            f"`size` must hold a size for each axis, none larger than the value's. Received: size={show(wanted)} for a "
            f"value of shape {show(x.type.shape)}.")
    room = stack([from_size(size=a - b + 1, dtype=dtypes.int32) for a, b in zip(x.type.shape, wanted)])
    # Many more numbers than places: their remainders are uniform but for one part in 2^31 / room.
    drawn = draw([x.type.rank], 0, dtypes.int32.max, dtypes.int32)
    return slice_(x, floormod(drawn, room), wanted)


def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """A part of the shape `size` at a random place, uniform over all that fit. `size` holds every axis, channels too.

    >>> import treadle as tf
    >>> tf.image.random_crop(tf.ones([8, 8, 3]), [4, 5, 3]).shape
    TensorShape([4, 5, 3])
    """
    return _cropped(value, size, _from_stream(seed))


def stateless_random_crop(value: Any, size: Any, seed: Any, name: str | None = None) -> Tensor:
    """`random_crop`, the same for the same `seed`, two integers."""
    return _cropped(value, size, _from_seed(seed))


errors.shield(globals())
