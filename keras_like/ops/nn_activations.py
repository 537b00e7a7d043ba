"""`keras.ops.nn`: activations, element by element or along an axis."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, numeric, tensor


def relu(x: Any) -> Any:
    """max(x, 0).

    >>> from treadle import keras
    >>> keras.ops.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    x = numeric(x)
    return tf.nn.relu(x) if x.dtype.is_floating else tf.maximum(x, tf.zeros_like(x))


@operation
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
    return activations.celu(floating(x), alpha)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x for x > 0, else negative_slope * x."""
    return tf.nn.leaky_relu(floating(x), alpha=negative_slope)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x * P(X <= x) for a standard normal X; by tanh if `approximate`."""
    return tf.nn.gelu(floating(x), approximate=approximate)


@operation
def glu(x: Any, axis: int = -1) -> Any:
    """a * sigmoid(b) for the two halves a, b of x along `axis`."""
    return activations.glu(floating(x), axis)


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
    return activations.tanh_shrink(floating(x))


@operation
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, else 0."""
    return activations.hard_shrink(floating(x), threshold)


@operation
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved by `threshold` towards 0, and 0 where that passes it."""
    return activations.soft_shrink(floating(x), threshold)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where x > threshold, else default_value."""
    x = numeric(x)
    return tf.where(x > threshold, x, tensor(default_value, x.dtype))


@operation
def sparse_plus(x: Any) -> Any:
    """0 for x <= -1, (x + 1)^2 / 4 up to 1, x above."""
    return activations.sparse_plus(floating(x))


def sparse_sigmoid(x: Any) -> Any:
    """(x + 1) / 2, but at least 0 and at most 1."""
    return activations.sparse_sigmoid(floating(x))


def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    return activations.squareplus(floating(x), b)


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


@operation
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the probability simplex next to x: many zeros. Source: arXiv:1602.02068."""
    return activations.sparsemax(floating(x), axis)


swish, hard_swish = silu, hard_silu
