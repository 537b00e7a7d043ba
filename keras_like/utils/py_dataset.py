"""`PyDataset`: batches by their number, for `fit`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import treadle as tf


class PyDataset:
    """Batches that Python makes. Subclasses define `__getitem__(index)`, a whole batch, and `__len__`, their number.

    Args:
        workers, use_multiprocessing, max_queue_size: how batches may be made ahead. Accepted and kept; `fit` makes them
            one after the other. `tf.data.Dataset.map(..., num_parallel_calls=...)` works ahead.

    `num_batches` may be defined instead of `__len__`: None for batches without end. `on_epoch_begin` and `on_epoch_end` are
    called around each epoch.

    >>> import numpy as np
    >>> from treadle import keras
    >>> class Squares(keras.utils.PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         x = np.arange(4.0 * index, 4.0 * index + 4)[:, None]
    ...         return x, x * x
    >>> [x.shape for x, y in Squares()]
    [(4, 1), (4, 1)]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `__getitem__(index)`.")

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None: without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` defines neither `__len__` nor `num_batches`.")

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""
