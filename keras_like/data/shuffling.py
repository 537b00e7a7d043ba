"""Nodes that keep or mix elements: shuffle, cache, and the random or chosen mixture of several data sets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import as_array, is_dataset
from treadle.keras_like.data.node import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Node, Rows, Unary
from treadle.keras_like.data.order import shuffled, shuffled_positions
from treadle.keras_like.data.seed import Epochs
from treadle.keras_like.data.spec import merged
from treadle.keras_like.data.structure import flatten, packer, same_structure

# Longer orders are shuffled as a stream, in pieces, unless the buffer is as long as they are.
_LONGEST_ORDER = 1 << 22
_PIECE = 1024


class Shuffle(Unary):
    """The elements through a shuffle buffer, in another order at each iteration or always the same."""

    def __init__(self, source: Node, buffer_size: int | None, seed: int | None, reshuffle: bool):
        super().__init__(source)
        self._buffer_size = buffer_size
        self._epochs = Epochs(seed, reshuffle)

    def elements(self) -> Iterator[Any]:
        rows = self.rows()
        if rows is None:
            return shuffled(self.source.elements(), self._buffer_size, self._epochs.next())
        return _gathered_one_by_one(rows)

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        return None if rows is None else rows._replace(order=lambda: self._order(rows))

    def _order(self, rows: Rows) -> Iterator[np.ndarray]:
        seed = self._epochs.next()
        if 0 <= rows.size <= max(_LONGEST_ORDER, self._buffer_size or rows.size):
            positions = shuffled_positions(rows.size, self._buffer_size, seed)
            yield positions if rows.order is None else np.concatenate([*rows.indices(), positions[:0]])[positions]
            return
        each = (index for chunk in rows.indices() for index in chunk.tolist())
        stream = shuffled(each, self._buffer_size, seed)
        while chunk := list(islice(stream, _PIECE)):
            yield np.array(chunk)


def _gathered_one_by_one(rows: Rows) -> Iterator[Any]:
    packed = packer(rows.template)
    for chunk in rows.indices():
        for index in chunk.tolist():
            yield packed([column[index, ...] for column in rows.columns])


class Cache(Unary):
    """The elements of the first complete iteration, kept in memory.

    Elements of one shape are kept as columns, so that what follows (shuffle, batch) can gather many at once.
    """

    def __init__(self, source: Node):
        super().__init__(source)
        self._kept: list[Any] | None = None
        self._columns: Rows | None = None
        self._lock = threading.Lock()

    def runs(self) -> Any:
        return self.source.runs()

    def elements(self) -> Iterator[Any]:
        if self._columns is not None:
            return _gathered_one_by_one(self._columns)
        if self._kept is not None:
            return iter(self._kept)
        return self._recorded()

    def _recorded(self) -> Iterator[Any]:
        kept = []
        for element in self.source.elements():
            kept.append(element)
            yield element
        with self._lock:
            if self._kept is None and self._columns is None:
                self._columns = as_rows(kept)
                self._kept = kept if self._columns is None else None

    def rows(self) -> Rows | None:
        if self._columns is not None:
            return self._columns
        rows = self.source.rows()
        return rows if rows is not None and rows.order is None else None

    def is_cheap(self) -> bool:
        return self._kept is not None or self._columns is not None


def as_rows(elements: list[Any]) -> Rows | None:
    """The elements as columns, or None where they differ in shape or hold more than tensors."""
    if not elements:
        return None
    template = elements[0]
    parts = [flatten(element) for element in elements if same_structure(template, element)]
    if len(parts) < len(elements) or any(c is None or is_dataset(c) for part in parts for c in part):
        return None
    columns = []
    for components in zip(*parts):
        arrays = [as_array(component) for component in components]
        first = arrays[0]
        if any(a.shape != first.shape or a.dtype != first.dtype for a in arrays):
            return None
        columns.append(np.concatenate([a[None] for a in arrays]))
    return Rows(columns, template, len(elements))


class Directed(Node):
    """Elements of several sources, in the order that `choices` (a node of int64 scalars) says."""

    def __init__(self, sources: Sequence[Node], choices: Node, stop_on_empty: bool):
        self.sources = tuple(sources)
        self._choices = choices
        self._stop_on_empty = stop_on_empty
        _merged_spec(sources)  # raises unless they fit together

    def elements(self) -> Iterator[Any]:
        open_sources: dict[int, Iterator[Any]] = {i: s.elements() for i, s in enumerate(self.sources)}
        for choice in self._choices.elements():
            index = int(as_array(choice))
            if not 0 <= index < len(self.sources):
                raise tf.errors.InvalidArgumentError(
                    f"A choice must be from 0 to {len(self.sources) - 1}. Received: {index}.")
            try:
                if index in open_sources:
                    yield next(open_sources[index])
            except StopIteration:
                if self._stop_on_empty:
                    return
                del open_sources[index]
                if not open_sources:
                    return

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY

    def make_spec(self) -> Any:
        return _merged_spec(self.sources)

    def example(self) -> Any:
        return self.sources[0].example()


class Sampled(Node):
    """Elements of several sources, each next one from a source drawn with the given weights."""

    def __init__(self, sources: Sequence[Node], weights: np.ndarray, epochs: Epochs, stop_on_empty: bool):
        self.sources = tuple(sources)
        self._weights = weights
        self._epochs = epochs
        self._stop_on_empty = stop_on_empty
        _merged_spec(sources)  # raises unless they fit together

    def elements(self) -> Iterator[Any]:
        generator = np.random.Generator(np.random.PCG64(self._epochs.next()))
        open_sources = [source.elements() for source in self.sources]
        weights = self._weights.copy()
        while weights.any():
            bounds = np.cumsum(weights)
            index = int(np.searchsorted(bounds, generator.random() * bounds[-1], side="right"))
            try:
                yield next(open_sources[index])
            except StopIteration:
                if self._stop_on_empty:
                    return
                weights[index] = 0.0

    def cardinality(self) -> int:
        sizes = [s.cardinality() for s, weight in zip(self.sources, self._weights) if weight]
        if self._stop_on_empty:
            return INFINITE_CARDINALITY if all(s == INFINITE_CARDINALITY for s in sizes) else UNKNOWN_CARDINALITY
        if INFINITE_CARDINALITY in sizes:
            return INFINITE_CARDINALITY
        return UNKNOWN_CARDINALITY if UNKNOWN_CARDINALITY in sizes else sum(sizes)

    def make_spec(self) -> Any:
        return _merged_spec(self.sources)

    def example(self) -> Any:
        return self.sources[0].example()


def _merged_spec(sources: Sequence[Node]) -> Any:
    spec = sources[0].spec
    for source in sources[1:]:
        spec = merged(spec, source.spec)
    return spec


class Unique(Unary):
    """Each element the first time that it comes."""

    def elements(self) -> Iterator[Any]:
        seen = set()
        for element in self.source.elements():
            key = tuple((a.shape, tuple(a.ravel()) if a.dtype == object else a.tobytes())
                        for a in map(as_array, flatten(element)))
            if key not in seen:
                seen.add(key)
                yield element

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY
