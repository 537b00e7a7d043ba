"""Nodes where a pipeline begins: arrays, a range, a Python generator, random numbers, files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import first_slice, normalized
from treadle.keras_like.data.node import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Node, Rows
from treadle.keras_like.data.seed import Epochs
from treadle.keras_like.data.spec import spec_of
from treadle.keras_like.data.structure import flatten, map_components, pack, packer, paths, same_structure


class Given(Node):
    """Given elements, one after the other."""

    def __init__(self, elements: Sequence[Any], spec: Any = None):
        self._elements = elements
        self._spec = spec

    def elements(self) -> Iterator[Any]:
        return iter(self._elements)

    def cardinality(self) -> int:
        return len(self._elements)

    def make_spec(self) -> Any:
        return spec_of(self._elements[0]) if self._spec is None else self._spec


class Slices(Node):
    """The slices of arrays along their first axes."""

    def __init__(self, structure: Any):
        self._template = structure
        self._columns = flatten(structure)
        names = list(paths(structure))
        for name, column in zip(names, self._columns):
            if not isinstance(column, np.ndarray) or column.ndim == 0:
                raise tf.errors.InvalidArgumentError(
                    f"`from_tensor_slices` takes tensors with at least one axis. Received: {column!r} for {name}. "
                    "Use `from_tensors` to make one element of the whole value.")
        sizes = [len(column) for column in self._columns]
        if not sizes:
            raise tf.errors.InvalidArgumentError(f"A data set needs a tensor. Received: {structure!r}.")
        if len(set(sizes)) > 1:
            found = ", ".join(f"{size} for {name}" for name, size in zip(names, sizes))
            raise tf.errors.InvalidArgumentError(
                f"The tensors given to `from_tensor_slices` must have equal first sizes. Received: {found}.")
        self._size = sizes[0]

    def elements(self) -> Iterator[Any]:
        columns = self._columns
        packed = packer(self._template)
        for index in range(self._size):
            yield packed([column[index, ...] for column in columns])

    def cardinality(self) -> int:
        return self._size

    def make_spec(self) -> Any:
        return spec_of(self.example())

    def example(self) -> Any:
        return map_components(first_slice, self._template)

    def rows(self) -> Rows:
        return Rows(self._columns, self._template, self._size)


# A longer range is counted out one by one rather than held in memory.
_LONGEST_COLUMN = 1 << 22


class Range(Node):
    """The integers of a Python `range`."""

    def __init__(self, numbers: range, dtype: Any):
        self._numbers = numbers
        self._dtype = dtype

    def elements(self) -> Iterator[Any]:
        kind = self._dtype.as_numpy_dtype
        for number in self._numbers:
            yield np.array(number, kind)

    def cardinality(self) -> int:
        return len(self._numbers)

    def make_spec(self) -> Any:
        return tf.TensorSpec([], self._dtype)

    def example(self) -> Any:
        return np.array(self._numbers.start, self._dtype.as_numpy_dtype)

    def rows(self) -> Rows | None:
        numbers = self._numbers
        if len(numbers) > _LONGEST_COLUMN:
            return None
        column = np.arange(numbers.start, numbers.stop, numbers.step).astype(self._dtype.as_numpy_dtype)
        return Rows([column], 0, len(numbers))


class Counter(Node):
    """`start`, `start + step` and so on, without end."""

    def __init__(self, start: int, step: int, dtype: Any):
        self._start, self._step, self._dtype = start, step, dtype

    def elements(self) -> Iterator[Any]:
        number = self._start
        while True:
            yield np.array(number, self._dtype.as_numpy_dtype)
            number += self._step

    def cardinality(self) -> int:
        return INFINITE_CARDINALITY

    def make_spec(self) -> Any:
        return tf.TensorSpec([], self._dtype)


class RandomNumbers(Node):
    """Random integers (int64) from 0 to 2**32 - 1, without end."""

    def __init__(self, seed: int | None, rerandomize: bool):
        self._epochs = Epochs(seed, rerandomize)

    def elements(self) -> Iterator[Any]:
        generator = np.random.Generator(np.random.PCG64(self._epochs.next()))
        while True:
            for number in generator.integers(0, 1 << 32, 256):
                yield np.asarray(number)

    def cardinality(self) -> int:
        return INFINITE_CARDINALITY

    def make_spec(self) -> Any:
        return tf.TensorSpec([], tf.int64)

    def example(self) -> Any:
        return np.array(0, np.int64)


class Generated(Node):
    """What a Python generator yields, checked against a signature."""

    def __init__(self, function: Callable[..., Any], arguments: Sequence[Any], signature: Any):
        self._function = function
        self._arguments = arguments
        self._signature = signature

    def elements(self) -> Iterator[Any]:
        # Each iteration calls the function anew.
        specs = flatten(self._signature)
        for value in self._function(*self._arguments):
            if isinstance(value, list) and isinstance(self._signature, tuple):
                value = tuple(value)
            if isinstance(self._signature, (tuple, dict)):
                if not same_structure(self._signature, value):
                    raise tf.errors.DtypeError(
                        f"The generator yielded an element of another structure than its signature, "
                        f"{self._signature!r}. Received: {value!r}.")
                leaves = flatten(value)
            else:
                leaves = [value]
            yield pack(self._signature, [_as_specified(leaf, spec) for leaf, spec in zip(leaves, specs)])

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY

    def make_spec(self) -> Any:
        return self._signature

    def example(self) -> Any:
        for element in self.elements():
            return element
        raise tf.errors.InvalidArgumentError(
            "The element spec of a mapped data set is found by calling the function on the first element, but the "
            "generator yields none.")


def _as_specified(value: Any, spec: Any) -> Any:
    if not isinstance(spec, tf.TensorSpec):
        return normalized(value)
    try:
        if spec.dtype == tf.string:
            array = np.asarray(tf.convert_to_tensor(value, tf.string))
        else:
            # NumPy's cast, as in TensorFlow: 1.5 becomes 1 where the signature says int32. The array is a copy,
            # since generators like to reuse theirs.
            array = np.array(np.asarray(value), spec.dtype.as_numpy_dtype)
    except (TypeError, ValueError):
        raise tf.errors.DtypeError(
            f"The generator yielded an element that is no {spec.dtype.name} tensor. Received: {value!r}.") from None
    if not spec.shape.is_compatible_with(array.shape):
        raise tf.errors.InvalidArgumentError(
            f"The generator yielded an element of shape {array.shape} where its signature says {spec.shape}. "
            f"Received: {value!r}.")
    return array


class TextLines(Node):
    """The lines of text files, without their line ends."""

    def __init__(self, names: Node, compression: str):
        self.sources = (names,)
        self._compression = compression

    def elements(self) -> Iterator[Any]:
        for names in self.sources[0].elements():
            for name in np.asarray(names).ravel():
                for line in self._lines(name.decode()):
                    text = np.empty((), object)
                    text[()] = line.rstrip(b"\n").replace(b"\r", b"")
                    yield text

    def _lines(self, name: str) -> Iterator[bytes]:
        try:
            if self._compression == "ZLIB":
                with open(name, "rb") as file:
                    yield from zlib.decompress(file.read()).splitlines(keepends=True)
            else:
                with gzip.open(name, "rb") if self._compression == "GZIP" else open(name, "rb") as file:
                    yield from file
        except FileNotFoundError:
            raise tf.errors.NotFoundError(f"There is no such file. Received: {name!r}.") from None

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY

    def make_spec(self) -> Any:
        return tf.TensorSpec([], tf.string)

    def example(self) -> Any:
        return np.full((), b"", object)
