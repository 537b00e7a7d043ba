"""The part of `Dataset` that takes the user's functions: map, filter, reduce, interleave and their like.

A tuple's components become the function's arguments; a dictionary or a single tensor is one argument. The functions
run eagerly, element by element, so they may hold any Python code.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import treadle as tf
from treadle.keras_like.data.batching import Batch, GroupByWindow, PaddedBatch
from treadle.keras_like.data.components import is_dataset, normalized
from treadle.keras_like.data.iterator import Iterator
from treadle.keras_like.data.mapping import Filter, FlatMap, Interleave, Map, Scan, TakeWhile
from treadle.keras_like.data.node import AUTOTUNE
from treadle.keras_like.data.pipeline import Pipeline, function, parallelism, positive
from treadle.keras_like.data.structure import flatten, map_components, same_structure

if TYPE_CHECKING:
    from treadle.keras_like.data.dataset import Dataset


class Functional(Pipeline):
    """Transformations by a function."""

    __slots__ = ()

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: bool | None = None,
            synchronous: bool | None = None, use_unbounded_threadpool: bool = False,
            name: str | None = None) -> Dataset:
        """`map_func(element)` for each element.

        Args:
            map_func: returns a tensor or a nested structure; a list as its result is read as a tuple.
            num_parallel_calls: how many calls may run at once, in threads; AUTOTUNE for one a processor. While calls
                take less than a millisecond, they run in the reader's thread, where they take less time.
            deterministic: False lets results come in the order in which they are finished.

        An exception in `map_func` is raised by the iteration when it reaches that element.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(3).map(lambda x: x * 10).as_numpy_iterator())
        [np.int64(0), np.int64(10), np.int64(20)]
        """
        parallel = parallelism(num_parallel_calls)
        return self._of(Map(self._node, function(map_func, "map_func"), parallel, deterministic is not False))

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which `predicate` returns True (a bool scalar; DtypeError for anything else).

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(5).filter(lambda x: x % 2 == 0).as_numpy_iterator())
        [np.int64(0), np.int64(2), np.int64(4)]
        """
        return self._of(Filter(self._node, function(predicate, "predicate")))

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements up to the first for which `predicate` returns False.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(5).take_while(lambda x: x < 2).as_numpy_iterator())
        [np.int64(0), np.int64(1)]
        """
        return self._of(TakeWhile(self._node, function(predicate, "predicate")))

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements of the data sets that `map_func` makes, one data set after the other.

        >>> import treadle as tf
        >>> ds = tf.data.Dataset.range(3).flat_map(lambda n: tf.data.Dataset.from_tensors(n).repeat(2))
        >>> list(ds.as_numpy_iterator())
        [np.int64(0), np.int64(0), np.int64(1), np.int64(1), np.int64(2), np.int64(2)]
        """
        return self._of(FlatMap(self._node, function(map_func, "map_func")))

    def interleave(self, map_func: Callable[..., Any], cycle_length: Any = None, block_length: Any = None,
                   num_parallel_calls: Any = None, deterministic: bool | None = None,
                   name: str | None = None) -> Dataset:
        """The elements of the data sets that `map_func` makes, several data sets at a time.

        Args:
            map_func: returns a data set.
            cycle_length: how many data sets are open at once; one a processor if left out.
            block_length: how many elements each gives before it is the next one's turn (1).
            num_parallel_calls: if given, each open data set is read ahead by a thread. The order stays the same.

        >>> import treadle as tf
        >>> two_of = lambda n: tf.data.Dataset.from_tensors(n).repeat(2)
        >>> list(tf.data.Dataset.range(3).interleave(two_of, cycle_length=2).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(0), np.int64(1), np.int64(2), np.int64(2)]
        """
        parallel = parallelism(num_parallel_calls)
        cycle = parallelism(cycle_length, "cycle_length")
        if cycle is None or cycle == AUTOTUNE:
            cycle = os.cpu_count() or 1
        block = positive(1 if block_length is None else block_length, "block_length")
        return self._of(Interleave(self._node, function(map_func, "map_func"), cycle, block, parallel is not None))

    def scan(self, initial_state: Any, scan_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """A map with a memory: `state, output = scan_func(state, element)`; yields the outputs.

        >>> import treadle as tf
        >>> zero = tf.constant(0, tf.int64)
        >>> list(tf.data.Dataset.range(4).scan(zero, lambda total, x: (total + x, total + x)).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(3), np.int64(6)]
        """
        return self._of(Scan(self._node, normalized(initial_state), function(scan_func, "scan_func")))

    def rejection_resample(self, class_func: Callable[..., Any], target_dist: Any, initial_dist: Any = None,
                           seed: int | None = None, name: str | None = None) -> Dataset:
        """(class, element) of elements left out at random until classes are as frequent as `target_dist` says.

        An element of class c = class_func(element) stays with probability r[c] / max r, where r = target_dist / initial_dist.
        Without `initial_dist`, the shares of the classes are counted on the way.

        >>> import treadle as tf
        >>> ds = tf.data.Dataset.range(1000).map(lambda i: tf.cast(i % 10 == 0, tf.int32))
        >>> even = ds.rejection_resample(lambda x: x, [0.5, 0.5], [0.9, 0.1], seed=1)
        >>> 0.3 < sum(int(kind) for kind, _ in even) / sum(1 for _ in even) < 0.7
        True
        """
        target = tf.convert_to_tensor(target_dist, tf.float32)
        share = None if initial_dist is None else tf.convert_to_tensor(initial_dist, tf.float32)
        function(class_func, "class_func")

        def decide(counts: Any, *components: Any) -> Any:
            kind = class_func(*components)
            counts = counts + tf.one_hot(kind, target.shape[0])
            ratio = tf.math.divide_no_nan(target, counts / tf.reduce_sum(counts) if share is None else share)
            stays = tf.random.uniform([], seed=seed) * tf.reduce_max(ratio) < tf.gather(ratio, kind)
            return counts, (stays, (kind, components if len(components) > 1 else components[0]))

        chosen = self.scan(tf.zeros_like(target), lambda counts, element: decide(
            counts, *(element if isinstance(element, tuple) else (element,))))
        return chosen.filter(lambda stays, pair: stays).map(lambda stays, pair: pair)

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any], name: str | None = None) -> Any:
        """The last state of `state = reduce_func(state, element)` over all elements.

        The state must keep its structure and dtypes; DtypeError if it does not.

        >>> import treadle as tf
        >>> tf.data.Dataset.range(5).reduce(tf.constant(0, tf.int64), lambda total, x: total + x).numpy()
        np.int64(10)
        """
        state = normalized(initial_state)
        function(reduce_func, "reduce_func")
        for element in Iterator(self._node):
            before = state
            state = normalized(reduce_func(before, element))
            if not same_structure(before, state) or any(
                    getattr(a, "dtype", None) != getattr(b, "dtype", None)
                    for a, b in zip(flatten(before), flatten(state))):
                raise tf.errors.DtypeError(
                    "`reduce_func` must return a state with the structure and dtypes of `initial_state`. "
                    f"Received: {state!r} after {before!r}.")
        return state

    def apply(self, transformation_func: Callable[[Any], Any]) -> Dataset:
        """`transformation_func(self)`, which must be a data set.

        >>> import treadle as tf
        >>> len(tf.data.Dataset.range(10).apply(lambda ds: ds.skip(3)))
        7
        """
        result = transformation_func(self)
        if not is_dataset(result):
            raise tf.errors.DtypeError(f"`transformation_func` must return a `tf.data.Dataset`. Received: {result!r}.")
        return result

    def group_by_window(self, key_func: Callable[..., Any], reduce_func: Callable[..., Any], window_size: Any = None,
                        window_size_func: Callable[..., Any] | None = None, name: str | None = None) -> Dataset:
        """Groups elements by key; each full group passes through `reduce_func(key, group)`, which returns a data set.

        Args:
            key_func: returns an integer scalar.
            reduce_func: receives the key (int64) and a data set of the group's elements.
            window_size: how many elements fill a group.
            window_size_func: the same as a function of the key.

        >>> import treadle as tf
        >>> ds = tf.data.Dataset.range(6).group_by_window(lambda x: x % 2, lambda key, group: group.batch(3), 3)
        >>> list(ds.as_numpy_iterator())
        [array([0, 2, 4]), array([1, 3, 5])]
        """
        if (window_size is None) == (window_size_func is None):
            raise tf.errors.InvalidArgumentError("Give one of `window_size` and `window_size_func`.")
        if window_size_func is None:
            size = positive(window_size, "window_size")
            window_size_func = lambda key: size
        return self._of(GroupByWindow(self._node, function(key_func, "key_func"), function(reduce_func, "reduce_func"),
                                      window_size_func, self._of))

    def bucket_by_sequence_length(
            self, element_length_func: Callable[..., Any], bucket_boundaries: Sequence[int],
            bucket_batch_sizes: Sequence[int], padded_shapes: Any = None, padding_values: Any = None,
            pad_to_bucket_boundary: bool = False, no_padding: bool = False, drop_remainder: bool = False,
            name: str | None = None) -> Dataset:
        """Padded batches of elements of similar length.

        Args:
            element_length_func: the length of an element, an integer scalar.
            bucket_boundaries: ascending lengths; bucket `i` holds those from boundary `i - 1` to below boundary `i`.
            bucket_batch_sizes: a batch size for each bucket, one more than there are boundaries.
            padded_shapes, padding_values, drop_remainder: as in `padded_batch`.
            pad_to_bucket_boundary: pad open sizes to the longest length that the bucket can hold.
            no_padding: batch elements that already have equal shapes.

        >>> import treadle as tf
        >>> rows = [[1], [2, 3, 4], [5], [6, 7, 8]]
        >>> ds = tf.data.Dataset.from_generator(lambda: rows, output_signature=tf.TensorSpec([None], tf.int32))
        >>> ds = ds.bucket_by_sequence_length(lambda row: tf.shape(row)[0], [2], [2, 2])
        >>> [batch.tolist() for batch in ds.as_numpy_iterator()]
        [[[1], [5]], [[2, 3, 4], [6, 7, 8]]]
        """
        boundaries = [int(boundary) for boundary in bucket_boundaries]
        sizes = [positive(size, "bucket_batch_sizes") for size in bucket_batch_sizes]
        if len(sizes) != len(boundaries) + 1:
            raise tf.errors.InvalidArgumentError(
                f"`bucket_batch_sizes` must hold one more number than `bucket_boundaries`. Received: {len(sizes)} "
                f"sizes for {len(boundaries)} boundaries.")

        def bucket(*components: Any) -> int:
            return bisect_right(boundaries, int(element_length_func(*components)))

        def shapes(index: int) -> Any:
            if not pad_to_bucket_boundary:
                return padded_shapes
            if index == len(boundaries):
                raise tf.errors.InvalidArgumentError(
                    f"With `pad_to_bucket_boundary`, every element must be shorter than {boundaries[-1]}.")
            longest = boundaries[index] - 1
            return map_components(
                lambda spec: tf.TensorShape([longest if size is None else size for size in spec.shape]),
                self._node.spec)

        def batch(key: Any, group: Any) -> Any:
            index = int(key)
            if no_padding:
                return group.batch(sizes[index], drop_remainder)
            return group.padded_batch(sizes[index], shapes(index), padding_values, drop_remainder)

        # What all buckets have in common: neither the batch size nor the padded sizes are known.
        common = (Batch(self._node, 1, False) if no_padding
                  else PaddedBatch(self._node, 1, padded_shapes, padding_values, False))
        return self._of(GroupByWindow(
            self._node, bucket, batch, lambda key: sizes[int(key)], self._of, common.spec))
