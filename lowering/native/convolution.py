"""Convolutions of images by the kernels of convolution.c.

Measured on 2 CPU cores (AMD EPYC, 512 bits), jax 0.10.2, ms beside XLA's own (Eigen's), batch 32, filters of 3 x 3:

| images, channels, filters | convolution | gradient of the filters | of the images |
|---|---|---|---|
| 32 x 32, 3, 32  | 0.3 for 1.3 | 0.3 for 0.7 |             |
| 32 x 32, 32, 32 | 2.9 for 3.5 | 3.1 for 6.9 | 2.9 for 3.5 |
| 16 x 16, 32, 64 | 1.4 for 1.7 | 1.6 for 2.5 | 1.4 for 1.8 |
| 16 x 16, 64, 64 | 2.7 for 3.4 | 3.2 for 4.3 | 2.8 for 3.3 |

That is 180 to 220 of the 230 GFLOP/s that these cores have. Images of 7 x 7 to 56 x 56 with 64 to 1,024 channels: 0.6 to 1.0 of
XLA's time (7 x 7, 512: 1.0 to 1.2). With a stride, the gradient of the images is left to XLA: by the spread cotangent the
kernel takes 1.5 to 2.4 times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from treadle.ir.ops import convolution as ops
from treadle.ir.ops import windows
from treadle.lowering.native.library import Library, own_rule


def serves(name: str, dtype: np.dtype, shapes: Sequence[Sequence[Any]], attributes: Mapping[str, Any]) -> bool:
    """True if there is a kernel for an operation with operands of these shapes. Sizes may be open."""
    filters = attributes["shape"][-1] if "shape" in attributes else shapes[1][-1]  # of the result
    return (len(attributes["strides"]) == 2 and attributes["groups"] == 1 and not attributes["channels_first"]
            and (name != "convolution_input_gradient" or set(attributes["strides"]) == {1})
            and dtype == np.float32 and isinstance(filters, int) and filters > 0
            and Library.lanes() > 0 and filters % Library.lanes() == 0)


def convolution(xp: Any, x: Any, w: Any, **how: Any) -> Any:
    """As the op's own rule."""
    if not _is_here(xp, "convolution", x, w, how):
        return own_rule(ops.convolution)(xp, x, w, **how)
    pads = _pads(x.shape, w.shape, how)
    out = windows.output_sizes(x.shape[1:-1], w.shape[:-2], how["strides"], how["padding"], how["dilations"])
    return _call("treadle_convolution", (x.shape[0], *out, w.shape[-1]), x, w, how["strides"], pads, how["dilations"])


def input_gradient(xp: Any, w: Any, g: Any, **how: Any) -> Any:
    """As the op's own rule: the cotangent convolved with the flipped filters."""
    if not _is_here(xp, "convolution_input_gradient", w, g, how):
        return own_rule(ops.convolution_input_gradient)(xp, w, g, **how)
    pads = _pads(how["shape"], w.shape, how)
    before = [(windows.extent(k, d) - 1 - low, 0) for k, d, (low, _) in zip(w.shape, how["dilations"], pads)]
    flipped = xp.swapaxes(xp.flip(w, (0, 1)), 2, 3)
    return _call("treadle_convolution", how["shape"], g, flipped, how["strides"], before, how["dilations"])


def filter_gradient(xp: Any, x: Any, g: Any, **how: Any) -> Any:
    """As the op's own rule."""
    if not _is_here(xp, "convolution_filter_gradient", x, g, how):
        return own_rule(ops.convolution_filter_gradient)(xp, x, g, **how)
    pads = _pads(x.shape, how["shape"], how)
    return _call("treadle_convolution_filter_gradient", how["shape"], x, g, how["strides"], pads, how["dilations"])


def _is_here(xp: Any, name: str, a: Any, b: Any, how: Mapping[str, Any]) -> bool:
    some = 0 not in (*a.shape, *b.shape, *how.get("shape", ()))
    return xp.native and some and serves(name, a.dtype, (a.shape, b.shape), how)


def _pads(images: Sequence[int], filters: Sequence[int], how: Mapping[str, Any]) -> list[tuple[int, int]]:
    return windows.pads(images[1:-1], filters[:-2], how["strides"], how["padding"], how["dilations"])


def _call(name: str, shape: Any, a: Any, b: Any, strides: Any, pads: Any, dilations: Any) -> Any:
    (top, _), (left, _) = pads
    how = np.array([*strides, top, left, *dilations], np.int64)
    return jax.ffi.ffi_call(name, jax.ShapeDtypeStruct(tuple(shape), np.float32))(a, b, how=how)
