"""What JAX's profiler recorded, as far as treadle's reports need it: the kernels that ran, and the calls of programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jax import profiler

MARK = "treadle.profile"  # the annotation around what is profiled
_CONTAINERS = re.compile(r"(while|conditional|call|cond|closed_call|async-start|async-done)(\.\d+)*$")
_NOISE = ("ThreadpoolListener::", "end: ", "CommonPjRt", "SlinkyThreadPool", "Handle input", "Wait for")


class Ran(NamedTuple):
    """A kernel that ran. Times are in nanoseconds since the recording began. `run` tells apart the calls of a program."""

    kernel: str
    module: str
    program: int
    run: int
    start: float
    end: float


class Span(NamedTuple):
    """Something that the host did: the call of a program, or a user's annotation."""

    name: str
    thread: str
    start: float
    end: float

    @property
    def is_call(self) -> bool:
        """True for the call of a compiled program."""
        return self.name.startswith("PjitFunction(")

    @property
    def is_compilation(self) -> bool:
        """True for work of JAX's and XLA's compiler."""
        return self.name.startswith(("backend_compile", "lower_sharding_computation", "trace_to_jaxpr"))


class Recorded(NamedTuple):
    """A recording. `start` and `end` are those of the `with` block."""

    start: float
    end: float
    kernels: list[Ran]
    host: list[Span]


def read(file: Path) -> Recorded:
    """The recording in a file of the profiler."""
    kernels: list[Ran] = []
    host: list[Span] = []
    begun: list[tuple[Any, Ran]] = []
    ends: dict[Any, float] = {}
    start, end = float("inf"), 0.0
    for plane in profiler.ProfileData.from_file(str(file)).planes:
        on_host = plane.name.startswith("/host:CPU")
        if not on_host and not plane.name.startswith("/device:"):
            continue
        for line in plane.lines:
            if not on_host and not line.name.startswith("Stream"):
                continue  # sums of what the streams say
            for event in line.events:
                name = event.name
                first = event.start_ns
                last = first + event.duration_ns
                if name.startswith("end: "):
                    # A kernel that other threads work on returns before it is done: this is when it was.
                    ends[dict(event.stats).get("_c")] = first
                elif name.startswith(_NOISE):
                    continue
                elif name == MARK:
                    start, end = first, last
                else:
                    stats = dict(event.stats)
                    if "hlo_op" in stats and "hlo_module" in stats:
                        begun.append((stats.get("_p"), Ran(
                            str(stats["hlo_op"]), str(stats["hlo_module"]), int(stats.get("program_id", -1)),
                            int(stats.get("run_id", -1)), first, last)))
                    elif on_host and event.duration_ns and not line.name.startswith("tf_"):  # those are XLA's own threads
                        host.append(Span(name, line.name, first, last))
    for token, ran in begun:
        done = ends.get(token) if token is not None else None
        kernels.append(ran if done is None or done <= ran.end else ran._replace(end=done))
    if end == 0.0:  # the mark was lost
        start = min((k.start for k in kernels), default=0.0)
        end = max((k.end for k in kernels), default=0.0)
    inside = [k for k in kernels if k.start < end and k.end > start]
    return Recorded(start, end, inside, [s for s in host if s.start < end and s.end > start])


def may_contain(ran: Ran) -> bool:
    """True if a kernel looks like one that only runs others: a loop, for instance."""
    return _CONTAINERS.match(ran.kernel) is not None


def shares(kernels: Sequence[Ran]) -> list[float]:
    """The part of the clock's time that each kernel took: where n ran at once, each took an nth.

    What runs other kernels took the time in which none of them ran.
    """
    found = [0.0] * len(kernels)
    around = {i for i, k in enumerate(kernels) if may_contain(k)}
    edges = sorted([(k.start, 1, i) for i, k in enumerate(kernels)] + [(k.end, 0, i) for i, k in enumerate(kernels)])
    running: set[int] = set()
    before = 0.0
    for time, begins, i in edges:
        if running and time > before:
            at_work = running - around or running
            part = (time - before) / len(at_work)
            for one in at_work:
                found[one] += part
        before = time
        if begins:
            running.add(i)
        else:
            running.discard(i)
    return found


def union(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The intervals in order, those that overlap as one."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def length(intervals: Iterable[tuple[float, float]]) -> float:
    """The time that intervals cover that do not overlap."""
    return sum(end - start for start, end in intervals)


def overlap(a: Sequence[tuple[float, float]], b: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """What two unions have in common."""
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            yield start, end
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
