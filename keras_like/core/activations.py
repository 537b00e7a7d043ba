"""Activations by name. `keras.activations.relu` and its relatives take a tensor and return one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import as_config, from_description
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


selu, softplus, softsign, relu6 = tf.nn.selu, tf.nn.softplus, tf.nn.softsign, tf.nn.relu6
tanh, sigmoid, log_sigmoid = tf.tanh, tf.sigmoid, tf.math.log_sigmoid
swish, hard_swish = silu, hard_silu

named("activations", linear=linear, relu=relu, softmax=softmax, log_softmax=log_softmax, elu=elu, selu=selu,
      softplus=softplus, softsign=softsign, relu6=relu6, tanh=tanh, sigmoid=sigmoid, log_sigmoid=log_sigmoid, gelu=gelu,
      silu=silu, swish=silu, mish=mish, hard_sigmoid=hard_sigmoid, hard_silu=hard_silu, hard_swish=hard_silu,
      exponential=exponential, leaky_relu=leaky_relu)


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
