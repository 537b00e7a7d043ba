"""The part of `Dataset` that moves elements without looking inside: batch, shuffle, repeat, cache and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import treadle as tf
from treadle.keras_like.data.background import Prefetch
from treadle.keras_like.data.batching import Batch, PaddedBatch, Unbatch, Window
from treadle.keras_like.data.components import node_of
from treadle.keras_like.data.node import AUTOTUNE, UNKNOWN_CARDINALITY
from treadle.keras_like.data.pipeline import Pipeline, integer, parallelism, positive
from treadle.keras_like.data.selection import Concatenate, Enumerate, Repeat, Shard, Skip, Take
from treadle.keras_like.data.shuffling import Cache, Shuffle, Unique

if TYPE_CHECKING:
    from treadle.keras_like.data.dataset import Dataset


class Arranging(Pipeline):
    """Transformations that move elements."""

    __slots__ = ()

    def batch(self, batch_size: Any, drop_remainder: bool = False, num_parallel_calls: Any = None,
              deterministic: bool | None = None, name: str | None = None) -> Dataset:
        """`batch_size` elements at a time, stacked along a new first axis.

        Args:
            batch_size: an integer above zero.
            drop_remainder: leave out the last batch if it is shorter. The first size is then known in `element_spec`.
            num_parallel_calls, deterministic: accepted; batches are gathered whole, in one thread.

        Elements of different shapes raise InvalidArgumentError.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(5).batch(2).as_numpy_iterator())
        [array([0, 1]), array([2, 3]), array([4])]
        """
        parallelism(num_parallel_calls)
        return self._of(Batch(self._node, positive(batch_size, "batch_size"), bool(drop_remainder)))

    def padded_batch(self, batch_size: Any, padded_shapes: Any = None, padding_values: Any = None,
                     drop_remainder: bool = False, name: str | None = None) -> Dataset:
        """`batch_size` elements at a time, padded to one shape and stacked.

        Args:
            padded_shapes: the shape to pad each component to; None or -1 for the longest of the batch. Left out: the
                sizes that `element_spec` leaves open.
            padding_values: a scalar for each component, or one for all; zero (or the empty string) if left out.

        >>> import treadle as tf
        >>> ds = tf.data.Dataset.from_generator(lambda: [[1], [2, 3]], output_signature=tf.TensorSpec([None], tf.int32))
        >>> list(ds.padded_batch(2).as_numpy_iterator())
        [array([[1, 0],
               [2, 3]], dtype=int32)]
        """
        size = positive(batch_size, "batch_size")
        return self._of(PaddedBatch(self._node, size, padded_shapes, padding_values, bool(drop_remainder)))

    def unbatch(self, name: str | None = None) -> Dataset:
        """The slices of each element along the first axis: undoes `batch`.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.from_tensors([1, 2]).unbatch().as_numpy_iterator())
        [np.int32(1), np.int32(2)]
        """
        return self._of(Unbatch(self._node))

    def rebatch(self, batch_size: Any, drop_remainder: bool = False, name: str | None = None) -> Dataset:
        """The same rows in batches of another size.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(4).batch(3).rebatch(2).as_numpy_iterator())
        [array([0, 1]), array([2, 3])]
        """
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: bool = False,
               name: str | None = None) -> Dataset:
        """Data sets of up to `size` elements each; every component becomes a data set of its own.

        Args:
            size: how many elements a window holds.
            shift: how far one window begins after the other (`size`).
            stride: how far apart a window's elements are.
            drop_remainder: leave out windows at the end that are shorter.

        >>> import treadle as tf
        >>> windows = tf.data.Dataset.range(5).window(3, shift=1, drop_remainder=True)
        >>> list(windows.flat_map(lambda window: window.batch(3)).as_numpy_iterator())
        [array([0, 1, 2]), array([1, 2, 3]), array([2, 3, 4])]
        """
        size = positive(size, "size")
        shift = size if shift is None else positive(shift, "shift")
        stride = positive(stride, "stride")
        return self._of(Window(self._node, size, shift, stride, bool(drop_remainder), self._of))

    def shuffle(self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: bool | None = True,
                name: str | None = None) -> Dataset:
        """The elements in random order, drawn from a buffer of `buffer_size` elements.

        An element comes out at most `buffer_size - 1` places early: for a uniform shuffle the buffer must be as large
        as the data set. Rows of arrays are shuffled as indices, so a large buffer costs no memory there.

        Args:
            buffer_size: an integer above zero, or UNKNOWN_CARDINALITY for all elements.
            seed: an integer that fixes the orders, in every process.
            reshuffle_each_iteration: False gives the same order in every iteration.

        >>> import treadle as tf
        >>> ds = tf.data.Dataset.range(5).shuffle(5, seed=1)
        >>> sorted(ds.as_numpy_iterator()) == list(range(5))
        True
        """
        everything = integer(buffer_size, "buffer_size") == UNKNOWN_CARDINALITY
        size = None if everything else positive(buffer_size, "buffer_size")
        seed = None if seed is None else integer(seed, "seed")
        return self._of(Shuffle(self._node, size, seed, reshuffle_each_iteration is not False))

    def repeat(self, count: Any = None, name: str | None = None) -> Dataset:
        """The elements `count` times over; without end for None or -1.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(2).repeat(2).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(0), np.int64(1)]
        """
        return self._of(Repeat(self._node, -1 if count is None else integer(count, "count")))

    def take(self, count: Any, name: str | None = None) -> Dataset:
        """The first `count` elements; all of them for -1.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(9).take(2).as_numpy_iterator())
        [np.int64(0), np.int64(1)]
        """
        return self._of(Take(self._node, integer(count, "count")))

    def skip(self, count: Any, name: str | None = None) -> Dataset:
        """All but the first `count` elements; none of them for -1.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(4).skip(2).as_numpy_iterator())
        [np.int64(2), np.int64(3)]
        """
        return self._of(Skip(self._node, integer(count, "count")))

    def shard(self, num_shards: Any, index: Any, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element, from element `index` on: one worker's part.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(5).shard(2, 1).as_numpy_iterator())
        [np.int64(1), np.int64(3)]
        """
        shards, index = positive(num_shards, "num_shards"), integer(index, "index")
        if not 0 <= index < shards:
            raise tf.errors.InvalidArgumentError(f"`index` must be from 0 to {shards - 1}. Received: {index}.")
        return self._of(Shard(self._node, shards, index))

    def concatenate(self, dataset: Any, name: str | None = None) -> Dataset:
        """These elements, then those of `dataset`; DtypeError if their dtypes or structures differ.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(2).concatenate(tf.data.Dataset.range(7, 8)).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(7)]
        """
        return self._of(Concatenate(self._node, node_of(dataset, "`dataset`")))

    def enumerate(self, start: Any = 0, name: str | None = None) -> Dataset:
        """Pairs of a running number (int64) and the element.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.from_tensor_slices([7, 8]).enumerate(start=5).as_numpy_iterator())
        [(np.int64(5), np.int32(7)), (np.int64(6), np.int32(8))]
        """
        return self._of(Enumerate(self._node, integer(start, "start")))

    def unique(self, name: str | None = None) -> Dataset:
        """Each element the first time that it comes.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.from_tensor_slices([1, 2, 1, 3]).unique().as_numpy_iterator())
        [np.int32(1), np.int32(2), np.int32(3)]
        """
        return self._of(Unique(self._node))

    def cache(self, filename: Any = "", name: str | None = None) -> Dataset:
        """The same elements, kept in memory once an iteration has gone through to the end.

        What stands before the cache runs once; put random augmentation after it. Caching in a file is not supported:
        UnimplementedError for a `filename`.

        >>> import treadle as tf
        >>> calls = []
        >>> ds = tf.data.Dataset.range(3).map(lambda x: calls.append(0) or x).cache()
        >>> len(list(ds)), len(list(ds)), len(calls)
        (3, 3, 3)
        """
        if str(filename):
            raise tf.errors.UnimplementedError(
                f"Caching in a file is not supported. Received: filename={filename!r}. Use `cache()`, which keeps the "
                "elements in memory.")
        return self._of(Cache(self._node))

    def prefetch(self, buffer_size: Any, name: str | None = None) -> Dataset:
        """The same elements, made up to `buffer_size` ahead by a background thread; AUTOTUNE for a good number.

        The thread ends when the iterator is used up or dropped. Where the next element takes only microseconds
        (batches sliced from arrays), no thread is started.

        >>> import treadle as tf
        >>> len(list(tf.data.Dataset.range(3).map(lambda x: x + 1).prefetch(tf.data.AUTOTUNE)))
        3
        """
        size = integer(buffer_size, "buffer_size")
        if size < 0 and size != AUTOTUNE:
            raise tf.errors.InvalidArgumentError(
                f"`buffer_size` must not be negative, except for AUTOTUNE. Received: {size}.")
        return self._of(Prefetch(self._node, size))
