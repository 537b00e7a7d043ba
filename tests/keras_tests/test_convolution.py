"""Convolution layers against Keras."""

import pytest

import treadle as tf
from keras_tests.layer_checks import array, check_layer
from keras_tests.oracle import ours

X1, X2, X3 = array(2, 9, 4), array(2, 7, 6, 4), array(1, 5, 4, 5, 2)


@pytest.mark.parametrize("config", [
    dict(kernel_size=3), dict(kernel_size=2, padding="same", strides=2), dict(kernel_size=3, padding="causal"),
    dict(kernel_size=2, padding="causal", dilation_rate=2, activation="relu"), dict(kernel_size=3, groups=2),
    dict(kernel_size=3, padding="same", dilation_rate=2, use_bias=False),
    dict(kernel_size=4, padding="SAME", data_format="channels_first"),
    dict(kernel_size=2, padding="causal", data_format="channels_first", activation="tanh")])
def test_conv1d(config):
    check_layer("Conv1D", dict(filters=6, **config), X1)


@pytest.mark.parametrize("config", [
    dict(kernel_size=3), dict(kernel_size=(2, 3), padding="same", strides=(2, 1), activation="relu"),
    dict(kernel_size=2, strides=3), dict(kernel_size=3, dilation_rate=2), dict(kernel_size=2, groups=4, filters=8),
    dict(kernel_size=2, dilation_rate=(1, 2), padding="same", use_bias=False),
    dict(kernel_size=3, data_format="channels_first", padding="same", activation="sigmoid"),
    dict(kernel_size=1, kernel_regularizer="l2", kernel_initializer="he_normal", bias_initializer="ones")])
def test_conv2d(config):
    check_layer("Conv2D", dict(dict(filters=3), **config), X2)


@pytest.mark.parametrize("config", [
    dict(kernel_size=2), dict(kernel_size=(1, 2, 3), padding="same", strides=2, activation="relu"),
    dict(kernel_size=2, data_format="channels_first"), dict(kernel_size=2, dilation_rate=2, groups=2, filters=4)])
def test_conv3d(config):
    check_layer("Conv3D", dict(dict(filters=3), **config), X3)


TRANSPOSED = [
    dict(kernel_size=3), dict(kernel_size=3, strides=2), dict(kernel_size=3, strides=2, padding="same"),
    dict(kernel_size=2, strides=3), dict(kernel_size=2, strides=3, padding="same"), dict(kernel_size=4, padding="same"),
    dict(kernel_size=3, strides=2, output_padding=1), dict(kernel_size=3, strides=2, output_padding=1, padding="same"),
    dict(kernel_size=4, strides=3, output_padding=2, padding="same"), dict(kernel_size=1, strides=2, padding="same"),
    dict(kernel_size=2, dilation_rate=2, activation="relu"), dict(kernel_size=3, dilation_rate=2, padding="same"),
    dict(kernel_size=3, strides=2, data_format="channels_first", use_bias=False)]


@pytest.mark.parametrize("config", TRANSPOSED)
def test_conv1d_transpose(config):
    check_layer("Conv1DTranspose", dict(filters=3, **config), X1)


@pytest.mark.parametrize("config", [*TRANSPOSED[1:3], *TRANSPOSED[7:9], dict(
    kernel_size=(2, 3), strides=(1, 2), padding="same", output_padding=(0, 1), data_format="channels_first")])
def test_conv2d_transpose(config):
    check_layer("Conv2DTranspose", dict(filters=3, **config), X2)


@pytest.mark.parametrize("config", [TRANSPOSED[2], TRANSPOSED[4], TRANSPOSED[12]])
def test_conv3d_transpose(config):
    check_layer("Conv3DTranspose", dict(filters=2, **config), X3)


@pytest.mark.parametrize("config", [
    dict(kernel_size=3), dict(kernel_size=3, depth_multiplier=2, padding="same", strides=2, activation="relu"),
    dict(kernel_size=2, dilation_rate=2, use_bias=False), dict(kernel_size=3, data_format="channels_first")])
def test_by_channel(config):
    check_layer("DepthwiseConv1D", config, X1)
    check_layer("DepthwiseConv2D", config, X2)
    check_layer("SeparableConv1D", dict(filters=5, **config), X1)
    check_layer("SeparableConv2D", dict(filters=5, **config), X2)


def test_separable_causal():
    layer = ours.layers.SeparableConv1D(2, 3, padding="causal")
    before = layer(tf.constant(X1))
    later = X1.copy()
    later[:, 5:] += 1.0
    after = layer(tf.constant(later))
    assert before.shape == (2, 9, 2)
    assert tf.reduce_all(before[:, :5] == after[:, :5]) and not tf.reduce_any(before[:, 5:] == after[:, 5:])


@pytest.mark.parametrize("make,text", [
    (lambda: ours.layers.Conv2D(0, 3), "filters"), (lambda: ours.layers.Conv2D(4, (3, 3, 3)), "kernel_size"),
    (lambda: ours.layers.Conv2D(4, 3, padding="causal"), "padding"), (lambda: ours.layers.Conv2D(4, 3, groups=3), "groups"),
    (lambda: ours.layers.Conv2D(4, 3, strides=2, dilation_rate=2), "dilation"),
    (lambda: ours.layers.Conv2DTranspose(4, 3, strides=2, output_padding=2), "output_padding"),
    (lambda: ours.layers.Conv2D(4, 3, data_format="NHWC"), "data_format"),
    (lambda: ours.layers.Conv2D(4, 8)(tf.constant(X2)), "does not fit"),
    (lambda: ours.layers.Conv2D(4, 3)(tf.constant(X1)), "axes"),
    (lambda: ours.layers.Conv2D(4, 3)(ours.Input((8, 8, None))), "channels"),
    (lambda: ours.layers.Conv1D(6, 3, groups=3)(tf.constant(X1)), "groups")])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_open_sizes():
    layer = ours.layers.Conv2DTranspose(3, 3, strides=2, padding="same")
    model = ours.Sequential([ours.Input((None, None, 4)), ours.layers.Conv2D(4, 3), layer])
    assert model.layers[-1](tf.constant(X2)).shape == (2, 14, 12, 3)
    assert model(tf.constant(X2)).shape == (2, 10, 8, 3)
