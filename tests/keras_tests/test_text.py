"""Layers and functions that work on strings, against recorded results of Keras on TensorFlow; and where strings may go."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import treadle as tf
from treadle import keras

ORACLES = Path(__file__).parent.parent / "oracles"
sys.path.insert(0, str(ORACLES))
import text_cases  # noqa: E402
import text_models  # noqa: E402

STORED = json.loads((ORACLES / "text.json").read_text())
RECORDED = STORED["cases"]
layers = keras.layers


@pytest.mark.parametrize("name", sorted(text_cases.CASES))
def test_as_keras_on_tensorflow(name):
    found, wanted = text_cases.run(tf, name), RECORDED[name]
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        if np.asarray(b).dtype.kind in "fi" and np.size(b):
            np.testing.assert_allclose(np.asarray(a, np.float64), b, rtol=1e-6)
        else:
            assert a == b


# --- where strings may go -------------------------------------------------------------------------------------------


def vectorizer(**config):
    layer = layers.TextVectorization(output_sequence_length=4, **config)
    layer.adapt(["good film", "bad film", "a good one"])
    return layer


REVIEWS = ["a good film", "a bad one"] * 8
RATINGS = np.array([1.0, 0.0] * 8, np.float32)


@pytest.mark.parametrize("given", [
    ["a good film"], np.array(["a good film"]), np.array(["a good film"], object), np.array([b"a good film"]),
    tf.constant(["a good film"]), [["a good film"]], ("a good film",)])
def test_text_in_any_form(given):
    layer = vectorizer()
    wanted = [[layer.get_vocabulary().index(w) for w in ("a", "good", "film")] + [0]]
    assert layer(given).numpy().tolist() == wanted
    assert layer(given).dtype == tf.int64


def test_data_sets_of_strings():
    data = tf.data.Dataset.from_tensor_slices((REVIEWS, RATINGS))
    layer = layers.TextVectorization(output_sequence_length=4)
    layer.adapt(data.map(lambda text, y: text).batch(3))
    assert layer.get_vocabulary()[:3] == ["", "[UNK]", "a"]
    batched = data.batch(4).map(lambda text, y: (layer(text), y))
    single = data.map(lambda text, y: (layer(text), y)).batch(4)
    for (a, _), (b, _) in zip(batched, single):
        assert a.shape == (4, 4) and a.numpy().tolist() == b.numpy().tolist()
    assert list(tf.data.Dataset.from_tensor_slices(["b", "a"]).map(layers.StringLookup(vocabulary=["a", "b"])))[0] == 2


def test_fit_on_mapped_text():
    layer = vectorizer()
    data = tf.data.Dataset.from_tensor_slices((REVIEWS, RATINGS)).batch(4).map(lambda text, y: (layer(text), y))
    model = keras.Sequential([layers.Embedding(layer.vocabulary_size(), 4, mask_zero=True), layers.GlobalAveragePooling1D(),
                              layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    losses = model.fit(data, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    # The deployed model takes text: called, not compiled.
    whole = keras.Sequential([keras.Input((1,), dtype="string"), layer, model])
    assert whole(tf.constant([["a good film"], ["a bad one"]])).shape == (2, 1)


@pytest.mark.parametrize("mode", ["int", "multi_hot", "tf_idf"])
def test_models_of_text(mode):
    layer = layers.TextVectorization(output_mode=mode)
    layer.adapt(REVIEWS)
    x = keras.Input((1,), dtype="string")
    y = layer(x)
    assert tuple(y.shape) == ((None, None) if mode == "int" else (None, layer.vocabulary_size()))
    assert y.dtype.name == ("int64" if mode == "int" else "float32")
    model = keras.Model(x, y if mode == "int" else layers.Dense(2, kernel_initializer="ones")(y))
    wanted = layer(REVIEWS).numpy()
    found = model(np.array(REVIEWS)[:, None]).numpy()
    np.testing.assert_allclose(found, wanted if mode == "int" else np.repeat(wanted.sum(1, keepdims=True), 2, 1), rtol=1e-6)


def test_lookups_in_functional_models():
    word, number = keras.Input((1,), dtype="string", name="word"), keras.Input((1,), dtype="int64", name="number")
    parts = [layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(word),
             layers.IntegerLookup(vocabulary=[7, 8], output_mode="one_hot")(number),
             layers.Hashing(4, output_mode="one_hot")(word)]
    model = keras.Model([word, number], layers.Concatenate()(parts))
    found = model([np.array([["b"], ["z"]]), np.array([[8], [9]])]).numpy()
    assert found.shape == (2, 10) and found[:, :6].tolist() == [[0, 0, 1, 0, 0, 1], [1, 0, 0, 1, 0, 0]]


def test_strings_in_a_compiled_function_are_refused():
    layer = vectorizer()
    with pytest.raises(tf.errors.UnimplementedError, match="string"):
        tf.function(lambda x: layer(x))(tf.constant(["a good film"]))
    # Strings that are known while tracing are constants.
    found = tf.function(lambda x: x + layer(["a good film"]))(tf.ones([1, 4], tf.int64))
    assert found.numpy().tolist() == (layer(["a good film"]).numpy() + 1).tolist()


def test_integer_layers_in_compiled_functions():
    values = text_cases.INTEGERS
    for layer in (layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=2),
                  layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=3, oov_method="farmhash"),
                  layers.IntegerLookup(vocabulary=[12, 36], output_mode="count"), layers.Hashing(7), layers.Hashing(9, salt=3)):
        eager = layer(values)
        compiled = tf.function(lambda x, layer=layer: layer(x))(tf.constant(values))
        assert eager.dtype == compiled.dtype and eager.numpy().tolist() == compiled.numpy().tolist()
    strict = layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=0)
    assert strict([12, 36]).numpy().tolist() == [0, 1]
    for f in (strict, tf.function(lambda x: strict(x))):
        with pytest.raises(tf.errors.InvalidArgumentError, match="num_oov_indices"):
            f(tf.constant([12, 5]))
    layer = layers.IntegerLookup()
    layer.adapt([3, 3, 4])
    f = tf.function(lambda x: layer(x))
    assert f(tf.constant([3, 4, 5])).numpy().tolist() == [1, 2, 0]
    layer.adapt([5, 5, 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match="adapted anew"):
        f(tf.constant([3, 4, 5]))


# --- what users define ----------------------------------------------------------------------------------------------


def test_a_standardize_of_string_tensors_or_of_numpy_text():
    def with_tensors(text):
        return tf.strings.regex_replace(tf.strings.lower(text), "<br />", " ")

    def with_numpy(text):
        return np.char.replace(np.char.lower(text), "<br />", " ")

    for standardize in (with_tensors, with_numpy):
        layer = layers.TextVectorization(standardize=standardize, vocabulary=["a", "b"])
        assert layer(["A<br />B", "b"]).numpy().tolist() == [[2, 3], [3, 0]]


@pytest.mark.parametrize("split", [
    lambda text: tf.strings.split(text, sep="-"), lambda text: [t.split(b"-") for t in text.numpy()],
    lambda text: np.char.split(text, "-") if text.ndim else text.item().split("-")])
def test_a_split_of_ones_own(split):
    layer = layers.TextVectorization(split=split, standardize=None, vocabulary=["a", "b"])
    assert layer(["a-b-a", "b"]).numpy().tolist() == [[2, 3, 2], [3, 0, 0]]
    assert layer(["a-b", "b-z"]).numpy().tolist() == [[2, 3], [3, 1]]


# --- vocabularies, configurations, files ----------------------------------------------------------------------------


def test_vocabulary_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\nü\n")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b", "ü"] and layer(["ü"]).numpy().tolist() == [3]
    assert layer.get_config()["vocabulary"] is None
    (tmp_path / "numbers.txt").write_text("7\n-3")
    assert layers.IntegerLookup(vocabulary=str(tmp_path / "numbers.txt"))([-3, 7]).numpy().tolist() == [2, 1]
    with pytest.raises(tf.errors.NotFoundError):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))
    for kind in (layers.StringLookup, layers.TextVectorization):
        with pytest.raises(tf.errors.InvalidArgumentError, match="names no file"):
            kind.from_config({"vocabulary": str(path)})


@pytest.mark.parametrize("make", [
    lambda: layers.StringLookup(mask_token=""), lambda: layers.StringLookup(output_mode="tf_idf"),
    lambda: layers.TextVectorization(ngrams=2, output_mode="tf_idf"), lambda: layers.TextVectorization(max_tokens=3)])
def test_the_vocabulary_goes_with_a_saved_model(make, tmp_path):
    layer = make()
    data = np.array(["b", "a", "b", "ü"])
    layer.adapt(data)
    copy = type(layer).from_config(layer.get_config())
    store = {}
    layer.save_own_variables(store)
    layer.save_assets(str(tmp_path))
    copy.load_own_variables(store)
    copy.load_assets(str(tmp_path))
    assert copy.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(copy(data), layer(data))
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("name", sorted(text_models.MODELS))
@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_model_files(name, whose, tmp_path):
    make, inputs = text_models.MODELS[name]
    path = ORACLES / f"text_{name}.keras"
    if whose == "ours":
        path = tmp_path / "model.keras"
        make(keras).save(path)
    found = text_models.outputs(keras.models.load_model(path), inputs, tf.constant)
    for a, b in zip(found, STORED["models"][name], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_given_vocabulary_is_part_of_the_configuration():
    for layer in (layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=2, salt=3),
                  layers.IntegerLookup(vocabulary=np.array([3, 4]), oov_method="farmhash"),
                  layers.TextVectorization(vocabulary=["a", "b"], output_mode="tf_idf", idf_weights=[0.5, 1.0], ngrams=(1, 2)),
                  layers.Hashing(5, salt=3, mask_value="x"), layers.HashedCrossing(4, output_mode="one_hot")):
        config = json.loads(json.dumps(layer.get_config()))
        copy = type(layer).from_config(config)
        assert json.loads(json.dumps(copy.get_config())) == config
        if not isinstance(layer, (layers.Hashing, layers.HashedCrossing)):
            assert copy.get_vocabulary() == layer.get_vocabulary()


@pytest.mark.parametrize("make,message", [
    (lambda: layers.StringLookup(vocabulary=["a", "a"]), "once"),
    (lambda: layers.StringLookup(vocabulary=[]), "not empty"),
    (lambda: layers.StringLookup(vocabulary=["a", ""], mask_token=""), "mask token"),
    (lambda: layers.StringLookup(vocabulary=["a", "[UNK]"], invert=True), "OOV token"),
    (lambda: layers.StringLookup(vocabulary=["a", "b"], max_tokens=2), "max_tokens"),
    (lambda: layers.StringLookup(max_tokens=1), "max_tokens"),
    (lambda: layers.StringLookup(pad_to_max_tokens=True), "pad_to_max_tokens"),
    (lambda: layers.StringLookup(output_mode="two_hot"), "output_mode"),
    (lambda: layers.StringLookup(output_mode="count", invert=True), "invert"),
    (lambda: layers.StringLookup(output_mode="count", sparse=True), "dense"),
    (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "idf_weights"),
    (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1, 2]), "idf_weights"),
    (lambda: layers.StringLookup(vocabulary=["a"]).adapt(["b"]), "nothing to adapt"),
    (lambda: layers.StringLookup(output_mode="count")(["a"]), "no vocabulary"),
    (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), "Received: \\['b'\\]"),
    (lambda: layers.StringLookup(vocabulary=["a"])([1]), "strings"),
    (lambda: layers.IntegerLookup(vocabulary_dtype="int32"), "int64"),
    (lambda: layers.IntegerLookup(salt=3), "farmhash"),
    (lambda: layers.TextVectorization(ragged=True), "dense"),
    (lambda: layers.TextVectorization(standardize="loud"), "standardize"),
    (lambda: layers.TextVectorization(split="line"), "split"),
    (lambda: layers.TextVectorization(ngrams="2"), "ngrams"),
    (lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3), "output_sequence_length"),
    (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), "rank 1"),
    (lambda: layers.Hashing(0), "num_bins"), (lambda: layers.Hashing(3, salt="x"), "salt"),
    (lambda: layers.Hashing(3, dtype="float32"), "int64"), (lambda: layers.HashedCrossing(3)(["a"]), "two inputs"),
    (lambda: layers.HashedCrossing(3)([["a"], [1, 2]]), "one shape"),
    (lambda: layers.HashedCrossing(3)([[0.5], [1]]), "integers or strings"),
    (lambda: tf.strings.lower(3), "strings"), (lambda: tf.strings.substr("abc", 5, 1), "outside"),
    (lambda: tf.strings.split(["a b", "c"]), "ragged"), (lambda: tf.strings.regex_replace("a", "(", ""), "malformed"),
    (lambda: tf.strings.to_number("x"), "spells no")])
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(tf.errors.OpError, match=message):
        make()


def test_the_size_of_encoded_rows_stays():
    layer = layers.TextVectorization(output_mode="count")
    layer.adapt(["a b"])
    layer.adapt(["c d"])
    with pytest.raises(tf.errors.FailedPreconditionError, match="pad_to_max_tokens"):
        layer.adapt(["c d e"])
    assert layer.get_vocabulary() == ["[UNK]", "d", "c"]


# --- ops that move or compare strings -------------------------------------------------------------------------------


def test_strings_are_moved_and_compared():
    words = tf.constant(["b", "a", "c"])

    def plain(tensor):
        return tensor.numpy().tolist() if tensor.shape.rank else tensor.numpy()

    assert words[0].numpy() == b"b" and plain(words[1:]) == [b"a", b"c"] and [plain(w) for w in words] == [b"b", b"a", b"c"]
    assert plain(tf.expand_dims(words, -1)) == plain(tf.reshape(words, [3, 1])) == [[b"b"], [b"a"], [b"c"]]
    assert plain(tf.concat([words, ["d"]], 0)) == [b"b", b"a", b"c", b"d"]
    assert plain(tf.stack([words, words], 1)) == [[b"b", b"b"], [b"a", b"a"], [b"c", b"c"]]
    assert plain(tf.gather(words, [2, 0])) == [b"c", b"b"]
    assert plain(tf.boolean_mask(words, [True, False, True])) == [b"b", b"c"]
    assert plain(words == "a") == [False, True, False] and plain(tf.not_equal(words, ["b", "x", "c"])) == [False, True, False]
    assert plain(tf.where(words == "a", "z", words)) == [b"b", b"z", b"c"]
    assert tf.shape(words).numpy().tolist() == [3] and int(tf.size(words)) == 3
    assert tf.constant([], tf.string)[None].shape == (1, 0)
    with pytest.raises(tf.errors.UnimplementedError, match="strings"):
        tf.reverse(words, [0]) + words
    # The guides' way of mapping a layer that takes columns.
    layer = layers.TextVectorization(vocabulary=["good", "film"], output_sequence_length=3)
    data = tf.data.Dataset.from_tensor_slices(["a good film"]).batch(1).map(lambda text: layer(tf.expand_dims(text, -1)))
    assert next(iter(data)).numpy().tolist() == [[1, 2, 3]]


def test_a_model_that_starts_with_text_trains(tmp_path):
    texts = np.array(["a good film", "a bad film", "bad bad", "good good fun"] * 8, dtype=object)
    y = np.array([1, 0, 0, 1] * 8)
    vectorize = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=4)
    vectorize.adapt(texts)
    inputs = keras.Input((), dtype="string")
    h = keras.layers.Embedding(20, 8)(vectorize(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling1D()(h))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(texts, y, epochs=6, batch_size=8, verbose=0).history
    model.fit(tf.data.Dataset.from_tensor_slices((texts, y)).batch(16), verbose=0)
    assert history["loss"][-1] < history["loss"][0] and int(model.optimizer.iterations) == 26
    assert model.evaluate(texts, y, verbose=0)[1] == 1.0
    predicted = model.predict(texts[:4], verbose=0)
    assert predicted.shape == (4, 1) and (predicted[:, 0] > 0.5).tolist() == [True, False, False, True]
