"""`keras.utils.FeatureSpace`, against recorded results of Keras on TensorFlow."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import treadle as tf
from treadle import keras

ORACLES = Path(__file__).parent.parent / "oracles"
sys.path.insert(0, str(ORACLES))
import feature_space_cases  # noqa: E402

RECORDED = json.loads((ORACLES / "text.json").read_text())["feature_spaces"]
COLUMNS = {k: np.array(v) for k, v in feature_space_cases.DATA.items()}
FeatureSpace = keras.utils.FeatureSpace


def flat(value):
    return [v for part in value for v in flat(part)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", sorted(feature_space_cases.CASES))
def test_as_keras_on_tensorflow(name):
    for found, wanted in zip(feature_space_cases.run(keras, name), RECORDED[name], strict=True):
        a, b = flat(found), flat(wanted)
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert x == y if isinstance(y, str) else x == pytest.approx(y, rel=1e-5)


def adapted(**config):
    space = FeatureSpace(feature_space_cases.ALL, crosses=[("word", "number")], crossing_dim=4, **config)
    space.adapt(tf.data.Dataset.from_tensor_slices(COLUMNS))
    return space


def test_data_sets():
    space = adapted()
    wanted = space(COLUMNS).numpy()
    labelled = tf.data.Dataset.from_tensor_slices((COLUMNS, np.arange(6)))
    single = list(labelled.map(lambda x, y: (space(x), y)))
    np.testing.assert_allclose(np.stack([x for x, _ in single]), wanted, rtol=1e-6)
    batched, = tf.data.Dataset.from_tensor_slices(COLUMNS).batch(6).map(space)
    np.testing.assert_allclose(batched, wanted, rtol=1e-6)


def test_the_two_models_of_the_guide():
    space = adapted()
    encoded, inputs = space.get_encoded_features(), space.get_inputs()
    assert tuple(encoded.shape) == (None, space(COLUMNS).shape[1])
    outputs = keras.layers.Dense(1, activation="sigmoid")(encoded)
    training, inference = keras.Model(encoded, outputs), keras.Model(inputs, outputs)
    training.compile("adam", "binary_crossentropy")
    labels = np.array([0.0, 1, 0, 1, 0, 1], np.float32)
    data = tf.data.Dataset.from_tensor_slices((COLUMNS, labels)).batch(3).map(lambda x, y: (space(x), y))
    training.fit(data, epochs=2, verbose=0)
    columns = {k: v.reshape(-1, 1).astype(np.float32 if v.dtype.kind == "f" else np.int32 if v.dtype.kind == "i" else object)
               for k, v in COLUMNS.items()}
    np.testing.assert_allclose(inference(columns), training(space(COLUMNS)), rtol=1e-5)


def test_a_layer_of_ones_own():
    space = FeatureSpace({"text": FeatureSpace.feature("string", keras.layers.TextVectorization(output_mode="count"), "float")})
    space.adapt({"text": ["a b", "b c"]})
    assert space({"text": ["a b b"]}).numpy().tolist() == [[0, 2, 0, 1]]
    assert space.preprocessors["text"].get_vocabulary() == ["[UNK]", "b", "c", "a"]


def test_what_was_learned_is_saved(tmp_path):
    space = adapted()
    path = str(tmp_path / "space.keras")
    space.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded(COLUMNS), space(COLUMNS))
    copy = FeatureSpace.from_config(json.loads(json.dumps(space.get_config())))
    assert json.loads(json.dumps(copy.get_config())) == json.loads(json.dumps(space.get_config()))


@pytest.mark.parametrize("make,message", [
    (lambda: FeatureSpace({}), "a column or more"), (lambda: FeatureSpace({"a": "floating"}), "A feature is one of"),
    (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode"),
    (lambda: FeatureSpace({"a": "string_hashed"}, crosses=[("a", "b")]), "cross"),
    (lambda: FeatureSpace.cross(("a", "b"), 3, "float"), "output_mode"),
    (lambda: FeatureSpace({"a": "float_normalized"})({"a": 1.0}), "adapt"),
    (lambda: FeatureSpace({"a": "float"})([1.0]), "dictionary"), (lambda: FeatureSpace({"a": "float"})({"b": 1.0}), "without"),
    (lambda: FeatureSpace({"a": FeatureSpace.string_hashed(3, "int")})({"a": "x"}), "put together"),
    (lambda: FeatureSpace({"a": FeatureSpace.feature("float32", keras.layers.Rescaling(2.0), "one_hot")})({"a": 1.0}), "range"),
    (lambda: FeatureSpace({"a": "float_normalized"}).adapt([1.0]), "dictionaries")])
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(tf.errors.OpError, match=message):
        make()
