"""Mathematics: the functions whose TensorFlow signature needs more than one op."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from treadle.ir import attributes, dims, dtypes, errors
from treadle.ir.op import Op
from treadle.ir.ops import elementwise
from treadle.ir.ops.arrays import expand_dims, reshape, size, stack
from treadle.ir.ops.elementary import imag, is_finite, real, softplus
from treadle.ir.ops.elementwise import (
    cast,
    conj_,
    divide_float,
    exp,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    rsqrt,
    sqrt,
    square,
)
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.logic import greater, less, less_equal, logical_and, not_equal
from treadle.ir.ops.reductions import (
    reduce_all,
    reduce_max,
    reduce_mean,
    reduce_sum,
    sort_with_indices,
    top_k_values_and_indices,
)
from treadle.ir.ops.rules import as_operand, as_operands, show
from treadle.ir.ops.select import select
from treadle.ir.ops.special import lgamma, ndtri
from treadle.ir.ops.structure import stop_gradient
from treadle.runtime.composites.arrays import ensure_shape, require_known
from treadle.runtime.composites.indexing import scatter_nd
from treadle.runtime.composites.linalg import global_norm
from treadle.runtime.tensor import Tensor

# --- arithmetic -----------------------------------------------------------------------------------------------------


def divide_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, and 0 where y is 0. Integers are converted first: 8 and 16 bits to float32, more to float64."""
    x, y = as_operands(x, y)
    if x.dtype.is_integer and y.dtype is x.dtype:
        wide = dtypes.float32 if x.dtype.size <= 2 else dtypes.float64
        x, y = cast(x, dtype=wide), cast(y, dtype=wide)
    return elementwise.divide_no_nan(x, y)


def reciprocal_no_nan(x: Any, name: str | None = None) -> Tensor:
    """1 / x, and 0 where x is 0."""
    x = as_operand(x)
    return elementwise.divide_no_nan(as_operand(1.0, x.dtype), x)


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Tensor:
    """A scalar times a tensor."""
    x = as_operand(x)
    scalar = as_operand(scalar, x.dtype)
    if scalar.type.shape:
        raise errors.InvalidArgumentError(f"`scalar` must be a scalar. Received: shape {show(scalar.type.shape)}.")
    return multiply(scalar, x)


def add_n(inputs: Sequence[Any], name: str | None = None) -> Tensor:
    """The sum of a list of tensors of one shape and dtype."""
    if not isinstance(inputs, (list, tuple)):
        return as_operand(inputs)
    if not inputs:
        raise errors.InvalidArgumentError("`inputs` must hold at least one tensor.")
    total, *rest = as_operands(*inputs)
    for term in rest:
        if len(term.type.shape) != len(total.type.shape) or any(
                dims.is_known(a, b) and a != b for a, b in zip(total.type.shape, term.type.shape)):
            raise errors.InvalidArgumentError(
                f"All tensors must have one shape. Received: {show(total.type.shape)} and {show(term.type.shape)}.")
        total = total + term
    return total


def accumulate_n(inputs: Sequence[Any], shape: Any = None, tensor_dtype: Any = None,
                 name: str | None = None) -> Tensor:
    """The sum of a list of tensors of one shape and dtype; `shape` and `tensor_dtype`, if given, must be theirs."""
    total = add_n(inputs)
    if shape is not None:
        total = ensure_shape(total, shape)
    if tensor_dtype is not None and dtypes.as_dtype(tensor_dtype) is not total.dtype:
        raise errors.DtypeError(f"`tensor_dtype` must be the tensors' dtype, {total.dtype.name}. Received: "
                                f"{dtypes.as_dtype(tensor_dtype).name}.")
    return total


def polyval(coeffs: Sequence[Any], x: Any, name: str | None = None) -> Tensor:
    """The polynomial coeffs[0] x^(n-1) + ... + coeffs[n-1], by Horner's rule.

    >>> import treadle as tf
    >>> tf.math.polyval([1.0, 2.0, 3.0], 2.0).numpy()
    np.float32(11.0)
    """
    if not isinstance(coeffs, (list, tuple)):
        raise errors.DtypeError(f"`coeffs` must be a list. Received: {coeffs!r}.")
    x = as_operand(x)
    if not coeffs:
        return elementwise.zeros_like(x)
    total, *rest = (as_operand(c, x.dtype) for c in coeffs)
    for c in rest:
        total = c + total * x
    return total


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """log(1 / (1 + exp(-x))), exact for very negative x."""
    return negative(softplus(negative(x)))


# --- clipping -------------------------------------------------------------------------------------------------------


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Tensor:
    """min(max(t, clip_value_min), clip_value_max). At the bounds the gradient still flows.

    >>> import treadle as tf
    >>> tf.clip_by_value([-2.0, 0.5, 2.0], -1, 1).numpy().tolist()
    [-1.0, 0.5, 1.0]
    """
    t = as_operand(t)
    return maximum(minimum(t, clip_value_max), clip_value_min)


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """t scaled down to have an L2 norm (along `axes`) of at most `clip_norm`."""
    t = as_operand(t)
    total = reduce_sum(t * t, axis=axes, keepdims=True)
    positive = greater(total, 0)
    # sqrt has no gradient at 0: there the norm is 0, whatever the slope.
    norm = select(positive, sqrt(select(positive, total, elementwise.ones_like(total))), total)
    return divide_float(t * clip_norm, maximum(norm, clip_norm))


def _values(t: Any) -> Any:
    """The values of an `IndexedSlices`, or the tensor itself."""
    return as_operand(t.values if hasattr(t, "values") and hasattr(t, "indices") else t)


def clip_by_global_norm(t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None,
                        name: str | None = None) -> tuple[list[Any], Tensor]:
    """The tensors scaled down together to have a global norm of at most `clip_norm`; and that norm before.

    A norm that is infinite or NaN makes every result NaN.
    """
    norm = global_norm([t if t is None else _values(t) for t in t_list]) if use_norm is None else as_operand(use_norm)
    scale = clip_norm * minimum(1 / norm, as_operand(1.0, norm.dtype) / clip_norm)
    scale = scale + (norm - norm)

    def clipped(t: Any) -> Any:
        if t is None:
            return None
        values = _values(t)
        scaled = values * (scale if scale.dtype is values.dtype else cast(scale, dtype=values.dtype))
        return type(t)(scaled, t.indices, t.dense_shape) if hasattr(t, "indices") else scaled
    return [clipped(t) for t in t_list], norm


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """`value` converted to `dtype`, numbers beyond its range becoming its smallest or largest value."""
    x, wanted = as_operand(value), dtypes.as_dtype(dtype)
    x = real(x) if x.dtype.is_complex and not wanted.is_complex else x
    if not (wanted.is_complex or wanted.is_bool or x.dtype.is_bool):
        if float(x.dtype.min) < float(wanted.min):
            x = maximum(x, as_operand(np.array(wanted.min).astype(x.dtype.numpy)))
        if float(x.dtype.max) > float(wanted.max):
            x = minimum(x, as_operand(np.array(wanted.max).astype(x.dtype.numpy)))
    return cast(x, dtype=wanted)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None) -> Tensor:
    """x / sqrt(max(sum(x^2), epsilon)) along `axis`.

    >>> import treadle as tf
    >>> tf.math.l2_normalize([3.0, 4.0]).numpy().round(4).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    x = as_operand(x)
    axis = dim if axis is None else axis
    squares = square(real(x)) + square(imag(x)) if x.dtype.is_complex else square(x)
    scale = rsqrt(maximum(reduce_sum(squares, axis=axis, keepdims=True), epsilon))
    return x * (cast(scale, dtype=x.dtype) if x.dtype.is_complex else scale)


# --- reductions -----------------------------------------------------------------------------------------------------


def reduce_logsumexp(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """log(sum(exp(x))) along `axis`, without overflow; -inf for no elements."""
    x = as_operand(input_tensor)
    top = reduce_max(x, axis=axis, keepdims=True)
    top = stop_gradient(select(is_finite(top), top, elementwise.zeros_like(top)))
    total = reduce_sum(exp(x - top), axis=axis, keepdims=keepdims)
    return log(total) + reshape(top, shape=total.type.shape)


def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The mean of |x - mean(x)|^2 along `axis`."""
    x = as_operand(input_tensor)
    if not x.dtype.is_differentiable:
        raise errors.DtypeError(f"`input_tensor` must be floating or complex. Received: {x.dtype.name}.")
    away = x - reduce_mean(x, axis=axis, keepdims=True)
    squares = real(away * conj_(away)) if x.dtype.is_complex else square(away)
    return reduce_mean(squares, axis=axis, keepdims=keepdims)


def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The standard deviation along `axis`: the square root of `reduce_variance`.

    >>> import treadle as tf
    >>> tf.math.reduce_std([1.0, 3.0]).numpy()
    np.float32(1.0)
    """
    return sqrt(reduce_variance(input_tensor, axis, keepdims))


def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False,
                          name: str | None = None) -> Tensor:
    """sqrt(sum(|x|^2)) along `axis`, in the dtype of x."""
    x = as_operand(input_tensor)
    if x.dtype.is_integer:
        wide = reduce_euclidean_norm(cast(x, dtype=dtypes.float64), axis, keepdims)
        return cast(wide, dtype=x.dtype)
    return sqrt(reduce_sum(x * conj_(x), axis=axis, keepdims=keepdims))


def count_nonzero(input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = dtypes.int64,
                  name: str | None = None) -> Tensor:
    """How many elements along `axis` are not 0."""
    x = as_operand(input)
    mask = x if x.dtype.is_bool else not_equal(x, as_operand(0, x.dtype))
    return cast(reduce_sum(cast(mask, dtype=dtypes.int64), axis=axis, keepdims=keepdims), dtype=dtype)


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The share of elements that are 0, as float32."""
    x = as_operand(value)
    zeros = cast(size(x), dtype=dtypes.float32) - cast(count_nonzero(x), dtype=dtypes.float32)
    return zeros / cast(size(x), dtype=dtypes.float32)


def _ordered(compare: Op) -> Callable[..., Tensor]:
    def function(x: Any, name: str | None = None) -> Tensor:
        flat = reshape(x, shape=(-1,))
        return reduce_all(compare(flat[:-1], flat[1:]))
    return function


is_non_decreasing = _ordered(less_equal)
is_non_decreasing.__name__, is_non_decreasing.__doc__ = "is_non_decreasing", "True if x[i] <= x[i + 1] for all i."
is_strictly_increasing = _ordered(less)
is_strictly_increasing.__name__, is_strictly_increasing.__doc__ = (
    "is_strictly_increasing", "True if x[i] < x[i + 1] for all i.")


# --- order ----------------------------------------------------------------------------------------------------------


class TopKV2(NamedTuple):
    """The result of `top_k`."""

    values: Tensor
    indices: Tensor


def top_k(input: Any, k: Any = 1, sorted: bool = True, index_type: Any = dtypes.int32,
          name: str | None = None) -> TopKV2:
    """The k largest elements along the last axis, in falling order, and their places; of equals the first come first.

    >>> import treadle as tf
    >>> tf.math.top_k([1, 5, 3], k=2).values.numpy().tolist()
    [5, 3]
    """
    return TopKV2(*top_k_values_and_indices(input, k=k, sorted=sorted, index_type=index_type))


def in_top_k(targets: Any, predictions: Any, k: Any, name: str | None = None) -> Tensor:
    """For each row: whether fewer than k predictions are larger than that of the target class.

    False where the target is no class, or where its prediction or any larger one is not finite.
    """
    targets, predictions = as_operand(targets), as_operand(predictions)
    classes = predictions.type.shape[1]
    count = classes if dims.is_known(classes) else size(predictions[0])
    inside = logical_and(greater(targets, -1), less(targets, count))
    places = select(inside, targets, 0)
    chosen = gather_rows(predictions, expand_dims(places, axis=1), axis=1, batch_dims=1)
    larger = reduce_sum(cast(greater(predictions, chosen), dtype=dtypes.int32), axis=1)
    valid = reduce_all(is_finite(predictions), axis=1)
    return logical_and(logical_and(valid, inside), less(larger, k))


def _direction(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise errors.InvalidArgumentError(f"`direction` must be ASCENDING or DESCENDING. Received: {direction!r}.")
    return direction == "DESCENDING"


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Tensor:
    """The elements in order along `axis`; NaN comes last.

    >>> import treadle as tf
    >>> tf.sort([3, 1, 2], direction="DESCENDING").numpy().tolist()
    [3, 2, 1]
    """
    return sort_with_indices(values, axis=axis, descending=_direction(direction))[0]


def argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False,
            name: str | None = None) -> Tensor:
    """The places of the elements in order along `axis`, as int32; equals keep their order."""
    return sort_with_indices(values, axis=axis, descending=_direction(direction))[1]


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = dtypes.int32,
                 name: str | None = None) -> Tensor:
    """Where each value would go into the sorted last axis: before equals (`side="left"`) or after them ("right")."""
    sequence, values = as_operands(sorted_sequence, values)
    if side not in ("left", "right"):
        raise errors.InvalidArgumentError(f"`side` must be 'left' or 'right'. Received: {side!r}.")
    before = (less if side == "left" else less_equal)(
        expand_dims(sequence, axis=-2), expand_dims(values, axis=-1))
    return cast(reduce_sum(cast(before, dtype=dtypes.int32), axis=-1), dtype=out_type)


def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """y with y[x[i]] = i, for a vector x that holds each of 0 ... n - 1 once."""
    return cast(sort_with_indices(x, axis=0)[1], dtype=as_operand(x).dtype)


# --- special functions ----------------------------------------------------------------------------------------------


def erfcinv(x: Any, name: str | None = None) -> Tensor:
    """The number whose erfc is x."""
    return ndtri(as_operand(x) * 0.5) * -math.sqrt(0.5)


def lbeta(x: Any, name: str | None = None) -> Tensor:
    """log |Beta(x)| along the last axis: sum(lgamma(x)) - lgamma(sum(x))."""
    x = as_operand(x)
    return reduce_sum(lgamma(x), axis=-1) - lgamma(reduce_sum(x, axis=-1))


# --- counting -------------------------------------------------------------------------------------------------------


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None,
                     dtype: Any = dtypes.int32, name: str | None = None) -> Tensor:
    """How often each label (row) met each prediction (column), each time counted with its weight (default 1).

    >>> import treadle as tf
    >>> tf.math.confusion_matrix([0, 1, 1], [0, 1, 0]).numpy().tolist()
    [[1, 0], [1, 1]]
    """
    labels, predictions = (reshape(as_operand(v), shape=(-1,)) for v in (labels, predictions))
    count = _class_count(num_classes, "confusion_matrix", "num_classes", labels, predictions)
    amount = as_operand(1, dtypes.as_dtype(dtype)) if weights is None else cast(weights, dtype=dtype)
    amount = amount + elementwise.zeros_like(cast(labels, dtype=dtype))
    places = stack([cast(labels, dtype=dtypes.int64), cast(predictions, dtype=dtypes.int64)], axis=1)
    return scatter_nd(places, amount, [count, count])


def _class_count(given: Any, function: str, argument: str, *values: Any) -> Any:
    if given is not None:
        return attributes.as_size(given)
    highest = [require_known(v, function, f"Give `{argument}=`.") for v in values]
    return max((int(h.max()) + 1 for h in highest if h.size), default=0)


errors.shield(globals())
