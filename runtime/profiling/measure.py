"""How long one call of a compiled function takes, and what of it is dispatch, transfer and compute.

The program that is measured runs on copies of the variables: whatever it assigns, the variables stay as they are.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax import profiler

from treadle.ir import errors
from treadle.ir.cost import Costs, costs, is_contraction
from treadle.lowering import compat, labels
from treadle.runtime import nest
from treadle.runtime.dispatch import Program
from treadle.runtime.profiling import peaks
from treadle.runtime.profiling.profile import Profile
from treadle.runtime.profiling.work import Work

_SECONDS = 0.6  # for all calls that are timed
_FEWEST, _MOST = 5, 200  # calls
_PROFILED = 5  # calls


@dataclass(frozen=True)
class Gain:
    """An operation's kernels: their time in one call, and the least they could take for their work on this machine."""

    work: Work  # the largest of them
    seconds: float
    least: float
    flops: float

    @property
    def gain(self) -> float:
        """The time that could be saved at most."""
        return self.seconds - self.least


@dataclass(frozen=True)
class Measured:
    """One call, by the clock: medians over `calls` calls, each waited for. Times are in seconds.

    `total` is the time of the Python call until its results are there. Of its parts, `dispatch` is that of the same call with
    a program that does nothing; `compute` that of XLA's call alone; `transfer` what this takes longer with arguments that
    are not on the device. `least` is the time below which no program for the same work can come: the longer one of
    `flops / peak` and `bytes / bandwidth`, where `bytes` are the arguments, variables and results.
    """

    calls: int
    total: float
    dispatch: float
    transfer: float
    compute: float
    costs: Costs
    bytes: float
    dtype: str
    peak: float
    bandwidth: float
    gains: list[Gain]

    @property
    def flops(self) -> float:
        """The floating point operations of a call."""
        return self.costs.flops

    @property
    def least(self) -> float:
        """The least time of a call on this machine: its roofline."""
        return max(self.flops / self.peak, self.bytes / self.bandwidth)

    @property
    def reached(self) -> float:
        """The part of the roofline that is reached."""
        return min(1.0, self.least / self.total)


def require_measurable(program: Program, name: str) -> None:
    """Raise InvalidArgumentError for a program that calls Python, again and again, or runs on several devices."""
    if program.is_spread:
        raise errors.InvalidArgumentError(
            f"`{name}` runs on several devices, for which there is no measurement. Received: measure=True. Use `tf.profile`.")
    if program.threaded.calls_host:
        raise errors.InvalidArgumentError(
            f"`{name}` calls Python when it runs (`print`, `py_function` ...), so measuring it would do that many times. "
            "Received: measure=True. Take the calls out, or use `tf.profile` around calls that are meant.")


def measure(program: Program, caller: Callable[[Program], Callable[[], Any]], arguments: Sequence[Any]) -> Measured:
    """Measure calls with the argument arrays. `caller(p)` makes the call as the user makes it, but for the program `p`."""
    own, idle = program.shadow(), program.shadow()
    call, nothing = caller(own), caller(idle)
    idle.do_nothing()
    with compat.enable_x64(True):
        on_device = [jax.device_put(a) for a in arguments]
    direct = _direct(own, on_device)
    on_host = any(not isinstance(a, jax.Array) for a in arguments)
    with_host = _direct(own, arguments) if on_host else direct
    kinds: list[Callable[[], Any]] = [lambda: _ready(call(), own), nothing, direct, with_host]
    for _ in range(2):
        each = sum(map(_timed, kinds))
    calls = int(max(_FEWEST, min(_MOST, _SECONDS / each)))
    rows = [list(map(_timed, kinds)) for _ in range(calls)]
    total, dispatch, compute, from_host = (statistics.median(column) for column in zip(*rows))
    found = costs(own.graph)
    plan = own.executable.memory()
    moved = plan.get("argument_size_in_bytes", 0) + plan.get("output_size_in_bytes", 0)
    dtype = _dtype(found)
    peak, bandwidth = peaks.peak_flops(dtype), peaks.bandwidth(moved + plan.get("temp_size_in_bytes", 0))
    gains = _gains(_kernels(own, lambda: _ready(call(), own)), found, peak, bandwidth)
    transfer = max(0.0, from_host - compute) if on_host else 0.0
    return Measured(calls, total, dispatch, transfer, compute, found, moved, dtype, peak, bandwidth, gains)


def _timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _ready(results: Any, program: Program) -> None:
    """Wait for what a call makes: its results and the new state."""
    jax.block_until_ready([t._array for t in nest.flatten(results) if hasattr(t, "_array")])
    jax.block_until_ready(program.state)


def _direct(program: Program, arguments: Sequence[Any]) -> Callable[[], Any]:
    """A call of the executable alone, on copies of the state and what else is on the device already."""
    with compat.enable_x64(True):
        state = [jax.numpy.copy(a) for a in program.state]
    rest = [*(v.array for v in program.read), *(t._array for t in program.captured), *arguments]
    wide = any(t.dtype.is_64_bit for t in program.graph.input_types)

    def run() -> None:
        nonlocal state
        with compat.enable_x64(wide):
            outputs = program.executable.call(*state, *rest)
        jax.block_until_ready(outputs)
        state = outputs[:len(state)]

    return run


def _dtype(found: Costs) -> str:
    """The dtype in which most of the matrix work is done."""
    totals: dict[str, float] = {}
    for cost in found.operations:
        dtype = cost.operation.results[0].type.dtype if cost.operation.results else None
        if dtype is not None and dtype.is_floating:
            weight = cost.total * (1000 if is_contraction(cost.operation) else 1)
            totals[dtype.name] = totals.get(dtype.name, 0.0) + weight
    return max(totals, key=totals.__getitem__, default="float32")


def _kernels(program: Program, run: Callable[[], Any]) -> list[Work]:
    """The program's kernels, their times and calls those of one call; none if they cannot be told."""
    if not hasattr(profiler, "ProfileData"):
        return []
    try:
        with Profile() as profile:
            for _ in range(_PROFILED):
                run()
    except errors.FailedPreconditionError:  # a profile is being made around this
        return []
    name = labels.module_name(program.executable).removeprefix("jit_")
    return [w._replace(seconds=w.seconds / _PROFILED, calls=max(1, w.calls // _PROFILED))
            for w in profile.kernels if w.is_known and w.program == name]


def _gains(kernels: Sequence[Work], found: Costs, peak: float, bandwidth: float) -> list[Gain]:
    """The kernels' operations, the one with the most to gain first."""
    def key(work: Work) -> Any:
        return work.what, work.location, work.layer

    groups: dict[Any, list[Work]] = {}
    for work in kernels:
        groups.setdefault(key(work), []).append(work)
    flops = dict.fromkeys(groups, 0.0)
    # An operation's work is done by the kernels that are for it, else by one that has it among others.
    main: dict[int, Work] = {}
    for work in kernels:
        for place, operation in enumerate(work.operations):
            if place == 0 or id(operation) not in main:
                main[id(operation)] = work
    for cost in found.operations:
        if id(cost.operation) in main:
            flops[key(main[id(cost.operation)])] += cost.total
    gains = []
    for group, works in groups.items():
        seconds = sum(w.seconds for w in works)
        least = max(flops[group] / peak, sum(w.bytes * w.calls for w in works) / bandwidth)
        gains.append(Gain(max(works, key=lambda w: w.seconds), seconds, min(least, seconds), flops[group]))
    return sorted(gains, key=lambda g: -g.gain)

