"""`pad_sequences`: lists of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf


def pad_sequences(sequences: Sequence[Any], maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre",
                  truncating: str = "pre", value: Any = 0.0) -> np.ndarray:
    """Sequences as the rows of an array, cut or padded to one length: [count, maxlen, ...].

    Args:
        sequences: lists or arrays; the sizes after the first are the same in all.
        maxlen: default: the length of the longest.
        dtype: default "int32". For strings: `object`.
        padding, truncating: at which end: "pre" (default) or "post".
        value: what is filled in. Default 0.

    >>> from treadle import keras
    >>> keras.utils.pad_sequences([[1], [2, 3], [4, 5, 6]]).tolist()
    [[0, 0, 1], [0, 2, 3], [4, 5, 6]]
    """
    if padding not in ("pre", "post") or truncating not in ("pre", "post"):
        raise tf.errors.InvalidArgumentError(
            f"`padding` and `truncating` are 'pre' or 'post'. Received: padding={padding!r}, truncating={truncating!r}.")
    if not hasattr(sequences, "__len__") or not all(hasattr(s, "__len__") for s in sequences):
        raise tf.errors.InvalidArgumentError(f"`sequences` is a list of sequences. Received: {sequences!r}.")
    is_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and dtype is not object and not is_text:
        raise tf.errors.InvalidArgumentError(
            f"A `value` of text needs `dtype=object`. Received: value={value!r}, dtype={dtype!r}.")
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    sizes = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    result = np.full((len(sequences), length, *sizes), value, dtype)
    for i, sequence in enumerate(sequences):
        part: Any = sequence[max(len(sequence) - length, 0):] if truncating == "pre" else sequence[:length]
        if not len(part):
            continue
        part = np.asarray(part, dtype)
        if part.shape[1:] != sizes:
            raise tf.errors.InvalidArgumentError(
                f"The elements of all sequences have one shape, {sizes}. Received: {part.shape[1:]} in sequence {i}.")
        result[i, slice(length - len(part), None) if padding == "pre" else slice(0, len(part))] = part
    return result
