"""`Tokenizer`: texts as lists of numbers, one for each word, most frequent first. `tf.keras` 2's."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.overrides import shield, shield_functions

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: characters that are no part of words. Default: punctuation, tabs and line ends.
        lower: in lower case. Default True.
        split: what stands between words. Default: a space.

    >>> from treadle import keras
    >>> keras.preprocessing.text.text_to_word_sequence("Four legs: good.")
    ['four', 'legs', 'good']
    """
    text = input_text.lower() if lower else input_text
    between: dict[str, str | int | None] = {c: split for c in filters}
    return [word for word in text.translate(str.maketrans(between)).split(split) if word]


def hashing_trick(text: str, n: int, hash_function: Any = None, filters: str = FILTERS, lower: bool = True, split: str = " ",
                  analyzer: Callable[[str], list[str]] | None = None) -> list[int]:
    """The words of a text as numbers 1 to n - 1, by a hash: two words may get the same.

    Args:
        hash_function: "md5" (the same everywhere), a function of a string, or None: Python's `hash`, another in each process.
        analyzer: a function that splits a text into words. Default: `text_to_word_sequence` with the other arguments.

    >>> from treadle import keras
    >>> keras.preprocessing.text.hashing_trick("a b a", 100, "md5")
    [92, 95, 92]
    """
    if hash_function == "md5":
        def hash_function(word: str) -> int:
            return int(hashlib.md5(word.encode()).hexdigest(), 16)
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [(hash_function or hash)(word) % (n - 1) + 1 for word in words]


def one_hot(input_text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ",
            analyzer: Callable[[str], list[str]] | None = None) -> list[int]:
    """`hashing_trick` with Python's `hash`. (What it gives are numbers, in spite of its name.)"""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


class Tokenizer:
    """Numbers the words of texts by how often they occur: 1 for the most frequent. 0 stands for no word.

    Args:
        num_words: only the words with numbers below this are used. Default: all.
        filters, lower, split: as for `text_to_word_sequence`.
        char_level: every character is a word.
        oov_token: stands, as number 1, for all words that are not used. Default: they are left out.
        analyzer: a function that splits a text into words.

    >>> from treadle import keras
    >>> tokenizer = keras.preprocessing.text.Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["the cat and the dog", "the end"])
    >>> tokenizer.texts_to_sequences(["the dog barks"])
    [[2, 5, 1]]
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        shield(cls)

    def __init__(self, num_words: int | None = None, filters: str = FILTERS, lower: bool = True, split: str = " ",
                 char_level: bool = False, oov_token: str | None = None,
                 analyzer: Callable[[str], list[str]] | None = None, document_count: int = 0):
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.document_count = document_count
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = {}
        self.index_docs: dict[int, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> Sequence[str]:
        """A text as words; a list of words as it is."""
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return text
            return [word.lower() for word in text] if isinstance(text, list) else text.lower()
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts (strings, or lists of words), and number them anew."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] = self.word_docs.get(word, 0) + 1
        order = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        names = order if self.oov_token is None else [self.oov_token, *order]
        self.word_index = {word: i for i, word in enumerate(names, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        self.index_docs.update({self.word_index[word]: count for word, count in self.word_docs.items()})

    def fit_on_sequences(self, sequences: Sequence[Sequence[int]]) -> None:
        """Count in how many lists each number occurs, for "tfidf" of `sequences_to_matrix`."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for number in set(sequence):
                self.index_docs[number] = self.index_docs.get(number, 0) + 1

    def _is_used(self, number: int | None) -> bool:
        return number is not None and not (self.num_words and number >= self.num_words)

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """`texts_to_sequences`, one after the other."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            found = (number if self._is_used(number) else unknown for number in numbers)
            yield [number for number in found if number is not None]

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The words' numbers, for each text."""
        return list(self.texts_to_sequences_generator(texts))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """`sequences_to_texts`, one after the other."""
        for sequence in sequences:
            found = (self.index_word[i] if i in self.index_word and self._is_used(i) else self.oov_token for i in sequence)
            yield " ".join(word for word in found if word is not None)

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of numbers, with spaces between, for each list."""
        return list(self.sequences_to_texts_generator(sequences))

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """`sequences_to_matrix` of the texts' numbers."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> np.ndarray:
        """A row for each list and a column for each number: float64 [count, num_words].

        Args:
            mode: "binary" (1 where it occurs), "count", "freq" (the share of the list), or "tfidf":
                (1 + log count) * log(1 + documents / (1 + documents with it)).

        Raises FailedPreconditionError if nothing was counted yet that it takes.
        """
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise tf.errors.InvalidArgumentError(
                f"`mode` is 'binary', 'count', 'freq' or 'tfidf'. Received: mode={mode!r}.")
        if not (self.num_words or self.word_index) or mode == "tfidf" and not self.document_count:
            raise tf.errors.FailedPreconditionError(
                "The tokenizer has seen no texts. Call `fit_on_texts` first (or give `num_words`, for modes but 'tfidf').")
        columns = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences):
            for number, count in Counter(n for n in sequence if n < columns).items():
                rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
                row[number] = {"binary": 1.0, "count": count, "freq": count / len(sequence),
                               "tfidf": (1 + np.log(count)) * rarity}[mode]
        return matrix

    def get_config(self) -> dict[str, Any]:
        """Arguments and counts; the latter as JSON."""
        named = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {name: getattr(self, name) for name in named} | {name: json.dumps(getattr(self, name)) for name in counts}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as JSON, for `tokenizer_from_json`. Takes `json.dumps`'s arguments."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `to_json` described.

    >>> from treadle import keras
    >>> tokenizer = keras.preprocessing.text.Tokenizer()
    >>> tokenizer.fit_on_texts(["a b"])
    >>> keras.preprocessing.text.tokenizer_from_json(tokenizer.to_json()).word_index
    {'a': 1, 'b': 2}
    """
    config = json.loads(json_string)["config"]
    counts = {name: json.loads(config.pop(name)) for name in (
        "word_counts", "word_docs", "index_docs", "index_word", "word_index")}
    for name in ("index_docs", "index_word"):  # JSON has no numbers for keys
        counts[name] = {int(key): value for key, value in counts[name].items()}
    made = Tokenizer(**config)
    vars(made).update(counts)
    return made


shield(Tokenizer)
shield_functions(globals())
