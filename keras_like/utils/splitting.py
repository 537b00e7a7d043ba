"""`split_dataset`: a data set in two."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.batching import Batch


def split_dataset(dataset: Any, left_size: float | None = None, right_size: float | None = None, shuffle: bool = False,
                  seed: int | None = None, preferred_backend: str | None = None) -> tuple[Any, Any]:
    """Two data sets: the first samples, and the last ones. All of them are held in memory.

    Args:
        dataset: a `tf.data.Dataset` (if it was batched, samples are split, and batched again), a list or tuple of arrays, an
            array, or anything with `len` and an index.
        left_size, right_size: how many samples, or which share of them. Default: the rest.
        shuffle, seed: whether samples are shuffled before, and how.
        preferred_backend: accepted; the results are `tf.data.Dataset`s.

    >>> import numpy as np
    >>> from treadle import keras
    >>> left, right = keras.utils.split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), len(right)
    (8, 2)
    """
    samples = list(_samples(dataset))
    if left_size is None and right_size is None:
        raise tf.errors.InvalidArgumentError("One of `left_size` and `right_size` is given. Received: None for both.")
    if shuffle:
        random.Random(seed).shuffle(samples)
    left, right = _counts(left_size, right_size, len(samples))
    node = getattr(dataset, "_node", None)

    def dataset_of(part: list[Any]) -> Any:
        columns = tf.nest.map_structure(lambda *values: np.stack([np.asarray(v) for v in values]), *part)
        found = tf.data.Dataset.from_tensor_slices(columns)
        return (found.batch(node._size) if isinstance(node, Batch) else found).prefetch(tf.data.AUTOTUNE)

    return dataset_of(samples[:left]), dataset_of(samples[len(samples) - right:])


def _samples(dataset: Any) -> Iterator[Any]:
    if isinstance(dataset, tf.data.Dataset):
        yield from dataset.unbatch() if isinstance(dataset._node, Batch) else dataset
        return
    if isinstance(dataset, (list, tuple)):
        sizes = {len(part) if hasattr(part, "shape") else None for part in dataset}
        if len(sizes) != 1 or None in sizes:
            raise tf.errors.InvalidArgumentError(
                f"A list to split holds arrays of one length. Received: {[np.shape(part) for part in dataset]}.")
        yield from zip(*dataset)
        return
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise tf.errors.DtypeError(
            f"A data set to split is a `tf.data.Dataset`, or arrays. Received: {dataset!r} (of type {type(dataset).__name__}).")
    for i in range(len(dataset)):
        sample = dataset[i]
        yield tuple(sample) if isinstance(sample, list) else sample


def _counts(left: Any, right: Any, total: int) -> tuple[int, int]:
    for name, value in (("left_size", left), ("right_size", right)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise tf.errors.DtypeError(f"`{name}` is a number of samples, or a share. Received: {value!r}.")
        if value is not None and not 0 < value < (1 if isinstance(value, float) else total):
            raise tf.errors.InvalidArgumentError(
                f"`{name}` is a positive integer below {total} (the number of samples), or a share below 1. Received: {value}.")
    counts = [round(v * total) if isinstance(v, float) else v for v in (left, right)]
    if counts[0] is None:
        counts[0] = total - counts[1]
    if counts[1] is None:
        counts[1] = total - counts[0]
    if sum(counts) > total or isinstance(left, float) and isinstance(right, float) and left + right > 1 or 0 in counts:
        raise tf.errors.InvalidArgumentError(
            f"Both parts get some of {total} samples, and together no more than all. Received: left_size={left}, "
            f"right_size={right}.")
    return counts[0], counts[1]
