"""Files with classes and functions of the user's own, and what is refused."""

from __future__ import annotations

import json
import warnings
import zipfile

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs
from treadle.keras_like.saving.errors import ModelFileError

X = np.random.default_rng(2).normal(size=(4, 3)).astype("float32")


def shifted(x):
    return x + 1.0


def far(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)


class Scaled(ours.layers.Layer):
    """Saved without a `get_config`: its arguments are plain."""

    def __init__(self, by, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.by, self.shift = by, shift

    def call(self, x):
        return x * self.by + self.shift


class Counting(ours.layers.Layer):
    """Says itself what of it is saved."""

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), name="w")
        self.words = None

    def call(self, x):
        return x * self.w

    def save_own_variables(self, store):
        store["kernel"] = self.w
        store["squares"] = np.square(self.w.numpy())

    def load_own_variables(self, store):
        np.testing.assert_array_equal(np.square(store["kernel"]), store["squares"])
        self.w.assign(store["kernel"])

    def save_assets(self, folder):
        with open(f"{folder}/words.txt", "w") as file:
            file.write("a b c")

    def load_assets(self, folder):
        with open(f"{folder}/words.txt") as file:
            self.words = file.read()


def saved(path, *layers, **compiled):
    model = ours.Sequential([ours.Input((3,)), *layers])
    if compiled:
        model.compile(**compiled)
    model.save(path)
    return model


def test_a_class_is_found_in_custom_objects_a_scope_or_the_registry(tmp_path):
    path = tmp_path / "m.keras"
    expected = saved(path, Scaled(3.0, shift=0.5), ours.layers.Dense(2, activation=shifted), optimizer="sgd", loss=far,
                     metrics=[far]).predict(X, verbose=0)
    mine = {"Scaled": Scaled, "shifted": shifted, "far": far}
    with pytest.raises(ModelFileError, match="no layer of that name.*Scaled.*custom_objects"):
        ours.models.load_model(path)
    loaded = ours.models.load_model(path, custom_objects=mine)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)
    assert loaded.layers[0].by == 3.0 and loaded.loss is far
    loaded.train_on_batch(X, np.zeros((4, 2), "float32"))
    with ours.saving.custom_object_scope(mine):
        np.testing.assert_array_equal(ours.models.load_model(path).predict(X, verbose=0), expected)
        assert ours.losses.get("far") is far
    with pytest.raises(tf.errors.InvalidArgumentError):
        ours.losses.get("far")
    ours.saving.get_custom_objects().update(mine)
    try:
        np.testing.assert_array_equal(ours.models.load_model(path).predict(X, verbose=0), expected)
    finally:
        for name in mine:
            del ours.saving.get_custom_objects()[name]


def test_a_class_says_itself_what_is_saved(tmp_path):
    model = saved(tmp_path / "m.keras", Counting(), Counting())
    loaded = ours.models.load_model(tmp_path / "m.keras", {"Counting": Counting})
    np.testing.assert_array_equal(loaded.get_weights(), model.get_weights())
    assert [layer.words for layer in loaded.layers] == ["a b c"] * 2


def test_arguments_that_cannot_be_saved_are_named():
    class Odd(ours.layers.Layer):
        def __init__(self, thing):
            super().__init__()

    with pytest.raises(tf.errors.UnimplementedError, match="`Odd` does not define `get_config`"):
        Odd(object()).get_config()
    assert Scaled(2.0, name="s").get_config()["by"] == 2.0
    assert Scaled.from_config(Scaled(2.0, name="s", dtype="float64").get_config()).dtype == "float64"


def test_a_lambda_is_not_run_unless_asked_for(tmp_path):
    path = tmp_path / "m.keras"
    with pytest.warns(UserWarning, match="bytecode"):
        saved(path, ours.layers.Lambda(lambda x: x * 2.0 + tf.reduce_sum(x)))
    with pytest.raises(ModelFileError, match="Lambda.*bytecode.*safe_mode=False"):
        ours.models.load_model(path)
    expected = X * 2.0 + X.sum()
    np.testing.assert_allclose(ours.models.load_model(path, safe_mode=False).predict(X, verbose=0), expected, rtol=1e-5)
    model = theirs.Sequential([theirs.Input((3,)), theirs.layers.Lambda(lambda x: x * 2.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert theirs.models.load_model(path, safe_mode=False).layers[0].name == "lambda"
        model.save(path)
    with pytest.raises(ModelFileError, match="bytecode"):
        ours.models.load_model(path)
    np.testing.assert_array_equal(ours.models.load_model(path, safe_mode=False).predict(X, verbose=0), X * 2.0)


def test_the_same_layer_twice_is_made_once(tmp_path):
    @ours.saving.register_keras_serializable("twice")
    class Twice(ours.Model):
        def __init__(self, a, b, **kwargs):
            super().__init__(**kwargs)
            self.a, self.b = a, b

        def call(self, x):
            return self.b(self.a(x))

        def get_config(self):
            return {**super().get_config(), "a": self.a, "b": self.b}

        @classmethod
        def from_config(cls, config):
            made = {name: ours.saving.deserialize_keras_object(config.pop(name)) for name in "ab"}
            return cls(**made, **config)

    layer = ours.layers.Dense(3)
    model = Twice(layer, layer)
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = ours.models.load_model(tmp_path / "m.keras")
    assert loaded.a is loaded.b and len(loaded.weights) == 2
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)


def test_weights_that_do_not_fit(tmp_path):
    path = str(tmp_path / "a.weights.h5")
    def model(last):
        return ours.Sequential([ours.Input((3,)), ours.layers.Dense(4), ours.layers.Dense(last)])

    first, second = model(2), model(5)
    first.save_weights(path)
    before = second.get_weights()
    with pytest.raises(ModelFileError, match="layers/dense_1.*shape"):
        second.load_weights(path)
    for a, b in zip(second.get_weights(), before):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="layers/dense_1"):
        second.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(second.get_weights()[0], first.get_weights()[0])
    np.testing.assert_array_equal(second.get_weights()[2], before[2])


def test_wrong_paths(tmp_path):
    model = ours.Sequential([ours.Input((3,)), ours.layers.Dense(2)])
    for path in ("m.h5", "m", "m.weights.h5"):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"\.keras"):
            model.save(tmp_path / path)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "m.h5")
    model.save(tmp_path / "m.keras")
    with pytest.raises(tf.errors.InvalidArgumentError, match="overwrite"):
        model.save(tmp_path / "m.keras", overwrite=False)
    with pytest.raises(tf.errors.FailedPreconditionError, match="no weights yet"):
        ours.Sequential([ours.layers.Dense(2)]).save_weights(tmp_path / "n.weights.h5")


CHANGES = {
    "a module": (lambda c: c["config"]["layers"][1].update(module="os", class_name="system"), "os.system"),
    "an argument": (lambda c: c["config"]["layers"][1]["config"].update(unitz=3), "Dense.*unitz"),
    "a type": (lambda c: c["config"]["layers"][1]["config"].update(units="many"), "Dense"),
    "a family": (lambda c: c["config"]["layers"][1]["config"].update(kernel_initializer={
        "module": "keras.layers", "class_name": "Dense", "config": {"units": 1}, "registered_name": None}), "initializers"),
    "a size": (lambda c: c["config"]["layers"][1]["config"].update(units=10**10), "more than"),
    "a function": (lambda c: c["config"]["layers"][1]["config"].update(activation={
        "module": "builtins", "class_name": "function", "config": "load_model", "registered_name": "function"}), "load_model"),
    "a metric": (lambda c: c["compile_config"].update(metrics=[{
        "module": "keras.metrics", "class_name": "AUC", "config": {"num_thresholds": 10**12}, "registered_name": None}]),
                 "more than"),
    "an optimizer": (lambda c: c["compile_config"]["optimizer"].update(class_name="Adem"), "Did you mean 'Adam'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_configurations(name, tmp_path):
    change, match = CHANGES[name]
    path = tmp_path / "m.keras"
    saved(path, ours.layers.Dense(2), optimizer="adam", loss="mse")
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, json.dumps(config) if member == "config.json" else content)
    with pytest.raises(ModelFileError, match=match):
        ours.models.load_model(path)


def test_mixed_precision_and_loss_scale(tmp_path):
    layers = [ours.layers.Dense(4, dtype="mixed_float16"), ours.layers.Dense(2, dtype="bfloat16")]
    model = ours.Sequential([ours.Input((3,)), *layers])
    optimizer = ours.optimizers.LossScaleOptimizer(ours.optimizers.Adam(0.01))
    model.compile(optimizer, "mse")
    model.train_on_batch(X, np.zeros((4, 2), "float32"))
    model.save(tmp_path / "m.keras")
    for k in (ours, theirs):
        loaded = k.models.load_model(tmp_path / "m.keras")
        for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(np.asarray(a, "float32"), np.asarray(b, "float32"))
        for a, b in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(a, "float32"), np.asarray(b, "float32"))
        assert loaded.layers[0].dtype_policy.name == "mixed_float16"
