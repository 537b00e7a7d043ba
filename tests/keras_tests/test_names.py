"""The names in `keras` that guides and examples use, and the keyword arguments they give."""

import inspect
from pathlib import Path

import pytest

import treadle as tf
from keras_tests.oracle import ours

HERE = Path(__file__).parent
NAMES = (HERE / "names.txt").read_text().split()
ROWS = [line.partition(": ")[::2] for line in (HERE / "keywords.txt").read_text().splitlines()]

# What a class takes besides the parameters of its constructor.
OF_LAYERS = {"name", "dtype", "trainable", "input_shape", "input_dim", "batch_input_shape", "autocast"}
OF_OPTIMIZERS = set(inspect.signature(ours.optimizers.Optimizer.__init__).parameters) | {"lr"}
OF_SINGLE = {"LeakyReLU": {"alpha"}, "BatchNormalization": {"fused"}, "Model": {"inputs", "outputs", "name"}}
# Keras 3 does not take these either: an error says so, and names the argument.
REFUSED = [("layers.BatchNormalization", ("gamma_layout", "beta_layout", "moving_mean_layout", "moving_variance_layout"), {}),
           ("metrics.SparseCategoricalAccuracy", ("mesh",), {}), ("models.load_model", ("options",), {"filepath": "a.keras"}),
           ("ops.reshape", ("new_shape",), {"x": [1.0]}), ("ops.mean", ("keep_dims",), {"x": [1.0]})]


def found(name):
    value = tf
    for part in name.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("place", sorted({name.rpartition(".")[0] for name in NAMES}))
def test_names(place):
    for name in NAMES:
        if name.rpartition(".")[0] == place:
            found(name)


def test_keywords():
    refused = {(f"keras.{name}", word) for name, words, _ in REFUSED for word in words}
    missing = []
    for name, words in ROWS:
        kind = found(name)
        taken = set(inspect.signature(kind).parameters)
        if inspect.isclass(kind):
            taken |= OF_LAYERS if issubclass(kind, ours.layers.Layer) else set()
            taken |= OF_OPTIMIZERS if issubclass(kind, ours.optimizers.Optimizer) else set()
            taken |= OF_SINGLE.get(kind.__name__, set())
        missing += [(name, word) for word in words.split() if word not in taken and (name, word) not in refused]
    assert not missing and len(ROWS) > 100


def test_what_families_take():
    """What the test above takes for granted."""
    for made in (ours.layers.Dense(2, name="a", dtype="float32", trainable=False, input_dim=3),
                 ours.layers.RNN(ours.layers.GRUCell(2), input_shape=(None, 3), name="b"),
                 ours.layers.LeakyReLU(alpha=0.1), ours.layers.BatchNormalization(fused=True)):
        assert made.get_config()
    options = dict(clipnorm=1.0, weight_decay=0.1, use_ema=True, name="n")
    for kind in (ours.optimizers.Adam, ours.optimizers.SGD, ours.optimizers.RMSprop):
        assert float(kind(lr=0.5, **options).learning_rate) == 0.5


def test_keywords_that_are_refused():
    for name, words, others in REFUSED:
        for word in words:
            with pytest.raises((TypeError, ValueError), match=f"'{word}'"):
                found(f"keras.{name}")(**others, **{word: None})


def test_inputs():
    keras = ours
    x = keras.Input(type_spec=tf.TensorSpec([None, 3], "int32"), name="x")
    assert tuple(x.shape) == (None, 3) and x.dtype.name == "int32" and x.name == "x"
    assert keras.Input(tensor=x) is x and keras.Input((2,), 5, "int32", False).shape == (5, 2)
    for options, error in [(dict(shape=(2,), sparse=True), tf.errors.UnimplementedError),
                           (dict(shape=(2,), ragged=True), tf.errors.UnimplementedError),
                           (dict(shape=(2,), optional=True), tf.errors.UnimplementedError),
                           (dict(tensor=[1.0]), TypeError), (dict(shape=(2,), type_spec=tf.TensorSpec([2])), ValueError),
                           ({}, ValueError)]:
        with pytest.raises(error):
            keras.Input(**options)
