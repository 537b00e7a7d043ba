"""Reshaping, padding, cropping and upsampling layers against Keras."""

import pytest

import treadle as tf
from keras_tests.layer_checks import array, check_layer
from keras_tests.oracle import ours

X = {1: array(2, 6, 3), 2: array(2, 5, 6, 3), 3: array(1, 4, 5, 3, 2)}


@pytest.mark.parametrize("name,config,rank", [
    ("Flatten", {}, 2), ("Flatten", dict(data_format="channels_first"), 2), ("Flatten", {}, 1),
    ("Reshape", dict(target_shape=(3, 6)), 1), ("Reshape", dict(target_shape=(9, -1, 2)), 2),
    ("Permute", dict(dims=(2, 1)), 1), ("Permute", dict(dims=(3, 1, 2)), 2),
    ("UpSampling2D", dict(size=(2, 3)), 2), ("UpSampling2D", dict(data_format="channels_first"), 2),
    ("UpSampling2D", dict(interpolation="bilinear"), 2), ("UpSampling2D", dict(size=3, interpolation="bicubic"), 2),
    ("UpSampling2D", dict(size=(1, 2), interpolation="bilinear", data_format="channels_first"), 2),
    ("UpSampling3D", dict(size=(1, 2, 3)), 3), ("UpSampling3D", dict(data_format="channels_first"), 3),
    ("ZeroPadding1D", {}, 1), ("ZeroPadding1D", dict(padding=(0, 3)), 1),
    ("ZeroPadding1D", dict(padding=2, data_format="channels_first"), 1),
    ("ZeroPadding2D", {}, 2), ("ZeroPadding2D", dict(padding=((1, 0), (2, 3))), 2),
    ("ZeroPadding2D", dict(padding=(1, 2), data_format="channels_first"), 2),
    ("ZeroPadding3D", dict(padding=((1, 0), (0, 1), (2, 2))), 3), ("Cropping1D", {}, 1),
    ("Cropping1D", dict(cropping=(0, 2)), 1),
    ("Cropping2D", dict(cropping=1), 2), ("Cropping2D", dict(cropping=((1, 0), (0, 2))), 2),
    ("Cropping2D", dict(cropping=(1, 2), data_format="channels_first"), 2),
    ("Cropping3D", dict(cropping=((1, 0), (1, 2), (0, 1))), 3)])
def test_layer(name, config, rank):
    if config.get("data_format") == "channels_first" and name.startswith("Cropping"):
        check_layer(name, config, array(2, 3, 5, 6))
    else:
        check_layer(name, config, X[rank])


def test_lists():
    x = array(2, 4)
    check_layer("RepeatVector", dict(n=3), x)
    layer = ours.layers.UpSampling1D(3)
    assert layer(tf.constant(X[1])).shape == layer.compute_output_shape((2, 6, 3)) == (2, 18, 3)
    assert ours.layers.Flatten()(tf.constant([1.0, 2.0])).shape == (2, 1)


def test_open_sizes():
    model = ours.Sequential([ours.Input((None, 3)), ours.layers.ZeroPadding1D(1), ours.layers.UpSampling1D(2),
                             ours.layers.Cropping1D(1), ours.layers.Reshape((-1, 1))])
    assert model(tf.constant(X[1])).shape == (2, 42, 1)
    assert ours.layers.Flatten().compute_output_shape((None, None, 3)) == (None, None)


@pytest.mark.parametrize("make,text", [
    (lambda: ours.layers.Reshape((5,))(tf.constant(X[1])), "number of elements"),
    (lambda: ours.layers.Reshape((-1, -1)), "target_shape"), (lambda: ours.layers.Permute((0, 1)), "dims"),
    (lambda: ours.layers.RepeatVector(0), "n"), (lambda: ours.layers.Cropping1D(4)(tf.constant(X[1])), "at least one"),
    (lambda: ours.layers.ZeroPadding2D((1, 2, 3)), "padding"),
    (lambda: ours.layers.UpSampling2D(interpolation="x"), "interpolation"),
    (lambda: ours.layers.UpSampling1D()(tf.constant(X[2])), "axes")])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
