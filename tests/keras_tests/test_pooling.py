"""Pooling layers against Keras."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.layer_checks import array, check_layer
from keras_tests.oracle import close, ours, theirs

X = {1: array(2, 9, 3), 2: array(2, 7, 6, 3), 3: array(1, 5, 4, 5, 2)}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("config", [
    dict(pool_size=2), dict(pool_size=3, strides=1), dict(pool_size=3, strides=2, padding="same"),
    dict(pool_size=2, data_format="channels_first", padding="same")])
def test_windows(kind, rank, config):
    check_layer(f"{kind}Pooling{rank}D", config, X[rank])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("config", [{}, dict(keepdims=True), dict(data_format="channels_first")])
def test_global(kind, rank, config):
    check_layer(f"Global{kind}Pooling{rank}D", config, X[rank])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("config", [
    dict(output_size=2), dict(output_size=4), dict(output_size=3, data_format="channels_first")])
def test_adaptive(kind, rank, config):
    x = X[rank] if rank < 3 or config["output_size"] < 4 else array(1, 5, 4, 6, 2)
    if "data_format" in config:
        x = np.moveaxis(x, -1, 1)
    check_layer(f"Adaptive{kind}Pooling{rank}D", config, x)


@pytest.mark.parametrize("config", [{}, dict(keepdims=True)])
def test_masked_mean(config):
    mask = np.random.default_rng(0).random((2, 9)) > 0.4
    check_layer("GlobalAveragePooling1D", config, X[1], call=dict(mask=mask), compiled=False)


def test_names():
    assert ours.layers.MaxPool2D is ours.layers.MaxPooling2D
    assert ours.layers.GlobalAvgPool1D is ours.layers.GlobalAveragePooling1D
    layer = ours.layers.MaxPooling2D((2, 3), strides=None, name="pool")
    assert (layer.strides, layer.name) == ((2, 3), "pool")


@pytest.mark.parametrize("make,text", [
    (lambda: ours.layers.MaxPooling2D(0), "pool_size"), (lambda: ours.layers.MaxPooling2D(2, padding="full"), "padding"),
    (lambda: ours.layers.MaxPooling1D(2)(tf.constant(X[2])), "axes"),
    (lambda: ours.layers.AveragePooling1D(20)(tf.constant(X[1])), "fit"),
    (lambda: ours.layers.AdaptiveMaxPooling1D(2)(ours.Input((None, 3))), "known")])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_small_network():
    def build(keras):
        return keras.Sequential([
            keras.Input((12, 12, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.MaxPooling2D(),
            keras.layers.SeparableConv2D(6, 3, padding="same"), keras.layers.Activation("tanh"),
            keras.layers.Dropout(0.5), keras.layers.AveragePooling2D(2), keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax")])

    mine, other = build(ours), build(theirs)
    assert [tuple(w.shape) for w in mine.weights] == [tuple(w.shape) for w in other.weights]
    mine.set_weights(other.get_weights())
    x = array(5, 12, 12, 1)
    close(mine(tf.constant(x)), other(x), "a Sequential network")
    close(tf.function(mine)(tf.constant(x)), other(x), "compiled")


def test_functional_network():
    def build(keras):
        layers = keras.layers
        x = keras.Input((8, 8, 3))
        a = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        b = layers.DepthwiseConv2D(3, padding="same")(a)
        c = layers.add([a, b])
        d = layers.concatenate([c, layers.UpSampling2D()(layers.MaxPooling2D()(c))])
        e = layers.Conv2DTranspose(2, 2, strides=2)(layers.PReLU(shared_axes=[1, 2])(d))
        return keras.Model(x, [layers.GlobalAveragePooling2D()(e), layers.GlobalMaxPooling2D()(d)])

    mine, other = build(ours), build(theirs)
    mine.set_weights(other.get_weights())
    x = array(2, 8, 8, 3)
    for found, expected in zip(mine(tf.constant(x)), other(x)):
        close(found, expected, "a functional network")
    assert mine.output_shape == [(None, 2), (None, 8)]
