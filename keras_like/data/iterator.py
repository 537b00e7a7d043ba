"""Iterators: what `iter(dataset)` and `dataset.as_numpy_iterator()` return."""

from __future__ import annotations

from collections.abc import Iterator as PythonIterator
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import as_tensors, is_dataset
from treadle.keras_like.data.node import Node
from treadle.keras_like.data.spec import spec_of
from treadle.keras_like.data.structure import map_components


class Iterator(PythonIterator):
    """One iteration over a data set. `next(it)` ends with StopIteration, `it.get_next()` with OutOfRangeError."""

    def __init__(self, node: Node):
        self._node = node
        self._elements = node.elements()
        self.position = 0  # how many elements were taken: what a checkpoint keeps

    @property
    def element_spec(self) -> Any:
        """The spec of the elements."""
        return self._node.spec

    @tf.debugging.filter_traceback
    def __next__(self) -> Any:
        element = as_tensors(advanced(self._elements))
        self.position += 1
        return element

    def element_runs(self) -> None:
        """How many elements are left is not known beforehand: a compiled `for` asks for each when it runs."""

    def example_spec(self) -> Any:
        """The spec of the data set's first element, all its sizes known."""
        with tf.init_scope():
            return spec_of(self._node.example())

    def advance_to(self, position: int) -> None:
        """Go to where `position` elements are taken: onwards, or from the start of another iteration."""
        if position < self.position:
            self._elements, self.position = self._node.elements(), 0
        while self.position < position:
            try:
                advanced(self._elements)
            except StopIteration:
                raise tf.errors.OutOfRangeError(
                    f"The data set has {self.position} elements. Received: a position after {position}.") from None
            self.position += 1

    @tf.debugging.filter_traceback
    def get_next(self, name: str | None = None) -> Any:
        """The next element; OutOfRangeError after the last. In a compiled function it is fetched when the program runs."""
        if not tf.executing_eagerly():
            return self._fetched()
        try:
            return next(self)
        except StopIteration:
            raise tf.errors.OutOfRangeError(
                "The data set has no more elements. Loop with `for` to stop at the end.") from None

    def _fetched(self) -> Any:
        spec = self.example_spec()
        specs = tf.nest.flatten(spec)
        strings = [s for s in specs if s.dtype == tf.string]
        if strings:
            raise tf.errors.StagingError(
                f"In a compiled function the elements of an iterator must be numbers. Received: {spec}. Pass them as "
                "arguments.")

        def fetch() -> list[np.ndarray]:
            arrays = [np.asarray(leaf) for leaf in tf.nest.flatten(self.get_next())]
            if [a.shape for a in arrays] != [tuple(s.shape) for s in specs]:
                raise tf.errors.InvalidArgumentError(
                    f"The iterator gave an element of shapes {[list(a.shape) for a in arrays]}, for which the function was not "
                    f"compiled. Expected: {[s.shape.as_list() for s in specs]}. XLA compiles programs of fixed shapes: use "
                    "`batch(..., drop_remainder=True)` or `padded_batch`, or pass the element as an argument.")
            return arrays
        return tf.nest.pack_sequence_as(spec, tf.numpy_function(fetch, [], specs))

    def get_next_as_optional(self) -> Optional:
        """The next element, or an empty Optional after the last."""
        if not tf.executing_eagerly():
            raise tf.errors.StagingError(
                "In a compiled function `get_next_as_optional` would fix the element while tracing. Use a `for` statement.")
        try:
            return Optional(next(self), True)
        except StopIteration:
            return Optional(None, False)


def advanced(elements: PythonIterator[Any]) -> Any:
    """The next element, made eagerly: a pipeline runs on the host, also where a function is being traced."""
    if tf.executing_eagerly():
        return next(elements)
    with tf.init_scope():
        return next(elements)


class Optional:
    """An element that may be missing."""

    __slots__ = ("_element", "_present")

    def __init__(self, element: Any, present: bool):
        self._element = element
        self._present = present

    def has_value(self, name: str | None = None) -> Any:
        """A scalar tensor: True if there is an element."""
        return tf.convert_to_tensor(self._present)

    def get_value(self, name: str | None = None) -> Any:
        """The element; InvalidArgumentError if there is none."""
        if not self._present:
            raise tf.errors.InvalidArgumentError("This Optional holds no value. Ask `has_value()` first.")
        return self._element


class NumpyIterator(PythonIterator):
    """One iteration over a data set, with NumPy arrays (and NumPy scalars) as components."""

    def __init__(self, node: Node):
        self._elements = node.elements()

    def __next__(self) -> Any:
        return map_components(_as_numpy, advanced(self._elements))


def _as_numpy(component: Any) -> Any:
    if component is None:
        return None
    if is_dataset(component):
        return component.as_numpy_iterator()
    array = np.asarray(component)
    if not array.ndim:
        return array[()]
    # A batch may be a view of the data set's own columns.
    view = array.view()
    view.flags.writeable = False
    return view
