"""Nodes that choose which elements come, and how often: take, skip, shard, repeat, concatenate, enumerate, zip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.node import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Node, Rows, Unary
from treadle.keras_like.data.spec import merged
from treadle.keras_like.data.structure import flatten, pack


class Take(Unary):
    """The first `count` elements; all of them for a negative count."""

    def __init__(self, source: Node, count: int):
        super().__init__(source)
        self.count = count

    def elements(self) -> Iterator[Any]:
        elements = self.source.elements()
        return elements if self.count < 0 else islice(elements, self.count)

    def cardinality(self) -> int:
        size = self.source.cardinality()
        if self.count < 0 or size == UNKNOWN_CARDINALITY:
            return size
        return self.count if size == INFINITE_CARDINALITY else min(size, self.count)

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None or self.count < 0:
            return rows
        size = self.count if rows.size < 0 else min(rows.size, self.count)
        if rows.order is None:
            return Rows([c[:size] for c in rows.columns], rows.template, size)
        return rows._replace(size=size, order=lambda: _truncated(rows.indices(), self.count))

    def is_cheap(self) -> bool:
        return self.source.is_cheap()


def _truncated(chunks: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    while count > 0:
        chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk[:count]
        count -= len(chunk)


class Skip(Unary):
    """All but the first `count` elements; none for a negative count."""

    def __init__(self, source: Node, count: int):
        super().__init__(source)
        self.count = count

    def elements(self) -> Iterator[Any]:
        return iter(()) if self.count < 0 else islice(self.source.elements(), self.count, None)

    def cardinality(self) -> int:
        size = self.source.cardinality()
        if size < 0:
            return size
        return 0 if self.count < 0 else max(size - self.count, 0)

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None or self.count < 0:
            return None
        if rows.order is None:
            return Rows([c[self.count:] for c in rows.columns], rows.template, max(rows.size - self.count, 0))
        size = rows.size if rows.size < 0 else max(rows.size - self.count, 0)
        return rows._replace(size=size, order=lambda: _after(rows.indices(), self.count))

    def is_cheap(self) -> bool:
        return self.source.is_cheap()


def _after(chunks: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    for chunk in chunks:
        if len(chunk) > count:
            yield chunk[count:]
        count = max(count - len(chunk), 0)


class Shard(Unary):
    """Every `shards`-th element, from element `index` on."""

    def __init__(self, source: Node, shards: int, index: int):
        super().__init__(source)
        self.shards = shards
        self.index = index

    def elements(self) -> Iterator[Any]:
        return islice(self.source.elements(), self.index, None, self.shards)

    def cardinality(self) -> int:
        size = self.source.cardinality()
        return size if size < 0 else len(range(self.index, size, self.shards))

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None or rows.order is not None:
            return None
        columns = [np.ascontiguousarray(c[self.index::self.shards]) for c in rows.columns]
        return Rows(columns, rows.template, self.cardinality())


class Repeat(Unary):
    """The source `count` times over; without end for a negative count."""

    def __init__(self, source: Node, count: int):
        super().__init__(source)
        self.count = count

    def elements(self) -> Iterator[Any]:
        done = 0
        while done != self.count:
            empty = True
            for element in self.source.elements():
                empty = False
                yield element
            if empty:
                return
            done += 1

    def cardinality(self) -> int:
        size = self.source.cardinality()
        if size == 0 or self.count == 0:
            return 0
        if self.count < 0 or size == INFINITE_CARDINALITY:
            return INFINITE_CARDINALITY
        return size if size < 0 else size * self.count

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None or rows.size == 0:
            return rows
        return rows._replace(size=self.cardinality(), order=lambda: self._orders(rows))

    def _orders(self, rows: Rows) -> Iterator[np.ndarray]:
        done = 0
        while done != self.count:
            yield from rows.indices()
            done += 1

    def is_cheap(self) -> bool:
        return self.source.is_cheap()


class Concatenate(Node):
    """The elements of one source, then those of the other."""

    def __init__(self, first: Node, second: Node):
        self.sources = (first, second)
        merged(first.spec, second.spec)

    def elements(self) -> Iterator[Any]:
        for source in self.sources:
            yield from source.elements()

    def cardinality(self) -> int:
        sizes = [source.cardinality() for source in self.sources]
        if INFINITE_CARDINALITY in sizes:
            return INFINITE_CARDINALITY
        return UNKNOWN_CARDINALITY if UNKNOWN_CARDINALITY in sizes else sum(sizes)

    def make_spec(self) -> Any:
        return merged(self.sources[0].spec, self.sources[1].spec)

    def example(self) -> Any:
        return self.sources[0].example()


class Enumerate(Unary):
    """Pairs of a running number (int64) and the element."""

    def __init__(self, source: Node, start: int):
        super().__init__(source)
        self.start = start

    def elements(self) -> Iterator[Any]:
        for index, element in enumerate(self.source.elements(), self.start):
            yield np.array(index, np.int64), element

    def make_spec(self) -> Any:
        return tf.TensorSpec([], tf.int64), self.source.spec

    def example(self) -> Any:
        return np.array(self.start, np.int64), self.source.example()

    def rows(self) -> Rows | None:
        rows = self.source.rows()
        if rows is None or rows.order is not None:
            return None
        numbers = np.arange(self.start, self.start + rows.size)
        return Rows([numbers, *rows.columns], (0, rows.template), rows.size)


class Zip(Node):
    """One element of each source at a time, packed as `template`; it ends with the shortest."""

    def __init__(self, sources: Sequence[Node], template: Any):
        self.sources = tuple(sources)
        self.template = template

    def elements(self) -> Iterator[Any]:
        for parts in zip(*[source.elements() for source in self.sources]):
            yield pack(self.template, parts)

    def cardinality(self) -> int:
        sizes = [source.cardinality() for source in self.sources]
        if UNKNOWN_CARDINALITY in sizes:
            return UNKNOWN_CARDINALITY
        return min([size for size in sizes if size >= 0], default=INFINITE_CARDINALITY)

    def make_spec(self) -> Any:
        return pack(self.template, [source.spec for source in self.sources])

    def example(self) -> Any:
        return pack(self.template, [source.example() for source in self.sources])

    def rows(self) -> Rows | None:
        parts = [rows for source in self.sources if (rows := source.rows()) is not None and rows.order is None]
        if len(parts) < len(self.sources):
            return None
        size = min(rows.size for rows in parts)
        # The columns follow the order in which `flatten` visits the packed element.
        numbered = iter(range(sum(len(rows.columns) for rows in parts)))
        template = pack(self.template, [pack(rows.template, [next(numbered) for _ in rows.columns]) for rows in parts])
        columns = [column[:size] for rows in parts for column in rows.columns]
        return Rows([columns[i] for i in flatten(template)], template, size)
