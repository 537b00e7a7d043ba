"""Images in files: JPEG, PNG, BMP and GIF, read and written on the host by Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.runtime.composites.image_color import convert_image_dtype
from treadle.runtime.composites.strings import host_strings, string_tensor
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import EagerTensor, Tensor, from_numpy

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise errors.FailedPreconditionError(
            "Images in files are read and written by Pillow, which is not installed. Install it: `pip install "
            "treadle[image]`, or `pip install pillow`.") from None
    return Image


def _opened(contents: Any, formats: tuple[str, ...]) -> Any:
    """The image in a string, of one of Pillow's formats."""
    library = _pillow()
    found = host_strings(contents, "contents")
    if found.shape:
        raise errors.InvalidArgumentError(
            f"`contents` is one file, a scalar string. Received: a tensor of shape {found.shape}.")
    contents = bytes(found[()])
    try:
        image = library.open(io.BytesIO(contents), formats=formats)
        image.load()
    except (OSError, SyntaxError, ValueError, library.DecompressionBombError) as error:
        raise errors.InvalidArgumentError(
            f"`contents` is no image that can be read ({', '.join(formats)}): {error}. Received: {len(contents)} bytes."
        ) from None
    return image


def _pixels(image: Any, channels: int | None) -> np.ndarray:
    """The image as uint8[height, width, channels]."""
    if channels not in (None, 0, *_MODES):
        raise errors.InvalidArgumentError(f"`channels` is 0 (as in the file), 1, 3 or 4. Received: channels={channels!r}.")
    if image.mode.startswith("I"):  # 16 bits a pixel
        image = image.point(lambda v: v / 256).convert("L")
    mode = _MODES.get(channels or 0)
    if mode is None:
        mode = image.mode if image.mode in _MODES.values() else {"1": "L"}.get(
            image.mode, "RGBA" if "transparency" in image.info else "RGB")
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _bytes(pixels: np.ndarray) -> Tensor:
    return from_numpy(pixels, dtypes.uint8)


def _decoded(contents: Any, channels: int | None, dtype: Any, *formats: str) -> Tensor:
    return convert_image_dtype(_bytes(_pixels(_opened(contents, formats), channels)), dtype)


def decode_jpeg(contents: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True,
                try_recover_truncated: bool = False, acceptable_fraction: float = 1.0, dct_method: str = "",
                name: str | None = None) -> Tensor:
    """The image in a JPEG file, uint8[height, width, channels].

    Args:
        contents: the file's bytes, a scalar string that is known (outside of `@tf.function`, or in `dataset.map`).
        channels: 0 (default): as in the file; 1: grey; 3: colours.
        ratio: how many times smaller in each direction, 1 (default), 2, 4 or 8.
        Others are accepted for compatibility.

    Raises:
        InvalidArgumentError: this is no JPEG file, or it is damaged.
        FailedPreconditionError: Pillow is not installed.

    >>> import treadle as tf
    >>> tf.image.decode_jpeg(tf.image.encode_jpeg(tf.zeros([4, 6, 3], tf.uint8))).shape
    TensorShape([4, 6, 3])
    """
    image = _opened(contents, ("JPEG",))
    if ratio not in (1, 2, 4, 8):
        raise errors.InvalidArgumentError(f"`ratio` is 1, 2, 4 or 8. Received: ratio={ratio!r}.")
    return _bytes(_pixels(image.reduce(ratio) if ratio > 1 else image, channels))


def decode_png(contents: Any, channels: int = 0, dtype: Any = dtypes.uint8, name: str | None = None) -> Tensor:
    """The image in a PNG file, [height, width, channels]; 16 bits a pixel are cut to 8. See `decode_jpeg`."""
    return _decoded(contents, channels, dtype, "PNG")


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """The image in a BMP file, uint8[height, width, channels]. See `decode_jpeg`."""
    return _decoded(contents, channels, dtypes.uint8, "BMP")


def decode_gif(contents: Any, name: str | None = None) -> Tensor:
    """The images in a GIF file, uint8[frames, height, width, 3]. See `decode_jpeg`."""
    return _bytes(_frames(_opened(contents, ("GIF",))))


def _frames(image: Any) -> np.ndarray:
    found = []
    for i in range(getattr(image, "n_frames", 1)):
        image.seek(i)
        found.append(_pixels(image, 3))
    return np.stack(found)


def decode_image(contents: Any, channels: int | None = None, dtype: Any = dtypes.uint8, name: str | None = None,
                 expand_animations: bool = True) -> Tensor:
    """The image in a JPEG, PNG, BMP or GIF file, [height, width, channels]; see `decode_jpeg`.

    Args:
        dtype: floats are from 0 to 1; see `convert_image_dtype`.
        expand_animations: a GIF gives [frames, height, width, 3]; False: its first frame only.
    """
    image = _opened(contents, ("JPEG", "PNG", "BMP", "GIF"))
    pixels = _frames(image) if image.format == "GIF" and expand_animations else _pixels(image, channels)
    return convert_image_dtype(_bytes(pixels), dtype)


def _encoded(image: Any, kind: str, **options: Any) -> Tensor:
    library = _pillow()
    x = convert_to_tensor(image)
    if not isinstance(x, EagerTensor):
        raise errors.UnimplementedError(
            f"Files are written before a compiled program runs. Received: {x!r}. Call it outside of `@tf.function`.")
    pixels = x.numpy()
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] not in _MODES:
        raise errors.InvalidArgumentError(
            f"`image` is uint8[height, width, channels] with 1 to 4 channels. Received: {pixels.dtype}{list(pixels.shape)}.")
    file = io.BytesIO()
    library.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, kind, **options)
    return string_tensor(file.getvalue())


def encode_jpeg(image: Any, format: str = "", quality: int = 95, progressive: bool = False, optimize_size: bool = False,
                chroma_downsampling: bool = True, density_unit: str = "in", x_density: int = 300, y_density: int = 300,
                xmp_metadata: str = "", name: str | None = None) -> Tensor:
    """A JPEG file, as a scalar string, of an image uint8[height, width, 1 or 3].

    Args:
        quality: from 0 to 100. Default 95.
        progressive, optimize_size, chroma_downsampling: as they say. Others are accepted for compatibility.
    """
    return _encoded(image, "JPEG", quality=quality, progressive=progressive, optimize=optimize_size,
                    subsampling=2 if chroma_downsampling else 0)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """A PNG file, as a scalar string, of an image uint8[height, width, 1 to 4].

    >>> import treadle as tf
    >>> x = tf.constant([[[1, 2, 3]]], tf.uint8)
    >>> tf.image.decode_png(tf.image.encode_png(x)).numpy().tolist()
    [[[1, 2, 3]]]
    """
    return _encoded(image, "PNG", **({} if compression < 0 else {"compress_level": compression}))


errors.shield(globals())
