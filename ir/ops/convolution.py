"""Convolution over any number of spatial axes, and its two transposes.

y[n, o, c] = sum over k, i of x[n, o * stride + k * dilation - pad, i] w[k, i, c], with w of shape [*window, i, c].
The map is linear in x and in w. Each op below is the transpose of another in one of them, so the three are closed
under differentiation:

    convolution(x, w)                   -> y
    convolution_input_gradient(w, y)    -> x   (also the transposed convolution)
    convolution_filter_gradient(x, y)   -> w
"""

from typing import Any

from treadle.ir import dims, errors
from treadle.ir.attributes import Any_, Bool, Int, Ints, Shape
from treadle.ir.op import op
from treadle.ir.ops import windows
from treadle.ir.ops.rules import FLOATS, require, same_dtype, show
from treadle.ir.types import TensorType


def _infer(x: TensorType, w: TensorType, *, strides: Any, padding: Any, dilations: Any, groups: Any,
           channels_first: Any) -> TensorType:
    dtype = same_dtype(x, w)
    require(x, FLOATS, "input")
    rank = len(strides)
    if x.rank != rank + 2 or w.rank != rank + 2:
        raise errors.InvalidArgumentError(
            f"A {rank}-D convolution takes an input and filters of rank {rank + 2}. Received: input of shape "
            f"{show(x.shape)}, filters of shape {show(w.shape)}.")
    channels = windows.channels_of(x, channels_first)
    if dims.is_known(channels, w.shape[-2], groups) and channels != w.shape[-2] * groups:
        raise errors.InvalidArgumentError(
            f"The input's channels must be a multiple of those the filters take, {w.shape[-2]} (the last axis but one "
            f"of filters {show(w.shape)}). Received: input of shape {show(x.shape)} with {channels} channels, "
            f"data format {'channels first' if channels_first else 'channels last'}.")
    if dims.is_known(groups, w.shape[-1]) and groups and w.shape[-1] % groups:
        raise errors.InvalidArgumentError(
            f"With {groups} groups of input channels the number of filters must be a multiple of {groups}. Received: "
            f"{w.shape[-1]} filters.")
    out = windows.output_sizes(windows.spatial(x.shape, channels_first), w.shape[:-2], strides, padding, dilations)
    return TensorType.of(dtype, windows.arranged(x.shape[0], out, w.shape[-1], channels_first))


def _letters(rank: int, channels_first: bool) -> tuple[str, str]:
    """The axes of images and of filters, as `lax` spells them."""
    middle = "XYZUVW"[:rank]
    return f"NC{middle}" if channels_first else f"N{middle}C", f"{middle}IO"


def _cropped(xp: Any, x: Any, pads: Any, dilations: Any, channels_first: bool) -> tuple[Any, Any, Any]:
    """The same without pads below 0, with which XLA's convolutions on CPU read outside of `x`."""
    if not any(isinstance(n, int) and n < 0 for ends in pads for n in ends):
        return x, pads, dilations
    spread = [(low, high, d - 1) for (low, high), d in zip(pads, dilations)]
    around = [(0, 0, 0)] * 2 + spread if channels_first else [(0, 0, 0), *spread, (0, 0, 0)]
    return xp.lax.pad(x, xp.zeros((), x.dtype), around), [(0, 0)] * len(spread), (1,) * len(spread)


def _lower(xp: Any, x: Any, w: Any, *, strides: Any, padding: Any, dilations: Any, groups: int,
           channels_first: bool) -> Any:
    images, filters = _letters(len(strides), channels_first)
    pads = windows.pads(windows.spatial(x.shape, channels_first), w.shape[:-2], strides, padding, dilations)
    return xp.lax.conv_general_dilated(x, w, strides, pads, rhs_dilation=dilations, feature_group_count=groups,
                                       dimension_numbers=(images, filters, images))


@op(infer=_infer, lower=_lower,
    vjp=(lambda g, y, x, w, **how: convolution_input_gradient(w, g, shape=x.type.shape, **how),
         lambda g, y, x, w, **how: convolution_filter_gradient(x, g, shape=w.type.shape, **how)))
def convolution(input, filters, *, strides: Ints, padding: Any_, dilations: Ints, groups: Int, channels_first: Bool):
    """The convolution (in the field's sense: no flip) of `input` with `filters`."""


# --- gradient with respect to the input -----------------------------------------------------------------------------


def _require_output(x: TensorType, w: TensorType, y: TensorType, how: dict[str, Any]) -> None:
    expected = _infer(x, w, **how)
    if any(dims.is_known(a, b) and a != b for a, b in zip(expected.shape, y.shape)) or expected.rank != y.rank:
        raise errors.InvalidArgumentError(
            f"A convolution of shape {show(x.shape)} with filters {show(w.shape)} has shape {show(expected.shape)}. "
            f"Received: a tensor of shape {show(y.shape)} to be transposed.")


def _input_gradient_infer(w: TensorType, g: TensorType, *, shape: Any, **how: Any) -> TensorType:
    x = TensorType.of(same_dtype(w, g), shape)
    _require_output(x, w, g, how)
    return x


def _input_gradient_lower(xp: Any, w: Any, g: Any, *, shape: Any, strides: Any, padding: Any, dilations: Any,
                          groups: int, channels_first: bool) -> Any:
    # The cotangent, spread out by the strides, convolved with the flipped filters.
    rank = len(strides)
    images, filters = _letters(rank, channels_first)
    window, sizes = w.shape[:-2], windows.spatial(shape, channels_first)
    outs = windows.spatial(g.shape, channels_first)
    pads = []
    for n, out, k, s, d, (low, _) in zip(sizes, outs, window, strides, dilations,
                                         windows.pads(sizes, window, strides, padding, dilations)):
        before = windows.extent(k, d) - 1 - low
        pads.append((before, n + windows.extent(k, d) - 1 - windows.extent(out, s) - before))
    g, pads, spread = _cropped(xp, g, pads, strides, channels_first)
    if groups > 1:
        inner, outer = w.shape[-2], w.shape[-1] // groups
        w = xp.moveaxis(w.reshape(*window, inner, groups, outer), -1, -3)  # [*window, outer, inner, groups]
        w = xp.swapaxes(w, -1, -2).reshape(*window, outer, groups * inner)
    else:
        filters = filters[:-2] + "OI"
    return xp.lax.conv_general_dilated(g, xp.flip(w, tuple(range(rank))), (1,) * rank, pads, lhs_dilation=spread,
                                       rhs_dilation=dilations, feature_group_count=groups,
                                       dimension_numbers=(images, filters, images))


@op(infer=_input_gradient_infer, lower=_input_gradient_lower,
    vjp=(lambda h, z, w, g, *, shape, **how: convolution_filter_gradient(h, g, shape=w.type.shape, **how),
         lambda h, z, w, g, *, shape, **how: convolution(h, w, **how)))
def convolution_input_gradient(filters, gradients, *, shape: Shape, strides: Ints, padding: Any_, dilations: Ints,
                               groups: Int, channels_first: Bool):
    """The cotangent of a convolution's input, which has the given shape."""


# --- gradient with respect to the filters ---------------------------------------------------------------------------


def _filter_gradient_infer(x: TensorType, g: TensorType, *, shape: Any, **how: Any) -> TensorType:
    w = TensorType.of(same_dtype(x, g), shape)
    _require_output(x, w, g, how)
    return w


def _filter_gradient_lower(xp: Any, x: Any, g: Any, *, shape: Any, strides: Any, padding: Any, dilations: Any,
                           groups: int, channels_first: bool) -> Any:
    # The input, its channels taken as its batch, convolved with the cotangent: strides and dilations change places.
    images, filters = _letters(len(strides), channels_first)
    window, sizes = shape[:-2], windows.spatial(x.shape, channels_first)
    outs = windows.spatial(g.shape, channels_first)
    pads = []
    for n, out, k, s, d, (low, _) in zip(sizes, outs, window, strides, dilations,
                                         windows.pads(sizes, window, strides, padding, dilations)):
        pads.append((low, windows.extent(k, d) - 1 + windows.extent(out, s) - n - low))
    x, pads, _ = _cropped(xp, x, pads, (1,) * len(strides), channels_first)
    swapped = images.translate(str.maketrans("NC", "CN"))
    as_filters = images.replace("N", "I").replace("C", "O")
    as_output = filters.replace("I", "N").replace("O", "C")
    return xp.lax.conv_general_dilated(x, g, dilations, pads, rhs_dilation=strides, batch_group_count=groups,
                                       dimension_numbers=(swapped, as_filters, as_output))


@op(infer=_filter_gradient_infer, lower=_filter_gradient_lower,
    vjp=(lambda h, z, x, g, *, shape, **how: convolution_input_gradient(h, g, shape=x.type.shape, **how),
         lambda h, z, x, g, *, shape, **how: convolution(x, h, **how)))
def convolution_filter_gradient(input, gradients, *, shape: Shape, strides: Ints, padding: Any_, dilations: Ints,
                                groups: Int, channels_first: Bool):
    """The cotangent of a convolution's filters, which have the given shape."""
