"""What IMDB and Reuters share: texts as lists of word numbers, with the rare and the most common words replaced."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

import numpy as np

from treadle.keras_like.datasets.download import fetch

Texts = tuple[np.ndarray, np.ndarray]


def marked(texts: Iterable[list[int]], start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Word numbers moved up by `index_from`, after `start_char`."""
    if start_char is not None:
        return [[start_char, *(w + (index_from or 0) for w in text)] for text in texts]
    return [[w + (index_from or 0) for w in text] for text in texts]


def short(texts: list[list[int]], labels: np.ndarray, maxlen: int | None) -> tuple[list[list[int]], np.ndarray]:
    """The texts shorter than `maxlen`, with their labels."""
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    return [texts[i] for i in kept], labels[kept]


def limited(texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Words from `skip_top` to below `num_words`; the others become `oov_char`, or vanish if it is None."""
    # Without a limit Keras takes the largest number there is, itself not included.
    most = num_words or max(max(text, default=0) for text in texts)
    if oov_char is None:
        return [[w for w in text if skip_top <= w < most] for text in texts]
    return [[w if skip_top <= w < most else oov_char for w in text] for text in texts]


def as_array(texts: list[list[int]]) -> np.ndarray:
    """An array of lists."""
    found = np.empty(len(texts), object)
    found[:] = texts
    return found


def index(path: str | os.PathLike, name: str, digest: str) -> dict[str, int]:
    """The file of a data set's words and their numbers."""
    return json.loads(fetch(path, name, digest).read_text())
