"""Nodes that run the user's functions: map, filter, scan, take_while, flat_map, interleave."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.background import relayed_in_bursts
from treadle.keras_like.data.components import as_tensors, call, node_of, normalized
from treadle.keras_like.data.node import AUTOTUNE, UNKNOWN_CARDINALITY, Node, Unary
from treadle.keras_like.data.spec import result_spec, spec_of


def workers(parallel: int) -> int:
    """How many threads a `num_parallel_calls` asks for."""
    return (os.cpu_count() or 1) if parallel == AUTOTUNE else parallel


# A call that takes longer than this is worth a thread; a quick one takes several times as long when handed to one.
_SLOW_SECONDS = 1e-3
_SLOW_CALLS = 2


def _zeros(spec: Any) -> np.ndarray:
    return np.zeros(spec.shape.as_list(), spec.dtype.as_numpy_dtype)


class Map(Unary):
    """`function(element)` for each element, in this thread or in several."""

    def __init__(self, source: Node, function: Callable[..., Any], parallel: int | None, deterministic: bool):
        super().__init__(source)
        self._function = function
        self._parallel = parallel
        self._deterministic = deterministic

    def elements(self) -> Iterator[Any]:
        if self._parallel is None or workers(self._parallel) == 1:
            return map(self._call, self.source.elements())
        return self._measured(self.source.elements(), workers(self._parallel))

    def _call(self, element: Any) -> Any:
        return normalized(call(self._function, element))

    def _measured(self, elements: Iterator[Any], threads: int) -> Iterator[Any]:
        """In this thread until calls prove slow, then in others. The first may be slow because it compiles its ops."""
        slow = 0
        for element in elements:
            start = time.perf_counter()
            result = self._call(element)
            slow += time.perf_counter() - start > _SLOW_SECONDS
            yield result
            if slow == _SLOW_CALLS:
                yield from self._in_threads(elements, threads)

    def _in_threads(self, elements: Iterator[Any], threads: int) -> Iterator[Any]:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="treadle-map")
        pending: deque[Future] = deque()
        failure = None
        try:
            while True:
                try:
                    pending.append(pool.submit(self._call, next(elements)))
                except StopIteration:
                    break
                except Exception as error:  # what was read before it comes out first
                    failure = error
                    break
                if len(pending) > threads:
                    yield self._finished(pending)
            while pending:
                yield self._finished(pending)
            if failure is not None:
                raise failure
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _finished(self, pending: deque[Future]) -> Any:
        if self._deterministic:
            return pending.popleft().result()
        done = next(iter(wait(pending, return_when=FIRST_COMPLETED).done))
        pending.remove(done)
        return done.result()

    def runs(self) -> list[tuple[Any, int]] | None:
        found = self.source.runs()
        if found is None or any(not isinstance(s, tf.TensorSpec) for spec, _ in found for s in tf.nest.flatten(spec)):
            return None
        with tf.init_scope():  # the result's sizes follow from the element's
            return [(spec_of(self._call(tf.nest.map_structure(_zeros, spec))), times) for spec, times in found]

    def make_spec(self) -> Any:
        return result_spec(self.source, spec_of(self.example()))

    def example(self) -> Any:
        return self._call(self.source.example())


class Filter(Unary):
    """The elements for which the predicate is true."""

    def __init__(self, source: Node, predicate: Callable[..., Any]):
        super().__init__(source)
        self._predicate = predicate

    def elements(self) -> Iterator[Any]:
        return (e for e in self.source.elements() if truth(self._predicate, e))

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY


class TakeWhile(Filter):
    """The elements up to the first for which the predicate is false."""

    def elements(self) -> Iterator[Any]:
        for element in self.source.elements():
            if not truth(self._predicate, element):
                return
            yield element


def truth(predicate: Callable[..., Any], element: Any) -> bool:
    """What the user's predicate says of an element."""
    found = normalized(call(predicate, element))
    if getattr(found, "dtype", None) != tf.bool or found.shape.rank != 0:
        raise tf.errors.DtypeError(f"A predicate must return a scalar of dtype bool. Received: {found!r}.")
    return bool(found)


class Scan(Unary):
    """`state, output = function(state, element)`: yields the outputs."""

    def __init__(self, source: Node, state: Any, function: Callable[..., Any]):
        super().__init__(source)
        self._state = state
        self._function = function

    def elements(self) -> Iterator[Any]:
        state = self._state
        for element in self.source.elements():
            state, output = _pair(self._function(state, as_tensors(element)))
            yield output

    def make_spec(self) -> Any:
        return result_spec(self.source, spec_of(self.example()))

    def example(self) -> Any:
        return _pair(self._function(self._state, as_tensors(self.source.example())))[1]


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise tf.errors.DtypeError(f"`scan_func` must return a pair (new state, output). Received: {result!r}.")
    return normalized(result[0]), normalized(result[1])


class FlatMap(Unary):
    """The elements of `function(element)`, a data set, one data set after the other."""

    def __init__(self, source: Node, function: Callable[..., Any]):
        super().__init__(source)
        self._function = function

    def elements(self) -> Iterator[Any]:
        for element in self.source.elements():
            yield from self.opened(element).elements()

    def opened(self, element: Any) -> Node:
        """The data set that the user's function makes of an element."""
        return node_of(call(self._function, element), "The result of the mapped function")

    def cardinality(self) -> int:
        return UNKNOWN_CARDINALITY

    def make_spec(self) -> Any:
        return result_spec(self.source, self.opened(self.source.example()).spec)

    def example(self) -> Any:
        return self.opened(self.source.example()).example()


class Interleave(FlatMap):
    """Like FlatMap, but with `cycle` data sets open at a time, each giving `block` elements in turn."""

    def __init__(self, source: Node, function: Callable[..., Any], cycle: int, block: int, parallel: bool):
        super().__init__(source, function)
        self._cycle = cycle
        self._block = block
        self._parallel = parallel

    def elements(self) -> Iterator[Any]:
        inputs = self.source.elements()
        slots: list[Iterator[Any] | None] = [None] * self._cycle
        exhausted = False
        at = 0
        while not exhausted or any(slot is not None for slot in slots):
            if slots[at] is None and not exhausted:
                element = next(inputs, _END)
                if element is _END:
                    exhausted = True
                    continue
                slots[at] = self._read(element)
            slot = slots[at]
            if slot is not None:
                for _ in range(self._block):
                    element = next(slot, _END)
                    if element is _END:
                        slots[at] = None
                        break
                    yield element
            at = (at + 1) % self._cycle

    def _read(self, element: Any) -> Iterator[Any]:
        node = self.opened(element)
        return relayed_in_bursts(node.elements) if self._parallel else node.elements()


_END = object()
