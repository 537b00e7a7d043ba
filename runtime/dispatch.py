"""Running a compiled step: state in, state out, one swap.

The program's call and the storing of its results happen inside one C call (`deque(map(...))` over C functions), and
CPython looks for signals only between its own instructions. So a Ctrl-C is seen before the step or after it, never
between, although the step's input buffers are donated: every variable is readable, at step k or k+1.

The last result of a program with checks is the code of `treadle.ir.passes.effects`: if it is not 0, the new state is the
old one, and the call raises. A program that calls Python keeps its input buffers instead, and its state is stored only
after it has ended well: Python may then read the variables (as they were before the step), raise, or be interrupted.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, repeat, starmap
from operator import attrgetter, call
from sys import getrefcount
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from treadle.ir.graph import Graph
from treadle.ir.passes.effects import Threaded
from treadle.ir.passes.stacked_state import stacked_places, with_stacks
from treadle.lowering import compat, packing, sharding
from treadle.lowering.executable import Executable
from treadle.runtime.eager import EAGER
from treadle.runtime.pack import Pack
from treadle.runtime.replay import raise_failure
from treadle.runtime.tensor import EagerTensor
from treadle.runtime.variable import STATE_LOCK, Cell, Variable, put_array

_get_array = attrgetter("_array")
_flatten = chain.from_iterable


class _Probe(Cell):
    __slots__ = ()


def _unshared_count() -> int:
    """What `getrefcount` says, where `run` asks it, of an array that nobody but its variable holds."""
    probe = _Probe()
    put_array(probe, object())
    arrays = list(map(_get_array, [probe]))
    return max(map(getrefcount, arrays))


def _unshared_count_single() -> int:
    """The same where `_step_single` asks."""
    probe = _Probe()
    put_array(probe, object())
    array = probe._array  # type: ignore[attr-defined]
    return getrefcount(array)


_UNSHARED, _UNSHARED_SINGLE = _unshared_count(), _unshared_count_single()


class Program:
    """An executable with the variables it reads and writes.

    `threaded` is what is compiled; `source`, the traced graph, is carried out op by op to explain a failure.
    Inputs of both: the values of `updated`, of `read`, then of `captured` tensors, then the arguments. Outputs: the new
    values of `updated`, then the results.
    """

    def __init__(self, threaded: Threaded, source: Graph, updated: Sequence[Variable], read: Sequence[Variable],
                 captured: Sequence[Any]):
        self.threaded, self.graph, self.source = threaded, threaded.graph, source
        self.updated, self.read, self.captured = list(updated), list(read), list(captured)
        self.types = source.output_types[len(self.updated):]
        self._captured_arrays = [t._array for t in self.captured]
        self._lead = bool(self.read or self._captured_arrays)
        stacks = [] if threaded.calls_host else stacked_places(threaded.graph, len(self.updated))
        self._stacked = bool(stacks)  # its packs are stacks of the weights of equal layers
        if stacks:
            self._build(stacks)
            return
        places = [] if threaded.calls_host else packing.layouts([v.type for v in self.updated])
        # In the order of the variables' making, so that programs that update the same ones share a pack.
        self._build([tuple(sorted(pack, key=lambda i: self.updated[i]._number)) for pack in places])

    def _mesh(self) -> tuple | None:
        """The devices that the program runs on, if there are several. One that calls Python always runs on one."""
        if not sharding.in_use() or self.threaded.calls_host:
            return None
        found = sharding.mesh_of(self.graph)
        lies = (sharding.as_mesh(v._sharding) for v in (*self.updated, *self.read) if v._sharding is not None)
        return found or next(lies, None)

    def _build(self, packs: Sequence[tuple[int, ...]], executable: Executable | None = None) -> None:
        mesh = self._spread_over = self._mesh()
        spread = None
        if mesh is not None:
            packs, spread = (), spread_over(mesh, [*self.updated, *self.read], len(self.captured))
            self._captured_arrays = [sharding.placed(t._array, spread.whole) for t in self.captured]
        packed = {i for pack in packs for i in pack}
        layouts: Sequence[packing.Layout | packing.Rows]
        if self._stacked and packs:
            layouts = [packing.Rows(tuple(self.updated[i].type for i in pack)) for pack in packs]
            self.executable = executable or Executable(
                with_stacks(self.graph, packs), len(packs) + len(self.updated) - len(packed))
        else:
            self.executable = executable or Executable(
                self.graph, len(self.updated), packs, not self.threaded.calls_host, spread)
            layouts = self.executable.layouts
        self._layout = packs
        self._call = self.executable.call
        self._packs = [Pack.of([self.updated[i] for i in pack], layout) for pack, layout in zip(packs, layouts)]
        self._alone = [v for i, v in enumerate(self.updated) if i not in packed]
        # What is read and stored on each call: the packs' buffers, then the variables that are in none.
        self._cells: list[Cell] = [*self._packs, *self._alone]
        self._single = self._cells[0] if len(self._cells) == 1 else None
        self._puts: list[Callable] = [partial(put_array, c) for c in self._cells]
        self._epoch = -1
        self._reads_packed = False
        self._warm: set[tuple] = set()
        # NumPy arrays of 64 bits are taken as such only while JAX's 64-bit mode is on.
        self._wide = any(t.dtype.is_64_bit for t in self.graph.input_types)
        step = self._run_with_host if self.threaded.calls_host else self._run_wide if self._wide else self._run
        if spread is not None:
            self._argument_shardings = self.executable.input_shardings[len(spread.inputs):]
            step = self._run_spread
        self._step_run = step
        self._own_run = partial(self._run_checked, step) if self.threaded.has_code else step
        if self.threaded.early:
            self._own_run = partial(self._run_if_allowed, self._own_run)
        # Carries out the step for the argument arrays and returns the result arrays.
        self.run: Callable[[list[Any]], list[Any]] = self._own_run

    @property
    def is_spread(self) -> bool:
        """True if it runs on several devices."""
        return self._spread_over is not None

    def shadow(self) -> Program:
        """The same executable on variables of its own, which start with these variables' values: for measuring."""
        found = copy.copy(self)
        found.updated = [Variable(EagerTensor(v.array, v.type), trainable=False) for v in self.updated]
        found._build(self._layout, self.executable)
        return found

    def do_nothing(self) -> None:
        """From now on, return the state as it is and results of zeros: calls are then all dispatch."""
        count = len(self._cells)
        types = self.graph.output_types[len(self.updated):]
        with compat.enable_x64(True):
            results = [jnp.zeros(t.shape, t.dtype.numpy) for t in types]
        self._call = lambda *inputs: [*inputs[:count], *results]

    @property
    def state(self) -> list[Any]:
        """The arrays that are read and stored on each call: the packs' buffers, then variables that are in none."""
        with STATE_LOCK:
            if self._epoch != Pack.epoch:
                self._claim()
            return list(map(_get_array, self._cells))

    def redirect(self, run: Callable[[list[Any]], list[Any]] | None) -> None:
        """Have callers of `run` run something else instead; None: this program again."""
        self.run = run or self._own_run

    def _run_if_allowed(self, step: Callable[[list[Any]], list[Any]], arrays: list[Any]) -> list[Any]:
        code = self.threaded.early.failed(arrays)
        if code:
            self._fail(code, arrays)
        return step(arrays)

    def _run_checked(self, step: Callable[[list[Any]], list[Any]], arrays: list[Any]) -> list[Any]:
        results = step(arrays)
        code = int(np.asarray(results.pop()))
        if code:
            self._fail(code, arrays)
        return results

    def _fail(self, code: int, arrays: Sequence[Any]) -> NoReturn:
        inputs = [*(v.array for v in (*self.updated, *self.read)), *(t._array for t in self.captured), *arrays]
        raise_failure(code, self.threaded, self.source, list(map(EagerTensor, inputs, self.source.input_types)), EAGER)

    def _run_with_host(self, arrays: list[Any]) -> list[Any]:
        """A step that calls Python, which may use treadle in its turn: no lock is held while it runs."""
        with STATE_LOCK:
            inputs = [*(v.array for v in (*self.updated, *self.read)), *self._captured_arrays, *arrays]
        try:
            with compat.enable_x64(self._wide):
                results = list(self._call(*inputs))
            failed = int(np.asarray(results[-1])) != 0
        except RuntimeError as error:
            if "KeyboardInterrupt" in str(error):  # it met JAX's own Python code
                raise KeyboardInterrupt from None
            raise
        count = len(self.updated)
        if not failed:
            store_all(self.updated, results[:count])
        return results[count:]

    def _run_wide(self, arrays: list[Any]) -> list[Any]:
        with compat.enable_x64(True):
            return self._run(arrays)

    def _run_spread(self, arrays: list[Any]) -> list[Any]:
        with compat.enable_x64(True):
            results = self._run(jax.device_put(arrays, self._argument_shardings))
        return [r.addressable_data(0) if len(r.devices()) > 1 else r for r in results]

    def _run(self, arrays: list[Any]) -> list[Any]:
        with STATE_LOCK:
            if self._epoch != Pack.epoch and self._claim():
                return self._step_run(list(map(sharding.local_if_spread, arrays)))
            if self._lead:
                read = self._unpacked() if self._reads_packed else map(_get_array, self.read)
                arrays = [*read, *self._captured_arrays, *arrays]
            if self._cells:
                if tuple(map(type, arrays)) not in self._warm:
                    return self._step_cold(arrays)
                return self._step(arrays) if self._single is None else self._step_single(arrays)
        return self._call(*arrays)

    def _step_single(self, arrays: list[Any]) -> list[Any]:
        """`_step` where all state lies in one buffer: storing it is one instruction, which no signal can split."""
        cell = self._single
        state = cell._array  # type: ignore[union-attr]
        if getrefcount(state) > _UNSHARED_SINGLE:
            state = jnp.copy(state)
        returned: list[list[Any]] = []
        try:
            returned.extend(starmap(self._call, ((state, *arrays),)))
        finally:
            if returned:
                cell._array = returned[0][0]  # type: ignore[union-attr]
        return returned[0][1:]

    def _step(self, arrays: list[Any]) -> list[Any]:
        """Run the program on the state and the other inputs, and store the new state."""
        results: list[Any] = []
        deque(self._stores(arrays, results), 0)
        return results

    def _stores(self, arrays: list[Any], results: list[Any]) -> Any:
        """An iterator of C functions that runs the program at its first item and stores one output with each."""
        state = list(map(_get_array, self._cells))
        if max(map(getrefcount, state)) > _UNSHARED:
            state = self._unshare(state)
        return map(call, chain(self._puts, repeat(results.append)),
                   _flatten(starmap(self._call, ((*state, *arrays),))))

    def _claim(self) -> bool:
        """See to it that the packs hold this program's small variables, and no pack any that it updates by themselves.

        True if the program is another one now: variables lie on several devices that did not.
        """
        if self._mesh() != self._spread_over:
            self._build(())
            return True
        for variable in self._alone:
            if variable._pack is not None:
                variable._pack.release()
        if not all([pack.valid or pack.fill() for pack in self._packs]) and not self._stacked:
            # The variables are used elsewhere between the steps, again and again: packing does not pay.
            for pack in self._packs:
                pack.release()
            self._build([])
        self._reads_packed = any(v._array is None for v in self.read)
        self._epoch = Pack.epoch
        return False

    def _unpacked(self) -> list[Any]:
        """The variables that are only read, some of which another program has packed: copies, or the second time since
        that program's last step the variables themselves, back in their own slots.
        """
        for variable in self.read:
            if variable._array is None and variable._pack.is_read_often:
                variable._pack.release()
        return [v.array for v in self.read]

    def _step_cold(self, arrays: list[Any]) -> list[Any]:
        """The first call goes through JAX's Python code, where a signal would lose the step: run it in a thread.

        Signals reach the main thread only; if one arrives while it waits, it is raised once the step is complete.
        """
        results: list[Any] = []
        failure: list[BaseException] = []
        stores = self._stores(arrays, results)

        finished = threading.Event()
        claim = threading.Lock()  # whoever takes it decides: the worker to run the step, or a signal that it must not

        def work() -> None:
            if not claim.acquire(blocking=False):
                return
            try:
                with compat.enable_x64(self._wide):
                    deque(stores, 0)
            except BaseException as error:  # handed to the caller below
                failure.append(error)
            finally:
                finished.set()

        interrupt: BaseException | None = None
        try:
            threading.Thread(target=work, name="treadle-first-step").start()
        except KeyboardInterrupt as error:
            if claim.acquire(blocking=False):
                raise
            interrupt = error
        # Not `Thread.join`: interrupted, it takes the thread for finished.
        while not finished.is_set():
            try:
                finished.wait()
            except KeyboardInterrupt as error:
                interrupt = error
        if failure:
            raise failure[0]
        self._warm.add(tuple(map(type, arrays)))
        if interrupt is not None:
            raise interrupt
        return results

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


def store_all(variables: Sequence[Variable], arrays: Sequence[Any]) -> None:
    """Give each variable its array, by one C call, so that a signal cannot leave half of them old."""
    with STATE_LOCK:
        for variable in variables:
            if variable._pack is not None:
                variable._pack.release()
        if sharding.in_use():
            arrays = [a if v._sharding is None else sharding.placed(a, v._sharding) for v, a in zip(variables, arrays)]
        deque(map(put_array, variables, arrays), 0)


def spread_variable(variable: Variable, where: Any) -> None:
    """From now on the variable lies on several devices, as a JAX sharding says."""
    if variable._pack is not None:
        variable._pack.release()
    variable.spread(where)
    Pack.epoch += 1  # programs that use it must be built anew


def spread_over(mesh: tuple, variables: Sequence[Variable], captured: int = 0) -> sharding.Spread:
    """See to it that variables lie on a mesh: whole on each device, unless they are split over that mesh already."""
    whole = sharding.sharding(mesh)
    for variable in variables:
        if variable._sharding is None or sharding.as_mesh(variable._sharding) != mesh:
            spread_variable(variable, whole)
    return sharding.Spread(whole, [*(v._sharding for v in variables), *[whole] * captured])


def wrap(arrays: Sequence[Any], types: Sequence[Any]) -> list[EagerTensor]:
    """Result arrays as tensors."""
    return list(map(EagerTensor, arrays, types))
