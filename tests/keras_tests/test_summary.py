"""`summary()` prints the table that Keras prints; pictures of models show every layer and connection."""


import numpy as np
import pytest

from keras_tests.oracle import ours, theirs


def small(keras):
    layers = keras.layers
    return keras.Sequential([keras.Input((4,)), layers.Dense(8, name="first"), layers.BatchNormalization(name="normal"),
                             layers.Dropout(0.5, name="drop"), layers.Dense(1000, name="last")], name="small")


def unbuilt(keras):
    return keras.Sequential([keras.layers.Dense(8, name="first"), keras.layers.Dropout(0.1, name="drop")], name="unbuilt")


def compiled(keras):
    found = small(keras)
    found.compile(keras.optimizers.Adam(), "mse")
    found.optimizer.build(found.trainable_variables)
    return found


def branched(keras):
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    x = layers.Concatenate(name="both")([shared(a), shared(b)])
    y = layers.Dense(1, name="a_rather_long_name_for_a_layer_that_does_not_fit")(x)
    z = layers.Add(name="sum")([x, x])
    return keras.Model([a, b], [y, z], name="branched")


def nested(keras):
    layers = keras.layers
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(5, name="one"), layers.Dense(3, name="two")], name="inner")
    inputs = keras.Input((3,), name="begin")
    outputs = layers.LSTM(3, return_state=True, name="states")(layers.Reshape((1, 3), name="steps")(inner(inputs)))
    return keras.Model(inputs, outputs, name="nested")


def frozen(keras):
    found = nested(keras)
    found.get_layer("inner").get_layer("two").trainable = False
    return found


def mixed(keras):
    layers = keras.layers
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="conv", dtype="mixed_bfloat16")(inputs)
    x = layers.Embedding(10, 2, name="words", dtype="float16")(layers.Flatten(name="flat")(x))
    return keras.Model(inputs, x, name="mixed")


def called(keras):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.first = keras.layers.Dense(3, name="first")
            self.second = keras.layers.Dense(2, name="second")

        def call(self, x):
            return self.second(self.first(x))

    found = Own()
    found(np.ones((2, 3), np.float32))
    return found


MODELS = [small, unbuilt, compiled, branched, nested, frozen, mixed, called]
SETTINGS = [dict(), dict(line_length=60), dict(show_trainable=True), dict(expand_nested=True),
            dict(expand_nested=True, show_trainable=True, line_length=76)]


def text(model, **arguments):
    parts = []
    model.summary(print_fn=parts.append, **arguments)
    assert len(parts) == 1
    return parts[0]


@pytest.mark.parametrize("columns", ["80", "130"])
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_summary_is_the_table_of_keras(make, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    mine, other = make(ours), make(theirs)
    for arguments in SETTINGS:
        assert text(mine, **arguments) == text(other, **arguments)


@pytest.mark.parametrize("arguments", [
    dict(positions=[0.3, 0.6, 1.0]), dict(layer_range=("normal", "drop")), dict(layer_range=["dr.*", "f.*"]),
    dict(layer_range=("last", "last"), line_length=50)])
def test_arguments(arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert text(small(ours), **arguments) == text(small(theirs), **arguments)


@pytest.mark.parametrize("arguments, message", [
    (dict(line_length=10), "too little room"), (dict(layer_range=("x", "last")), "matches no layer"),
    (dict(layer_range=("last",)), "two names"), (dict(positions=[0.5, 1.0]), "each of the 3 columns")])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(ours).summary(**arguments)


def test_it_is_printed(capsys):
    small(ours).summary()
    found = capsys.readouterr().out
    assert found.startswith('Model: "small"\n┏━') and "\x1b" not in found and " Total params: 9,072 (35.44 KB)\n" in found
