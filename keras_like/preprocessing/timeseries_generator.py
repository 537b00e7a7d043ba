"""`TimeseriesGenerator`: windows of a series and what comes after them, in batches. `tf.keras` 2's."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.utils.py_dataset import PyDataset


class TimeseriesGenerator(PyDataset):
    """Batches (windows, targets): the window data[i - length:i:sampling_rate] goes with targets[i].

    Args:
        data: an array or list over time; its elements may be arrays.
        targets: as many.
        length: how many steps back a window reaches.
        sampling_rate: which of them it has: every such one. Default 1.
        stride: the distance between windows. Default 1.
        start_index, end_index: the first and the last step that is used. Default: all.
        shuffle: windows at random. Default False: in order.
        reverse: the last step of a window first.
        batch_size: default 128.
        kwargs: those of `keras.utils.PyDataset`.

    Newer code uses `keras.utils.timeseries_dataset_from_array`.

    >>> import numpy as np
    >>> from treadle import keras
    >>> series = np.arange(6.0)
    >>> x, y = keras.preprocessing.sequence.TimeseriesGenerator(series, series, length=3)[0]
    >>> x.tolist(), y.tolist()
    ([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], [3.0, 4.0, 5.0])
    """

    def __init__(self, data: Any, targets: Any, length: int, sampling_rate: int = 1, stride: int = 1, start_index: int = 0,
                 end_index: int | None = None, shuffle: bool = False, reverse: bool = False, batch_size: int = 128,
                 **kwargs: Any):
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise tf.errors.InvalidArgumentError(
                f"`data` and `targets` are equally long. Received: {len(data)} and {len(targets)} steps.")
        self.data, self.targets, self.length, self.sampling_rate, self.stride = data, targets, length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise tf.errors.InvalidArgumentError(
                f"No step is left after a window. Received: length={length} for the steps {start_index} to {self.end_index}.")

    def __len__(self) -> int:
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        windows = np.array([self.data[row - self.length:row:self.sampling_rate] for row in rows])
        return windows[:, ::-1] if self.reverse else windows, np.array([self.targets[row] for row in rows])
