"""`for` over a data set while tracing: its elements are fetched from the host when the program runs.

Where the elements' sizes and number are known beforehand the loop is a `scan` for each run of equal sizes (the last batch
may be smaller), and gradients flow through it; else it is a `while` that asks for the next element until there is none.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.operators import TABLE
from treadle.ir.ops.effects import host_function
from treadle.ir.types import TensorType
from treadle.runtime import nest
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import SymbolicTensor
from treadle.tracer.staging.branches import stage_if
from treadle.tracer.staging.loops import Iteration, Loop
from treadle.tracer.staging.places import Held, places_of

_INT = TensorType.of(dtypes.int32)
_MOST_OPEN = 64  # iterations that were left by `break` and are still held


def is_dataset(value: Any) -> bool:
    """True for a data set: it describes its elements, and each iteration begins anew."""
    return hasattr(type(value), "element_runs")


class Elements:
    """A data set on the host, as compiled programs ask for its elements."""

    def __init__(self, dataset: Any):
        self.dataset = dataset
        self._open: OrderedDict[int, Any] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def start(self) -> np.ndarray:
        """Begin an iteration; its number."""
        with self._lock:
            number = next(self._numbers)
            self._open[number] = iter(self.dataset)
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return np.int32(number)  # type: ignore[return-value]

    def next(self, number: int) -> list[np.ndarray] | None:
        """The arrays of the next element; None after the last."""
        try:
            element = next(self._open[number])
        except StopIteration:
            del self._open[number]
            return None
        return [np.asarray(leaf) for leaf in nest.flatten(element)]


class Next:
    """The next element, which must be of one of the given types: (which of them, counted from 1, or 0 at the end; arrays)."""

    __name__ = "the next element of a data set"

    def __init__(self, elements: Elements, types: Sequence[Sequence[TensorType]], always: bool):
        self.elements, self.types, self.always = elements, types, always
        self.types_out = tuple([*([] if always else [_INT]), *(t for ts in types for t in ts)])

    def __call__(self, number: np.ndarray) -> list[np.ndarray]:
        arrays = self.elements.next(int(number))
        if arrays is None:
            if self.always:
                raise errors.OutOfRangeError("The data set has fewer elements than it said.")
            return [np.int32(0), *(np.zeros(t.shape, t.dtype.numpy) for t in self.types_out[1:])]  # type: ignore[list-item]
        for which, types in enumerate(self.types):
            if [a.shape for a in arrays] == [t.shape for t in types]:
                if self.always:
                    return arrays
                others = [[np.zeros(t.shape, t.dtype.numpy) for t in ts] for ts in self.types]
                others[which] = arrays
                return [np.int32(which + 1), *(a for given in others for a in given)]  # type: ignore[list-item]
        raise errors.InvalidArgumentError(
            f"The data set gave an element of shapes {[list(a.shape) for a in arrays]}, for which the loop was not compiled. "
            f"Expected: {' or '.join(str([list(t.shape) for t in ts]) for ts in self.types)}. XLA compiles programs of fixed "
            "shapes: use `batch(..., drop_remainder=True)` or `padded_batch`, or loop outside of `@function`.")


def for_dataset(dataset: Any, body: Callable[[Any], None], stop: Callable[[], Any] | None, names: tuple[str, ...],
                live: tuple[str, ...], stepped: tuple[str, ...], first: int | None = None) -> None:
    """`for element in dataset`; with `first`, `for k, element in enumerate(dataset, first)`."""
    runs = dataset.element_runs()
    elements = Elements(dataset)
    number = host_function([], function=elements.start, types_out=(_INT,))[0]
    counter = Held("the count", first)

    def run(element: Any) -> None:
        if first is None:
            return body(element)
        k = counter.get()
        body((k, element))
        counter.set(k + 1)
        return None

    def places() -> list[Any]:
        return [*places_of(names, (body, *([stop] if stop else []))), *([] if first is None else [counter])]

    if runs is not None:
        for spec, count in runs:
            fetch = Next(elements, [_types(spec)], always=True)

            def one(_: Any, spec: Any = spec, fetch: Next = fetch) -> None:
                def do() -> None:
                    run(_element(spec, host_function([number], function=fetch, types_out=fetch.types_out)))
                left = stop() if stop is not None else False
                if isinstance(left, SymbolicTensor):
                    stage_if(TABLE["logical_not"](left), (do, lambda: None), places())
                elif not left:
                    do()
            Loop(places(), (*live, "the count"), (*stepped, "the count")).run(Iteration(one, count=count))
        return
    specs = [dataset.example_spec()]
    fetch = Next(elements, [_types(s) for s in specs], always=False)
    go = Held("there is another element", True)

    def another(_: Any) -> None:
        which, *values = host_function([number], function=fetch, types_out=fetch.types_out)
        branches: list[Callable[[], None]] = [lambda: go.set(False)]
        for spec in specs:
            count = len(nest.flatten(spec))
            mine, values = values[:count], values[count:]
            branches.append(lambda spec=spec, mine=mine: run(_element(spec, mine)))  # type: ignore[misc]
        stage_if(which, branches, [*places(), go], [f"element{i}" for i in range(len(branches))])

    def test() -> Any:
        from_element = current().convert(go.get())
        if stop is None:
            return from_element
        return from_element & ~current().convert(stop())

    loop = Loop([*places(), go], (*live, go.name, counter.name), (*stepped, go.name, counter.name))
    loop.run(Iteration(another, test, first=True))


def _types(spec: Any) -> list[TensorType]:
    leaves = nest.flatten(spec)
    for leaf in leaves:
        if not hasattr(leaf, "dtype") or not leaf.shape.is_fully_defined() or leaf.dtype.is_string:
            raise errors.StagingError(
                f"A compiled loop over a data set needs numeric elements of known shapes. Received: {leaf!r}. Loop outside of "
                "`@function` and call a compiled function for each element.", see="data-sets-while-tracing")
    return [TensorType.of(leaf.dtype, leaf.shape.as_list()) for leaf in leaves]


def _element(spec: Any, tensors: Sequence[Any]) -> Any:
    return nest.pack_sequence_as(spec, list(tensors))
