"""Resampling along one axis: each output element is a weighted mean of the input around its position.

Output element o of n stands at the position (o + 0.5) * size / n - 0.5 of the input. A method is a kernel: the weight of
an element by its distance from there. With `antialias` the kernel is stretched over the size / n elements that one output
element stands for when the output is smaller. The weights of one output element add up to 1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dims, errors
from treadle.ir.attributes import Axis, Bool, Int, Str
from treadle.ir.op import op
from treadle.ir.ops.rules import FLOATS, require
from treadle.ir.types import TensorType


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - x, 0)


def _cubic(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    """Mitchell and Netravali's family of piecewise cubic kernels; (0, 0.5) is Keys' with a = -0.5."""
    def kernel(x: np.ndarray) -> np.ndarray:
        near = ((12 - 9 * b - 6 * c) * x - 18 + 12 * b + 6 * c) * x * x + 6 - 2 * b
        far = (((-b - 6 * c) * x + 6 * b + 30 * c) * x - 12 * b - 48 * c) * x + 8 * b + 24 * c
        return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6
    return kernel


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x * x), 0)


# The weight of an element at a distance >= 0.
KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bilinear": _triangle,
    "bicubic": _cubic(0, 0.5),
    "mitchellcubic": _cubic(1 / 3, 1 / 3),
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
    "gaussian": _gaussian,
}
METHODS = ("nearest", "area", *KERNELS)


def weights(size: int, output_size: int, method: str, antialias: bool) -> np.ndarray:
    """The weight of each input element in each output element, f64[size, output_size]."""
    step = size / max(output_size, 1)
    elements, outputs = np.arange(size)[:, None], np.arange(output_size)[None, :]
    if method == "nearest":
        return (elements == nearest(size, output_size)).astype(np.float64)
    if method == "area":  # how much of the output's stretch [o, o + 1) * step each element covers
        overlap = np.minimum(elements + 1, (outputs + 1) * step) - np.maximum(elements, outputs * step)
        return np.maximum(overlap, 0) / step
    stretch = max(step, 1.0) if antialias else 1.0
    found = KERNELS[method](np.abs(elements - ((outputs + 0.5) * step - 0.5)) / stretch)
    return found / found.sum(0)


def nearest(size: int, output_size: int) -> np.ndarray:
    """The input element that each output element is a copy of."""
    return np.minimum(np.floor((np.arange(output_size) + 0.5) * (size / max(output_size, 1))), size - 1).astype(np.int32)


def _require_method(method: str) -> None:
    if method not in METHODS:
        raise errors.InvalidArgumentError(
            f"The method of resampling is one of {', '.join(map(repr, METHODS))}. Received: {method!r}.")


def _resize_infer(input: TensorType, *, axis: int, size: Any, method: str, antialias: bool) -> TensorType:
    _require_method(method)
    if method != "nearest":
        require(input, FLOATS, "input")
    if dims.is_known(size) and size < 1 or dims.is_known(input.shape[axis]) and input.shape[axis] < 1:
        raise errors.InvalidArgumentError(
            f"An axis of at least 1 element is resized to at least 1. Received: {input.shape[axis]} and {size}.")
    return input.with_shape((*input.shape[:axis], size, *input.shape[axis + 1:]))


def _along(xp: Any, x: Any, matrix: np.ndarray, axis: int) -> Any:
    product = xp.tensordot(x, xp.asarray(matrix, x.dtype), axes=[[axis], [0]], precision="highest")
    return xp.moveaxis(product, -1, axis)


def _resize_lower(xp: Any, x: Any, *, axis: int, size: int, method: str, antialias: bool) -> Any:
    if method == "nearest":
        return xp.take(x, nearest(x.shape[axis], size), axis=axis, mode="clip")
    return _along(xp, x, weights(x.shape[axis], size, method, antialias), axis)


@op(infer=_resize_infer, lower=_resize_lower,
    vjp=(lambda g, y, input, *, axis, size, method, antialias: resize_axis_transpose(
        g, axis=axis, size=input.type.shape[axis], method=method, antialias=antialias),))
def resize_axis(input, *, axis: Axis, size: Int, method: Str = "bilinear", antialias: Bool = False):
    """The tensor with `size` elements along `axis`, by "nearest" (any dtype), "area", or one of `KERNELS` (floats)."""


@op(infer=lambda g, *, axis, size, method, antialias: g.with_shape((*g.shape[:axis], size, *g.shape[axis + 1:])),
    lower=lambda xp, g, *, axis, size, method, antialias: _along(
        xp, g, weights(size, g.shape[axis], method, antialias).T, axis),
    vjp=(lambda h, y, g, *, axis, size, method, antialias: resize_axis(
        h, axis=axis, size=g.type.shape[axis], method=method, antialias=antialias),))
def resize_axis_transpose(g, *, axis: Axis, size: Int, method: Str = "bilinear", antialias: Bool = False):
    """What each of the `size` elements gets of the cotangents of `resize_axis`."""
