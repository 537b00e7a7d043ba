"""ConvLSTM1D to 3D against Keras."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, same_layer, theirs

rng = np.random.default_rng(8)
ROWS, IMAGES, VOLUMES = (rng.normal(size=s).astype(np.float32) for s in (
    (2, 3, 7, 2), (2, 3, 5, 6, 2), (1, 2, 4, 3, 3, 2)))


@pytest.mark.parametrize("name,config,inputs", [
    ("ConvLSTM1D", dict(kernel_size=3, strides=2), ROWS),
    ("ConvLSTM1D", dict(kernel_size=2, dilation_rate=2, go_backwards=True, unit_forget_bias=False), ROWS),
    ("ConvLSTM2D", dict(kernel_size=(3, 2), padding="same", return_sequences=True, return_state=True), IMAGES),
    ("ConvLSTM2D", dict(kernel_size=2, use_bias=False, recurrent_activation="hard_sigmoid"), IMAGES),
    ("ConvLSTM3D", dict(kernel_size=2), VOLUMES)])
def test_layer(name, config, inputs):
    config = dict(filters=3, **config)
    layer = same_layer(name, config, inputs)
    keys = getattr(theirs.layers, name)(**config).get_config().keys()
    assert layer.get_config().keys() == keys
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_channels_first():
    """The same numbers, channels in the other place."""
    last, first = (ours.layers.ConvLSTM2D(3, 2, data_format=f, return_sequences=True) for f in (
        "channels_last", "channels_first"))
    last(IMAGES)
    turned = tf.transpose(IMAGES, [0, 1, 4, 2, 3])
    first(turned)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(tf.transpose(first(turned), [0, 1, 3, 4, 2]), last(IMAGES), rtol=1e-5, atol=1e-6)


def test_masks():
    """A masked step leaves states and output as they were."""
    layer = ours.layers.ConvLSTM2D(3, 2)
    keep = np.array([[True, True, False]] * 2)
    np.testing.assert_allclose(layer(IMAGES, mask=keep), layer(IMAGES[:, :2]), rtol=1e-5, atol=1e-6)


def test_dropout():
    layer = ours.layers.ConvLSTM2D(3, 2, dropout=0.5, recurrent_dropout=0.5, seed=1)
    assert not np.array_equal(layer(IMAGES, training=True), layer(IMAGES))


def test_mistakes():
    with pytest.raises(ValueError, match="5 axes"):
        ours.layers.ConvLSTM2D(3, 2)(ROWS)
    with pytest.raises(ValueError, match="known sizes"):
        ours.layers.ConvLSTM2D(3, 2)(ours.Input((None, None, 5, 2)))
    with pytest.raises(ValueError, match="combined"):
        ours.layers.ConvLSTM1D(3, 2, strides=2, dilation_rate=2)
