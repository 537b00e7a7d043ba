"""`Tokenizer` and `TimeseriesGenerator` against those of `tf.keras` 2, which Keras keeps."""

import importlib

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours

mine, sequences = ours.preprocessing.text, ours.preprocessing.sequence
theirs_text = importlib.import_module("keras.src.legacy.preprocessing.text")
theirs_sequence = importlib.import_module("keras.src.legacy.preprocessing.sequence")
TEXTS = ["The cat sat on the mat.", "The dog; the log!", "A cat, a dog and\ta cow", ["Two", "words", "cat"], ""]
NEW = ["the cow and the Mouse", "nothing known", ["cat", "mouse"]]


@pytest.mark.parametrize("config", [{}, dict(num_words=4), dict(num_words=5, oov_token="<unk>"),
                                    dict(oov_token="?", lower=False), dict(char_level=True),
                                    dict(filters="a", split="t"), dict(analyzer=str.split)])
def test_tokenizer(config):
    pair = [module.Tokenizer(**config) for module in (mine, theirs_text)]
    texts, new = (TEXTS[:3], NEW[:2]) if "char_level" in config else (TEXTS, NEW)
    for tokenizer in pair:
        tokenizer.fit_on_texts(texts)
        tokenizer.fit_on_texts(["one more cat"])
        tokenizer.fit_on_sequences([[1, 2, 2]])
    a, b = pair
    assert list(a.word_index.items()) == list(b.word_index.items()) and a.index_word == b.index_word
    assert dict(a.word_counts) == dict(b.word_counts) and dict(a.word_docs) == dict(b.word_docs)
    assert a.texts_to_sequences(new) == b.texts_to_sequences(new)
    numbers = b.texts_to_sequences(texts) + [[1, 2, 99]]
    assert a.sequences_to_texts(numbers) == b.sequences_to_texts(numbers)
    for mode in ("binary", "count", "freq", "tfidf"):
        close(a.texts_to_matrix(texts, mode), b.texts_to_matrix(texts, mode), mode)
    if "analyzer" not in config:
        for first, second in ((mine.tokenizer_from_json(b.to_json()), a), (theirs_text.tokenizer_from_json(a.to_json()), b)):
            assert first.texts_to_sequences(new) == second.texts_to_sequences(new)
            assert first.get_config()["word_index"] == second.get_config()["word_index"]


def test_functions_of_a_text():
    assert mine.text_to_word_sequence("A, b\nC", lower=False) == theirs_text.text_to_word_sequence("A, b\nC", lower=False)
    for kind in ("md5", None, len):
        assert mine.hashing_trick(TEXTS[0], 50, kind) == theirs_text.hashing_trick(TEXTS[0], 50, kind)
    assert mine.one_hot(TEXTS[0], 9) == theirs_text.one_hot(TEXTS[0], 9)


@pytest.mark.parametrize("config", [{}, dict(sampling_rate=2, stride=3, batch_size=2), dict(reverse=True, start_index=4),
                                    dict(end_index=15, batch_size=4), dict(shuffle=True, batch_size=5)])
def test_timeseries(config):
    data, targets = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    pair = [module.TimeseriesGenerator(data, targets, 6, **config) for module in (sequences, theirs_sequence)]
    assert len(pair[0]) == len(pair[1])
    for index in range(len(pair[0])):
        found = []
        for generator in pair:
            np.random.seed(index)
            found.append(generator[index])
        for a, b in zip(*found, strict=True):
            close(a, b)
    model = ours.Sequential([ours.layers.Flatten(), ours.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.evaluate(pair[0], verbose=0) >= 0


def test_mistakes():
    empty = mine.Tokenizer()
    for call, text in [(lambda: empty.texts_to_matrix(["a"]), "fit_on_texts"),
                       (lambda: mine.Tokenizer(4).sequences_to_matrix([[1]], "tfidf"), "fit_on_texts"),
                       (lambda: empty.sequences_to_matrix([[1]], "some"), "mode='some'"),
                       (lambda: sequences.TimeseriesGenerator([1, 2], [1], 1), "2 and 1 steps"),
                       (lambda: sequences.TimeseriesGenerator([1, 2], [1, 2], 3), "length=3")]:
        with pytest.raises((tf.errors.FailedPreconditionError, tf.errors.InvalidArgumentError), match=text):
            call()
