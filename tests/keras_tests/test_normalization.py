"""Layers that normalize, against Keras."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, same_layer, theirs

rng = np.random.default_rng(5)
X = (rng.normal(size=(4, 3, 6)) * 2 + 1).astype(np.float32)
IMAGE = rng.normal(size=(2, 4, 3, 6)).astype(np.float32)


@pytest.mark.parametrize("name,config,inputs,call", [
    ("BatchNormalization", {}, X, {}),
    ("BatchNormalization", dict(momentum=0.9, epsilon=0.01), X, dict(training=True)),
    ("BatchNormalization", dict(axis=1, center=False, scale=False), IMAGE, dict(training=True)),
    ("BatchNormalization", dict(scale=False), X, dict(training=True, mask=rng.random((4, 3)) < 0.6)),
    ("BatchNormalization", dict(renorm=True), X, {}),
    ("BatchNormalization", dict(renorm=True, momentum=0.9, renorm_momentum=0.8, moving_variance_initializer="ones"), X,
     dict(training=True)),
    ("BatchNormalization", dict(renorm=True, renorm_clipping=dict(rmin=0.7, rmax=1.3, dmax=0.5), scale=False), IMAGE,
     dict(training=True)),
    ("BatchNormalization", dict(renorm=True, axis=1, center=False, scale=False), IMAGE, dict(training=True)),
    ("LayerNormalization", {}, X, {}),
    ("LayerNormalization", dict(axis=[1, 2], epsilon=0.1), IMAGE, {}),
    ("LayerNormalization", dict(axis=1, center=False), X, {}),
    ("LayerNormalization", dict(scale=False), X, {}),
    ("GroupNormalization", dict(groups=3), IMAGE, {}),
    ("GroupNormalization", dict(groups=2, axis=1, scale=False), IMAGE, {}),
    ("GroupNormalization", dict(groups=-1, center=False), X, {}),
    ("UnitNormalization", {}, X, {}),
    ("UnitNormalization", dict(axis=[1, 2]), X, {}),
    ("RMSNormalization", {}, X, {}),
    ("RMSNormalization", dict(axis=[1, 2], epsilon=0.1), X, {})])
def test_layer(name, config, inputs, call):
    layer = same_layer(name, config, inputs, call)
    again = type(layer).from_config(layer.get_config())
    expected = getattr(theirs.layers, name)(**config)
    expected.build(inputs.shape)
    assert again.get_config() == layer.get_config() and layer.get_config().keys() == expected.get_config().keys()


def test_moving_statistics():
    """They move in training only, in both modes, and not at all in a layer that is not trainable."""
    layer, other = ours.layers.BatchNormalization(momentum=0.5), theirs.layers.BatchNormalization(momentum=0.5)
    step = tf.function(lambda x: layer(x, training=True))
    for call in (lambda x: layer(x, training=True), step, step, layer):
        call(tf.constant(X))
    for _ in range(3):
        other(X, training=True)
    for a, b in zip(layer.non_trainable_weights, other.non_trainable_weights):
        close(a.numpy(), np.asarray(b))
    layer.trainable = other.trainable = False
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 4
    close(layer(tf.constant(X), training=True), other(X, training=True))
    close(layer.moving_mean.numpy(), np.asarray(other.moving_mean))


def test_renormalization_step_by_step():
    """The corrections of each step come from the averages of those before."""
    config = dict(renorm=True, momentum=0.9, renorm_momentum=0.6, renorm_clipping={"dmax": 2.0})
    layer, other = ours.layers.BatchNormalization(**config), theirs.layers.BatchNormalization(**config)
    step = tf.function(lambda x: layer(x, training=True))
    for i in range(4):
        close(step(tf.constant(X * (1 + i))), other(X * (1 + i), training=True))
        for a, b in zip(layer.weights, other.weights, strict=True):
            close(a.numpy(), np.asarray(b), a.name)


def test_half_precision():
    """Statistics are computed in float32."""
    for name in ("BatchNormalization", "LayerNormalization"):
        mine, other = (getattr(k.layers, name)(dtype="mixed_bfloat16") for k in (ours, theirs))
        a, b = mine(tf.constant(X)), np.asarray(other(X))
        assert a.dtype.name == "bfloat16" and mine.weights[0].dtype.name == "float32"
        close(tf.cast(a, "float32"), b.astype(np.float32), rtol=1e-2)


@pytest.mark.parametrize("steps", [1, 3])
def test_spectral(steps):
    mine, other = (k.layers.SpectralNormalization(k.layers.Dense(4), power_iterations=steps) for k in (ours, theirs))
    mine(tf.constant(X))
    other(X)
    values = [rng.normal(size=v.shape).astype(np.float32) for v in mine.weights]
    assert [tuple(v.shape) for v in mine.weights] == [tuple(v.shape) for v in other.weights]
    mine.set_weights(values)
    other.set_weights(values)
    for training in (True, True, False):
        close(mine(tf.constant(X), training=training), other(X, training=training), rtol=2e-5)
    for a, b in zip(mine.weights, other.weights):
        close(a.numpy(), np.asarray(b), rtol=2e-5)
    zeros = ours.layers.SpectralNormalization(ours.layers.Dense(4, kernel_initializer="zeros"))
    close(tf.function(lambda x: zeros(x, training=True))(tf.constant(X)), np.zeros((4, 3, 4), np.float32))


def test_symbolic():
    x = ours.Input(shape=(None, 6))
    y = x
    for layer in (ours.layers.BatchNormalization(), ours.layers.LayerNormalization(), ours.layers.GroupNormalization(2),
                  ours.layers.UnitNormalization(), ours.layers.RMSNormalization()):
        y = layer(y)
    assert ours.Model(x, y)(tf.constant(X)).shape == X.shape and tuple(y.shape) == (None, None, 6)


def test_mistakes():
    for make, text in [
            (lambda: ours.layers.GroupNormalization(4)(X), "groups"), (lambda: ours.layers.GroupNormalization(0), "groups"),
            (lambda: ours.layers.LayerNormalization(axis=5)(X), "axis"), (lambda: ours.layers.LayerNormalization("a"), "axis"),
            (lambda: ours.layers.SpectralNormalization(ours.layers.UnitNormalization())(X), "kernel"),
            (lambda: ours.layers.BatchNormalization()(X, mask=np.ones([4], bool)), "mask"),
            (lambda: ours.layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1}), "renorm_clipping"),
            (lambda: ours.layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}), "rmax")]:
        with pytest.raises((ValueError, TypeError), match=text):
            make()
