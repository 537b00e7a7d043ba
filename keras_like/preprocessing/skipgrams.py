"""`skipgrams`: pairs of words that stand near each other, and of words that need not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """How often the words of a vocabulary, most frequent first, are kept by `skipgrams`: min(1, sqrt(factor / frequency)).

    The frequency of the r-th word is taken to be 1 / (r (log r + 0.577) + 1/2 - 1/(12 r)): Zipf's law.

    Args:
        size: how many words there are.
        sampling_factor: word2vec's. Default 1e-5.

    >>> from treadle import keras
    >>> keras.preprocessing.sequence.make_sampling_table(4).round(5).tolist()
    [0.00315, 0.00315, 0.00548, 0.00742]
    """
    rank = np.maximum(np.arange(size), 1)
    return np.minimum(1.0, np.sqrt(sampling_factor * (rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank))))


def skipgrams(sequence: Sequence[int], vocabulary_size: int, window_size: int = 4, negative_samples: float = 1.0,
              shuffle: bool = True, categorical: bool = False, sampling_table: Any = None,
              seed: int | None = None) -> tuple[list[list[int]], list[Any]]:
    """(pairs, labels): [word, word near it] with label 1, and [word, any word] with label 0.

    Args:
        sequence: the words' numbers. 0 stands for no word, and is in no pair.
        vocabulary_size: the largest number, plus 1.
        window_size: how far apart two words that are near may be. Default 4.
        negative_samples: how many pairs with label 0 for each with label 1. Default 1.
        shuffle: whether the pairs are in random order. Default True.
        categorical: labels [0, 1] and [1, 0] rather than 1 and 0.
        sampling_table: the share of the times that each word is kept; see `make_sampling_table`. Default: always.
        seed: of the order. (Python's own generator draws; it is set by `random.seed`.)

    Raises InvalidArgumentError for a vocabulary too small to draw from.

    >>> from treadle import keras
    >>> keras.preprocessing.sequence.skipgrams([5, 6, 7], 10, window_size=1, negative_samples=0, shuffle=False)
    ([[5, 6], [6, 5], [6, 7], [7, 6]], [1, 1, 1, 1])
    """
    if vocabulary_size < 2 and negative_samples > 0:
        raise tf.errors.InvalidArgumentError(
            f"A vocabulary has 0 and at least one word. Received: vocabulary_size={vocabulary_size}.")
    near, far = ([0, 1], [1, 0]) if categorical else (1, 0)
    pairs = []
    for i, word in enumerate(sequence):
        if not word or sampling_table is not None and sampling_table[word] < random.random():
            continue
        for j in range(max(0, i - window_size), min(len(sequence), i + window_size + 1)):
            if j != i and sequence[j]:
                pairs.append([word, sequence[j]])
    labels: list[Any] = [near] * len(pairs)
    if negative_samples > 0:
        words = [word for word, _ in pairs]
        random.shuffle(words)
        count = int(len(pairs) * negative_samples)
        pairs += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [far] * count
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for one in (pairs, labels):  # the same order for both
            random.seed(seed)
            random.shuffle(one)
    return pairs, labels
