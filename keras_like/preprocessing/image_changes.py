"""Changes of one image, a NumPy array of rank 3: affine ones, of brightness, of channels.

The functions named `random_...` draw from NumPy's global generator, in the order in which `tf.keras` 2 does: a seed gives the
same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.overrides import shield_functions


def _affine_transform(*args: Any, **kwargs: Any) -> Any:
    from scipy.ndimage import affine_transform  # slow to import, and seldom needed; JAX depends on SciPy

    return affine_transform(*args, **kwargs)


def _matrix(theta: float, tx: float, ty: float, shear: float, zx: float, zy: float) -> np.ndarray:
    """Rotation @ shift @ shear @ zoom, [3, 3], over (across, down, 1)."""
    a, s = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    sheared = np.array([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]])
    return rotation @ shift @ sheared @ np.diag([zx, zy, 1.0])


def apply_affine_transform(x: np.ndarray, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0, zx: float = 1,
                           zy: float = 1, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                           fill_mode: str = "nearest", cval: float = 0.0, order: int = 1) -> np.ndarray:
    """An image turned, shifted, sheared and zoomed around its middle.

    Args:
        x: the image, of rank 3.
        theta, shear: angles in degrees. Default 0.
        tx, ty: how many pixels it is shifted, across and down. Default 0.
        zx, zy: what share of it is shown, across and down. Default 1.
        row_axis, col_axis, channel_axis: which axis is which. Default 1, 2, 0.
        fill_mode: what is beyond the edges: "nearest" (default), "constant", "reflect" or "wrap".
        cval: the value for "constant".
        order: of the spline between pixels. Default 1: linear.

    >>> import numpy as np
    >>> from treadle import keras
    >>> image = np.arange(4.0).reshape(2, 2, 1)
    >>> keras.preprocessing.image.apply_affine_transform(image, tx=1, row_axis=0, col_axis=1, channel_axis=2)[..., 0].tolist()
    [[1.0, 1.0], [3.0, 3.0]]
    """
    if x.ndim != 3 or sorted((row_axis, col_axis, channel_axis)) != [0, 1, 2] or channel_axis == 1:
        raise tf.errors.InvalidArgumentError(
            "An image has three axes, of which the channels are the first or the last. Received: an array of shape "
            f"{x.shape}, row_axis={row_axis}, col_axis={col_axis}, channel_axis={channel_axis}.")
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    middle = np.eye(3)
    middle[:2, 2] = x.shape[row_axis] / 2 - 0.5, x.shape[col_axis] / 2 - 0.5
    matrix = middle @ _matrix(theta, tx, ty, shear, zx, zy) @ np.linalg.inv(middle)
    if col_axis > row_axis:  # arrays are indexed by (down, across)
        matrix = matrix[[1, 0, 2]][:, [1, 0, 2]]
    channels = [_affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode, cval=cval)
                for channel in np.moveaxis(x, channel_axis, 0)]
    return np.stack(channels, axis=channel_axis)


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """x + intensity, kept between the smallest and the largest value of x."""
    return np.clip(x + intensity, np.min(x), np.max(x))


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """An image of 256 steps, brightness times as bright: 0 is black, 1 is as it was. The result is float32.

    Args:
        x: the image. Values that are not between 0 and 255 are stretched to that range first.
        brightness: the factor.
        scale: stretch in any case, and leave the result so. Default True; False: in the image's own range again.

    >>> import numpy as np
    >>> from treadle import keras
    >>> keras.preprocessing.image.apply_brightness_shift(np.array([[[0.0], [100.0]]]), 1.5, scale=False)[0, :, 0].tolist()
    [0.0, 150.0]
    """
    low, high = np.min(x), np.max(x)
    beyond = low < 0 or high > 255
    pixels = np.asarray(x, np.float32)
    if beyond or scale:
        pixels = pixels - pixels.min()
        pixels = pixels / (pixels.max() or 1) * 255
    pixels = np.clip(np.trunc(pixels) * np.float32(brightness), 0, 255)
    pixels = np.trunc(pixels).astype(np.float32)
    return pixels / 255 * (high - low) + low if beyond and not scale else pixels


def random_rotation(x: np.ndarray, rg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                    fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:
    """An image turned by an angle between -rg and rg degrees. Other arguments as for `apply_affine_transform`."""
    return apply_affine_transform(x, theta=np.random.uniform(-rg, rg), row_axis=row_axis, col_axis=col_axis,
                                  channel_axis=channel_axis, fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_shift(x: np.ndarray, wrg: float, hrg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                 fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:
    """An image shifted by at most the shares `hrg` of its height and `wrg` of its width."""
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(x, tx=tx, ty=ty, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
                                  fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_shear(x: np.ndarray, intensity: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                 fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:
    """An image sheared by an angle between -intensity and intensity degrees."""
    return apply_affine_transform(x, shear=np.random.uniform(-intensity, intensity), row_axis=row_axis, col_axis=col_axis,
                                  channel_axis=channel_axis, fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_zoom(x: np.ndarray, zoom_range: Sequence[float], row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
                fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1) -> np.ndarray:
    """An image of which shares between the two numbers of `zoom_range` are shown, across and down."""
    zx, zy = random_zooms(check_range(zoom_range, "zoom_range"))
    return apply_affine_transform(x, zx=zx, zy=zy, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
                                  fill_mode=fill_mode, cval=cval, order=interpolation_order)


def random_channel_shift(x: np.ndarray, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """`apply_channel_shift` by a number between -intensity_range and intensity_range."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def random_brightness(x: np.ndarray, brightness_range: Sequence[float], scale: bool = True) -> np.ndarray:
    """`apply_brightness_shift` by a number between the two of `brightness_range`."""
    return apply_brightness_shift(x, np.random.uniform(*check_range(brightness_range, "brightness_range")), scale)


def random_zooms(zoom_range: tuple[float, float]) -> tuple[Any, Any]:
    """Two numbers between those of `zoom_range`."""
    if zoom_range == (1, 1):
        return 1, 1
    first, second = np.random.uniform(zoom_range[0], zoom_range[1], 2)
    return first, second


def check_range(value: Any, name: str) -> tuple[float, float]:
    """Two numbers. Raises InvalidArgumentError for anything else."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        raise tf.errors.InvalidArgumentError(f"`{name}` is a pair of numbers. Received: {name}={value!r}.")
    return tuple(value)  # type: ignore[return-value]


shield_functions(globals())
