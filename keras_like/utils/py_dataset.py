"""`PyDataset`: batches by their number, for `fit`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import treadle as tf
from treadle.keras_like.utils.workers import batches_in_order


class PyDataset:
    """Batches that Python makes. Subclasses define `__getitem__(index)`, a whole batch, and `__len__`, their number.

    Args:
        workers: with two or more, `fit` has so many threads make batches ahead. Default 1: each when it is due.
        use_multiprocessing: processes in place of threads. They begin in each epoch, so they pay for slow batches only; the
            data set must be picklable, and a script needs `if __name__ == "__main__":` around its work. Default False.
        max_queue_size: how many batches may be ahead. Default 10.

    Batches come in order. With workers, `__getitem__` is called by several at a time.

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
        return batches_in_order(self, itertools.count() if count is None else range(count))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""
