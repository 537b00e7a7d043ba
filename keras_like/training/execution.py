"""`Execution`: a model's step over batches, several steps in one program where nobody looks between them.

A program is called with room for many batches and told how many of them to take. That number is found from the time that
the steps take, so that the progress bar moves and Ctrl-C is answered soon; all numbers run on one compiled program.

Where batches are rows of arrays, an accelerator gets the arrays once, and the program takes the rows out. On a CPU the rows
are copied into memory that the program reads where it is. (Measured with the 188 MB of MNIST on 2 cores: 27 ms an epoch; to
bring the arrays to the device took 150 ms, because the system hands out new memory page by page, and to take the rows out
there 40 ms an epoch.)
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import as_tensors, on_device
from treadle.keras_like.training.data import Batches, without_none

_SECONDS = 0.09  # that one program may take: a Ctrl-C waits for its end
_MOST_STEPS = 256  # in one program
_STACKED_BYTES = 1 << 22  # of batches that are stacked for one program
_TAKEN_BYTES = 1 << 24  # of rows that are taken out on the host for one program
_MOST_BUFFERS = 8  # for rows taken out on the host, kept for the next epochs: new memory costs more than what goes into it
_TABLE_BYTES = 1 << 31  # of arrays that are brought to the device as a whole


class Portion:
    """Some batches, with the program that takes the step for them.

    Args:
        program: (*data, first, end) -> (a number or None, logs), once the steps `first` to `end` are taken.
        count: how many batches there are.
        release: called when the data are read no more.
    """

    def __init__(self, execution: Execution, program: Callable, data: tuple, count: int, release: Callable | None = None):
        self._execution, self._program, self._data, self.count = execution, program, data, count
        self._release = release

    def run(self) -> Any:
        """Take the steps and return the last one's logs. If one raises, those before it have been taken."""
        program, data = self._program, self._data
        start = time.perf_counter()
        try:
            reached, logs = program(*data, _number(0), _number(self.count))
        except Exception:
            if self.count == 1:
                raise
            # None of them was taken. One by one, as far as the one that raises.
            for first in range(self.count):
                reached, logs = program(*data, _number(first), _number(first + 1))
        # Wait: what is under way cannot be interrupted, nor timed, and reads the data. A step may return no logs.
        np.asarray(next((v for v in tf.nest.flatten([reached, logs]) if v is not None), 0))
        if self._release is not None:
            self._release()
        self._execution.took(self.count, time.perf_counter() - start)
        return logs


class Execution:
    """Takes the steps of `function`, a `tf.function` of a batch that returns logs.

    Args:
        steps: how many in one program. None: as many as take about 90 ms.
        split: (batches, axis) -> the batches split over several devices, along the axis of the samples.
    """

    def __init__(self, function: Any, steps: int | None = None, split: Callable | None = None):
        self.function, self._split = function, split
        self._fixed = steps
        self._now = steps or 1
        self._programs: dict[Any, Callable | None] = {}
        self._table_of: tuple[Any, Any] = (None, None)
        self._buffers: dict[Any, np.ndarray] = {}  # those that no program reads
        self._is_new = True  # the program that runs next has yet to be compiled

    def took(self, count: int, seconds: float) -> None:
        """Choose how many steps to take next, from the time that the last ones took."""
        if self._fixed is None and not self._is_new:
            self._now = max(min(int(_SECONDS * count / seconds), 4 * self._now, _MOST_STEPS), 1)
        self._is_new = False

    def release(self) -> None:
        """Let go of the data."""
        self._table_of = None, None
        if len(self._buffers) > _MOST_BUFFERS:
            self._buffers = {}

    def portions(self, data: Batches, limit: int | None = None, single: bool = False) -> Iterator[Portion]:
        """The batches of an epoch, in portions of one batch or of as many as is quickest."""
        table = self._table(data)
        if table is None:
            yield from self._of_batches(map(without_none, data.epoch(limit)), single)
        else:
            yield from self._of_rows(table, data.row_numbers(limit), single)

    def _of_rows(self, table: Any, numbers: Iterator[np.ndarray], single: bool) -> Iterator[Portion]:
        usual = None
        for group in self._groups(numbers, len, functools.partial(self._room_for_rows, table), single):
            usual = usual or len(group[0])
            program = None
            if len(group[0]) == usual:  # else the last, short batch: a program of its own would be compiled for one step
                program = self._program("rows", _specs_of_rows(table, usual))
            if program is not None:
                rows, release = self._rows_for(table, group, self._room_for_rows(table, group[0]))
                yield Portion(self, program, rows, len(group), release)
                continue
            for one in group:
                yield self.alone(as_tensors(_taken(table, one)) if _is_on_cpu() else _rows(table, one))

    def _room_for_rows(self, table: Any, numbers: np.ndarray) -> int:
        """How many batches of rows a program has room for."""
        if self._fixed or not _is_on_cpu():
            return self._fixed or _MOST_STEPS
        row = sum(a.nbytes // max(len(a), 1) for a in tf.nest.flatten(table))
        return max(min(_MOST_STEPS, _TAKEN_BYTES // max(row * len(numbers), 1)), 1)

    def _rows_for(self, table: Any, group: list[np.ndarray], room: int) -> tuple[tuple, Callable | None]:
        """The rows of the batches in the form that the program for rows takes, and what to call when they have been read."""
        if not _is_on_cpu():
            rows = np.zeros([room, len(group[0])], np.int32)
            rows[:len(group)] = group
            return (table, as_tensors(rows)), None
        numbers = np.concatenate(group)
        used: dict[Any, np.ndarray] = {}

        def take(array: np.ndarray) -> np.ndarray:
            shape = (room, len(group[0]), *array.shape[1:])
            key = (len(used), shape, array.dtype)
            buffer = self._buffers.pop(key, None)
            if buffer is None:
                buffer = _aligned(shape, array.dtype)
            used[key] = buffer
            # "clip" writes into the buffer directly. The numbers are those of rows that there are.
            np.take(array, numbers, axis=0, out=buffer.reshape(-1, *array.shape[1:])[:len(numbers)], mode="clip")
            return buffer

        rows = on_device(tf.nest.map_structure(take, table))
        return (rows,), lambda: self._buffers.update(used)

    def _of_batches(self, batches: Iterator[Any], single: bool) -> Iterator[Portion]:
        for group in self._groups(batches, _signature, self._room, single):
            room = self._room(group[0])
            program = None
            if room > 1:
                program = self._program("stacked", tf.nest.map_structure(_spec, group[0]))
            if program is not None:
                yield Portion(self, program, (_stacked(group, room),), len(group))
                continue
            for one in group:
                yield self.alone(one)

    def _groups(self, items: Iterator[Any], signature: Callable, room: Callable, single: bool) -> Iterator[list[Any]]:
        """Items with one signature that follow each other, as many as are to be taken together."""
        group: list[Any] = []
        for item in items:
            if group and (signature(item) != signature(group[0])):
                yield group
                group = []
            if not group:
                start = time.perf_counter()
            group.append(item)
            # Nobody should wait for the data of steps to come.
            if len(group) >= min(1 if single else self._now, room(item)) or time.perf_counter() - start > _SECONDS:
                yield group
                group = []
        if group:
            yield group

    def _room(self, batch: Any) -> int:
        """How many such batches a program has room for."""
        leaves = tf.nest.flatten(batch)
        if not all(_is_numeric(v) for v in leaves):
            return 1
        size = sum(int(np.prod(v.shape)) * tf.as_dtype(v.dtype).size for v in leaves)
        return max(min(self._fixed or _MOST_STEPS, _STACKED_BYTES // max(size, 1)), 1)

    def _table(self, data: Batches) -> Any:
        """The arrays whose rows the batches are, where programs take them from; None if there are none, or too large ones."""
        if data.rows is None or self._split is not None:  # each device is to hold its part of the data only
            return None
        if self._table_of[0] is not data.rows:
            arrays = without_none(data.rows.table)
            leaves = tf.nest.flatten(arrays)
            fit = all(map(_is_numeric, leaves)) and (_is_on_cpu() or sum(a.nbytes for a in leaves) <= _TABLE_BYTES)
            # np.take would copy an array in another layout as a whole, each time.
            place = functools.partial(tf.nest.map_structure, np.ascontiguousarray) if _is_on_cpu() else on_device
            self._table_of = data.rows, place(arrays) if fit else None
        return self._table_of[1]

    # --- programs ---

    def alone(self, batch: Any) -> Portion:
        run = self.function.python_function if holds_text(batch) else self.function
        return Portion(self, lambda batch, *_: (None, run(batch)), (batch,), 1)

    def _program(self, kind: Any, batch: Any) -> Callable | None:
        """Takes (data..., first, end) and does the steps `first` to `end`; None where each must be a program of its own."""
        key = (kind, *tf.nest.flatten(batch))
        if key not in self._programs:
            self._is_new = True
            self._programs[key] = self._made(
                _taken_rows if kind == "rows" and not _is_on_cpu() else _taken_batch, batch)
        return self._programs[key]

    def _made(self, take: Callable, batch: Any) -> Callable | None:
        # Makes the variables, which a loop cannot, and tells what the logs are.
        concrete = self.function.get_concrete_function(batch)
        if concrete.calls_python or concrete.is_slow_in_loops:  # Python sees the steps one by one
            return None
        specs = concrete.structured_outputs

        def run(data: Any, *rest: Any) -> Any:
            *places, first, end = rest
            data = data if self._split is None else self._split(data, 1)

            def step(i: Any, _: Any) -> Any:
                return i + 1, self.function(take(data, *places, i))

            return tf.while_loop(lambda i, _: i < end, step, (first, _zeros(specs)))

        run.__name__ = run.__qualname__ = f"{self.function.__name__}s"
        return tf.function(run)


def splitting(step: Callable, split: Callable) -> Callable:
    """The step of a batch that is split over several devices."""
    def split_step(data: Any) -> Any:
        return tf.autograph.tf_convert(step)(split(data))

    return split_step


def holds_text(batch: Any) -> bool:
    """True if a batch holds strings, which no compiled program takes: the step is carried out op by op."""
    return not all(_is_numeric(v) for v in tf.nest.flatten(batch) if v is not None)


def eager_portions(step: Callable, data: Batches, limit: int | None) -> Iterator[Portion]:
    """The batches of an epoch one by one, each with the step as Python carries it out."""
    execution = Execution(step, 1)
    return map(execution.alone, map(without_none, data.epoch(limit)))


def _is_on_cpu() -> bool:
    """True if programs read the host's memory."""
    return not tf.config.list_physical_devices("GPU") and not tf.config.list_physical_devices("TPU")


def _taken(table: Any, numbers: np.ndarray) -> Any:
    return tf.nest.map_structure(lambda a: a[numbers], table)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Memory that begins at a multiple of 64 bytes: JAX then uses it on CPU as it is, without a copy."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start:start + size].view(dtype).reshape(shape)


def _taken_rows(table: Any, rows: Any, i: Any) -> Any:
    return _rows(table, rows[i])


def _taken_batch(stacked: Any, i: Any) -> Any:
    return tf.nest.map_structure(lambda t: t[i], stacked)


def _rows(table: Any, numbers: Any) -> Any:
    return tf.nest.map_structure(lambda t: tf.gather(t, numbers), table)


def _spec(value: Any) -> Any:
    return tf.TensorSpec(value.shape, value.dtype)


def _specs_of_rows(table: Any, count: int) -> Any:
    return tf.nest.map_structure(lambda t: tf.TensorSpec([count, *t.shape[1:]], t.dtype), table)


def _zeros(specs: Any) -> Any:
    return tf.nest.map_structure(lambda s: tf.zeros(s.shape, s.dtype), specs)


@functools.lru_cache(maxsize=4 * _MOST_STEPS)
def _number(value: int) -> Any:
    return tf.constant(value, tf.int32)


def _is_numeric(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape") and tf.as_dtype(value.dtype) != tf.string


def _signature(batch: Any) -> Any:
    return [(getattr(v, "shape", None), getattr(v, "dtype", None)) for v in tf.nest.flatten(batch)]


def _stacked(batches: list[Any], room: int) -> Any:
    """The batches along a new first axis, with room for more."""
    def stack(*values: Any) -> np.ndarray:
        first = np.asarray(values[0])
        stacked = np.zeros([room, *first.shape], first.dtype)
        for place, value in zip(stacked, values):
            place[...] = value
        return stacked

    return as_tensors(tf.nest.map_structure(stack, *batches))
