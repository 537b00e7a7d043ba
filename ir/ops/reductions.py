"""Reductions along axes, cumulative reductions and orderings.

Every reduction keeps the dtype of its operand (TensorFlow's rule: the sum of int8 is int8 and wraps around).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Axes, Axis, Bool, Dtype, Int
from treadle.ir.dims import Size
from treadle.ir.op import Operand, on_sizes, op
from treadle.ir.ops.arrays import broadcast_to, reshape, transpose
from treadle.ir.ops.elementary import is_finite
from treadle.ir.ops.elementwise import cast, divide_float, exp, zeros_like
from treadle.ir.ops.indexing import scatter_rows_add
from treadle.ir.ops.logic import equal
from treadle.ir.ops.rules import (
    BOOL,
    COMPLEX,
    FLOATS,
    INTEGERS,
    NUMBERS,
    REALS,
    conj,
    count_as_number,
    require,
    require_rank_at_least,
    show,
    unary,
)
from treadle.ir.ops.select import select
from treadle.ir.types import TensorType, product


def _kept(shape: tuple[Size, ...], axis: tuple[int, ...]) -> tuple[Size, ...]:
    return tuple(1 if i in axis else s for i, s in enumerate(shape))


def reduced(*allowed: Any) -> Callable[..., TensorType]:
    """Type rule: the axes disappear, or with `keepdims` have size 1."""
    def infer(x: TensorType, *, axis: tuple[int, ...], keepdims: bool) -> TensorType:
        require(x, allowed, "input_tensor")
        if keepdims:
            return x.with_shape(_kept(x.shape, axis))
        return x.with_shape([s for i, s in enumerate(x.shape) if i not in axis])
    return infer


def _spread(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """A reduction's result or cotangent, repeated along the reduced axes."""
    return broadcast_to(reshape(g, shape=_kept(x.type.shape, axis)), shape=x.type.shape)


def _count(x: Any, axis: tuple[int, ...]) -> Any:
    return count_as_number(product([x.type.shape[a] for a in axis]), x.dtype)


# --- sums and products ----------------------------------------------------------------------------------------------


@op(infer=reduced(*NUMBERS), lower=lambda xp, x, *, axis, keepdims: xp.sum(x, axis, dtype=x.dtype, keepdims=keepdims),
    vjp=(lambda g, y, x, *, axis, keepdims: _spread(g, x, axis),),
    sizes=on_sizes(lambda x, *, axis, keepdims: np.sum(x, axis, keepdims=keepdims)))
def reduce_sum(input_tensor, *, axis: Axes = None, keepdims: Bool = False):
    """The sum along `axis` (an axis, a list of them, or None for all); 0 for no elements.

    >>> import treadle as tf
    >>> tf.reduce_sum([[1, 2], [3, 4]], axis=0).numpy().tolist()
    [4, 6]
    """


def _mean(xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    if xp.issubdtype(x.dtype, xp.inexact):
        return xp.mean(x, axis, keepdims=keepdims)
    total = xp.sum(x, axis, dtype=x.dtype, keepdims=keepdims)
    return xp.lax.div(total, xp.full_like(total, max(1, product([x.shape[a] for a in axis]))))


@op(infer=reduced(*NUMBERS), lower=_mean,
    vjp=(lambda g, y, x, *, axis, keepdims: divide_float(_spread(g, x, axis), _count(x, axis)),))
def reduce_mean(input_tensor, *, axis: Axes = None, keepdims: Bool = False):
    """The mean along `axis`; NaN for no elements. The mean of integers is cut off to an integer.

    >>> import treadle as tf
    >>> tf.reduce_mean([1.0, 2.0, 6.0]).numpy()
    np.float32(3.0)
    """


def _product_gradient(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    # The product of all other elements, without dividing by one that may be 0: products from the left and the right.
    shape = x.type.shape
    rest = tuple(a for a in range(len(shape)) if a not in axis)
    order = (*rest, *axis)
    moved = transpose(x, perm=order)
    flat = reshape(moved, shape=(*(shape[a] for a in rest), product([shape[a] for a in axis])))
    others = (cumprod(flat, axis=len(rest), exclusive=True)
              * cumprod(flat, axis=len(rest), exclusive=True, reverse=True))
    others = transpose(reshape(others, shape=moved.type.shape), perm=tuple(np.argsort(order).tolist()))
    return _spread(g, x, axis) * conj(others)


@op(infer=reduced(*NUMBERS), lower=lambda xp, x, *, axis, keepdims: xp.prod(x, axis, dtype=x.dtype, keepdims=keepdims),
    vjp=(_product_gradient,), sizes=on_sizes(lambda x, *, axis, keepdims: np.prod(x, axis, keepdims=keepdims)))
def reduce_prod(input_tensor, *, axis: Axes = None, keepdims: Bool = False):
    """The product along `axis`; 1 for no elements. The gradient is exact where elements are 0."""


# --- extremes -------------------------------------------------------------------------------------------------------


def _extreme_gradient(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    chosen = cast(equal(x, _spread(y, x, axis)), dtype=x.dtype)
    share = divide_float(g, reduce_sum(chosen, axis=axis, keepdims=keepdims))
    return _spread(share, x, axis) * chosen


def _lowest(dtype: Any, sign: int) -> Any:
    if np.issubdtype(dtype, np.integer):
        return np.iinfo(dtype).min if sign < 0 else np.iinfo(dtype).max
    return sign * np.inf


@op(infer=reduced(*REALS),
    lower=lambda xp, x, *, axis, keepdims: xp.max(x, axis, keepdims=keepdims, initial=_lowest(x.dtype, -1)),
    vjp=(_extreme_gradient,))
def reduce_max(input_tensor, *, axis: Axes = None, keepdims: Bool = False):
    """The largest element along `axis`; NaN if there is one; the dtype's lowest value for no elements.

    Where several are largest, the gradient is shared equally.
    """


@op(infer=reduced(*REALS),
    lower=lambda xp, x, *, axis, keepdims: xp.min(x, axis, keepdims=keepdims, initial=_lowest(x.dtype, 1)),
    vjp=(_extreme_gradient,))
def reduce_min(input_tensor, *, axis: Axes = None, keepdims: Bool = False):
    """The smallest element along `axis`; NaN if there is one; the dtype's highest value for no elements.

    Where several are smallest, the gradient is shared equally.
    """


def _place_infer(input: TensorType, *, axis: int | None, output_type: Any) -> TensorType:
    require(input, REALS + BOOL, "input")
    require_rank_at_least(input, 1, "input")
    axis = axis or 0
    if input.shape[axis] == 0:
        raise errors.InvalidArgumentError(
            f"There is no largest or smallest of no elements. Received: shape {show(input.shape)}, axis={axis}.")
    return TensorType.of(output_type, [s for i, s in enumerate(input.shape) if i != axis])


def _argmax(xp: Any, x: Any, *, axis: int | None, output_type: Any) -> Any:
    return xp.cast(xp.lax.argmax(x, axis or 0, np.int32), output_type)


def _argmin(xp: Any, x: Any, *, axis: int | None, output_type: Any) -> Any:
    return xp.cast(xp.lax.argmin(x, axis or 0, np.int32), output_type)


@op(infer=_place_infer, lower=_argmax)
def argmax(input, *, axis: Axis = None, output_type: Dtype = dtypes.int64):
    """The place of the largest element along `axis` (default 0), the first of several; NaN counts as largest.

    >>> import treadle as tf
    >>> tf.argmax([3.0, 5.0, 5.0]).numpy()
    np.int64(1)
    """


@op(infer=_place_infer, lower=_argmin)
def argmin(input, *, axis: Axis = None, output_type: Dtype = dtypes.int64):
    """The place of the smallest element along `axis` (default 0), the first of several; NaN counts as smallest."""


@op(infer=reduced(*BOOL), lower=lambda xp, x, *, axis, keepdims: xp.any(x, axis, keepdims=keepdims), traits="exact")
def reduce_any(input_tensor: Operand(dtypes.bool_), *, axis: Axes = None, keepdims: Bool = False):  # type: ignore[valid-type]
    """True where any element along `axis` is; False for no elements."""


@op(infer=reduced(*BOOL), lower=lambda xp, x, *, axis, keepdims: xp.all(x, axis, keepdims=keepdims), traits="exact")
def reduce_all(input_tensor: Operand(dtypes.bool_), *, axis: Axes = None, keepdims: Bool = False):  # type: ignore[valid-type]
    """True where all elements along `axis` are; True for no elements."""


# --- cumulative reductions ------------------------------------------------------------------------------------------


def _shifted(xp: Any, y: Any, axis: int, reverse: bool, first: Any) -> Any:
    """A cumulative result moved on by one place, with `first` where it begins: what `exclusive` means."""
    if y.shape[axis] == 0:
        return y
    pads = [(0, 0, 0)] * y.ndim
    pads[axis] = (-1, 1, 0) if reverse else (1, -1, 0)
    return xp.lax.pad(y, np.asarray(first, y.dtype), pads)


def _cumulative(function: str, first: Any) -> Callable[..., Any]:
    def lower(xp: Any, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
        y = getattr(xp.lax, function)(x, axis, reverse=reverse)
        return _shifted(xp, y, axis, reverse, first) if exclusive else y
    return lower


def _cumulative_infer(*allowed: Any) -> Callable[..., TensorType]:
    def infer(x: TensorType, *, axis: int, exclusive: bool, reverse: bool) -> TensorType:
        require(x, allowed)
        return x
    return infer


@op(infer=_cumulative_infer(*NUMBERS), lower=_cumulative("cumsum", 0),
    vjp=(lambda g, y, x, *, axis, exclusive, reverse: cumsum(g, axis=axis, exclusive=exclusive, reverse=not reverse),))
def cumsum(x, *, axis: Axis = 0, exclusive: Bool = False, reverse: Bool = False):
    """The sums of the elements so far along `axis`: [a, a + b, a + b + c].

    Args:
        exclusive: leave each element itself out: [0, a, a + b].
        reverse: begin at the end: [a + b + c, b + c, c].
    """


def _cumprod_gradient(g: Any, y: Any, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    # Element i is a factor of every product from i on. What the others contribute, without a division:
    # (product before i) * s_i, where s_i = g_i + x_{i+1} s_{i+1} adds up the products after i.
    before = cumprod(x, axis=axis, exclusive=True, reverse=reverse)
    zero, one = cast(0.0, dtype=x.dtype), cast(1.0, dtype=x.dtype)
    following = shift(conj(x), one, axis=axis, reverse=not reverse)
    if exclusive:
        g = shift(g, zero, axis=axis, reverse=not reverse)
    return conj(before) * linear_recurrence(following, g, axis=axis, reverse=not reverse)


@op(infer=_cumulative_infer(*NUMBERS), lower=_cumulative("cumprod", 1), vjp=(_cumprod_gradient,))
def cumprod(x, *, axis: Axis = 0, exclusive: Bool = False, reverse: Bool = False):
    """The products of the elements so far along `axis`: [a, a b, a b c]; `exclusive` and `reverse` as in `cumsum`.

    The gradient is exact where elements are 0.
    """


@op(infer=lambda x, fill, *, axis, reverse: x,
    lower=lambda xp, x, fill, *, axis, reverse: x if x.shape[axis] == 0 else xp.lax.pad(
        x, fill, [((-1, 1, 0) if reverse else (1, -1, 0)) if i == axis else (0, 0, 0) for i in range(x.ndim)]),
    vjp=(lambda g, y, x, fill, *, axis, reverse: shift(g, cast(0.0, dtype=g.dtype), axis=axis, reverse=not reverse),
         None))
def shift(x, fill, *, axis: Axis, reverse: Bool):
    """x moved on by one place along `axis` (back, with `reverse`), the constant `fill` where it begins."""


def _recurrence(xp: Any, a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    def step(before: Any, after: Any) -> Any:
        return before[0] * after[0], after[0] * before[1] + after[1]
    return xp.lax.associative_scan(step, (a, b), reverse=reverse, axis=axis)[1]


def _recurrence_gradients(g: Any, s: Any, a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    zero = cast(0.0, dtype=a.dtype)
    db = linear_recurrence(conj(shift(a, zero, axis=axis, reverse=not reverse)), g, axis=axis, reverse=not reverse)
    return db * conj(shift(s, zero, axis=axis, reverse=reverse)), db


@op(infer=lambda a, b, *, axis, reverse: unary(*FLOATS, *COMPLEX)(b), lower=_recurrence, vjp=_recurrence_gradients)
def linear_recurrence(a, b, *, axis: Axis, reverse: Bool = False):
    """s with s_i = a_i s_{i-1} + b_i along `axis`, s before the first element being 0."""


def _exp_or_zero(x: Any) -> Any:
    """exp(x), and 0 where x is not finite: -inf, or the difference of two of them."""
    return select(is_finite(x), exp(x), zeros_like(x))


def _cumulative_logsumexp_gradient(g: Any, y: Any, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    # The cotangent of x_i is the sum over j from i on of g_j exp(x_i - y_j) = exp(x_i - y_i) s_i, where
    # s_i = g_i + exp(y_i - y_{i+1}) s_{i+1}. Both exponents are at most 0: nothing overflows.
    if exclusive:
        y = cumulative_logsumexp(x, axis=axis, reverse=reverse)
        g = shift(g, cast(0.0, dtype=g.dtype), axis=axis, reverse=not reverse)
    following = shift(y, cast(np.inf, dtype=y.dtype), axis=axis, reverse=not reverse)
    return _exp_or_zero(x - y) * linear_recurrence(_exp_or_zero(y - following), g, axis=axis, reverse=not reverse)


@op(infer=_cumulative_infer(*FLOATS), lower=_cumulative("cumlogsumexp", -np.inf), vjp=(_cumulative_logsumexp_gradient,))
def cumulative_logsumexp(x, *, axis: Axis = 0, exclusive: Bool = False, reverse: Bool = False):
    """log of the sum of exp of the elements so far along `axis`; `exclusive` and `reverse` as in `cumsum`."""


# --- order ----------------------------------------------------------------------------------------------------------


def _top_k_infer(input: TensorType, *, k: int, sorted: bool, index_type: Any) -> tuple[TensorType, TensorType]:
    require(input, REALS, "input")
    require_rank_at_least(input, 1, "input")
    last = input.shape[-1]
    if dims.is_known(k) and (k < 0 or (dims.is_known(last) and k > last)):
        raise errors.InvalidArgumentError(
            f"`k` must not be negative, nor more than the size of the last axis. Received: k={k}, shape {show(input.shape)}.")
    shape = (*input.shape[:-1], k)
    return TensorType.of(input.dtype, shape), TensorType.of(index_type, shape)


def _top_k(xp: Any, x: Any, *, k: int, sorted: bool, index_type: Any) -> Any:
    values, indices = xp.lax.top_k(x, k)
    return values, xp.cast(indices, index_type)


def _at_places(g: Any, x: Any, indices: Any, axis: int) -> Any:
    """The cotangent of x, for g of the elements taken at `indices` along `axis` (row by row)."""
    moved = [a for a in range(len(x.type.shape)) if a != axis] + [axis]
    back = tuple(np.argsort(moved).tolist())
    shape = tuple(x.type.shape[a] for a in moved)
    rows = scatter_rows_add(transpose(g, perm=moved), transpose(indices, perm=moved), shape=shape,
                            axis=len(shape) - 1, batch_dims=len(shape) - 1)
    return transpose(rows, perm=back)


@op(infer=_top_k_infer, lower=_top_k, many=True,
    vjp=(lambda g, y, input, *, k, sorted, index_type: _at_places(g[0], input, y[1], len(input.type.shape) - 1),))
def top_k_values_and_indices(input, *, k: Int = 1, sorted: Bool = True, index_type: Dtype = dtypes.int32):
    """The k largest elements along the last axis in falling order, and their places; NaN counts as largest."""


def _sort(xp: Any, x: Any, *, axis: int, descending: bool) -> Any:
    places = xp.lax.broadcasted_iota(np.int32, x.shape, axis)
    key = x
    if descending:
        key = xp.negative(x) if xp.issubdtype(x.dtype, xp.floating) else xp.invert(x)
    _, values, places = xp.lax.sort((key, x, places), dimension=axis, is_stable=True, num_keys=1)
    return values, places


@op(infer=lambda x, *, axis, descending: (unary(*INTEGERS, *FLOATS)(x), x.with_dtype(dtypes.int32)), lower=_sort,
    vjp=(lambda g, y, x, *, axis, descending: _at_places(g[0], x, y[1], axis),), many=True)
def sort_with_indices(x, *, axis: Axis, descending: Bool = False):
    """The elements in rising (or falling) order along `axis`, and their places. Equals keep their order; NaN is last"""
