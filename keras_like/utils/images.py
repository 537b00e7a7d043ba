"""`keras.utils`: images as arrays and as Pillow's images, read from files and written to them."""

from __future__ import annotations

import functools
import io
import os
import pathlib
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.warning import warn
from treadle.keras_like.images.resizing import frame_of_ratio, middle_of_ratio

COLOR_MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
_CONVERTED = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_SIXTEEN_BITS = ("I;16", "I")


def pillow(what: str) -> Any:
    """Pillow's module `Image`. Raises FailedPreconditionError, with what to do, if it is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise tf.errors.FailedPreconditionError(
            f"`{what}` needs Pillow, which is not installed. Install it: `pip install treadle[image]` or `pip install pillow`."
        ) from None
    return Image


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """One image, [height, width, channels], as a Pillow image.

    Args:
        data_format: "channels_last" (default) or "channels_first".
        scale: stretch the values so that they reach from 0 to 255. Default True.
        dtype: of the computation. Default: `keras.config.floatx()`.

    >>> import numpy as np
    >>> from treadle import keras
    >>> keras.utils.array_to_img(np.zeros([4, 6, 3])).size
    (6, 4)
    """
    Image = pillow("array_to_img")
    pixels = np.asarray(x, dtype=dtype or floatx())
    if pixels.ndim != 3:
        raise tf.errors.InvalidArgumentError(f"An image has three axes. Received: an array of shape {pixels.shape}.")
    if as_data_format(data_format) == "channels_first":
        pixels = pixels.transpose(1, 2, 0)
    if pixels.shape[2] not in (1, 3, 4):
        raise tf.errors.InvalidArgumentError(f"An image has 1, 3 or 4 channels. Received: an array of shape {pixels.shape}.")
    if scale:
        pixels = pixels - pixels.min()
        pixels = pixels / (pixels.max() or 1) * 255
    if pixels.shape[2] > 1:
        return Image.fromarray(pixels.astype("uint8"))
    return Image.fromarray(pixels[..., 0].astype("int32" if pixels.max() > 255 else "uint8"))


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A Pillow image, or an array, as an array [height, width, channels] ([channels, height, width]).

    >>> import numpy as np
    >>> from treadle import keras
    >>> keras.utils.img_to_array(np.ones([4, 6])).shape
    (4, 6, 1)
    """
    layout = as_data_format(data_format)
    x = np.asarray(img, dtype=dtype or floatx())
    if x.ndim not in (2, 3):
        raise tf.errors.InvalidArgumentError(f"An image has two or three axes. Received: an array of shape {x.shape}.")
    x = x[..., None] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if layout == "channels_first" else x


def save_img(path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True,
             **kwargs: Any) -> None:
    """Write an image to a file.

    Args:
        path: a path, or an open file.
        x: an array, as for `array_to_img`.
        data_format, scale: as for `array_to_img`.
        file_format: "png", "jpeg" ... Default: by the name of the file.
        kwargs: for Pillow's `save`.
    """
    image = array_to_img(x, data_format, scale)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = pathlib.Path(path).suffix[1:]
    kind = {"jpg": "jpeg"}.get((file_format or "").lower(), file_format)
    if image.mode == "RGBA" and kind == "jpeg":
        warn("JPEG files have no transparency: the image is written as RGB.")
        image = image.convert("RGB")
    image.save(path, format=kind, **kwargs)


def load_img(path: Any, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest",
             keep_aspect_ratio: bool = False) -> Any:
    """The image in a file, as a Pillow image.

    Args:
        path: a path, or a `BytesIO` with the file's bytes.
        color_mode: "rgb" (default), "rgba" or "grayscale".
        target_size: (height, width) of the result. Default: as in the file.
        interpolation: "nearest" (default), "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: cut the image to the ratio of `target_size` first, rather than stretch it.
    """
    Image = pillow("load_img")
    if not isinstance(path, (str, bytes, os.PathLike, io.BytesIO)):
        raise tf.errors.DtypeError(f"`path` is a path or a `BytesIO`. Received: path={path!r}.")
    if color_mode not in COLOR_MODES:
        raise tf.errors.InvalidArgumentError(
            f"`color_mode` is 'rgb', 'rgba' or 'grayscale'. Received: color_mode={color_mode!r}.")
    image = Image.open(path if isinstance(path, io.BytesIO) else io.BytesIO(pathlib.Path(os.fsdecode(path)).read_bytes()))
    if image.mode != _CONVERTED[color_mode] and not (color_mode == "grayscale" and image.mode in _SIXTEEN_BITS):
        image = image.convert(_CONVERTED[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    methods = {m.name.lower(): m for m in Image.Resampling}
    if interpolation not in methods:
        raise tf.errors.InvalidArgumentError(
            f"`interpolation` is one of {', '.join(map(repr, methods))}. Received: interpolation={interpolation!r}.")
    box = None
    if keep_aspect_ratio:
        top, left, height, width = middle_of_ratio(image.size[1], image.size[0], *target_size)
        box = (left, top, left + width, top + height)
    return image.resize((target_size[1], target_size[0]), methods[interpolation], box)


# --- arrays of many sizes -------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def _taps(size: int, output_size: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """The pixels that each new pixel is a mean of, [count, output_size], and their weights."""
    weights = tf.image.resampling_weights(size, output_size, method)
    count = int((weights != 0).sum(0).max())
    places = np.argsort(-np.abs(weights), axis=0, kind="stable")[:count]
    return places, np.take_along_axis(weights, places, 0).astype(np.float32)


def resized_array(x: np.ndarray, size: tuple[int, int], method: str, crop: bool = False, pad: bool = False) -> np.ndarray:
    """[height, width, channels] in another size, by `tf.image.resize`'s methods, without compiling for each size there is.

    `crop` and `pad` keep the ratio of height to width. The result is float32, but for "nearest".
    """
    rows, columns = x.shape[0], x.shape[1]
    if crop:
        top, left, height, width = middle_of_ratio(rows, columns, *size)
        x = x[top:top + height, left:left + width]
    elif pad:
        above, beside = frame_of_ratio(rows, columns, *size)
        x = np.pad(x, [(above, above), (beside, beside), (0, 0)])
    for axis, n in enumerate(size):
        if x.shape[axis] != n:
            places, weights = _taps(x.shape[axis], n, method)
            shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
            parts = [np.take(x, p, axis) if method == "nearest" else np.take(x, p, axis) * w.reshape(shape)
                     for p, w in zip(places, weights)]
            x = sum(parts[1:], start=parts[0])
    return x if method == "nearest" else x.astype(np.float32)
