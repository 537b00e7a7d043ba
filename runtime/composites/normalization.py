"""Moments, batch normalization, local response normalization and dropout."""

from __future__ import annotations

from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.attributes import as_shape, as_size
from treadle.ir.ops import random as random_ops
from treadle.ir.ops.arrays import pad_with, reshape
from treadle.ir.ops.elementwise import cast, reciprocal, rsqrt, square, squared_difference, zeros_like
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.ops.reductions import reduce_mean, reduce_sum
from treadle.ir.ops.rules import count_as_number
from treadle.ir.ops.select import select
from treadle.ir.ops.structure import stop_gradient
from treadle.ir.types import product
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.generator import stream
from treadle.runtime.tensor import EagerTensor, Tensor


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False,
            name: str | None = None) -> tuple[Tensor, Tensor]:
    """The mean and the variance (mean squared deviation) along `axes`. Half precision is computed in float32.

    >>> import treadle as tf
    >>> mean, variance = tf.nn.moments([1.0, 3.0], axes=[0])
    >>> float(mean), float(variance)
    (2.0, 1.0)
    """
    x = convert_to_tensor(x)
    y = cast(x, dtype=dtypes.float32) if x.dtype.size == 2 and x.dtype.is_floating else x
    mean = reduce_mean(y, axes, keepdims=True)
    # The gradient of the mean cancels in sum((y - mean)^2).
    variance = reduce_mean(squared_difference(y, stop_gradient(mean)), axes, keepdims)
    mean = mean if keepdims else reshape(mean, variance.type.shape)
    return (mean, variance) if y is x else (cast(mean, dtype=x.dtype), cast(variance, dtype=x.dtype))


def weighted_moments(x: Any, axes: Any, frequency_weights: Any, keepdims: bool = False,
                     name: str | None = None) -> tuple[Tensor, Tensor]:
    """The mean and the variance along `axes` of elements that count `frequency_weights` times (broadcast to `x`).

    >>> import treadle as tf
    >>> mean, variance = tf.nn.weighted_moments([1.0, 3.0], [0], [1.0, 3.0])
    >>> float(mean), float(variance)
    (2.5, 0.75)
    """
    x = convert_to_tensor(x)
    y = cast(x, dtype=dtypes.float32) if x.dtype.size == 2 and x.dtype.is_floating else x
    weights = convert_to_tensor(frequency_weights, dtype_hint=y.dtype)
    weights = weights if weights.dtype is y.dtype else cast(weights, dtype=y.dtype)
    weights = weights + zeros_like(y)
    total = reduce_sum(weights, axes, keepdims=True)
    mean = reduce_sum(weights * y, axes, keepdims=True) / total
    variance = reduce_sum(weights * squared_difference(y, stop_gradient(mean)), axes, keepdims=True) / total
    if not keepdims:
        shape = reduce_sum(y, axes).type.shape
        mean, variance = reshape(mean, shape), reshape(variance, shape)
    return (mean, variance) if y is x else (cast(mean, dtype=x.dtype), cast(variance, dtype=x.dtype))


def sufficient_statistics(x: Any, axes: Any, shift: Any = None, keepdims: bool = False,
                          name: str | None = None) -> tuple[Tensor, Tensor, Tensor, Any]:
    """(count, sum(x - shift), sum((x - shift)^2), shift) along `axes`: what `normalize_moments` takes."""
    x = convert_to_tensor(x)
    ones = reduce_sum(x, axes, keepdims=True).type.shape
    reduced = product([n for n, kept in zip(x.type.shape, ones) if kept == 1])
    count = convert_to_tensor(count_as_number(reduced, x.dtype), x.dtype)
    if shift is not None:
        shift = convert_to_tensor(shift, x.dtype)
    moved = x if shift is None else x - shift
    return count, reduce_sum(moved, axes, keepdims), reduce_sum(square(moved), axes, keepdims), shift


def normalize_moments(counts: Any, mean_ss: Any, variance_ss: Any, shift: Any,
                      name: str | None = None) -> tuple[Tensor, Tensor]:
    """The mean and the variance from `sufficient_statistics`."""
    divisor = reciprocal(counts)
    moved = mean_ss * divisor
    mean = moved if shift is None else moved + shift
    return mean, variance_ss * divisor - square(moved)


def batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any,
                        name: str | None = None) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset; `offset` and `scale` may be None.

    >>> import treadle as tf
    >>> tf.nn.batch_normalization([1.0, 3.0], 2.0, 1.0, offset=10.0, scale=None, variance_epsilon=0.0).numpy().tolist()
    [9.0, 11.0]
    """
    x = convert_to_tensor(x)
    factor = rsqrt(convert_to_tensor(variance, dtype_hint=x.dtype) + variance_epsilon)
    if scale is not None:
        factor = factor * scale
    moved = -mean * factor if offset is None else offset - mean * factor
    if factor.dtype is not x.dtype:
        factor, moved = cast(factor, dtype=x.dtype), cast(moved, dtype=x.dtype)
    return x * factor + moved


def batch_norm_with_global_normalization(input: Any, mean: Any, variance: Any, beta: Any, gamma: Any,
                                         variance_epsilon: Any, scale_after_normalization: bool,
                                         name: str | None = None) -> Tensor:
    """`batch_normalization` with offset `beta`, and scale `gamma` if `scale_after_normalization`."""
    return batch_normalization(input, mean, variance, beta, gamma if scale_after_normalization else None,
                               variance_epsilon)


def local_response_normalization(input: Any, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0,
                                 beta: float = 0.5, name: str | None = None) -> Tensor:
    """x / (bias + alpha * sum of x^2 over the 2 * depth_radius + 1 nearest channels) ^ beta, channels last.

    >>> import treadle as tf
    >>> tf.nn.local_response_normalization([[[[2.0]]]], bias=0.0).numpy().item()
    1.0
    """
    x = convert_to_tensor(input)
    if x.type.rank != 4:
        raise errors.InvalidArgumentError(f"`input` must have rank 4. Received: shape {x.shape}.")
    squares = pad_with(square(x), 0.0, (0, 0, 0, 0, 0, 0, depth_radius, depth_radius))
    total: Any = None
    for start in range(2 * depth_radius + 1):
        end = (*x.type.shape[:3], x.type.shape[3] + start)
        part = strided_slice(squares, (0, 0, 0, start), end, (1, 1, 1, 1))
        total = part if total is None else total + part
    return x / (bias + alpha * total) ** beta


# --- dropout --------------------------------------------------------------------------------------------------------


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None) -> Tensor:
    """Each element becomes 0 with probability `rate`, else x / (1 - rate), so that the expectation stays the same.

    Args:
        x: a floating tensor.
        rate: a number in [0, 1), or a scalar tensor.
        noise_shape: the shape of the random choice, broadcast to that of `x`; axes of size 1 (or None: the axis of
            `x`) are kept or dropped as one.
        seed: an integer; with the global seed it selects the stream to draw from.

    >>> import treadle as tf
    >>> tf.nn.dropout([1.0, 2.0], rate=0).numpy().tolist()
    [1.0, 2.0]
    """
    return _dropout(x, rate, noise_shape, lambda: stream(seed).next_key())


def stateless_dropout(x: Any, rate: Any, seed: Any, rng_alg: Any = None, noise_shape: Any = None,
                      name: str | None = None) -> Tensor:
    """`dropout` that drops the same elements for the same `seed`, two integers."""
    return _dropout(x, rate, noise_shape, lambda: random_ops.stateless_key(seed))


def _dropout(x: Any, rate: Any, noise_shape: Any, key: Any) -> Tensor:
    x = convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise errors.DtypeError(f"`x` must be floating, since it is scaled. Received: dtype {x.dtype.name}.")
    known = rate.numpy() if isinstance(rate, EagerTensor) else rate
    if isinstance(known, (int, float)) or hasattr(known, "item"):
        if not 0 <= known < 1:
            raise errors.InvalidArgumentError(f"`rate` must be in [0, 1). Received: rate={known}.")
        if known == 0 and not isinstance(rate, Tensor):
            return x
    keep = 1 - convert_to_tensor(rate, dtype_hint=x.dtype)
    kept = random_ops.random_bernoulli(key(), cast(keep, dtype=dtypes.float32), shape=_noise_shape(noise_shape, x))
    return select(kept, x / cast(keep, dtype=x.dtype), zeros_like(x))


def _noise_shape(noise_shape: Any, x: Tensor) -> Any:
    if noise_shape is None:
        return x.type.shape
    if isinstance(noise_shape, (list, tuple)) and len(noise_shape) == x.type.rank:
        return tuple(n if given is None else as_size(given) for given, n in zip(noise_shape, x.type.shape))
    return as_shape(noise_shape)


errors.shield(globals())
