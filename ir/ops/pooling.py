"""Pooling over any number of spatial axes, and the transposes that make it differentiable to any order.

Pooling is written as a maximum (or sum) of strided slices, one for each place in the window; its gradient gathers,
for each element of the input, from the few windows that hold it. XLA fuses both into plain loops, where its own
select-and-scatter walks element by element. On 2 CPU cores, for f32[32,64,64,32], in ms with reduce_window and its
gradient in brackets (the JAX way):

    window 2, stride 2    max forward 1.1 (1.4), backward 4.7 (80)    mean backward 2.3 (2.2)
    window 3, stride 2    max forward 2.6 (5.1), backward 6.0 (120)   mean backward 3.8 (28)
    window 3, stride 1    max forward 4.7 (19),  backward 37 (309)    mean backward 23 (28)
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.attributes import Any_, Bool, Dtype, Ints, Shape
from treadle.ir.op import Operand, op
from treadle.ir.ops import windows
from treadle.ir.ops.rules import FLOATS, REALS, require, show
from treadle.ir.types import TensorType


def _infer(x: TensorType, *, window: Any, strides: Any, padding: Any, dilations: Any,
           channels_first: Any) -> TensorType:
    require(x, REALS, "input")
    if x.rank != len(window) + 2:
        raise errors.InvalidArgumentError(
            f"{len(window)}-D pooling takes an input of rank {len(window) + 2}. Received: shape {show(x.shape)}.")
    out = windows.output_sizes(windows.spatial(x.shape, channels_first), window, strides, padding, dilations)
    return x.with_shape(windows.arranged(x.shape[0], out, windows.channels_of(x, channels_first), channels_first))


def _around(middle: Any, edge: Any, channels_first: bool) -> tuple[Any, ...]:
    """One entry for each axis of an image: `middle` for the spatial ones, `edge` for batch and channels."""
    return (edge, edge, *middle) if channels_first else (edge, *middle, edge)


# Above this many steps in a stride, the weaving of `_Geometry.gathered` takes XLA longer to compile than it saves.
_MOST_PHASES = 64


class _Geometry:
    """Everything about the windows over an input of a known shape."""

    def __init__(self, shape: Any, *, window: Any, strides: Any, padding: Any, dilations: Any, channels_first: bool):
        sizes = windows.spatial(shape, channels_first)
        self.shape, self.window, self.dilations, self.channels_first = shape, window, dilations, channels_first
        self.outs = windows.output_sizes(sizes, window, strides, padding, dilations)
        self.pads = windows.pads(sizes, window, strides, padding, dilations)
        self.strides = strides

    def padding(self) -> list[tuple[int, int, int]]:
        """For `lax.pad`: no windows hang over the end of the padded input, nor is any of it left over."""
        middle = []
        for size, out, w, s, d, (low, _) in zip(windows.spatial(self.shape, self.channels_first), self.outs,
                                                self.window, self.strides, self.dilations, self.pads):
            middle.append((low, windows.extent(out, s) + windows.extent(w, d) - 1 - size - low, 0))
        return list(_around(middle, (0, 0, 0), self.channels_first))

    def places(self) -> Iterator[tuple[int, ...]]:
        """The offset of each element of a window."""
        return itertools.product(*[range(0, w * d, d) for w, d in zip(self.window, self.dilations)])

    def slice(self, xp: Any, padded: Any, place: Any) -> Any:
        """The elements that stand at `place` in their windows, one for each window."""
        ends = [p + windows.extent(out, s) for p, out, s in zip(place, self.outs, self.strides)]
        edges = [n for n in (padded.shape[:2] if self.channels_first else (padded.shape[0], padded.shape[-1]))]
        start = _around(place, 0, self.channels_first)
        stop = list(_around(ends, 0, self.channels_first))
        stop[0], stop[1 if self.channels_first else -1] = edges
        return xp.lax.slice(padded, start, stop, _around(self.strides, 1, self.channels_first))

    def code(self, place: Any) -> Any:
        """A number for each offset in a window (a number or an array for each axis)."""
        total = 0
        for p, w, d in zip(place, self.window, self.dilations):
            total = total * windows.extent(w, d) + p
        return np.int32(total)

    def reduced(self, xp: Any, axis: int, best: Any, winner: Any) -> Any:
        """The maximum along one axis of the windows, and the code of where it stands, given those of later axes."""
        at = axis + (2 if self.channels_first else 1)
        place = [0] * len(self.window)
        found = code = None
        for i in range(self.window[axis]):
            start = i * self.dilations[axis]
            place[axis] = start
            stop = start + windows.extent(self.outs[axis], self.strides[axis])
            values = xp.lax.slice_in_dim(best, start, stop, self.strides[axis], at)
            codes = self.code(place)
            if winner is not None:
                codes = codes + xp.lax.slice_in_dim(winner, start, stop, self.strides[axis], at)
            if found is None:
                found, code = values, codes + xp.zeros(values.shape, xp.int32)
            else:
                code = xp.where(values > found, codes, code)
                found = xp.maximum(values, found)
        return found, code

    def gathered(self, xp: Any, term: Any, *arrays: Any) -> Any:
        """For each element of the input the sum of `term(place, *values)` over the windows that hold it.

        `arrays` have one value for each window. An element at position q * stride + r stands at place b * stride + r
        of window q - b: elements with the same r (a phase) see their windows as shifted arrays, without gaps.
        """
        blocks = [-(-windows.extent(w, d) // s) for w, d, s in zip(self.window, self.dilations, self.strides)]
        if set(blocks) == {1} and np.prod(self.strides) > _MOST_PHASES:
            return self._gathered_apart(xp, term, arrays)
        margin = _around([(b - 1, b - 1, 0) for b in blocks], (0, 0, 0), self.channels_first)
        counts = _around([out + b - 1 for out, b in zip(self.outs, blocks)], None, self.channels_first)
        padded = [xp.lax.pad(a, xp.zeros((), a.dtype), margin) for a in arrays]
        places = set(self.places())

        def phase(remainder: tuple[int, ...]) -> Any:
            total = None
            for block in itertools.product(*map(range, blocks)):
                place = tuple(b * s + r for b, s, r in zip(block, self.strides, remainder))
                if place in places:
                    start = _around([n - 1 - b for n, b in zip(blocks, block)], 0, self.channels_first)
                    values = [xp.lax.slice(p, start, [p.shape[i] if n is None else start[i] + n
                                                      for i, n in enumerate(counts)]) for p in padded]
                    part = term(place, *values)
                    total = part if total is None else xp.add(total, part)
            return total if total is not None else xp.zeros(
                [arrays[-1].shape[i] if n is None else n for i, n in enumerate(counts)], arrays[-1].dtype)

        def interleaved(remainder: tuple[int, ...]) -> Any:
            """All phases of the axes after those in `remainder`, woven together."""
            axis = len(remainder)
            if axis == len(self.strides):
                return phase(remainder)
            parts = [interleaved((*remainder, r)) for r in range(self.strides[axis])]
            if len(parts) == 1:
                return parts[0]
            at = axis + (2 if self.channels_first else 1)
            woven = xp.stack(parts, axis=at + 1)
            return woven.reshape(*woven.shape[:at], woven.shape[at] * woven.shape[at + 1], *woven.shape[at + 2:])

        return self._placed(xp, interleaved(()))

    def _gathered_apart(self, xp: Any, term: Any, arrays: Any) -> Any:
        """`gathered` for large windows that do not overlap: each window's value repeated, all places at once."""
        places, inside = [], np.array(True)
        for axis, (out, s, w, d) in enumerate(zip(self.outs, self.strides, self.window, self.dilations)):
            at = axis + (2 if self.channels_first else 1)
            offsets = np.tile(np.arange(s, dtype=np.int32), out)
            offsets = offsets.reshape([-1 if i == at else 1 for i in range(len(self.shape))])
            places.append(offsets)
            inside = inside & (offsets < windows.extent(w, d)) & (offsets % d == 0)
            arrays = [xp.repeat(array, s, axis=at) for array in arrays]
        found = xp.where(inside, term(places, *arrays), xp.zeros((), arrays[-1].dtype))
        return self._placed(xp, found)

    def _placed(self, xp: Any, found: Any) -> Any:
        """Values that start at the padding, cut and padded with zeros to the input's shape."""
        sizes = windows.spatial(self.shape, self.channels_first)
        middle = [(-low, n + low - have, 0) for n, (low, _), have in
                  zip(sizes, self.pads, windows.spatial(found.shape, self.channels_first))]
        return xp.lax.pad(found, xp.zeros((), found.dtype), _around(middle, (0, 0, 0), self.channels_first))


# --- maximum --------------------------------------------------------------------------------------------------------


def _lowest(xp: Any, dtype: Any) -> Any:
    floating = xp.issubdtype(dtype, xp.inexact)
    return xp.asarray(-xp.inf if floating else np.iinfo(dtype).min, dtype)


def _max_lower(xp: Any, x: Any, **how: Any) -> Any:
    geometry = _Geometry(x.shape, **how)
    padded = xp.lax.pad(x, _lowest(xp, x.dtype), geometry.padding())
    result = None
    for place in geometry.places():
        found = geometry.slice(xp, padded, place)
        result = found if result is None else xp.maximum(result, found)
    return result


@op(infer=_infer, lower=_max_lower, vjp=(lambda g, y, x, **how: max_pool_gradient(x, g, **how),))
def max_pool_op(input, *, window: Ints, strides: Ints, padding: Any_, dilations: Ints, channels_first: Bool):
    """The largest element of each window; padding never wins."""


def _winners(xp: Any, x: Any, geometry: _Geometry) -> Any:
    """The code of the place of each window's first maximum."""
    best = xp.lax.pad(x, _lowest(xp, x.dtype), geometry.padding())
    winner = None
    # One axis after the other, the last one first: of equal elements the first in the window's order wins.
    for axis in reversed(range(len(geometry.window))):
        best, winner = geometry.reduced(xp, axis, best, winner)
    # Each winner is looked at from several elements: computed once, not at each look.
    return xp.optimization_barrier(winner)


def _max_gradient_lower(xp: Any, x: Any, g: Any, **how: Any) -> Any:
    geometry = _Geometry(x.shape, **how)
    zero = xp.zeros((), g.dtype)
    return geometry.gathered(xp, lambda place, winner, g: xp.where(winner == geometry.code(place), g, zero),
                             _winners(xp, x, geometry), g)


@op(infer=lambda x, g, **how: x, lower=_max_gradient_lower,
    vjp=(None, lambda h, z, x, g, **how: max_pool_select(x, h, **how)))
def max_pool_gradient(input, gradients, *, window: Ints, strides: Ints, padding: Any_, dilations: Ints,
                      channels_first: Bool):
    """The cotangent of the input of `max_pool_op`: each window's goes to its first maximum."""


def _max_select_lower(xp: Any, x: Any, values: Any, **how: Any) -> Any:
    geometry = _Geometry(x.shape, **how)
    winner = _winners(xp, x, geometry)
    padded = xp.lax.pad(values, xp.zeros((), values.dtype), geometry.padding())
    total = xp.zeros(winner.shape, values.dtype)
    for place in geometry.places():
        total = xp.where(winner == geometry.code(place), geometry.slice(xp, padded, place), total)
    return total


def _select_infer(x: TensorType, values: TensorType, **how: Any) -> TensorType:
    return _infer(x, **how).with_dtype(values.dtype)


@op(infer=_select_infer, lower=_max_select_lower,
    vjp=(None, lambda h, z, x, values, **how: max_pool_gradient(x, h, **how)))
def max_pool_select(input, values, *, window: Ints, strides: Ints, padding: Any_, dilations: Ints,
                    channels_first: Bool):
    """For each window the element of `values` that stands where the window's first maximum stands in `input`."""


# --- average --------------------------------------------------------------------------------------------------------


def _over_counts(xp: Any, x: Any, geometry: _Geometry) -> Any:
    """Sums divided by how many elements of each window lie inside the input."""
    sizes = windows.spatial(geometry.shape, geometry.channels_first)
    for axis, (size, out, w, s, d, (low, _)) in enumerate(
            zip(sizes, geometry.outs, geometry.window, geometry.strides, geometry.dilations, geometry.pads)):
        at = np.arange(out)[:, None] * s - low + np.arange(w) * d
        counts = ((at >= 0) & (at < size)).sum(1)
        shape = [1] * x.ndim
        shape[axis + (2 if geometry.channels_first else 1)] = out
        x = xp.divide(x, xp.asarray(counts.reshape(shape), x.dtype))
    return x


def _avg_lower(xp: Any, x: Any, **how: Any) -> Any:
    geometry = _Geometry(x.shape, **how)
    padded = xp.lax.pad(x, xp.zeros((), x.dtype), geometry.padding())
    total = None
    for place in geometry.places():
        found = geometry.slice(xp, padded, place)
        total = found if total is None else xp.add(total, found)
    return _over_counts(xp, total, geometry)


def _avg_infer(x: TensorType, **how: Any) -> TensorType:
    require(x, FLOATS, "input")
    return _infer(x, **how)


@op(infer=_avg_infer, lower=_avg_lower,
    vjp=(lambda g, y, x, **how: avg_pool_gradient(g, shape=x.type.shape, **how),))
def avg_pool_op(input, *, window: Ints, strides: Ints, padding: Any_, dilations: Ints, channels_first: Bool):
    """The mean of each window; padding does not count."""


def _avg_gradient_lower(xp: Any, g: Any, *, shape: Any, **how: Any) -> Any:
    geometry = _Geometry(shape, **how)
    return geometry.gathered(xp, lambda place, g: g, xp.optimization_barrier(_over_counts(xp, g, geometry)))


@op(infer=lambda g, *, shape, **how: g.with_shape(shape), lower=_avg_gradient_lower,
    vjp=(lambda h, z, g, *, shape, **how: avg_pool_op(h, **how),))
def avg_pool_gradient(gradients, *, shape: Shape, window: Ints, strides: Ints, padding: Any_, dilations: Ints,
                      channels_first: Bool):
    """The cotangent of the input of `avg_pool_op`, which has the given shape."""


# --- where the maximum is -------------------------------------------------------------------------------------------


def _argmax_lower(xp: Any, x: Any, *, include_batch: bool, dtype: Any, **how: Any) -> Any:
    first = 0 if include_batch else 1
    numbers = xp.arange(np.prod(x.shape[first:], dtype=np.int64), dtype=dtype.numpy).reshape(x.shape[first:])
    return _max_select_lower(xp, x, xp.broadcast_to(numbers, x.shape), **how)


def _argmax_infer(x: TensorType, *, include_batch: Any, dtype: Any, **how: Any) -> TensorType:
    return _infer(x, **how).with_dtype(dtype)


@op(infer=_argmax_infer, lower=_argmax_lower)
def max_pool_argmax(input: Operand(), *, include_batch: Bool, dtype: Dtype, window: Ints,  # type: ignore[valid-type]
                    strides: Ints, padding: Any_, dilations: Ints, channels_first: Bool):
    """The place of each window's maximum in the flattened image, or in the flattened batch."""
