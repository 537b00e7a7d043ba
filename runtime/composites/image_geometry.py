"""Images flipped, turned, cut, framed, and cut into patches."""

from __future__ import annotations

from typing import Any

from treadle.ir import dims, errors
from treadle.ir.attributes import as_size
from treadle.ir.dims import Size
from treadle.ir.ops.arrays import expand_dims, reshape, reverse
from treadle.ir.ops.arrays import transpose as permute
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.rules import show
from treadle.ir.types import product
from treadle.runtime.composites.arrays import pad
from treadle.runtime.composites.arrays import range_ as arange
from treadle.runtime.composites.image_layout import as_padding, per_axis
from treadle.runtime.composites.image_resize import as_images
from treadle.runtime.composites.indexing import slice_
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor

# --- flips and turns ------------------------------------------------------------------------------------------------


def flip_left_right(image: Any, name: str | None = None) -> Tensor:
    """Images [(batch,) height, width, channels] with their columns in reversed order.

    >>> import treadle as tf
    >>> tf.image.flip_left_right([[[1], [2]]]).numpy().ravel().tolist()
    [2, 1]
    """
    return reverse(as_images(image), axis=[-2])


def flip_up_down(image: Any, name: str | None = None) -> Tensor:
    """Images [(batch,) height, width, channels] with their rows in reversed order."""
    return reverse(as_images(image), axis=[-3])


def transpose(image: Any, name: str | None = None) -> Tensor:
    """Images [(batch,) height, width, channels] with rows and columns swapped."""
    x = as_images(image)
    return permute(x, perm=[1, 0, 2] if x.type.rank == 3 else [0, 2, 1, 3])


def rot90(image: Any, k: Any = 1, name: str | None = None) -> Tensor:
    """Images turned counter-clockwise by `k` quarter turns. `k` must be known while tracing.

    >>> import treadle as tf
    >>> tf.image.rot90([[[1], [2]], [[3], [4]]]).numpy()[..., 0].tolist()
    [[2, 4], [1, 3]]
    """
    turns = as_size(k) % 4
    if turns == 0:
        return as_images(image)
    if turns == 2:
        return reverse(as_images(image), axis=[-3, -2])
    return transpose(flip_left_right(image)) if turns == 1 else flip_left_right(transpose(image))


# --- crops and frames -----------------------------------------------------------------------------------------------


def _whole(x: Tensor, middle: list[Any], of: int) -> list[Any]:
    """A number for each axis: those given for height and width; for the rest 0 (of=0) or the size (of=1)."""
    lead = [x.type.shape[0] if of else 0] if x.type.rank == 4 else []
    return [*lead, *middle, x.type.shape[-1] if of else 0]


def crop_to_bounding_box(image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any,
                         name: str | None = None) -> Tensor:
    """The part of the size target_height x target_width whose first pixel is (offset_height, offset_width).

    The offsets may be tensors whose values are only known when the program runs.

    Raises:
        InvalidArgumentError: the part reaches outside.

    >>> import treadle as tf
    >>> tf.image.crop_to_bounding_box(tf.reshape(tf.range(9), [3, 3, 1]), 1, 0, 1, 2).numpy().ravel().tolist()
    [3, 4]
    """
    x = as_images(image)
    size = _whole(x, [as_size(target_height), as_size(target_width)], of=1)
    if any(isinstance(n, int) and n < 1 for n in size[-3:-1]):
        raise errors.InvalidArgumentError(f"The target size must be positive. Received: {size[-3]} x {size[-2]}.")
    return slice_(x, _whole(x, [offset_height, offset_width], of=0), size)


def pad_to_bounding_box(image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any,
                        name: str | None = None) -> Tensor:
    """The image inside one of zeros of the size target_height x target_width, at (offset_height, offset_width).

    >>> import treadle as tf
    >>> tf.image.pad_to_bounding_box([[[5]]], 0, 1, 1, 3).numpy().ravel().tolist()
    [0, 5, 0]
    """
    x = as_images(image)
    top, left = as_size(offset_height), as_size(offset_width)
    bottom, right = as_size(target_height) - top - x.type.shape[-3], as_size(target_width) - left - x.type.shape[-2]
    if any(dims.is_known(n) and n < 0 for n in (top, left, bottom, right)):
        raise errors.InvalidArgumentError(
            f"The image, of shape {show(x.type.shape)}, must fit into the target. Received: offset_height={top}, "
            f"offset_width={left}, target_height={target_height}, target_width={target_width}.")
    return pad(x, [*[[0, 0]] * (x.type.rank - 3), [top, bottom], [left, right], [0, 0]])


def central_crop(image: Any, central_fraction: float) -> Tensor:
    """The middle of images: the share `central_fraction`, over 0 and up to 1, of height and width.

    >>> import treadle as tf
    >>> tf.image.central_crop(tf.ones([4, 8, 3]), 0.5).shape
    TensorShape([2, 4, 3])
    """
    x = as_images(image)
    if not 0.0 < central_fraction <= 1.0:
        raise errors.InvalidArgumentError(
            f"`central_fraction` is over 0 and at most 1. Received: central_fraction={central_fraction!r}.")
    rows, columns = x.type.shape[-3:-1]
    if not dims.is_known(rows, columns):
        raise errors.UnimplementedError(
            f"`central_crop` needs sizes that are known while tracing. Received: images of shape {show(x.type.shape)}.")
    top, left = (int((n - n * central_fraction) / 2) for n in (rows, columns))
    return crop_to_bounding_box(x, top, left, rows - 2 * top, columns - 2 * left)


def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any, name: str | None = None) -> Tensor:
    """Images of a size: the middle of them where they are larger, zeros around them where they are smaller.

    >>> import treadle as tf
    >>> tf.image.resize_with_crop_or_pad([[[1], [2], [3]]], 1, 1).numpy().ravel().tolist()
    [2]
    """
    x = as_images(image)
    height, width = as_size(target_height), as_size(target_width)
    rows, columns = x.type.shape[-3:-1]
    if any(isinstance(n, int) and n < 1 for n in (height, width)):
        raise errors.InvalidArgumentError(f"The target size must be positive. Received: {height} x {width}.")
    kept = dims.minimum(rows, height), dims.minimum(columns, width)
    top, left = (dims.maximum(dims.floordiv(a - b, 2), 0) for a, b in ((rows, height), (columns, width)))
    if kept != (rows, columns):
        x = crop_to_bounding_box(x, top, left, *kept)
    above, before = (dims.maximum(dims.floordiv(a - b, 2), 0) for a, b in ((height, rows), (width, columns)))
    return x if kept == (height, width) else pad_to_bounding_box(x, above, before, height, width)


# --- patches --------------------------------------------------------------------------------------------------------


def _places(size: Size, window: int, stride: int, rate: int, same: bool) -> tuple[Tensor, Size, tuple[Size, Size]]:
    """Along an axis: the element at each place of each window, how many windows there are, and the padding."""
    span = (window - 1) * rate + 1
    count = dims.floordiv(size + stride - 1, stride) if same else dims.floordiv(size - span, stride) + 1
    missing = dims.maximum((count - 1) * stride + span - size, 0) if same else 0
    low = dims.floordiv(missing, 2)
    return expand_dims(arange(count) * stride, axis=1) + arange(window) * rate, count, (low, missing - low)


def extract_patches(images: Any, sizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None) -> Tensor:
    """Windows of images, each one row of channels: [b, h, w, c] -> [b, rows, columns, height * width * c].

    Args:
        sizes: [1, height, width, 1] of a window.
        strides: [1, rows, columns, 1] from window to window.
        rates: [1, rows, columns, 1] from pixel to pixel in a window.
        padding: "VALID" (windows inside only) or "SAME" (zeros around the image, ceil(size / stride) windows).

    >>> import treadle as tf
    >>> patches = tf.image.extract_patches(tf.ones([1, 6, 6, 3]), [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID")
    >>> patches.shape
    TensorShape([1, 3, 3, 12])
    """
    x = convert_to_tensor(images)
    if x.type.rank != 4:
        raise errors.InvalidArgumentError(f"`images` has the shape [batch, height, width, channels]. Received: {x.shape}.")
    window, stride, rate = (per_axis(v, 2, False, n) for v, n in ((sizes, "sizes"), (strides, "strides"), (rates, "rates")))
    same = as_padding(padding, 2, False) == "SAME"
    batch, *area, channels = x.type.shape
    (rows, height, above), (columns, width, before) = (
        _places(*four, same) for four in zip(area, window, stride, rate))
    if same:
        x = pad(x, [[0, 0], above, before, [0, 0]])
    found = gather_rows(gather_rows(x, columns, axis=2), rows, axis=1)  # [b, rows, height, columns, width, c]
    return reshape(permute(found, perm=[0, 1, 3, 2, 4, 5]), (batch, height, width, product(window) * channels))


errors.shield(globals())
