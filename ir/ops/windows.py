"""The geometry of sliding windows, which convolution and pooling share.

Along one axis: a window of `size` elements, `dilation` apart, moves over the input in steps of `stride`. Padding is
"VALID" (none), "SAME" (as little as makes the output ceil(input / stride) long, the odd element at the end), or a pair
of counts for each axis.
"""

from collections.abc import Sequence
from typing import Any

from treadle.ir import dims, errors
from treadle.ir.dims import Size
from treadle.ir.ops.rules import show
from treadle.ir.types import TensorType

Padding = Any  # "VALID", "SAME", or ((before, after), ...)


def extent(size: Size, dilation: int) -> Size:
    """How many elements a window spans, the gaps included."""
    return (size - 1) * dilation + 1


def output_sizes(sizes: Sequence[Size], window: Sequence[Size], strides: Sequence[int], padding: Padding,
                 dilations: Sequence[int]) -> tuple[Size, ...]:
    """How many places the window has along each axis. Raises InvalidArgumentError if there are none."""
    if padding == "SAME":
        return tuple((n + (s - 1)) // s for n, s in zip(sizes, strides))
    pads = ((0, 0),) * len(sizes) if padding == "VALID" else padding
    found = tuple((n + low + high - extent(w, d)) // s + 1
                  for n, w, s, d, (low, high) in zip(sizes, window, strides, dilations, pads))
    if any(dims.is_known(n) and n < 1 and not (dims.is_known(size) and size == 0) for n, size in zip(found, sizes)):
        raise errors.InvalidArgumentError(
            f"A window of size {show(window)} (dilations {show(dilations)}) does not fit into an input of size "
            f"{show(sizes)} with padding {padding}. Use a smaller window or padding='SAME'.")
    return tuple(dims.maximum(n, 0) if dims.is_known(n) else n for n in found)


def pads(sizes: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: Padding,
         dilations: Sequence[int]) -> list[tuple[int, int]]:
    """The padding of each axis as (before, after), for sizes that are known."""
    if padding == "VALID":
        return [(0, 0)] * len(sizes)
    if padding != "SAME":
        return list(padding)
    found = []
    for n, w, s, d in zip(sizes, window, strides, dilations):
        total = max((-(-n // s) - 1) * s + extent(w, d) - n, 0)
        found.append((total // 2, total - total // 2))
    return found


def spatial(shape: Sequence[Any], channels_first: bool) -> tuple[Any, ...]:
    """The sizes between batch and channels."""
    return tuple(shape[2:] if channels_first else shape[1:-1])


def arranged(batch: Size, middle: Sequence[Size], channels: Size, channels_first: bool) -> tuple[Size, ...]:
    """A shape from its parts: the inverse of `spatial`."""
    return (batch, channels, *middle) if channels_first else (batch, *middle, channels)


def channels_of(type: TensorType, channels_first: bool) -> Size:
    """The number of channels."""
    return type.shape[1 if channels_first else -1]
