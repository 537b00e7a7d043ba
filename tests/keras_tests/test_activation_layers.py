"""Activation layers, EinsumDense, Embedding, Identity, Lambda, Masking and InputLayer against Keras."""

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.layer_checks import array, check_config, check_layer
from keras_tests.oracle import close, ours, theirs

X = array(2, 4, 3)


@pytest.mark.parametrize("name,config", [
    ("Activation", dict(activation="relu")), ("Activation", dict(activation="softmax")), ("ReLU", {}),
    ("ReLU", dict(max_value=0.5, negative_slope=0.1, threshold=0.2)), ("LeakyReLU", {}),
    ("LeakyReLU", dict(negative_slope=0.1)), ("PReLU", {}), ("PReLU", dict(alpha_initializer="ones", shared_axes=[1])),
    ("Softmax", {}), ("Softmax", dict(axis=1)), ("Softmax", dict(axis=[1, 2])), ("Identity", {}),
    ("ActivityRegularization", dict(l1=0.1, l2=0.2)), ("Masking", {}), ("Masking", dict(mask_value=1.0))])
def test_layer(name, config):
    check_layer(name, config, X)


def test_elu():
    check_layer("ELU", dict(alpha=0.5), X)
    assert ours.layers.LeakyReLU(alpha=0.1).negative_slope == 0.1


def test_softmax_mask():
    mask = np.random.default_rng(0).random((2, 4, 3)) > 0.4
    check_layer("Softmax", {}, X, call=dict(mask=mask), compiled=False)


@pytest.mark.parametrize("equation,output_shape,bias_axes", [
    ("abc,cd->abd", (None, 5), "d"), ("...x,xy->...y", 5, "y"), ("ab...,bc->ac...", 5, None),
    ("abc,cde->abde", (4, 5, 2), "de"),
    ("abc,bd->adc", (5, None), "d"), ("abc,cde->abde", (None, 5, 2), "e")])
def test_einsum_dense(equation, output_shape, bias_axes):
    config = dict(equation=equation, output_shape=output_shape, bias_axes=bias_axes, activation="tanh")
    check_layer("EinsumDense", config, X)


def test_einsum_dense_variance():
    layer = ours.layers.EinsumDense("abc,cde->abde", (None, 40, 50), kernel_initializer="lecun_normal")
    layer.build((None, 4, 100))
    assert abs(float(tf.math.reduce_std(layer.kernel)) - 0.1) < 0.002


@pytest.mark.parametrize("config", [{}, dict(mask_zero=True), dict(embeddings_initializer="ones")])
def test_embedding(config):
    ids = np.random.default_rng(0).integers(0, 7, (2, 5)).astype(np.int32)
    layer = check_layer("Embedding", dict(input_dim=7, output_dim=3, **config), ids)
    if config.get("mask_zero"):
        np.testing.assert_array_equal(layer(tf.constant(ids))._keras_mask, ids != 0)
    start = array(7, 3)
    close(ours.layers.Embedding(7, 3, weights=start)(tf.constant(ids)), start[ids])


def test_masks_travel():
    def build(keras):
        layers = keras.layers
        ids = keras.Input((5,), dtype="int32")
        x = layers.Embedding(7, 3, mask_zero=True)(ids)
        x = layers.Dense(4)(layers.Dropout(0.5)(x))
        return keras.Model(ids, layers.GlobalAveragePooling1D()(layers.Activation("tanh")(x)))

    mine, other = build(ours), build(theirs)
    mine.set_weights(other.get_weights())
    ids = np.array([[1, 2, 0, 0, 0], [3, 0, 4, 5, 6]], np.int32)
    close(mine(tf.constant(ids)), other(ids))
    close(tf.function(mine)(tf.constant(ids)), other(ids))


def test_masking():
    x = X.copy()
    x[0, 1:3] = 0.0
    y = ours.layers.Masking()(tf.constant(x))
    np.testing.assert_array_equal(y._keras_mask, (x != 0).any(-1))
    expected = theirs.layers.GlobalAveragePooling1D()(theirs.layers.Masking()(jnp.asarray(x)))
    close(ours.layers.GlobalAveragePooling1D()(y), expected)


def test_lambda():
    layer = ours.layers.Lambda(lambda x, factor, training=None: x * factor + (1.0 if training else 0.0),
                               arguments={"factor": 2.0}, output_shape=(4, 3))
    close(layer(tf.constant(X)), X * np.float32(2))
    close(layer(tf.constant(X), training=True), X * np.float32(2) + 1)
    assert layer.compute_output_shape((None, 4, 3)) == (None, 4, 3)
    copy = ours.layers.Lambda.from_config(layer.get_config())
    close(copy(tf.constant(X)), X * np.float32(2))
    masked = ours.layers.Lambda(lambda x: x, mask=lambda x, mask: x[..., 0] > 0)(tf.constant(X))
    np.testing.assert_array_equal(masked._keras_mask, X[..., 0] > 0)


def test_input_layer():
    layer = ours.layers.InputLayer(shape=(4, 3), name="given")
    assert layer.batch_shape == (None, 4, 3) and layer.output.shape[1:] == (4, 3)
    check_config("InputLayer", dict(shape=(4, 3), name="given"))
    model = ours.Model(layer.output, ours.layers.Flatten()(layer.output))
    assert model(tf.constant(X)).shape == (2, 12)
    with pytest.raises(ValueError, match="batch_shape"):
        ours.layers.InputLayer(shape=(3,), batch_shape=(1, 3))


def test_activity_losses():
    layer, other = ours.layers.ActivityRegularization(l1=0.1, l2=0.2), theirs.layers.ActivityRegularization(l1=0.1, l2=0.2)
    for _ in range(2):
        layer(tf.constant(X))
        other(jnp.asarray(X))
        close(tf.stack(layer.losses), jnp.stack(other.losses))


@pytest.mark.parametrize("make,text", [
    (lambda: ours.layers.ReLU(max_value=-1.0), "max_value"), (lambda: ours.layers.LeakyReLU(-0.1), "negative_slope"),
    (lambda: ours.layers.Embedding(0, 3), "input_dim"),
    (lambda: ours.layers.EinsumDense("ab,c", 3)(tf.constant(X)), "equation"),
    (lambda: ours.layers.EinsumDense("abc,cd->abd", (5, 5))(tf.constant(X)), "size"),
    (lambda: ours.layers.EinsumDense("abc,cd->abd", 5)(tf.constant(X)), "output_shape")])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
