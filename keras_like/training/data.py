"""The user's data as batches: arrays, `tf.data.Dataset`s, generators, `PyDataset`s and torch DataLoaders."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.data import RowBatches, row_batches, slices_in_place
from treadle.keras_like.data.resuming import Place
from treadle.keras_like.utils.workers import batches_in_order


class Batches:
    """Batches, epoch after epoch. `steps` is how many an epoch has (None: found out by going through one).

    `rows`: where the batches are rows of arrays, those arrays and the row numbers of each batch. `dataset`: the data set that
    the batches are the elements of, if they are.
    """

    def __init__(self, epoch: Callable[[], Iterable[Any]], steps: int | None,
                 on_epoch_end: Callable[[], None] | None = None, endless: bool = False, rows: RowBatches | None = None,
                 dataset: Any = None):
        self._epoch, self.steps, self.on_epoch_end, self.endless, self.rows = epoch, steps, on_epoch_end, endless, rows
        self.dataset = dataset
        self.on_epoch_begin: Callable[[], None] | None = None
        self._running: Iterator[Any] | None = None
        self._place = Place(dataset)

    def epoch(self, limit: int | None = None) -> Iterator[Any]:
        """The batches of one epoch, as the data have them: x, (x,), (x, y) or (x, y, sample_weight).

        With `limit` the data are gone on with where the last epoch stopped, as Keras does.
        """
        return self._limited(self._epoch, limit)

    def row_numbers(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """The same batches, each as the numbers of its rows; only where there are `rows`."""
        assert self.rows is not None
        return self._limited(self.rows.indices, limit)

    def _limited(self, epoch: Callable[[], Iterable[Any]], limit: int | None) -> Iterator[Any]:
        if limit is None or self._running is None:
            self._running = self._place.begin(epoch)
        self._place.begin_epoch()
        count = 0
        while limit is None or count < limit:
            item = next(self._running, None)
            if item is None:
                self._running = None
                if limit is None or not self.endless:
                    return
                self._running = self._place.begin(epoch)
                item = next(self._running)
            count += 1
            self._place.taken += 1
            yield item

    # --- going on in another process ---

    def keep_place(self) -> None:
        """Take note of where the data are, for `state`."""
        self._place.is_kept = True

    def state(self, done: int | None = None) -> dict[str, Any]:
        """Where the data are, as plain numbers. `done`: so many batches of this epoch; None between two epochs."""
        return self._place.state(done, self._running is not None)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was called on the same data: what was taken before is gone through again, and left out."""
        self._running = None
        self._place.restore(state)

    def example(self) -> Any:
        """The first batch, or its specs. It is not taken."""
        if self.dataset is not None:
            return self.dataset.example_spec()
        running = iter(self._epoch())
        first = next(running)
        if running is self._epoch():  # a generator, which gives it once
            whole = itertools.chain([first], running)
            self._epoch = lambda: whole
        return first


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) from x, (x,), (x, y) or (x, y, sample_weight).

    >>> from treadle import keras
    >>> keras.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if 1 <= len(data) <= 3:
        return (*data, None, None)[:3]  # type: ignore[return-value]
    raise tf.errors.InvalidArgumentError(
        f"A batch is x, (x, y) or (x, y, sample_weight). Received: a tuple of {len(data)}.")


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The opposite of `unpack_x_y_sample_weight`: x alone stays as it is unless it is a list or a tuple."""
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def without_none(batch: Any) -> Any:
    """A batch as a step is given it: as the data have it, but x in place of (x, None, None), (x, y) of (x, y, None).

    A `train_step` of the user's may take other batches than (x, y, sample_weight), so they may be anything.
    """
    batch = tuple(batch) if isinstance(batch, list) else batch
    if not isinstance(batch, tuple) or len(batch) not in (2, 3) or batch[-1] is not None:
        return batch
    return pack_x_y_sample_weight(*batch[:2])


def batches(x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None, shuffle: bool = False,
            class_weight: Mapping[int, float] | None = None, steps: int | None = None) -> Batches:
    """The batches of whatever `fit`, `evaluate` and `predict` are given.

    Raises InvalidArgumentError for arguments that contradict one another.
    """
    if isinstance(x, Batches):
        return x
    if isinstance(x, tf.data.Dataset):
        found = _of_dataset(x)
    elif hasattr(x, "__getitem__") and hasattr(x, "num_batches"):
        found = _of_py_dataset(x, shuffle)
    elif type(x).__module__.startswith("torch.utils.data"):
        found = Batches(lambda: map(_as_arrays, x), _length(x))
    elif isinstance(x, Iterator) or hasattr(x, "__next__"):
        found = _of_generator(x)
    else:
        found = _of_arrays(x, y, sample_weight, 32 if batch_size is None else batch_size, shuffle)
        y = sample_weight = batch_size = None
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise tf.errors.InvalidArgumentError(
                f"`{name}` is part of the batches where x is a {type(x).__name__}. Received: {name} as well.")
    if class_weight is not None:
        found = _weighted(found, class_weight)
    return found


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except TypeError:
        return None


def as_data(value: Any) -> Any:
    """An array-like of the user's as an array: Python floats and float64 become `floatx()`."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return value.numpy()
    if hasattr(value, "to_numpy"):  # pandas
        value = value.to_numpy()
    array = np.asarray(value)
    if array.dtype == object:
        others = [v for v in array.ravel() if not isinstance(v, (str, bytes))]
        if others:
            odd = next((v for v in others if not isinstance(v, (int, float))), others[0])
            raise tf.errors.DtypeError(
                f"Data are numbers, or texts. Received: an array of Python objects of shape {array.shape}, with {odd!r} in it "
                f"({type(odd).__name__}). Convert it first, for instance with `array.astype('float32')`.")
    if array.dtype.kind in "SU":
        return array.astype(object)
    return array.astype(tf.as_dtype(floatx()).as_numpy_dtype) if array.dtype == np.float64 else array


def _of_arrays(x: Any, y: Any, sample_weight: Any, batch_size: int, shuffle: bool) -> Batches:
    if not isinstance(batch_size, (int, np.integer)) or batch_size <= 0:
        raise tf.errors.InvalidArgumentError(f"`batch_size` is a positive integer. Received: {batch_size!r}.")
    x, y, sample_weight = (None if v is None else _mapped(as_data, v) for v in (x, y, sample_weight))
    data = pack_x_y_sample_weight(x, y) if sample_weight is None else (x, y, sample_weight)
    sizes = {len(leaf) for leaf in tf.nest.flatten(data) if leaf is not None}
    if len(sizes) != 1:
        raise tf.errors.InvalidArgumentError(
            "All arrays must have as many rows as one another. Received: " + ", ".join(
                f"{name} with {' and '.join(str(len(v)) for v in tf.nest.flatten(part))} rows"
                for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight)) if part is not None) + ".")
    size = sizes.pop()
    dataset = slices_in_place(data)
    if shuffle:
        dataset = dataset.shuffle(max(size, 1))
    return _of_dataset(dataset.batch(batch_size))


def _mapped(function: Callable, value: Any) -> Any:
    """Apply to the arrays of a structure; a list of numbers is an array itself."""
    if isinstance(value, Mapping):
        return {k: _mapped(function, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and value and all(hasattr(v, "shape") and np.ndim(v) for v in value):
        return tuple(_mapped(function, v) for v in value)  # data sets take lists for arrays
    return function(value)


def _of_dataset(dataset: Any) -> Batches:
    size = int(dataset.cardinality())
    return Batches(lambda: iter(dataset), size if size >= 0 else None, endless=size == tf.data.INFINITE_CARDINALITY,
                   rows=row_batches(dataset), dataset=dataset)


def _of_py_dataset(dataset: Any, shuffle: bool) -> Batches:
    count = dataset.num_batches

    def epoch() -> Iterator[Any]:
        order = itertools.count() if count is None else np.random.permutation(count) if shuffle else range(count)
        return (tf.nest.map_structure(np.asarray, batch) for batch in batches_in_order(dataset, order))
    found = Batches(epoch, count, on_epoch_end=dataset.on_epoch_end)
    found.on_epoch_begin = getattr(dataset, "on_epoch_begin", None)
    return found


def _of_generator(generator: Iterator[Any]) -> Batches:
    running = map(_as_arrays, generator)
    return Batches(lambda: running, None)


def _as_arrays(batch: Any) -> Any:
    return tf.nest.map_structure(_as_given, tuple(batch) if isinstance(batch, list) else batch)


def _as_given(value: Any) -> Any:
    return value if isinstance(value, tf.Tensor) else np.asarray(value)


def _weighted(data: Batches, class_weight: Mapping[int, float]) -> Batches:
    """Batches whose sample weights are multiplied by the weights of their classes."""
    if not class_weight or not all(isinstance(label, (int, np.integer)) and label >= 0 for label in class_weight):
        raise tf.errors.InvalidArgumentError(
            f"`class_weight` is a dict from class numbers to weights. Received: {class_weight!r}.")
    largest = max(class_weight) + 1
    table = np.ones(largest, np.float32)
    for label, weight in class_weight.items():
        table[label] = weight

    def weigh(batch: Any) -> Any:
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        if y is None or len(tf.nest.flatten(y)) != 1:
            raise tf.errors.InvalidArgumentError("`class_weight` needs exactly one target. Received: none or several.")
        labels = np.asarray(tf.nest.flatten(y)[0])
        if labels.ndim > 1:
            labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
        labels = labels.round().astype(np.int64)
        known = (labels >= 0) & (labels < largest)
        weights = np.where(known, table[np.where(known, labels, 0)], np.float32(1))
        return x, y, weights if sample_weight is None else np.asarray(sample_weight) * weights

    rows = data.rows
    if rows is not None:
        rows = rows._replace(table=weigh(rows.table))
    return Batches(lambda: map(weigh, data._epoch()), data.steps, data.on_epoch_end, data.endless, rows, data.dataset)


def split_off(data: tuple, validation_split: float) -> tuple[tuple, tuple]:
    """The arrays' first rows for training, and the share `validation_split` at their end."""
    leaves = [leaf for leaf in tf.nest.flatten(data) if leaf is not None]
    size = len(leaves[0])
    at = int(np.floor(size * (1.0 - validation_split)))
    if at in (0, size):
        raise tf.errors.InvalidArgumentError(
            f"{size} rows cannot be split so that both parts have some. Received: validation_split={validation_split}.")

    def cut(part: slice) -> tuple:
        return tuple(None if v is None else _mapped(lambda a: as_data(a)[part], v) for v in data)

    return cut(slice(0, at)), cut(slice(at, None))
