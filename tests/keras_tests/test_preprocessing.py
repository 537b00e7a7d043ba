"""Preprocessing layers on numbers, against Keras."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.layer_checks import check_config
from keras_tests.oracle import close, ours, same_layer, theirs

RNG = np.random.default_rng(3)
X = RNG.normal(2.0, 3.0, size=(6, 4)).astype(np.float32)
X3 = RNG.normal(size=(2, 3, 4)).astype(np.float32)
IDS = RNG.integers(0, 5, size=(4, 3))


def everywhere(layer, value, wanted, rtol=1e-5):
    """The layer gives `wanted` for an array, a list, in a compiled function, on a data set, and in a functional model."""
    for found in (layer(value), layer(value.tolist()) if value.dtype != np.float64 else layer(value),
                  tf.function(lambda x: layer(x))(tf.constant(value))):
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=rtol, atol=rtol * max(1e-3, np.abs(wanted).max()))
    if value.ndim and layer.compute_output_shape(value.shape)[0] == len(value):
        batch = next(iter(tf.data.Dataset.from_tensor_slices(value).batch(len(value)).map(layer)))
        np.testing.assert_allclose(np.asarray(batch), wanted, rtol=rtol, atol=rtol * max(1e-3, np.abs(wanted).max()))
        x = ours.Input(value.shape[1:], dtype=value.dtype.name)
        model = ours.Model(x, layer(x))
        np.testing.assert_allclose(np.asarray(model(tf.constant(value))), wanted, rtol=rtol,
                                   atol=rtol * max(1e-3, np.abs(wanted).max()))
    assert tuple(layer.compute_output_shape(value.shape)) == wanted.shape


# --- Rescaling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [dict(scale=0.5), dict(scale=1 / 255, offset=-1.0),
                                    dict(scale=[1.0, 2.0, 3.0, 4.0], offset=[0.0, 1.0, 0.0, 1.0])])
def test_rescaling(config):
    same_layer("Rescaling", config, X3)
    check_config("Rescaling", config)
    everywhere(ours.layers.Rescaling(**config), (X3 * 9).astype(np.int32),
               np.asarray(theirs.layers.Rescaling(**config)((X3 * 9).astype(np.int32))))


# --- Normalization --------------------------------------------------------------------------------------------------


# What Keras makes of batches along the kept axis is not defined.
@pytest.mark.parametrize("axis,invert,data", [row for row in itertools.product(
    (-1, None, 1, (1, 2), (0,)), (False, True), ("array", "dataset", "batches")) if row[0] != (0,) or row[2] == "array"])
def test_normalization_adapts(axis, invert, data):
    mine, other = ours.layers.Normalization(axis, invert=invert), theirs.layers.Normalization(axis, invert=invert)
    values = RNG.normal(3.0, 2.0, size=(6, 3, 4)).astype(np.float32)
    other.adapt(values)
    if data == "array":
        mine.adapt(values)
    elif data == "dataset":
        mine.adapt(tf.data.Dataset.from_tensor_slices(values).batch(4))
    else:
        mine.adapt(iter([values[:1], values[1:]]))
    everywhere(mine, values, np.asarray(other(values)))
    for a, b in zip(mine.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert [w.name for w in mine.weights] == [w.name for w in other.weights]


@pytest.mark.parametrize("config", [
    dict(mean=3.0, variance=2.0), dict(axis=-1, mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 9.0, 16.0]),
    dict(axis=(1, 2), mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 9.0, 16.0], invert=True)])
def test_normalization_with_given_statistics(config):
    same_layer("Normalization", config, X3)
    check_config("Normalization", config)


def test_normalization_adapted_anew_is_seen_by_a_compiled_function():
    layer = ours.layers.Normalization(axis=None)
    layer.adapt([1.0, 3.0])
    f = tf.function(lambda x: layer(x))
    close(f(tf.constant([3.0])), np.array([1.0], np.float32))
    layer.adapt(np.array([0.0, 4.0], np.float32))
    close(f(tf.constant([4.0])), np.array([1.0], np.float32))


@pytest.mark.parametrize("make,message", [
    (lambda: ours.layers.Normalization(mean=1.0), "together"),
    (lambda: ours.layers.Normalization(mean=[[1.0]], variance=[[1.0]]), "rank 1"),
    (lambda: ours.layers.Normalization(axis=3)(X), "outside"),
    (lambda: ours.layers.Normalization().adapt([]), "some data"),
    (lambda: ours.layers.Normalization(mean=1.0, variance=1.0).adapt(X), "nothing to adapt"),
    (lambda: ours.layers.Discretization(), "is given"),
    (lambda: ours.layers.Discretization(num_bins=2)(X), "adapt"),
    (lambda: ours.layers.CategoryEncoding(), "num_tokens"),
    (lambda: ours.layers.CategoryEncoding(3, output_mode="int"), "output_mode"),
    (lambda: ours.layers.CategoryEncoding(3, sparse=True), "dense"),
    (lambda: ours.layers.CategoryEncoding(3)(IDS, count_weights=IDS), "count"),
    (lambda: ours.layers.STFTSpectrogram(frame_step=0), "frame_step"),
    (lambda: ours.layers.STFTSpectrogram(window="kaiser"), "window"),
    (lambda: ours.layers.MelSpectrogram(fft_length=4, sequence_length=8), "fft_length"),
    (lambda: ours.layers.Pipeline([3]), "layers")])
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(tf.errors.OpError, match=message) as caught:
        make()
    assert isinstance(caught.value, (ValueError, RuntimeError, NotImplementedError))


# --- Discretization -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(5,), (4, 3), (4, 1), (2, 3, 2)])
def test_discretization(mode, shape):
    config = dict(bin_boundaries=[-1.0, 0.0, 0.5, 2.0], output_mode=mode)
    values = RNG.normal(size=shape).astype(np.float32)
    values.reshape(-1)[0] = 0.5
    wanted = np.asarray(theirs.layers.Discretization(**config)(values))
    layer = ours.layers.Discretization(**config)
    everywhere(layer, values, wanted)
    assert layer(values).dtype.name == wanted.dtype.name
    mine, other = layer.get_config(), theirs.layers.Discretization(**config).get_config()
    assert {k: v for k, v in mine.items() if k not in ("name", "dtype")} == {
        k: v for k, v in other.items() if k not in ("name", "dtype")}
    assert type(layer).from_config(mine).get_config() == mine


@pytest.mark.parametrize("num_bins,epsilon,size", [(4, 0.01, 50), (10, 0.05, 1000), (3, 0.5, 7)])
def test_discretization_adapts(num_bins, epsilon, size):
    data = RNG.normal(size=(size, 2)).astype(np.float32)
    mine, other = (k.layers.Discretization(num_bins=num_bins, epsilon=epsilon) for k in (ours, theirs))
    mine.adapt(data)
    other.update_state(data)  # its `adapt` needs TensorFlow
    other.finalize_state()
    np.testing.assert_allclose(mine.bin_boundaries, other.bin_boundaries, rtol=1e-6)
    mine.adapt([data[:size // 2], data[size // 2:]])
    other.reset_state()
    other.update_state(data[:size // 2])
    other.update_state(data[size // 2:])
    other.finalize_state()
    np.testing.assert_allclose(mine.bin_boundaries, other.bin_boundaries, rtol=1e-6)
    copy = ours.layers.Discretization.from_config(mine.get_config())
    np.testing.assert_array_equal(copy(data), other(data))


def test_discretization_adapted_anew_is_not_passed_over():
    layer = ours.layers.Discretization(num_bins=2)
    layer.adapt(np.arange(10.0))
    f = tf.function(lambda x: layer(x))
    assert f(tf.constant([7.0])).numpy().tolist() == [1]
    layer.adapt(np.arange(10.0) * 10)
    with pytest.raises(tf.errors.InvalidArgumentError, match="adapted anew"):
        f(tf.constant([7.0]))


# --- CategoryEncoding -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (4, 1), (2, 3, 2)])
def test_category_encoding(mode, shape):
    config = dict(num_tokens=6, output_mode=mode)
    ids = RNG.integers(0, 6, size=shape).astype(np.int32)
    wanted = np.asarray(theirs.layers.CategoryEncoding(**config)(ids))
    if shape == ():
        wanted = wanted.reshape(6)  # the shape that Keras says; it returns [1, 6] for "one_hot"
    layer = ours.layers.CategoryEncoding(**config)
    everywhere(layer, np.asarray(ids), wanted)
    assert layer(ids).dtype.name == "float32"
    check_config("CategoryEncoding", config)


def test_category_encoding_with_weights():
    weights = RNG.random((4, 3)).astype(np.float32)
    mine, other = (k.layers.CategoryEncoding(5, "count")(IDS, count_weights=weights) for k in (ours, theirs))
    close(mine, other)
    # Indices outside of the tokens count for nothing.
    assert ours.layers.CategoryEncoding(3)([[-1, 7, 1]]).numpy().tolist() == [[0, 1, 0]]


# --- spectrograms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [
    dict(mode="log"), dict(mode="magnitude", window="hamming", periodic=True), dict(mode="psd", scaling="spectrum"),
    dict(mode="real", padding="same"), dict(mode="imag", scaling=None, window=None), dict(mode="stft", fft_length=64),
    dict(mode="stft", expand_dims=True), dict(mode="magnitude", frame_step=5, expand_dims=True, padding="same"),
    dict(mode="psd", window="blackman")])
def test_stft_spectrogram(config):
    x = RNG.normal(size=(2, 100, 3)).astype(np.float32)
    config = dict(frame_length=32, **config)
    same_layer("STFTSpectrogram", config, x, rtol=3e-5, gradients=config["mode"] in ("psd", "real", "imag", "stft"))
    check_config("STFTSpectrogram", config)
    if config.get("padding") != "same":
        mine = ours.layers.STFTSpectrogram(data_format="channels_first", **config)
        other = ours.layers.STFTSpectrogram(**config)
        there = np.asarray(other(x))
        order = [0, 3, 1, 2] if config.get("expand_dims") else [0, 2, 1]
        here = mine(np.ascontiguousarray(x.transpose(0, 2, 1)))
        close(here, np.ascontiguousarray(there.transpose(order)))
        assert tuple(here.shape) == tuple(mine.compute_output_shape((2, 3, 100)))


@pytest.mark.parametrize("config", [
    dict(window="hann"), dict(window="hamming", periodic=True, scaling="spectrum"), dict(window="bartlett", side="imag"),
    dict(window=None, scaling=None), dict(window=[0.5] * 8, side="imag")])
def test_the_stft_initializer(config):
    mine, other = ours.initializers.STFT(**config), theirs.initializers.STFT(**config)
    np.testing.assert_allclose(mine((8, 1, 5)), other((8, 1, 5)), atol=1e-6)
    assert mine.get_config() == other.get_config()
    assert ours.initializers.get("stft")((4, 1, 3)).shape == (4, 1, 3)


@pytest.mark.parametrize("config", [
    dict(), dict(power_to_db=False, mag_exp=1.0), dict(sequence_length=100, num_mel_bins=20, min_freq=50.0, max_freq=3000.0),
    dict(window="hamming", top_db=30.0, ref_power=2.0)])
@pytest.mark.parametrize("shape", [(2, 1000), (900,)])
def test_mel_spectrogram(config, shape):
    x = RNG.normal(size=shape).astype(np.float32)
    config = dict(fft_length=256, sequence_stride=64, sampling_rate=8000, **config)
    wanted = np.asarray(theirs.layers.MelSpectrogram(**config)(x))
    layer = ours.layers.MelSpectrogram(**config)
    np.testing.assert_allclose(layer(x), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    np.testing.assert_allclose(tf.function(layer)(tf.constant(x)), wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    assert tuple(layer.compute_output_shape(shape)) == wanted.shape
    check_config("MelSpectrogram", config)


# --- Pipeline -------------------------------------------------------------------------------------------------------


def test_pipeline():
    layers = ours.layers
    pipeline = layers.Pipeline([layers.Rescaling(0.5), layers.Discretization([0.0, 1.0]), layers.CategoryEncoding(3)])
    other = theirs.layers.Pipeline([theirs.layers.Rescaling(0.5), theirs.layers.Discretization([0.0, 1.0]),
                                    theirs.layers.CategoryEncoding(3)])
    everywhere(pipeline, X, np.asarray(other(jnp.asarray(X))))
    copy = layers.Pipeline.from_config(pipeline.get_config())
    close(copy(X), pipeline(X))
    assert len(copy.layers) == 3 and copy.get_config().keys() == other.get_config().keys()
    assert not layers.Pipeline([layers.Dropout(0.5)])(X, training=False).numpy().tolist() != X.tolist()
    text = layers.Pipeline([layers.StringLookup(vocabulary=["a", "b"]), layers.CategoryEncoding(3)])
    assert text([["a", "z"]]).numpy().tolist() == [[1, 1, 0]]
