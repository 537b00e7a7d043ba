"""`keras.ops.nn`: activations, element by element or along an axis."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.ops.promotion import floating, numeric, tensor


def relu(x: Any) -> Any:
    """max(x, 0).

    >>> from treadle import keras
    >>> keras.ops.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    x = numeric(x)
    return tf.nn.relu(x) if x.dtype.is_floating else tf.maximum(x, tf.zeros_like(x))


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    x = numeric(x)
    return tf.minimum(tf.maximum(x, tf.zeros_like(x)), tf.constant(6, x.dtype))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return tf.sigmoid(floating(x))


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x))."""
    return tf.math.log_sigmoid(floating(x))


def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return tf.nn.softplus(floating(x))


def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return tf.nn.softsign(floating(x))


def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return tf.nn.silu(floating(x))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x for x > 0, else alpha * (exp(x) - 1)."""
    return activations.elu(floating(x), alpha)


def selu(x: Any) -> Any:
    """1.0507 * elu(x, 1.6733): keeps means at 0 and variances at 1."""
    return tf.nn.selu(floating(x))


def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))."""
    x = floating(x)
    zero = tf.zeros_like(x)
    return tf.maximum(x, zero) + alpha * tf.math.expm1(tf.minimum(x, zero) / alpha)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x for x > 0, else negative_slope * x."""
    return tf.nn.leaky_relu(floating(x), alpha=negative_slope)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x * P(X <= x) for a standard normal X; by tanh if `approximate`."""
    return tf.nn.gelu(floating(x), approximate=approximate)


def glu(x: Any, axis: int = -1) -> Any:
    """a * sigmoid(b) for the two halves a, b of x along `axis`."""
    x = floating(x)
    if x.shape[axis] is not None and x.shape[axis] % 2:
        raise tf.errors.InvalidArgumentError(f"The axis {axis} has no halves. Received: shape {x.shape}.")
    a, b = tf.split(x, 2, axis=axis)
    return a * tf.sigmoid(b)


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6."""
    return activations.hard_sigmoid(floating(x))


def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x)."""
    return activations.hard_silu(floating(x))


def hard_tanh(x: Any) -> Any:
    """x, but at least -1 and at most 1."""
    x = numeric(x)
    return tf.clip_by_value(x, tf.constant(-1, x.dtype), tf.constant(1, x.dtype))


def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    x = floating(x)
    return x - tf.tanh(x)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, else 0."""
    x = floating(x)
    return tf.where(tf.abs(x) > threshold, x, tf.zeros_like(x))


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved by `threshold` towards 0, and 0 where that passes it."""
    x = floating(x)
    return tf.where(x > threshold, x - threshold, tf.where(x < -threshold, x + threshold, tf.zeros_like(x)))


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where x > threshold, else default_value."""
    x = numeric(x)
    return tf.where(x > threshold, x, tensor(default_value, x.dtype))


def sparse_plus(x: Any) -> Any:
    """0 for x <= -1, (x + 1)^2 / 4 up to 1, x above."""
    x = floating(x)
    return tf.where(x <= -1, tf.zeros_like(x), tf.where(x < 1, tf.square(x + 1) / 4, x))


def sparse_sigmoid(x: Any) -> Any:
    """(x + 1) / 2, but at least 0 and at most 1."""
    x = floating(x)
    return tf.where(x <= -1, tf.zeros_like(x), tf.where(x >= 1, tf.ones_like(x), (x + 1) / 2))


def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    x = floating(x)
    return (x + tf.sqrt(tf.square(x) + b)) / 2


def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) along one axis, or several.

    >>> from treadle import keras
    >>> keras.ops.softmax([0.0, 0.0]).numpy().tolist()
    [0.5, 0.5]
    """
    return _along(tf.nn.softmax, floating(x), axis)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """x - log(sum(exp(x))) along one axis, or several."""
    return _along(tf.nn.log_softmax, floating(x), axis)


def _along(function: Any, x: Any, axis: Any) -> Any:
    if isinstance(axis, int):
        return function(x, axis=axis)
    total = tf.reduce_logsumexp(x, axis=axis if axis is None else list(axis), keepdims=True)
    return x - total if function is tf.nn.log_softmax else tf.exp(x - total)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the probability simplex next to x: many zeros. Source: arXiv:1602.02068."""
    x = floating(x)
    size = x.shape[axis]
    if size is None:
        raise tf.errors.InvalidArgumentError(f"`sparsemax` needs the size of the axis {axis}. Received: shape {x.shape}.")
    ordered = tf.sort(x, axis=axis, direction="DESCENDING")
    sums = tf.cumsum(ordered, axis=axis) - 1
    shape = [-1 if a == axis % x.shape.rank else 1 for a in range(x.shape.rank)]
    count = tf.reshape(tf.range(1, size + 1, dtype=x.dtype), shape)
    support = ordered * count > sums
    k = tf.reduce_sum(tf.cast(support, x.dtype), axis=axis, keepdims=True)
    last = tf.reduce_sum(tf.where(tf.equal(count, k), sums, tf.zeros_like(sums)), axis=axis, keepdims=True)
    return tf.maximum(x - last / k, tf.zeros_like(x))


swish, hard_swish = silu, hard_silu
