"""`profile`: a `with` block whose programs' time is recorded and told by source line, by layer and by kernel."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax import profiler

from treadle.ir import errors
from treadle.ir.location import Location
from treadle.runtime.profiling import events, report, trace_file
from treadle.runtime.profiling.events import Recorded
from treadle.runtime.profiling.work import Work, works

_ONE = threading.Lock()  # XLA has one profiler


class Share(NamedTuple):
    """A part of the time: that of a source line, a layer or a program.

    `seconds` is time by the clock; where kernels ran side by side, each has its part of it. `gradient` is the part of
    `seconds` that gradients took; `calls` counts kernels (for a program: its runs).
    """

    name: str
    seconds: float
    gradient: float
    calls: int
    where: Location | None = None

    @property
    def source(self) -> str:
        """The text of the line."""
        return linecache.getline(self.where.file, self.where.line).strip() if self.where is not None else ""


class Profile:
    """What happened in a `with tf.profile(...)` block. `print` it; its tables are lists, the longest time first.

    `seconds` is the block's time; in `busy` of it kernels ran. Of the rest, XLA compiled for `compiling`, the calls of
    programs took `dispatch`, and what is left is Python and waiting. `trace` is the trace's file, if a folder was given.
    """

    def __init__(self, folder: Any = None):
        self.folder = None if folder is None else Path(folder)
        self.trace: Path | None = None
        self.seconds = self.busy = self.compiling = self.dispatch = 0.0
        self.lines: list[Share] = []
        self.layers: list[Share] = []
        self.programs: list[Share] = []
        self.kernels: list[Work] = []
        self._state = "new"
        self._written: Path | None = None
        self._mark: Any = None

    @errors.filter_traceback
    def __enter__(self) -> Profile:
        if self._state != "new":
            raise errors.FailedPreconditionError("This profile was already made. Call `tf.profile` for each `with` block.")
        if not hasattr(profiler, "ProfileData"):
            raise errors.UnimplementedError(
                "`tf.profile` needs a newer JAX, one that can read its profiler's files (`jax.profiler.ProfileData`). "
                f"Received: JAX {jax.__version__}.")
        if not _ONE.acquire(blocking=False):
            raise errors.FailedPreconditionError(
                "A profile is already being made. XLA has one profiler for the whole process: profiles cannot be nested.")
        try:
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
            self._written = Path(tempfile.mkdtemp(prefix="treadle-profile-")) if self.folder is None else self.folder
            _wait()
            _start(self._written)
        except BaseException as error:
            _ONE.release()
            self._clean_up()
            if isinstance(error, RuntimeError) and not isinstance(error, errors.OpError):
                raise errors.FailedPreconditionError(f"JAX's profiler did not start: {error}") from None
            raise
        self._state = "recording"
        self._mark = profiler.TraceAnnotation(events.MARK)
        self._mark.__enter__()
        return self

    @errors.filter_traceback
    def __exit__(self, kind: Any = None, *exception: Any) -> None:
        assert self._written is not None
        try:
            if kind is None:
                _wait()
            self._mark.__exit__(None, None, None)
            profiler.stop_trace()
        finally:
            _ONE.release()
            self._state = "done"
        try:
            if kind is None:
                files = sorted(self._written.glob("plugins/profile/*/*.xplane.pb"), key=lambda f: f.stat().st_mtime)
                if files:
                    self._tell(events.read(files[-1]))
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        if self.folder is None and self._written is not None:
            shutil.rmtree(self._written, ignore_errors=True)

    def _tell(self, recorded: Recorded) -> None:
        self.seconds = (recorded.end - recorded.start) * 1e-9
        busy = events.union((k.start, k.end) for k in recorded.kernels)
        compiled = events.union((s.start, s.end) for s in recorded.host if s.is_compilation)
        called = events.union((s.start, s.end) for s in recorded.host if s.is_call)
        self.busy = events.length(busy) * 1e-9
        self.compiling = events.length(compiled) * 1e-9
        taken = events.union([*busy, *compiled])
        self.dispatch = (events.length(called) - events.length(events.overlap(called, taken))) * 1e-9
        self.kernels, names = works(recorded.kernels)
        self.lines = _summed(self.kernels, lambda w: w.location[:3] if w.location is not None else w.elsewhere)
        self.layers = _summed(self.kernels, lambda w: w.layer or ("(outside of layers)" if w.location else w.elsewhere))
        runs: dict[str, set] = {}
        for name, ran in zip(names, recorded.kernels):
            runs.setdefault(name, set()).add((ran.program, ran.run))
        self.programs = [s._replace(calls=len(runs[s.name])) for s in _summed(self.kernels, lambda w: w.program)]
        if self.folder is not None:
            self.trace = trace_file.write(self.folder / "trace.json.gz", recorded, names, self.kernels)

    def __str__(self) -> str:
        return report.to_text(self)

    def __repr__(self) -> str:
        return f"<Profile: {self._state}>" if self._state != "done" else str(self)


def profile(folder: Any = None) -> Profile:
    """Record where the time goes in a `with` block: `print` the result for tables by source line, layer and kernel.

    Args:
        folder: where to write `trace.json.gz`, which https://ui.perfetto.dev and chrome://tracing show, and beside it the
            files of JAX's profiler, which TensorBoard shows. Default: nothing is written.

    Compiled functions are told line by line. To know which kernel belongs to which line, each program that ran is compiled
    once more at the end, with names in it; the programs that run are the ones that always run.

    Call a function once before it is profiled: tracing and compiling take longer than many steps. Some 10 steps are
    enough; the profiler itself slows small kernels down.

    Raises FailedPreconditionError for a profile within a profile.

    >>> import treadle as tf
    >>> @tf.function
    ... def f(x):
    ...     return tf.reduce_sum(x @ x)
    >>> x = tf.ones([300, 300])
    >>> y = f(x)
    >>> with tf.profile() as p:
    ...     y = f(x)
    >>> p.kernels[0].program
    'f'
    """
    return Profile(folder)


def _start(folder: Path) -> None:
    """Start JAX's profiler, without its record of each call of a Python function, if this JAX can leave that out."""
    options: Any = {}
    if hasattr(profiler, "ProfileOptions") and "profiler_options" in inspect.signature(profiler.start_trace).parameters:
        chosen = profiler.ProfileOptions()
        chosen.python_tracer_level = 0
        options["profiler_options"] = chosen
    profiler.start_trace(str(folder), **options)


def _wait() -> None:
    """Wait for programs that run: calls return before the devices are done."""
    for array in jax.live_arrays():
        with contextlib.suppress(RuntimeError):  # it was donated in the meantime, or its computation failed
            array.block_until_ready()


def _summed(kernels: Iterable[Work], key: Callable[[Work], Any]) -> list[Share]:
    """The kernels' time, summed over those of one key: a name, or a place (file, line, function)."""
    found: dict[Any, Share] = {}
    for work in kernels:
        which = key(work)
        where = Location(*which) if isinstance(which, tuple) else None
        before = found.get(which) or Share(which if where is None else str(where), 0.0, 0.0, 0, where)
        gradient = work.seconds if work.is_gradient else 0.0
        found[which] = before._replace(seconds=before.seconds + work.seconds, gradient=before.gradient + gradient,
                                       calls=before.calls + work.calls)
    return sorted(found.values(), key=lambda s: -s.seconds)
