"""Running a compiled step: state in, state out, one swap.

The program's call and the storing of its results happen inside one C call (`deque(map(...))` over C functions), and
CPython looks for signals only between its own instructions. So a Ctrl-C is seen before the step or after it, never
between, although the step's input buffers are donated: every variable is readable, at step k or k+1.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, repeat, starmap
from operator import attrgetter, call
from sys import getrefcount
from typing import Any

import jax.numpy as jnp

from treadle.ir.graph import Graph
from treadle.lowering.executable import Executable
from treadle.runtime.tensor import EagerTensor
from treadle.runtime.variable import Cell, Variable

_get_array = attrgetter("_array")
_put_array = Cell._array.__set__  # type: ignore[attr-defined]
_flatten = chain.from_iterable

# Two threads must not donate the same variable's buffer, nor one read it while another donates it.
STATE_LOCK = threading.RLock()


class _Probe(Cell):
    __slots__ = ()


def _unshared_count() -> int:
    """What `getrefcount` says, where `run` asks it, of an array that nobody but its variable holds."""
    probe = _Probe()
    probe._array = object()
    arrays = list(map(_get_array, [probe]))
    return max(map(getrefcount, arrays))


_UNSHARED = _unshared_count()


class Program:
    """An executable with the variables it reads and writes.

    Inputs of `graph`: the values of `updated`, of `read`, then of `captured` tensors, then the arguments. Outputs: the new
    values of `updated`, then the results.
    """

    def __init__(self, graph: Graph, updated: Sequence[Variable], read: Sequence[Variable], captured: Sequence[Any]):
        self.graph = graph
        self.updated, self.read, self.captured = list(updated), list(read), list(captured)
        self.executable = Executable(graph, donated=len(self.updated), returned=len(self.updated))
        self.types = graph.output_types[len(self.updated):]
        self._call = self.executable.call
        self._puts: list[Callable] = [partial(_put_array, v) for v in self.updated]
        self._has_state = bool(self.updated)
        self._captured_arrays = [t._array for t in self.captured]
        self._warm: set[tuple] = set()

    def run(self, arrays: list[Any]) -> list[Any]:
        """Carry out the step for the argument arrays; returns the result arrays."""
        if self.read or self._captured_arrays:
            arrays = [*map(_get_array, self.read), *self._captured_arrays, *arrays]
        if not self._has_state:
            return self._call([], arrays)[1]
        results: list[Any] = []
        with STATE_LOCK:
            if self.read:
                # Read again under the lock: another thread may have donated what was read before it.
                arrays[:len(self.read)] = map(_get_array, self.read)
            kept = list(map(_get_array, self.updated))
            if max(map(getrefcount, kept)) > _UNSHARED:
                kept = self._unshare(kept)
            stores = map(call, chain(self._puts, repeat(results.append)),
                         _flatten(_flatten(starmap(self._call, ((kept, arrays),)))))
            del kept  # the program must hold the last reference, or the buffers cannot be reused
            flavour = tuple(map(type, arrays))
            if flavour in self._warm:
                deque(stores, 0)
            else:
                self._run_cold(stores)
                self._warm.add(flavour)
        return results

    def _run_cold(self, stores: Any) -> None:
        """The first call goes through JAX's Python code, where a signal would lose the step: run it in a thread.

        Signals reach the main thread only; if one arrives while it waits, it is raised once the step is complete.
        """
        failure: list[BaseException] = []

        def work() -> None:
            try:
                deque(stores, 0)
            except BaseException as error:  # handed to the caller below
                failure.append(error)

        worker = threading.Thread(target=work, name="treadle-first-step")
        worker.start()
        interrupt: BaseException | None = None
        while worker.is_alive():
            try:
                worker.join()
            except KeyboardInterrupt as error:
                interrupt = error
        if failure:
            raise failure[0]
        if interrupt is not None:
            raise interrupt

    def _unshare(self, arrays: list[Any]) -> list[Any]:
        """Copies in place of the arrays that somebody else holds too (a tensor read from the variable)."""
        seen: set[int] = set()
        counts = list(map(getrefcount, arrays))
        result = []
        for array, count in zip(arrays, counts):
            # A buffer may be donated once: a second variable that shares it gets a copy as well.
            shared = count > _UNSHARED or id(array) in seen
            seen.add(id(array))
            result.append(jnp.copy(array) if shared else array)
        arrays.clear()
        return result


def wrap(arrays: Sequence[Any], types: Sequence[Any]) -> list[EagerTensor]:
    """Result arrays as tensors."""
    return list(map(EagerTensor, arrays, types))
