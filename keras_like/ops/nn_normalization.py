"""`keras.ops.nn`: normalization and attention."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon as default_epsilon
from treadle.keras_like.ops import linalg
from treadle.keras_like.ops.axes import at_least_single, axes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, tensor


@operation
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """(mean, variance) along `axes`; in 16 bits, computed in 32."""
    if synchronized:
        raise tf.errors.UnimplementedError("There is one device only. Received: synchronized=True. Leave it out.")
    x = floating(x)
    wide = at_least_single(x)
    mean = tf.reduce_mean(wide, axis=axes, keepdims=keepdims)
    variance = tf.math.reduce_variance(wide, axis=axes, keepdims=keepdims)
    if wide.dtype is x.dtype:
        return mean, variance
    limits = tf.constant(tf.float16.min, wide.dtype), tf.constant(tf.float16.max, wide.dtype)
    return tuple(tf.cast(tf.clip_by_value(v, *limits), x.dtype) for v in (mean, variance))


def batch_normalization(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
                        epsilon: float = 1e-3) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with vectors along `axis`."""
    x = floating(x)
    shape = [-1 if a == axis % x.shape.rank else 1 for a in range(x.shape.rank)]
    x, mean, variance = promoted(x, mean, variance)
    factor = tf.math.rsqrt(tf.reshape(variance, shape) + epsilon)
    if scale is not None:
        factor = factor * tf.reshape(tensor(scale, x.dtype), shape)
    rest = -tf.reshape(mean, shape) * factor
    return x * factor + (rest if offset is None else rest + tf.reshape(tensor(offset, x.dtype), shape))


@operation
def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None,
                        **kwargs: Any) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance along `axis`.

    >>> from treadle import keras
    >>> keras.ops.layer_normalization([[1.0, 3.0]]).numpy().round(3).tolist()
    [[-1.0, 1.0]]
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise tf.errors.DtypeError(f"`layer_normalization` has no argument {next(iter(kwargs))!r}.")
    x = floating(x)
    wide = at_least_single(x)
    axes = sorted(axes_of(axis, x.shape.rank))
    shape = [x.shape[a] if a in axes else 1 for a in range(x.shape.rank)]
    gamma, beta = (None if v is None else _reshaped(tensor(v, wide.dtype), shape, axes) for v in (gamma, beta))
    mean, variance = tf.nn.moments(wide, axes, keepdims=True)
    factor = tf.math.rsqrt(variance + (default_epsilon() if epsilon is None else epsilon))
    factor = factor if gamma is None else factor * gamma
    found = wide * factor if rms_scaling else (wide - mean) * factor
    return tf.cast(found if beta is None or rms_scaling else found + beta, x.dtype)


def _reshaped(v: Any, shape: list[Any], axes: list[int]) -> Any:
    return v if v.shape.rank == len(shape) or axes == [len(shape) - 1] else tf.reshape(v, shape)


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x / sqrt(mean(x^2) + epsilon) * scale, the mean along `axis`."""
    x = floating(x)
    wide = at_least_single(x)
    wide = wide[None] if wide.shape.rank == 0 else wide
    mean = tf.reduce_mean(tf.square(wide), axis=axis if isinstance(axis, int) else list(axis), keepdims=True)
    found = wide * tf.math.rsqrt(mean + (default_epsilon() if epsilon is None else epsilon))
    return tf.cast(found if scale is None else found * tensor(scale, wide.dtype), x.dtype)


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x / norm(x), of that order, along `axis`; norms below `epsilon` count as it.

    >>> from treadle import keras
    >>> keras.ops.normalize([3.0, 4.0]).numpy().round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    if not isinstance(order, int) or order < 1:
        raise tf.errors.InvalidArgumentError(f"`order` is an integer of at least 1. Received: order={order!r}.")
    x = floating(x)
    x = x[None] if x.shape.rank == 0 else x
    least = default_epsilon() if epsilon is None else epsilon
    if order == 2:
        total = tf.reduce_sum(tf.square(x), axis=axis, keepdims=True)
        return x * tf.minimum(tf.math.rsqrt(total), tf.constant(1 / least, x.dtype))
    return x / tf.maximum(linalg.norm(x, ord=order, axis=axis, keepdims=True), tf.constant(least, x.dtype))


def dot_product_attention(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
                          is_causal: bool = False, flash_attention: bool | None = None,
                          attn_logits_soft_cap: float | None = None) -> Any:
    """softmax(query key^T * scale + bias) value, for each head: [batch, targets, heads, depth].

    Args:
        query: [batch, targets, heads, depth].
        key, value: [batch, sources, heads, depth], or with fewer heads, each used for several of the query's.
        bias: added to the scores; fits [batch, heads, targets, sources].
        mask: False where a target does not see a source; fits the same shape.
        scale: default 1 / sqrt(depth).
        is_causal: target i sees sources 0 ... i only.
        flash_attention: accepted for compatibility; XLA decides how this is computed.
        attn_logits_soft_cap: scores are kept within it, by cap * tanh(score / cap).
    """
    query, key, value = promoted(query, key, value, floating=True)
    if any(v.shape.rank != 4 for v in (query, key, value)):
        raise tf.errors.InvalidArgumentError(
            "Queries, keys and values have the shape [batch, time, heads, depth]. Received: shapes "
            f"{query.shape}, {key.shape}, {value.shape}.")
    if query.shape[2] != key.shape[2]:
        times = query.shape[2] // key.shape[2]
        key, value = tf.repeat(key, times, axis=2), tf.repeat(value, times, axis=2)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = at_least_single(tf.einsum("btnh,bsnh->bnts", query, key)) * scale
    if bias is not None:
        scores = scores + tensor(bias, scores.dtype)
    if attn_logits_soft_cap is not None:
        scores = attn_logits_soft_cap * tf.tanh(scores / attn_logits_soft_cap)
    lowest = tf.constant(-0.7 * float(scores.dtype.max), scores.dtype)
    if mask is not None:
        scores = tf.where(tf.cast(tensor(mask), "bool"), scores, lowest)
    if is_causal:
        seen = tf.range(tf.shape(scores)[-2])[:, None] >= tf.range(tf.shape(scores)[-1])[None, :]
        scores = tf.where(seen, scores, lowest)
    return tf.einsum("bnts,bsnh->btnh", tf.cast(tf.nn.softmax(scores), value.dtype), value)
