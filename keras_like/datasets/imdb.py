"""IMDB: 25,000 and 25,000 film reviews as word numbers, positive or negative."""

from __future__ import annotations

import os

import numpy as np

import treadle as tf
from treadle.keras_like.datasets import words
from treadle.keras_like.datasets.arrays import shuffled
from treadle.keras_like.datasets.download import fetch
from treadle.keras_like.datasets.pickled import load_npz
from treadle.keras_like.datasets.words import Texts

_DIGEST = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_DIGEST = "bfafd718b763782e994055a2d397834f"


def load_data(path: str | os.PathLike = "imdb.npz", num_words: int | None = None, skip_top: int = 0,
              maxlen: int | None = None, seed: int = 113, start_char: int | None = 1, oov_char: int | None = 2,
              index_from: int | None = 3) -> tuple[Texts, Texts]:
    """((x_train, y_train), (x_test, y_test)): arrays of lists of word numbers, and int64 classes 0 and 1.

    Words are numbered from 1 by how common they are. The file is looked for in the Keras cache folder and downloaded (17 MB)
    if it is not there. It is pickled; only lists of numbers are read from it.

    Args:
        path: the name of the file in the cache folder, or the path of another.
        num_words: words from this number on become `oov_char`. Default: none.
        skip_top: words below this number do too. Default 0.
        maxlen: leave out reviews that are not shorter. Default: none.
        seed: of the order of the reviews. Default 113.
        start_char: begins each review. Default 1.
        oov_char: stands for words that are left out; None: they vanish. Default 2.
        index_from: is added to the words' numbers. Default 3.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: it is not what it should be, or no review is shorter than `maxlen`.
    """
    arrays = load_npz(fetch(path, "imdb.npz", _DIGEST), "x_train", "y_train", "x_test", "y_test")
    # Both orders come from one generator.
    random = np.random.RandomState(seed)
    parts = []
    for x, y in (arrays[:2], arrays[2:]):
        order = shuffled(len(x), random)
        texts, labels = words.short(words.marked(x[order], start_char, index_from), y[order], maxlen)
        if not texts:
            raise tf.errors.InvalidArgumentError(f"No review is shorter than maxlen. Received: maxlen={maxlen}. Raise it.")
        parts.append((texts, labels))
    (train, y_train), (test, y_test) = parts
    texts = words.limited(train + test, num_words, skip_top, oov_char)
    return (words.as_array(texts[:len(train)]), y_train), (words.as_array(texts[len(train):]), y_test)


def get_word_index(path: str | os.PathLike = "imdb_word_index.json") -> dict[str, int]:
    """{word: number}. In `load_data` the numbers are `index_from` higher."""
    return words.index(path, "imdb_word_index.json", _INDEX_DIGEST)
