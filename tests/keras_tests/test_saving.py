"""Files of models: real Keras loads ours and we load its own, to the last bit; then training goes on equally in both."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs

RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


def sequential(k):
    return k.Sequential([k.Input((3,)), k.layers.Dense(4, activation="relu", kernel_regularizer="l2"),
                         k.layers.BatchNormalization(), k.layers.Dropout(0.0), k.layers.Dense(2, kernel_constraint="non_neg")])


def sequential_without_input(k):
    return k.Sequential([k.layers.Dense(4, activation="gelu"), k.layers.LayerNormalization(), k.layers.Dense(2)])


def convolutional(k):
    return k.Sequential([
        k.Input((6, 6, 2)), k.layers.Conv2D(3, 3, padding="same", activation="relu"), k.layers.MaxPooling2D(),
        k.layers.SeparableConv2D(2, 2), k.layers.DepthwiseConv2D(2), k.layers.Flatten(), k.layers.Dense(2)])


def recurrent(k):
    return k.Sequential([
        k.Input((None,), dtype="int32"), k.layers.Embedding(7, 3, mask_zero=True),
        k.layers.Bidirectional(k.layers.LSTM(2, return_sequences=True)), k.layers.GRU(3, return_sequences=True),
        k.layers.RNN(k.layers.StackedRNNCells([k.layers.SimpleRNNCell(2), k.layers.LSTMCell(3)])), k.layers.Dense(2)])


def functional(k):
    x = k.Input((3,), name="x")
    a = k.layers.Dense(4, activation="tanh")(x)
    b = k.layers.Dense(4)(x)
    return k.Model(x, k.layers.Dense(2)(k.layers.Add()([a, k.layers.Multiply()([a, b])])))


def shared(k):
    """One layer in three places, two inputs by name, layers of a class at different depths."""
    x, y = k.Input((3,), name="x"), k.Input((3,), name="y")
    layer = k.layers.Dense(3, activation="tanh")
    z = k.layers.concatenate([layer(x), k.layers.Dense(5)(layer(layer(y)))])
    return k.Model({"x": x, "y": y}, k.layers.Dense(2)(z))


def nested(k):
    inner_x = k.Input((4,))
    inner = k.Model(inner_x, [k.layers.Dense(3)(inner_x), k.layers.Dense(4)(inner_x)], name="inner")
    x = k.Input((3,))
    first = k.Sequential([k.layers.Dense(4), k.layers.ReLU(negative_slope=0.1)])(x)
    a, b = inner(first)
    c, d = inner(b)
    return k.Model(x, k.layers.Dense(2)(k.layers.Concatenate()([a, c, d])))


def several_outputs(k):
    x, y = k.Input((3,)), k.Input((2,))
    z = k.layers.Concatenate()([x, y])
    return k.Model([x, y], [k.layers.Dense(2, name="first")(z), k.layers.Dense(3, name="second")(z)])


def attention(k):
    x = k.Input((4, 6))
    y = k.layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
    y = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    y = k.layers.GroupQueryAttention(3, 2, 1)(y, x)
    y = k.layers.TimeDistributed(k.layers.Dense(3))(y)
    y = k.layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")(k.layers.RMSNormalization()(y))
    return k.Model(x, k.layers.Dense(2)(k.layers.GlobalAveragePooling1D()(y)))


def wrapped(k):
    return k.Sequential([
        k.Input((4, 3)), k.layers.Identity(), k.layers.Conv1D(3, 2), k.layers.UnitNormalization(),
        k.layers.GroupNormalization(3), k.layers.Flatten(), k.layers.PReLU(), k.layers.Dense(2)])


def subclassed(k):
    return CLASSES[k](n=3)


def _class(k):
    @k.saving.register_keras_serializable("tests")
    class Subclassed(k.Model):
        def __init__(self, n, **kwargs):
            super().__init__(**kwargs)
            self.n = n
            self.out = k.layers.Dense(2)
            self.blocks = [k.layers.Dense(n), k.layers.Dense(n, activation="relu")]
            self.by_name = {"z": k.layers.Dense(n), "a": [k.layers.Dense(n)]}
            self._hidden = k.Sequential([k.layers.Dense(n), k.layers.BatchNormalization()])
            self.scale = self.add_weight(shape=(n,), initializer="ones", name="scale")
            self.fixed = self.add_weight(shape=(), initializer="ones", trainable=False, name="fixed")

        def call(self, x, training=None):
            for block in self.blocks:
                x = block(x)
            x = self.by_name["z"](x) + self.by_name["a"][0](x)
            return self.out(self._hidden(x, training=training) * self.scale * self.fixed)

        def get_config(self):
            return {**super().get_config(), "n": self.n}

    return Subclassed


CLASSES = {k: _class(k) for k in (ours, theirs)}
XY = {
    "x3": lambda: (floats(8, 3), floats(8, 2)),
    "image": lambda: (floats(8, 6, 6, 2), floats(8, 2)),
    "words": lambda: (RNG.integers(0, 7, (8, 5)).astype("int32"), floats(8, 2)),
    "named": lambda: ({"x": floats(8, 3), "y": floats(8, 3)}, floats(8, 2)),
    "two": lambda: ((floats(8, 3), floats(8, 2)), (floats(8, 2), floats(8, 3))),
    "steps": lambda: (floats(8, 4, 6), floats(8, 2)),
    "wide": lambda: (floats(8, 4, 3), floats(8, 2)),
}
MODELS = [(sequential, "x3"), (sequential_without_input, "x3"), (convolutional, "image"), (recurrent, "words"),
          (functional, "x3"), (shared, "named"), (nested, "x3"), (several_outputs, "two"), (attention, "steps"),
          (wrapped, "wide"), (subclassed, "x3")]
OPTIMIZERS = {
    "SGD": {"momentum": 0.9}, "RMSprop": {"centered": True}, "Adam": {"amsgrad": True}, "AdamW": {}, "Adadelta": {},
    "Adagrad": {}, "Adamax": {}, "Adafactor": {}, "Nadam": {}, "Ftrl": {}, "Lion": {}, "Lamb": {}, "Muon": {},
    "ScheduleFreeAdamW": {}}


def step(model, data):
    """One step on all the data; returns the loss."""
    x, y = data
    return np.asarray(model.train_on_batch(x, y)).ravel()[0]


def predictions(model, x):
    return [np.asarray(leaf) for leaf in tf.nest.flatten(model.predict(x, verbose=0))]


def same(a, b, x, rtol=0.0):
    """Equal weights, and predictions within 1e-6."""
    first, second = a.get_weights(), b.get_weights()
    assert len(first) == len(second)
    for i, (u, v) in enumerate(zip(first, second)):
        assert u.shape == v.shape and u.dtype == v.dtype, f"weight {i}"
        np.testing.assert_allclose(u, v, rtol=rtol, atol=rtol, err_msg=f"weight {i}")
    for u, v in zip(predictions(a, x), predictions(b, x), strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-6 + rtol, atol=1e-6 + 10 * rtol)


def same_optimizers(a, b, rtol=0.0):
    first, second = a.optimizer.variables, b.optimizer.variables
    assert len(first) == len(second)
    for u, v in zip(first, second):
        np.testing.assert_allclose(np.asarray(u), np.asarray(v), rtol=rtol, atol=rtol, err_msg=str(v.name))


def check(build, data, source, target, path, compiled):
    """A model of `source` after a step, saved and loaded in `target`: equal; and equal after another step."""
    model = build(source)
    model.compile(**compiled(source))
    step(model, data)
    model.save(path)
    loaded = target.models.load_model(path)
    same(model, loaded, data[0])
    same_optimizers(model, loaded)
    again = source.models.load_model(path)
    same(model, again, data[0])
    assert abs(step(model, data) - step(loaded, data)) < 1e-5
    same(model, loaded, data[0], 1e-5)
    same_optimizers(model, loaded, 1e-5)


@pytest.mark.parametrize("source", ["ours", "theirs"])
@pytest.mark.parametrize("build, kind", MODELS, ids=lambda v: getattr(v, "__name__", v))
def test_models(build, kind, source, tmp_path):
    source, target = (ours, theirs) if source == "ours" else (theirs, ours)
    check(build, XY[kind](), source, target, tmp_path / "model.keras",
          lambda k: {"optimizer": k.optimizers.SGD(0.1, momentum=0.9), "loss": "mse"})


@pytest.mark.parametrize("source", ["ours", "theirs"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, source, tmp_path):
    source, target = (ours, theirs) if source == "ours" else (theirs, ours)
    check(functional, XY["x3"](), source, target, tmp_path / "model.keras",
          lambda k: {"optimizer": getattr(k.optimizers, name)(0.01, **OPTIMIZERS[name]), "loss": "mse"})


@pytest.mark.parametrize("source", ["ours", "theirs"])
def test_compiled_with_objects(source, tmp_path):
    source, target = (ours, theirs) if source == "ours" else (theirs, ours)

    def compiled(k):
        schedule = k.optimizers.schedules.CosineDecay(0.1, 10)
        optimizer = k.optimizers.SGD(schedule, use_ema=True, gradient_accumulation_steps=2, clipnorm=1.0)
        return {"optimizer": optimizer, "loss": k.losses.MeanSquaredError("sum", name="squared"), "weighted_metrics": [],
                "metrics": ["mae", k.metrics.MeanSquaredError(name="m"), k.metrics.TopKCategoricalAccuracy(k=1)]}

    check(functional, XY["x3"](), source, target, tmp_path / "model.keras", compiled)
    loaded = ours.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.name == "squared" and loaded.loss.reduction == "sum"
    assert loaded.optimizer.gradient_accumulation_steps == 2
    assert not ours.models.load_model(tmp_path / "model.keras", compile=False).compiled


@pytest.mark.parametrize("build, kind", MODELS, ids=lambda v: getattr(v, "__name__", v))
def test_weights(build, kind, tmp_path):
    """`.weights.h5` both ways, into models that were made on their own."""
    x, _ = XY[kind]()
    mine, other = build(ours), build(theirs)
    predictions(mine, x), predictions(other, x)
    path = str(tmp_path / "a.weights.h5")
    mine.save_weights(path)
    other.load_weights(path)
    same(mine, other, x)
    fresh = build(theirs)
    predictions(fresh, x)
    fresh.save_weights(path)
    mine.load_weights(path)
    same(mine, fresh, x)


@pytest.mark.parametrize("build", [sequential, functional, shared, nested, several_outputs, recurrent])
def test_json(build):
    """`to_json` in either is a model in the other, of the same layers; weights go by the same order."""
    mine, other = build(ours), build(theirs)
    for k, source, text in ((theirs, mine, mine.to_json()), (ours, other, other.to_json())):
        made = k.models.model_from_json(text)
        assert [layer.name for layer in made.layers] == [layer.name for layer in source.layers]
        made.set_weights(source.get_weights())
    copy = ours.Model.from_config(mine.get_config()) if build is not sequential and build is not recurrent else (
        ours.Sequential.from_config(mine.get_config()))
    assert json.dumps(copy.get_config()) == json.dumps(mine.get_config())


def test_layout(tmp_path):
    model = sequential(ours)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        assert json.loads(archive.read("config.json"))["module"] == "keras"


@pytest.mark.parametrize("build", [sequential, functional, shared, nested, several_outputs, recurrent, subclassed])
def test_clones(build):
    kind = dict((b.__name__, k) for b, k in MODELS)[build.__name__]
    x, _ = XY[kind]()
    model = build(ours)
    predictions(model, x)
    model.compile("sgd", "mse")
    copy = ours.models.clone_model(model)
    predictions(copy, x)
    assert not {id(v) for v in copy.weights} & {id(v) for v in model.weights} and copy.compiled
    copy.set_weights(model.get_weights())
    same(copy, model, x)


def test_clones_by_functions():
    twice = []

    def copied(layer):
        twice.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 5} if config.get("units") == 4 else config)

    model = nested(ours)
    copy = ours.models.clone_model(functional(ours), clone_function=copied)
    assert sorted({w.shape[-1] for w in copy.weights}) == [2, 5] and len(twice) == 5
    inner = ours.models.clone_model(model, recursive=True, clone_function=lambda layer: layer)
    assert {id(v) for v in inner.weights} == {id(v) for v in model.weights}
    x = ours.Input((3,))
    on_given = ours.models.clone_model(model, input_tensors=x, call_function=lambda layer, *a, **k: layer(*a, **k))
    assert on_given.input is x
    function = ours.layers.Lambda(lambda v: v * 2.0)
    doubled = ours.models.clone_model(ours.Sequential([ours.Input((2,)), function]))
    assert doubled.predict(np.ones((1, 2), "float32"), verbose=0).tolist() == [[2.0, 2.0]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="functional and"):
        ours.models.clone_model(subclassed(ours), clone_function=copied)


@pytest.mark.parametrize("build", [sequential, functional, shared, nested, recurrent, convolutional])
def test_older_files(build, tmp_path):
    """`.h5` files of whole models, and of weights, as Keras still writes them."""
    x, y = XY[dict((b.__name__, k) for b, k in MODELS)[build.__name__]]()
    model = build(theirs)
    model.compile("adam", "mse")
    step(model, (x, y))
    model.save(tmp_path / "m.h5")
    loaded = ours.models.load_model(tmp_path / "m.h5")
    same(model, loaded, x)
    same_optimizers(model, loaded)
    assert abs(step(model, (x, y)) - step(loaded, (x, y))) < 1e-5
    fresh = build(ours)
    predictions(fresh, x)
    fresh.load_weights(tmp_path / "m.h5")
    same(ours.models.load_model(tmp_path / "m.h5", compile=False), fresh, x)
