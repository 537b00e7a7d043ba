"""The part of `Dataset` that begins a pipeline: static methods, from arrays, generators, files and other data sets."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import as_array, is_dataset, node_of, owned
from treadle.keras_like.data.node import Node
from treadle.keras_like.data.pipeline import Pipeline, function, integer
from treadle.keras_like.data.seed import Epochs
from treadle.keras_like.data.selection import Zip
from treadle.keras_like.data.shuffling import Directed, Sampled, Shuffle
from treadle.keras_like.data.sources import Counter, Generated, Given, RandomNumbers, Range, Slices
from treadle.keras_like.data.structure import flatten, flatten_up_to, map_components, pack

if TYPE_CHECKING:
    from treadle.keras_like.data.dataset import Dataset


class Creation(Pipeline):
    """Ways to begin a pipeline."""

    __slots__ = ()

    @classmethod
    def from_tensor_slices(cls, tensors: Any, name: str | None = None) -> Dataset:
        """The slices of `tensors` along their first axes, one an element.

        Args:
            tensors: an array or tensor, or a nested structure of them with equal first sizes.

        Raises InvalidArgumentError for scalars and for first sizes that differ.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.from_tensor_slices({"x": [1, 2], "y": [3, 4]}).as_numpy_iterator())
        [{'x': np.int32(1), 'y': np.int32(3)}, {'x': np.int32(2), 'y': np.int32(4)}]
        """
        return cls._of(Slices(owned(tensors)))

    @classmethod
    def from_tensors(cls, tensors: Any, name: str | None = None) -> Dataset:
        """One element: `tensors`.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.from_tensors([1, 2]).as_numpy_iterator())
        [array([1, 2], dtype=int32)]
        """
        element = owned(tensors)
        if all(component is None for component in flatten(element)):
            raise tf.errors.InvalidArgumentError(f"A data set needs a tensor. Received: {tensors!r}.")
        return cls._of(Given([element]))

    @classmethod
    def from_generator(cls, generator: Any, output_types: Any = None, output_shapes: Any = None, args: Any = None,
                       output_signature: Any = None, name: str | None = None) -> Dataset:
        """What `generator(*args)` yields. Each iteration calls it anew.

        Args:
            generator: a function that returns an iterable.
            output_types: the dtypes, in the structure of the elements (the older spelling of `output_signature`).
            output_shapes: the shapes, in the structure of `output_types`; unknown where left out.
            args: arguments for `generator`, which it receives as NumPy arrays.
            output_signature: the `tf.TensorSpec`s, in the structure of the elements.

        An element that does not match raises DtypeError or InvalidArgumentError when it is reached.

        >>> import treadle as tf
        >>> squares = lambda n: (i * i for i in range(n))
        >>> ds = tf.data.Dataset.from_generator(squares, args=[3], output_signature=tf.TensorSpec([], tf.int32))
        >>> list(ds.as_numpy_iterator())
        [np.int32(0), np.int32(1), np.int32(4)]
        """
        function(generator, "generator")
        if output_signature is None:
            if output_types is None:
                raise tf.errors.DtypeError(
                    "`from_generator` must know what comes. Give `output_signature`, a structure of `tf.TensorSpec`.")
            output_signature = _signature(output_types, output_shapes)
        elif output_types is not None or output_shapes is not None:
            raise tf.errors.DtypeError(
                "`output_signature` replaces `output_types` and `output_shapes`; give only one of them.")
        if isinstance(output_signature, list):
            output_signature = tuple(output_signature)
        for spec in flatten(output_signature):
            if not isinstance(spec, tf.TensorSpec):
                raise tf.errors.DtypeError(
                    f"`output_signature` must be made of `tf.TensorSpec`. Received: {spec!r}.")
        arguments = [as_array(tf.convert_to_tensor(value))[()] for value in (args or ())]
        return cls._of(Generated(generator, arguments, output_signature))

    @classmethod
    def range(cls, *args: Any, output_type: Any = None, name: str | None = None) -> Dataset:
        """Like Python's `range(start, stop, step)`, as int64 scalars (or `output_type`).

        >>> import treadle as tf
        >>> list(tf.data.Dataset.range(1, 6, 2).as_numpy_iterator())
        [np.int64(1), np.int64(3), np.int64(5)]
        """
        if not 1 <= len(args) <= 3:
            raise tf.errors.InvalidArgumentError(f"`range` takes one to three numbers. Received: {args!r}.")
        numbers = [integer(number, "range") for number in args]
        if len(numbers) == 3 and numbers[2] == 0:
            raise tf.errors.InvalidArgumentError("The step of a range must not be zero. Received: 0.")
        return cls._of(Range(range(*numbers), tf.int64 if output_type is None else tf.as_dtype(output_type)))

    @classmethod
    def counter(cls, start: Any = 0, step: Any = 1, dtype: Any = None, name: str | None = None) -> Dataset:
        """`start`, `start + step` and so on, without end.

        >>> import treadle as tf
        >>> list(tf.data.Dataset.counter(start=5, step=5).take(2).as_numpy_iterator())
        [np.int64(5), np.int64(10)]
        """
        return cls._of(Counter(integer(start, "start"), integer(step, "step"), tf.as_dtype(dtype or tf.int64)))

    @classmethod
    def random(cls, seed: Any = None, rerandomize_each_iteration: bool | None = None,
               name: str | None = None) -> Dataset:
        """Random int64 scalars from 0 to 2**32 - 1, without end; the same at each iteration unless asked for otherwise.

        >>> import treadle as tf
        >>> numbers = tf.data.Dataset.random(seed=4).take(3)
        >>> list(numbers.as_numpy_iterator()) == list(numbers.as_numpy_iterator())
        True
        """
        return cls._of(RandomNumbers(_seed(seed), bool(rerandomize_each_iteration)))

    @classmethod
    def zip(cls, *args: Any, datasets: Any = None, name: str | None = None) -> Dataset:
        """Elements of several data sets side by side; it ends with the shortest.

        Args:
            args: data sets, or one nested structure of them.
            datasets: the structure (the older spelling).

        >>> import treadle as tf
        >>> a, b = tf.data.Dataset.range(3), tf.data.Dataset.range(5, 10)
        >>> list(tf.data.Dataset.zip(a, b).as_numpy_iterator())
        [(np.int64(0), np.int64(5)), (np.int64(1), np.int64(6)), (np.int64(2), np.int64(7))]
        """
        if bool(args) == (datasets is not None):
            raise tf.errors.DtypeError("`zip` takes data sets, or `datasets=`; give one of the two.")
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else args
        nodes = [node_of(part, "Each part of what `zip` receives") for part in flatten(structure)]
        return cls._of(Zip(nodes, structure))

    @classmethod
    def choose_from_datasets(cls, datasets: Any, choice_dataset: Any, stop_on_empty_dataset: bool = True) -> Dataset:
        """An element of `datasets[i]` for each `i` in `choice_dataset`.

        Args:
            datasets: a list of data sets of one structure.
            choice_dataset: a data set of int64 scalars.
            stop_on_empty_dataset: end when a chosen data set has no more elements; else pass over that choice.

        >>> import treadle as tf
        >>> a, b = tf.data.Dataset.range(3), tf.data.Dataset.range(5, 8)
        >>> choices = tf.data.Dataset.range(2).repeat(2)
        >>> list(tf.data.Dataset.choose_from_datasets([a, b], choices).as_numpy_iterator())
        [np.int64(0), np.int64(5), np.int64(1), np.int64(6)]
        """
        nodes = _nodes(datasets)
        choices = node_of(choice_dataset, "`choice_dataset`")
        if not tf.TensorSpec([], tf.int64).is_compatible_with(choices.spec):
            raise tf.errors.DtypeError(
                f"`choice_dataset` must hold int64 scalars. Received: elements of {choices.spec!r}.")
        return cls._of(Directed(nodes, choices, stop_on_empty_dataset))

    @classmethod
    def sample_from_datasets(cls, datasets: Any, weights: Any = None, seed: Any = None,
                             stop_on_empty_dataset: bool = False,
                             rerandomize_each_iteration: bool | None = None) -> Dataset:
        """Each next element from a data set drawn at random.

        Args:
            datasets: a list of data sets of one structure.
            weights: how often to draw each, in proportion; equally often if left out.
            seed: an integer that fixes the draws.
            stop_on_empty_dataset: end when a drawn data set has no more elements; else go on with the others.
            rerandomize_each_iteration: draw anew in each iteration.

        >>> import treadle as tf
        >>> a, b = tf.data.Dataset.range(3), tf.data.Dataset.range(5, 8)
        >>> sorted(tf.data.Dataset.sample_from_datasets([a, b], [0.5, 0.5], seed=1).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(2), np.int64(5), np.int64(6), np.int64(7)]
        """
        nodes = _nodes(datasets)
        if is_dataset(weights):
            raise tf.errors.UnimplementedError("`weights` must be numbers; a data set of weights is not supported.")
        chances = np.ones(len(nodes)) if weights is None else np.asarray(weights, np.float64)
        if chances.shape != (len(nodes),) or (chances < 0).any() or not chances.sum() > 0:
            raise tf.errors.InvalidArgumentError(
                f"`weights` must hold one number for each of the {len(nodes)} data sets, none negative and not all "
                f"zero. Received: {weights!r}.")
        return cls._of(Sampled(nodes, chances, Epochs(_seed(seed), bool(rerandomize_each_iteration)),
                               stop_on_empty_dataset))

    @classmethod
    def list_files(cls, file_pattern: Any, shuffle: bool | None = None, seed: Any = None,
                   name: str | None = None) -> Dataset:
        """The names (string scalars) of the files that match a glob pattern, or several.

        They come in random order, another one each time, unless `shuffle=False`: then sorted.
        Raises InvalidArgumentError if no file matches.

        >>> import treadle as tf
        >>> tf.data.Dataset.list_files("/no/such/*.txt")
        Traceback (most recent call last):
        treadle.ir.errors.InvalidArgumentError: No file matches. Received: '/no/such/*.txt'...
        """
        patterns = as_array(tf.convert_to_tensor(file_pattern, tf.string)).ravel()
        names = sorted({name for pattern in patterns for name in glob.glob(pattern.decode())})
        if not names:
            raise tf.errors.InvalidArgumentError(f"No file matches. Received: {file_pattern!r}.")
        files: Node = Slices(owned(names))
        return cls._of(files if shuffle is False else Shuffle(files, len(names), _seed(seed), True))


def _seed(seed: Any) -> int | None:
    return None if seed is None else integer(seed, "seed")


def _signature(types: Any, shapes: Any) -> Any:
    types = tuple(types) if isinstance(types, list) else types
    if shapes is None:
        return map_components(lambda dtype: tf.TensorSpec(None, dtype), types)
    found = flatten_up_to(types, shapes, "output_shapes")
    return pack(types, [tf.TensorSpec(shape, dtype) for shape, dtype in zip(found, flatten(types))])


def _nodes(datasets: Sequence[Any]) -> list[Node]:
    if not datasets:
        raise tf.errors.InvalidArgumentError(f"Give at least one data set. Received: {datasets!r}.")
    return [node_of(dataset, "Each of `datasets`") for dataset in datasets]
