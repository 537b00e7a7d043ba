"""Random layers and `keras.random`: distributions, seeds, `training`, eager and compiled draws."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.layer_checks import array, check_config
from keras_tests.oracle import close, ours, theirs

ONES = np.ones((200, 20, 10), np.float32)
LAYERS = [("Dropout", dict(rate=0.3)), ("Dropout", dict(rate=0.3, noise_shape=(None, 1, 10))), ("AlphaDropout", dict(rate=0.3)),
          ("GaussianDropout", dict(rate=0.3)), ("GaussianNoise", dict(stddev=0.3)), ("SpatialDropout1D", dict(rate=0.3))]


@pytest.mark.parametrize("name,config", LAYERS)
def test_layer(name, config):
    mine, other = getattr(ours.layers, name)(**config, seed=3), getattr(theirs.layers, name)(**config, seed=3)
    x = tf.constant(ONES)
    assert np.array_equal(mine(x), ONES) and np.array_equal(mine(x, training=False), ONES)
    found, expected = np.asarray(mine(x, training=True)), np.asarray(other(ONES, training=True))
    assert found.dtype == np.float32 and mine.weights == [] and mine.compute_output_shape(x.shape) == x.shape
    assert abs(found.mean() - expected.mean()) < 0.05 and abs(found.std() - expected.std()) < 0.05
    if "rate" in config and name != "GaussianDropout":
        assert set(np.round(np.unique(found), 4)) == set(np.round(np.unique(expected), 4))
        kept = (found == found.max()).mean()
        assert abs(kept - 0.7) < 0.05
    check_config(name, dict(**config, seed=3))


@pytest.mark.parametrize("name,config", LAYERS)
def test_seeds(name, config):
    x = tf.constant(ONES)
    eager = getattr(ours.layers, name)(**config, seed=3)
    again = getattr(ours.layers, name)(**config, seed=3)
    other = getattr(ours.layers, name)(**config, seed=4)
    step = tf.function(lambda x: again(x, training=True))
    draws = [np.asarray(eager(x, training=True)) for _ in range(3)]
    for draw in draws:
        close(step(x), draw)
    assert not np.array_equal(draws[0], draws[1]) and not np.array_equal(other(x, training=True), draws[0])
    assert again.seed_generator.state.numpy().tolist() == [3, 3]


def test_spatial():
    for rank, name in enumerate(["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"], start=1):
        y = np.asarray(getattr(ours.layers, name)(0.5, seed=1)(tf.ones([8, *(3,) * rank, 5]), training=True))
        assert {0.0, 2.0} == set(np.unique(y)) and np.all(y == y[(slice(None), *(slice(0, 1),) * rank)])
    y = np.asarray(ours.layers.SpatialDropout2D(0.5, "channels_first", seed=1)(tf.ones([8, 5, 3, 3]), training=True))
    assert {0.0, 2.0} == set(np.unique(y)) and np.all(y == y[:, :, :1, :1])
    check_config("SpatialDropout2D", dict(rate=0.5, data_format="channels_first", seed=1))


def test_training_is_passed_down():
    class Outer(ours.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = ours.layers.Dropout(0.5, seed=1)

        def call(self, x):
            return self.inner(x)

    x = tf.ones([100])
    layer = Outer()
    assert np.array_equal(layer(x), x) and 0.0 in np.asarray(layer(x, training=True))
    model = ours.Sequential([ours.layers.Dense(3), ours.layers.Dropout(0.5, seed=1)])
    batch = tf.constant(array(50, 4))
    assert 0.0 not in np.asarray(model(batch)) and 0.0 in np.asarray(model(batch, training=True))


def test_tensor_training():
    layer = ours.layers.Dropout(0.5, seed=1)
    step = tf.function(lambda x, training: layer(x, training=training))
    x = tf.ones([100])
    assert np.array_equal(step(x, tf.constant(False)), x) and 0.0 in np.asarray(step(x, tf.constant(True)))


def test_gradient_goes_to_the_kept():
    x = tf.ones([100])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = ours.layers.Dropout(0.5, seed=1)(x, training=True)
    close(tape.gradient(y, x), y)


def test_edges():
    x = tf.ones([10])
    assert not np.any(ours.layers.Dropout(1.0)(x, training=True)) and np.all(ours.layers.Dropout(0)(x, training=True) == x)
    for make in (lambda: ours.layers.Dropout(1.5), lambda: ours.layers.GaussianNoise(-1.0),
                 lambda: ours.layers.Dropout(0.5, noise_shape=(0, 1)),
                 lambda: ours.layers.SpatialDropout1D(0.5)(x, training=True)):
        with pytest.raises(ValueError):
            make()


def test_global_seed():
    def draw():
        tf.random.set_seed(5)
        layer = ours.layers.Dropout(0.5)
        return np.concatenate([layer(tf.ones([100]), training=True), ours.random.normal((10,)), ours.random.normal((10,))])

    assert np.array_equal(draw(), draw()) and len(set(draw()[100:])) == 20


@pytest.mark.parametrize("name,arguments,mean,variance", [
    ("normal", dict(mean=1.0, stddev=2.0), 1.0, 4.0), ("uniform", dict(minval=-1.0, maxval=3.0), 1.0, 16 / 12),
    ("truncated_normal", dict(mean=1.0, stddev=2.0), 1.0, 4 * 0.7737), ("randint", dict(minval=0, maxval=5), 2.0, 2.0),
    ("gamma", dict(alpha=2.0), 2.0, 2.0), ("beta", dict(alpha=2.0, beta=3.0), 0.4, 0.04),
    ("binomial", dict(counts=10, probabilities=0.3), 3.0, 2.1)])
def test_distributions(name, arguments, mean, variance):
    draw = getattr(ours.random, name)
    x = np.asarray(draw((20000,), **arguments, seed=1))
    other = np.asarray(getattr(theirs.random, name)((4,), **arguments, seed=1))
    assert x.dtype == other.dtype and abs(x.mean() - mean) < 0.05 * variance**0.5 and abs(x.var() / variance - 1) < 0.05
    assert np.array_equal(x, draw((20000,), **arguments, seed=1))
    assert not np.array_equal(x, draw((20000,), **arguments, seed=2))
    seeds, again = ours.random.SeedGenerator(1), ours.random.SeedGenerator(1)
    step = tf.function(lambda: draw((50,), **arguments, seed=again))
    for _ in range(2):
        close(step(), draw((50,), **arguments, seed=seeds))


def test_shuffle_categorical_dropout():
    x = np.arange(60).reshape(3, 20)
    y = np.asarray(ours.random.shuffle(x, axis=1, seed=1))
    assert not np.array_equal(x, y) and np.array_equal(np.sort(y, 1), x) and len(set(y[1] - y[0])) == 1
    logits = np.log([[0.2, 0.8], [0.5, 0.5]]).astype(np.float32)
    found = np.asarray(ours.random.categorical(logits, 5000, seed=1))
    assert found.shape == (2, 5000) and found.dtype == np.int32 and np.allclose(found.mean(1), [0.8, 0.5], atol=0.03)
    dropped = np.asarray(ours.random.dropout(ONES, 0.25, seed=1))
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)} and abs((dropped > 0).mean() - 0.75) < 0.01


def test_seed_generator():
    seeds = ours.random.SeedGenerator(7, name="mine")
    assert [seeds.next().numpy().tolist() for _ in range(2)] == [[7, 0], [7, 1]]
    copy = ours.random.SeedGenerator.from_config(seeds.get_config())
    assert copy.next().numpy().tolist() == [7, 0] and copy.state.shape == (2,) and copy.state.dtype == tf.uint32
    for seed in ("a", 1.5, True):
        with pytest.raises(ValueError, match="seed"):
            ours.random.SeedGenerator(seed)
        with pytest.raises(ValueError, match="seed"):
            ours.random.normal((2,), seed=seed)
