"""Nodes that put elements together and take them apart: batch, padded_batch, unbatch, window, group_by_window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import as_array, as_tensor, call, first_slice, node_of, normalized
from treadle.keras_like.data.node import UNKNOWN_CARDINALITY, Node, RowBatches, Rows, Unary, is_static
from treadle.keras_like.data.order import pieces, regrouped
from treadle.keras_like.data.sources import Given
from treadle.keras_like.data.spec import DatasetSpec, batched, unbatched
from treadle.keras_like.data.structure import (
    flatten,
    flatten_up_to,
    map_components,
    pack,
    packer,
    paths,
    same_structure,
)

# Rows are gathered this many bytes at a time, which stays in the processor's cache, and then sliced into batches.
_GATHERED_BYTES = 1 << 20


class Batch(Unary):
    """`size` elements at a time, stacked along a new first axis."""

    def __init__(self, source: Node, size: int, drop_remainder: bool):
        super().__init__(source)
        self._size = size
        self._drop_remainder = drop_remainder

    def elements(self) -> Iterator[Any]:
        rows = self.source.rows()
        if rows is None:
            return self._stacked()
        if rows.order is None:
            return self._sliced(rows)
        return self._gathered(rows)

    def _sliced(self, rows: Rows) -> Iterator[Any]:
        """Batches of rows that lie next to each other: views."""
        packed, size = packer(rows.template), self._size
        end = rows.size - rows.size % size if self._drop_remainder else rows.size
        for start in range(0, end, size):
            yield packed([column[start:start + size] for column in rows.columns])

    def _gathered(self, rows: Rows) -> Iterator[Any]:
        """Batches of rows in any order: many are gathered in one go and sliced into views."""
        packed, size = packer(rows.template), self._size
        length = max(_GATHERED_BYTES // max(_row_bytes(rows) * size, 1), 1) * size
        for indices in pieces(regrouped(rows.indices(), size), length):
            gathered = [column.take(indices, axis=0) for column in rows.columns]
            for start in range(0, len(indices), size):
                if self._drop_remainder and start + size > len(indices):
                    return
                yield packed([column[start:start + size] for column in gathered])

    def row_batches(self) -> RowBatches | None:
        rows = self.source.rows()
        return None if rows is None else RowBatches(pack(rows.template, rows.columns), lambda: self._indices(rows))

    def _indices(self, rows: Rows) -> Iterator[np.ndarray]:
        for batch in pieces(regrouped(rows.indices(), self._size), self._size):
            if len(batch) == self._size or not self._drop_remainder:
                yield batch

    def _stacked(self) -> Iterator[Any]:
        elements = self.source.elements()
        while group := list(islice(elements, self._size)):
            if len(group) < self._size and self._drop_remainder:
                return
            yield stacked(group)

    def cardinality(self) -> int:
        size = self.source.cardinality()
        if size < 0:
            return size
        return size // self._size if self._drop_remainder else -(-size // self._size)

    def make_spec(self) -> Any:
        return batched(self.source.spec, self._size if self._drop_remainder else None)

    def runs(self) -> list[tuple[Any, int]] | None:
        count = self.source.cardinality()
        if count < 0 or not is_static(self.source.spec):
            return None
        whole, rest = divmod(count, self._size)
        found = [(self._size, whole), (rest, 0 if self._drop_remainder else min(rest, 1))]
        return [(batched(self.source.spec, size), times) for size, times in found if times]

    def example(self) -> Any:
        return stacked([self.source.example()] * self._size)

    def is_cheap(self) -> bool:
        rows = self.source.rows()
        return rows is not None and (rows.order is None or _row_bytes(rows) * self._size <= _GATHERED_BYTES)


def _row_bytes(rows: Rows) -> int:
    return sum(column.nbytes // max(len(column), 1) for column in rows.columns)


def stacked(elements: Sequence[Any]) -> Any:
    """The elements as one, with a new first axis; InvalidArgumentError where their shapes differ."""
    template = elements[0]
    for element in elements:
        if not same_structure(template, element):
            raise tf.errors.InvalidArgumentError(
                f"Elements of different structures cannot form a batch. Received: {template!r} and {element!r}.")
    columns = zip(*map(flatten, elements))
    return pack(template, [_stack(column, name) for column, name in zip(columns, paths(template))])


def _stack(column: Sequence[Any], name: str) -> np.ndarray:
    arrays = [as_array(component) for component in column]
    first = arrays[0]
    result = np.empty((len(arrays), *first.shape), first.dtype)
    for index, array in enumerate(arrays):
        if array.shape != first.shape or array.dtype != first.dtype:
            raise tf.errors.InvalidArgumentError(
                f"Elements of different types cannot form a batch. Received for {name}: {first.dtype}"
                f"{list(first.shape)} in the first element and {array.dtype}{list(array.shape)} in element {index}. "
                "Use `padded_batch` for elements of different sizes.")
        result[index, ...] = array
    return result


class PaddedBatch(Unary):
    """`size` elements at a time, padded to one shape and stacked."""

    def __init__(self, source: Node, size: int, shapes: Any, values: Any, drop_remainder: bool):
        super().__init__(source)
        self._size = size
        self._drop_remainder = drop_remainder
        self._spec = _padded_spec(source.spec, shapes)
        self._targets = [spec.shape.as_list() for spec in flatten(self._spec)]
        self._fills = _fills(source.spec, values)

    def elements(self) -> Iterator[Any]:
        elements = self.source.elements()
        while group := list(islice(elements, self._size)):
            if len(group) < self._size and self._drop_remainder:
                return
            yield self._padded(group)

    def _padded(self, group: list[Any]) -> Any:
        columns = zip(*map(flatten, group))
        parts = zip(columns, self._targets, self._fills, paths(group[0]))
        return pack(group[0], [padded(*part) for part in parts])

    def cardinality(self) -> int:
        size = self.source.cardinality()
        if size < 0:
            return size
        return size // self._size if self._drop_remainder else -(-size // self._size)

    def make_spec(self) -> Any:
        return batched(self._spec, self._size if self._drop_remainder else None)

    def example(self) -> Any:
        return self._padded([self.source.example()] * self._size)


def padded(column: Sequence[Any], target: Sequence[int | None], fill: Any, name: str) -> np.ndarray:
    """Arrays padded with `fill` to `target` (None: to the longest) and stacked."""
    arrays = [as_array(component) for component in column]
    shape = [max(sizes) if size is None else size for size, *sizes in zip(target, *[a.shape for a in arrays])]
    result = np.full((len(arrays), *shape), fill, arrays[0].dtype)
    for index, array in enumerate(arrays):
        if array.ndim != len(target) or any(have > room for have, room in zip(array.shape, shape)):
            raise tf.errors.InvalidArgumentError(
                f"An element cannot be padded to a smaller shape. Received for {name}: shape {list(array.shape)}, "
                f"to be padded to {list(target)}.")
        result[index, ...][tuple(slice(size) for size in array.shape)] = array
    return result


def _padded_spec(spec: Any, shapes: Any) -> Any:
    """The spec of one padded element."""
    components = flatten(spec)
    if shapes is None:
        wanted = [component.shape for component in components]
    else:
        wanted = [_target(shape) for shape in flatten_up_to(spec, shapes, "padded_shapes")]
    for component, shape, name in zip(components, wanted, paths(spec)):
        if shape.rank is None:
            raise tf.errors.InvalidArgumentError(
                f"`padded_batch` needs `padded_shapes` where the number of axes is not known. Received: "
                f"{component!r} for {name}.")
        if component.shape.rank is not None and (
                component.shape.rank != shape.rank
                or any(want is not None and have is not None and have > want
                       for have, want in zip(component.shape, shape))):
            raise tf.errors.InvalidArgumentError(
                f"An element of shape {component.shape} cannot be padded to {shape}. Received: `padded_shapes` with "
                f"{shape} for {name}.")
    return pack(spec, [tf.TensorSpec(shape, component.dtype) for component, shape in zip(components, wanted)])


def _target(shape: Any) -> Any:
    if not isinstance(shape, tf.TensorShape):
        shape = tf.TensorShape([None if size is None or int(size) == -1 else int(size) for size in np.atleast_1d(
            np.array(shape, object))])
    return shape


def _fills(spec: Any, values: Any) -> list[Any]:
    """The padding value of each component: zero, or the empty string, unless given."""
    components = flatten(spec)
    nested = isinstance(values, (tuple, dict))
    given = flatten_up_to(spec, values, "padding_values") if nested else [values] * len(components)
    return [_fill(value, component, name) for value, component, name in zip(given, components, paths(spec))]


def _fill(value: Any, component: Any, name: str) -> Any:
    if value is None:
        return b"" if component.dtype == tf.string else component.dtype.as_numpy_dtype(0)
    try:
        found = as_array(tf.convert_to_tensor(value, component.dtype))
    except (TypeError, ValueError):
        raise tf.errors.DtypeError(
            f"A padding value must have the dtype of what it pads, {component.dtype.name}. Received: {value!r} for "
            f"{name}.") from None
    if found.ndim:
        raise tf.errors.InvalidArgumentError(f"A padding value must be a scalar. Received: {value!r} for {name}.")
    return found[()]


class Unbatch(Unary):
    """The slices of each element along the first axis."""

    def elements(self) -> Iterator[Any]:
        for element in self.source.elements():
            arrays = [None if c is None else as_array(c) for c in flatten(element)]
            sizes = {array.shape[:1] for array in arrays if array is not None}
            if len(sizes) != 1 or () in sizes:
                found = ", ".join(f"{list(array.shape)} for {name}"
                                  for array, name in zip(arrays, paths(element)) if array is not None)
                raise tf.errors.InvalidArgumentError(
                    f"`unbatch` needs components with equal first sizes. Received: shape {found}.")
            packed = packer(element)
            for index in range(*sizes.pop()):
                yield packed([None if array is None else array[index, ...] for array in arrays])

    def cardinality(self) -> int:
        sizes = {spec.shape[0] for spec in flatten(self.source.spec)
                 if isinstance(spec, tf.TensorSpec) and spec.shape.rank}
        size = self.source.cardinality()
        if size <= 0 or None in sizes or len(sizes) != 1:
            return size if size <= 0 else UNKNOWN_CARDINALITY
        return size * sizes.pop()

    def make_spec(self) -> Any:
        return unbatched(self.source.spec)

    def example(self) -> Any:
        return map_components(lambda c: None if c is None else first_slice(as_array(c)), self.source.example())


class Window(Unary):
    """Data sets of `size` elements each: every `stride`-th one, each window `shift` elements after the last."""

    def __init__(self, source: Node, size: int, shift: int, stride: int, drop_remainder: bool,
                 wrap: Callable[[Node], Any]):
        super().__init__(source)
        self._size, self._shift, self._stride, self._drop_remainder = size, shift, stride, drop_remainder
        self._wrap = wrap

    def elements(self) -> Iterator[Any]:
        elements = self.source.elements()
        span = (self._size - 1) * self._stride + 1
        held = list(islice(elements, span))
        while held:
            if len(held) < span and self._drop_remainder:
                return
            yield self._datasets(held[::self._stride])
            skipped = max(self._shift - len(held), 0)
            held = held[self._shift:]
            held += islice(elements, skipped, skipped + span - len(held))

    def _datasets(self, group: list[Any]) -> Any:
        columns = zip(*map(flatten, group))
        return pack(group[0], [self._wrap(Given(column)) for column in columns])

    def cardinality(self) -> int:
        size = self.source.cardinality()
        if size < 0:
            return size
        if not self._drop_remainder:
            return -(-size // self._shift)
        return max((size - (self._size - 1) * self._stride - 1) // self._shift + 1, 0)

    def make_spec(self) -> Any:
        return map_components(DatasetSpec, self.source.spec)

    def example(self) -> Any:
        return self._datasets([self.source.example()] * self._size)


class GroupByWindow(Unary):
    """Elements grouped by a key; each `size_of(key)` elements of one key pass through `reduce` to a data set."""

    def __init__(self, source: Node, key: Callable[..., Any], reduce: Callable[[Any, Any], Any],
                 size_of: Callable[[Any], Any], wrap: Callable[[Node], Any], spec: Any = None):
        super().__init__(source)
        self._key, self._reduce, self._size_of, self._wrap, self._spec = key, reduce, size_of, wrap, spec

    def elements(self) -> Iterator[Any]:
        groups: dict[int, list[Any]] = {}
        sizes: dict[int, int] = {}
        for element in self.source.elements():
            tensor = normalized(call(self._key, element))
            key = int(tensor)
            if key not in sizes:
                sizes[key] = int(self._size_of(tensor))
            group = groups.setdefault(key, [])
            group.append(element)
            if len(group) == sizes[key]:
                yield from self._reduced(key, groups.pop(key))
        for key in list(groups):
            yield from self._reduced(key, groups.pop(key))

    def _reduced(self, key: int, group: list[Any]) -> Iterator[Any]:
        return self._opened(key, group).elements()

    def _opened(self, key: int, group: list[Any]) -> Node:
        result = self._reduce(as_tensor(np.array(key, np.int64)), self._wrap(Given(group, self.source.spec)))
        return node_of(result, "The result of `reduce_func`")

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY

    def make_spec(self) -> Any:
        return self._opened_example().spec if self._spec is None else self._spec

    def example(self) -> Any:
        return self._opened_example().example()

    def _opened_example(self) -> Node:
        element = self.source.example()
        return self._opened(int(normalized(call(self._key, element))), [element])
