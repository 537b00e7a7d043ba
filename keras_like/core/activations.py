"""Activations by name. `keras.activations.relu` and its relatives take a tensor and return one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import as_config, from_description
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.core.resolve import named, resolve


def linear(x: Any) -> Any:
    """x itself."""
    return tf.convert_to_tensor(x)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0); with the arguments: x where x >= threshold (at most max_value), else negative_slope * (x - threshold).

    >>> from treadle import keras
    >>> keras.activations.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    x = tf.convert_to_tensor(x)
    if negative_slope == 0.0 and threshold == 0.0:
        return tf.nn.relu(x) if max_value is None else tf.minimum(tf.nn.relu(x), max_value)
    above = tf.where(x >= threshold, x, tf.zeros_like(x))
    if max_value is not None:
        above = tf.minimum(above, max_value)
    return above if negative_slope == 0.0 else tf.where(x >= threshold, above, negative_slope * (x - threshold))


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`."""
    return tf.nn.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """x - log(sum(exp(x))) along `axis`."""
    return tf.nn.log_softmax(x, axis=axis)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x for x > 0, else alpha * (exp(x) - 1)."""
    x = tf.convert_to_tensor(x)
    return tf.nn.elu(x) if alpha == 1.0 else tf.where(x > 0, x, alpha * tf.nn.elu(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x for x > 0, else negative_slope * x."""
    return tf.nn.leaky_relu(x, alpha=negative_slope)


def gelu(x: Any, approximate: bool = False) -> Any:
    """x * P(X <= x) for a standard normal X; with `approximate`, by tanh. Source: arXiv:1606.08415."""
    return tf.nn.gelu(x, approximate=approximate)


def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return tf.nn.silu(x)


def mish(x: Any) -> Any:
    """x * tanh(softplus(x)). Source: arXiv:1908.08681."""
    x = tf.convert_to_tensor(x)
    return x * tf.tanh(tf.nn.softplus(x))


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6."""
    return tf.nn.relu6(tf.convert_to_tensor(x) + 3.0) / 6.0


def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x)."""
    x = tf.convert_to_tensor(x)
    return x * hard_sigmoid(x)


def exponential(x: Any) -> Any:
    """exp(x)."""
    return tf.exp(x)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)). Source: arXiv:1704.07483."""
    x = tf.convert_to_tensor(x)
    return tf.nn.relu(x) + alpha * tf.math.expm1(tf.minimum(x, 0) / alpha)


def glu(x: Any, axis: int = -1) -> Any:
    """a * sigmoid(b), for the two halves a and b of x along `axis`. Source: arXiv:1612.08083."""
    a, b = tf.split(tf.convert_to_tensor(x), 2, axis=axis)
    return a * tf.sigmoid(b)


def hard_tanh(x: Any) -> Any:
    """x, at least -1 and at most 1."""
    return tf.clip_by_value(tf.convert_to_tensor(x), -1.0, 1.0)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, else 0."""
    x = tf.convert_to_tensor(x)
    return tf.where(tf.abs(x) > threshold, x, tf.zeros_like(x))


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x - threshold above the threshold, x + threshold below -threshold, else 0."""
    x = tf.convert_to_tensor(x)
    return tf.where(x > threshold, x - threshold, tf.where(x < -threshold, x + threshold, tf.zeros_like(x)))


def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    x = tf.convert_to_tensor(x)
    return x - tf.tanh(x)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where x > threshold, else default_value."""
    x = tf.convert_to_tensor(x)
    return tf.where(x > threshold, x, tf.fill(tf.shape(x), tf.cast(default_value, x.dtype)))


def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2. Source: arXiv:2112.11687."""
    x = tf.convert_to_tensor(x)
    return (x + tf.sqrt(tf.square(x) + b)) / 2


def sparse_plus(x: Any) -> Any:
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x."""
    x = tf.convert_to_tensor(x)
    return tf.where(x <= -1, tf.zeros_like(x), tf.where(x >= 1, x, tf.square(x + 1) / 4))


def sparse_sigmoid(x: Any) -> Any:
    """(x + 1) / 2, at least 0 and at most 1."""
    return tf.clip_by_value((tf.convert_to_tensor(x) + 1) / 2, 0.0, 1.0)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """max(x - t, 0), with t such that the sum along `axis` is 1. Source: arXiv:1602.02068.

    >>> from treadle import keras
    >>> keras.activations.sparsemax([0.5, 2.0, 2.5]).numpy().tolist()
    [0.0, 0.25, 0.75]
    """
    x = tf.convert_to_tensor(x)
    largest = tf.sort(x, axis=axis, direction="DESCENDING")
    sums = tf.cumsum(largest, axis=axis)
    along = [-1 if i == axis % x.shape.rank else 1 for i in range(x.shape.rank)]
    places = tf.reshape(tf.range(1, tf.shape(x)[axis] + 1), along)
    within = largest - (sums - 1) / tf.cast(places, x.dtype) > 0
    count = tf.reduce_sum(tf.cast(within, x.dtype), axis=axis, keepdims=True)
    t = (tf.reduce_sum(tf.where(within, largest, tf.zeros_like(x)), axis=axis, keepdims=True) - 1) / count
    return tf.nn.relu(x - t)


selu, softplus, softsign, relu6 = tf.nn.selu, tf.nn.softplus, tf.nn.softsign, tf.nn.relu6
tanh, sigmoid, log_sigmoid = tf.tanh, tf.sigmoid, tf.math.log_sigmoid
swish, hard_swish = silu, hard_silu

shield_functions(globals())
named("activations", linear=linear, relu=relu, softmax=softmax, log_softmax=log_softmax, elu=elu, selu=selu,
      softplus=softplus, softsign=softsign, relu6=relu6, tanh=tanh, sigmoid=sigmoid, log_sigmoid=log_sigmoid, gelu=gelu,
      silu=silu, swish=silu, mish=mish, hard_sigmoid=hard_sigmoid, hard_silu=hard_silu, hard_swish=hard_silu,
      exponential=exponential, leaky_relu=leaky_relu, celu=celu, glu=glu, hard_tanh=hard_tanh, hard_shrink=hard_shrink,
      soft_shrink=soft_shrink, tanh_shrink=tanh_shrink, threshold=threshold, squareplus=squareplus, sparse_plus=sparse_plus,
      sparse_sigmoid=sparse_sigmoid, sparsemax=sparsemax)


def get(identifier: Any) -> Any:
    """An activation by name; a function stays what it is; None is `linear`."""
    return linear if identifier is None else resolve("activations", identifier)


def serialize(activation: Any) -> Any:
    """The name of a built-in activation; a dictionary for others.

    >>> from treadle import keras
    >>> keras.activations.serialize(keras.activations.relu)
    'relu'
    """
    return as_config(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The activation of a name, or of what `serialize` returned. `custom_objects`: your own functions by name."""
    return from_description(config, custom_objects, family="activations")
