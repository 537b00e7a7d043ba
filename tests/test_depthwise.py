"""Convolutions with a group for each channel become sums of shifted images on CPU, equal to XLA's convolutions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from treadle.ir.ops import convolution as ops
from treadle.lowering import depthwise
from treadle.lowering.native import convolution as others

CASES = [
    # images, window, outputs of a channel, strides, padding, dilations, channels first
    ((2, 7, 6, 3), (3, 3), 1, (1, 1), "SAME", (1, 1), False),
    ((2, 7, 6, 3), (3, 2), 2, (2, 3), "SAME", (1, 1), False),
    ((2, 9, 8, 4), (3, 3), 1, (1, 1), "VALID", (2, 3), False),
    ((2, 9, 8, 4), (2, 2), 3, (3, 3), "VALID", (1, 1), False),
    ((1, 9, 8, 2), (1, 1), 1, (2, 2), "VALID", (1, 1), False),
    ((2, 6, 5, 3), (3, 3), 1, (2, 2), ((2, 0), (-1, 4)), (1, 1), False),
    ((2, 6, 5, 3), (2, 3), 1, (1, 2), ((5, 3), (0, 0)), (1, 1), False),
    ((2, 3, 7, 6), (3, 3), 2, (2, 2), "SAME", (1, 1), True),
    ((2, 11, 5), (4,), 2, (2,), "SAME", (1,), False),
    ((2, 11, 5), (3,), 1, (1,), ((4, 0),), (2,), False),
    ((2, 5, 4, 6, 3), (2, 3, 2), 2, (1, 2, 1), "SAME", (1, 1, 1), False),
    ((2, 6, 1, 4), (3, 2), 2, (1, 1), "SAME", (1, 1), False),
    ((0, 5, 4, 3), (3, 3), 1, (1, 1), "SAME", (1, 1), False),
]


def drawn(case, dtype):
    images, window, multiplier, strides, padding, dilations, first = case
    channels = images[1 if first else -1]
    how = {"strides": strides, "padding": padding, "dilations": dilations, "groups": channels, "channels_first": first}
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.standard_normal(images), dtype)
    w = jnp.asarray(generator.standard_normal((*window, 1, channels * multiplier)), dtype)
    y = ops.convolution.lower(XP, x, w, **how)
    g = jnp.asarray(generator.standard_normal(y.shape), dtype)
    return how, x, w, g


class Eager:
    """What lowering rules compute with, eagerly."""

    native = False

    def __getattr__(self, name):
        return getattr(jax, name) if name == "lax" else getattr(jnp, name)


XP = Eager()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_sums_are_the_convolutions(case, dtype, monkeypatch):
    how, x, w, g = drawn(case, dtype)
    own = (ops.convolution.lower(XP, x, w, **how),
           ops.convolution_input_gradient.lower(XP, w, g, shape=x.shape, **how),
           ops.convolution_filter_gradient.lower(XP, x, g, shape=w.shape, **how))
    for name in ("convolution", "input_gradient", "filter_gradient"):  # nothing may fall back
        monkeypatch.delattr(others, name)
    sums = (depthwise.convolution(XP, x, w, **how),
            depthwise.input_gradient(XP, w, g, shape=x.shape, **how),
            depthwise.filter_gradient(XP, x, g, shape=w.shape, **how))
    off = {"float32": 1e-5, "bfloat16": 0.05}[dtype]
    for a, b in zip(own, sums):
        assert a.dtype == b.dtype and a.shape == b.shape
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        np.testing.assert_allclose(b, a, rtol=off, atol=off * max(1.0, np.abs(a).max(initial=0.0)))


def test_gradients_of_a_layer_are_those_of_the_tape():
    layer = tf.keras.layers.DepthwiseConv2D(3, padding="same")
    x = tf.random.normal([4, 8, 8, 5])
    layer(x)

    @tf.function
    def gradients(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(loss, [x, *layer.trainable_variables])

    compiled = gradients(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) ** 2)
    for a, b in zip(compiled, tape.gradient(loss, [x, *layer.trainable_variables])):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("images, filters, groups", [((2, 8, 8, 4), (3, 3, 2, 4), 2), ((2, 8, 8, 4), (9, 9, 1, 4), 4),
                                                     ((2, 8, 8, 1), (3, 3, 1, 4), 1)])
def test_other_convolutions_are_left_alone(images, filters, groups):
    how = {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1), "groups": groups, "channels_first": False}
    assert not depthwise.serves("convolution", (images, filters), how)
