"""Reuters: 11,228 newswires as word numbers, in 46 topics."""

from __future__ import annotations

import os

import numpy as np

from treadle.keras_like.datasets import words
from treadle.keras_like.datasets.arrays import shuffled, train_count
from treadle.keras_like.datasets.download import fetch
from treadle.keras_like.datasets.pickled import load_npz
from treadle.keras_like.datasets.words import Texts

_DIGEST = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_DIGEST = "4d44cc38712099c9e383dc6e5f11a921"
_TOPICS = """cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass
crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber
heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"""


def load_data(path: str | os.PathLike = "reuters.npz", num_words: int | None = None, skip_top: int = 0,
              maxlen: int | None = None, test_split: float = 0.2, seed: int = 113, start_char: int | None = 1,
              oov_char: int | None = 2, index_from: int | None = 3) -> tuple[Texts, Texts]:
    """((x_train, y_train), (x_test, y_test)): arrays of lists of word numbers, and int64 classes 0 to 45.

    Words are numbered from 1 by how common they are. The file is looked for in the Keras cache folder and downloaded (2 MB)
    if it is not there. It is pickled; only lists of numbers are read from it.

    Args:
        path: the name of the file in the cache folder, or the path of another.
        num_words: words from this number on become `oov_char`. Default: none.
        skip_top: words below this number do too. Default 0.
        maxlen: leave out newswires that are not shorter. Default: none.
        test_split: the share of the test set. Default 0.2.
        seed: of the order of the newswires. Default 113.
        start_char: begins each newswire. Default 1.
        oov_char: stands for words that are left out; None: they vanish. Default 2.
        index_from: is added to the words' numbers. Default 3.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: it is not what it should be.
    """
    x, y = load_npz(fetch(path, "reuters.npz", _DIGEST), "x", "y")
    order = shuffled(len(x), np.random.RandomState(seed))
    texts, labels = words.short(words.marked(x[order], start_char, index_from), y[order], maxlen)
    found = words.as_array(words.limited(texts, num_words, skip_top, oov_char))
    count = train_count(len(found), test_split)
    return (found[:count], labels[:count]), (found[count:], labels[count:])


def get_word_index(path: str | os.PathLike = "reuters_word_index.json") -> dict[str, int]:
    """{word: number}. In `load_data` the numbers are `index_from` higher."""
    return words.index(path, "reuters_word_index.json", _INDEX_DIGEST)


def get_label_names() -> tuple[str, ...]:
    """The names of the topics, by class.

    >>> from treadle.keras.datasets import reuters
    >>> reuters.get_label_names()[3]
    'earn'
    """
    return tuple(_TOPICS.split())
