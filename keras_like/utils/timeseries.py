"""`timeseries_dataset_from_array`: windows that slide over a series, as a data set."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf


def timeseries_dataset_from_array(data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1,
                                  sampling_rate: int = 1, batch_size: int | None = 128, shuffle: bool = False,
                                  seed: int | None = None, start_index: int | None = None, end_index: int | None = None,
                                  format: str = "tf") -> Any:
    """A data set of windows, data[i], data[i + sampling_rate] ..., with `targets[i]` where there are targets.

    Args:
        data: an array whose first axis is time.
        targets: an array, or None for windows alone.
        sequence_length: how many steps a window has.
        sequence_stride: steps from the start of a window to that of the next. Default 1.
        sampling_rate: steps from one of a window's to the next. Default 1.
        batch_size: default 128; None: single windows.
        shuffle, seed: whether the windows come in another order, and which.
        start_index, end_index: the part of `data` to use. Default: all.

    >>> import numpy as np
    >>> from treadle import keras
    >>> data = keras.utils.timeseries_dataset_from_array(np.arange(6), np.arange(6)[3:], sequence_length=3)
    >>> for x, y in data:
    ...     print(x.numpy().tolist(), y.numpy().tolist())
    [[0, 1, 2], [1, 2, 3], [2, 3, 4]] [3, 4, 5]
    """
    if format != "tf":
        raise tf.errors.UnimplementedError(f"`format` is 'tf'. Received: format={format!r}.")
    values = np.asarray(data)
    size = len(values)
    for name, value in (("start_index", start_index), ("end_index", end_index)):
        if value and not 0 <= value < size:
            raise tf.errors.InvalidArgumentError(f"`{name}` lies between 0 and {size} (the data's size). Received: {value}.")
    start, end = start_index or 0, end_index or size
    if end <= start:
        raise tf.errors.InvalidArgumentError(
            f"`end_index` is larger than `start_index`. Received: start_index={start_index}, end_index={end_index}.")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < size:
            raise tf.errors.InvalidArgumentError(f"`{name}` lies between 1 and {size - 1}. Received: {value}.")
    count = end - start - (sequence_length - 1) * sampling_rate
    wanted = None if targets is None else np.asarray(targets)[start:end]
    if targets is not None:
        count = min(count, len(np.asarray(targets)))
    starts = np.arange(0, max(count, 0), sequence_stride)
    if shuffle:
        seed = int(np.random.randint(10**6)) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    part, steps = values[start:end], np.arange(sequence_length) * sampling_rate

    def windows(index: Any) -> Any:
        first = index.numpy()
        x = part[np.asarray(first)[..., None] + steps]
        return x if wanted is None else (x, wanted[first])

    dataset = tf.data.Dataset.from_tensor_slices(starts)
    if shuffle:
        dataset = dataset.shuffle(1024 if batch_size is None else batch_size * 8, seed=seed)
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    return dataset.map(windows).prefetch(tf.data.AUTOTUNE)
