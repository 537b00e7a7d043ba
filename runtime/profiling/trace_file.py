"""The trace file: Chrome's trace events, which Perfetto reads."""

from __future__ import annotations

import gzip
import json
import linecache
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from treadle.runtime.profiling.events import Ran, Recorded, may_contain
from treadle.runtime.profiling.report import place
from treadle.runtime.profiling.work import Work, origin

_HOST, _DEVICE = 1, 2
_T = TypeVar("_T", bound=Any)


def write(file: Path, recorded: Recorded, names: Sequence[str], kernels: Iterable[Work]) -> Path:
    """Write the trace: a process for what the host did, thread by thread, and one for programs, their loops and kernels."""
    of = {(w.program, w.kernel): w for w in kernels}
    events = [_name(_HOST, 0, "process_name", "Host: calls and annotations"), _name(_DEVICE, 0, "process_name", "XLA")]
    for number, thread in enumerate(dict.fromkeys(s.thread for s in recorded.host)):
        events.append(_name(_HOST, number, "thread_name", thread))
        events += [_event(_HOST, number, s.name, s.start, s.end, {}, recorded) for s in recorded.host if s.thread == thread]
    rows: list[tuple[str, list[tuple[Any, str]]]] = [
        ("loops", [(r, n) for r, n in zip(recorded.kernels, names) if may_contain(r)]),
        ("kernels", [(r, n) for r, n in zip(recorded.kernels, names) if not may_contain(r)])]
    runs: dict[Any, tuple[Ran, str]] = {}
    for ran, name in zip(recorded.kernels, names):
        before = runs.get((ran.module, ran.run), (ran, name))[0]
        runs[ran.module, ran.run] = before._replace(start=min(before.start, ran.start), end=max(before.end, ran.end)), name
    track = 0
    for lane in _lanes(list(runs.values())):
        events.append(_name(_DEVICE, track, "thread_name", "programs"))
        events += [_event(_DEVICE, track, name, r.start, r.end, {}, recorded) for r, name in lane]
        track += 1
    for title, rans in rows:
        for lane in _lanes(rans):
            events.append(_name(_DEVICE, track, "thread_name", title))
            for ran, name in lane:
                work = of[name, ran.kernel]
                events.append(_event(_DEVICE, track, _title(work), ran.start, ran.end, _details(work), recorded))
            track += 1
    for number in range(track):
        events.append({"ph": "M", "pid": _DEVICE, "tid": number, "name": "thread_sort_index", "args": {"sort_index": number}})
    temporary = file.with_name(file.name + ".new")
    with gzip.open(temporary, "wt", encoding="utf-8") as out:
        json.dump({"displayTimeUnit": "ms", "traceEvents": events}, out)
    os.replace(temporary, file)
    return file


def _title(work: Work) -> str:
    """`dense/matmul, gradient train.py:12`."""
    layer = work.layer.rsplit("/", 1)[-1]
    return " ".join(part for part in (f"{layer}/{work.what}" if layer else work.what, place(work.location)) if part)


def _details(work: Work) -> dict[str, Any]:
    where = work.location
    details: dict[str, Any] = {"kernel": work.kernel, "program": work.program}
    if where is not None:
        details |= {"line": f"{where.file}:{where.line}", "source": linecache.getline(where.file, where.line).strip()}
    if work.layer:
        details["layer"] = work.layer
    if work.operations:
        details |= {"operation": work.operations[0].op.name, "gradient": work.is_gradient}
    if len(work.operations) > 1:
        others = dict.fromkeys(f"{o.op.name} {place(origin(o))}".strip() for o in work.operations[1:])
        details["also"] = "; ".join(others)
    return details


def _event(process: int, thread: int, name: str, start: float, end: float, details: dict[str, Any],
           recorded: Recorded) -> dict[str, Any]:
    event: dict[str, Any] = {"ph": "X", "pid": process, "tid": thread, "name": name,
                             "ts": round((start - recorded.start) / 1e3, 3), "dur": round((end - start) / 1e3, 3)}
    return event | {"args": details} if details else event


def _name(process: int, thread: int, what: str, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": process, "tid": thread, "name": what, "args": {"name": name}}


def _lanes(spans: Iterable[tuple[Ran, _T]]) -> list[list[tuple[Ran, _T]]]:
    """The spans in as few rows as it takes for none to overlap."""
    lanes: list[list[tuple[Ran, _T]]] = []
    ends: list[float] = []
    for span in sorted(spans, key=lambda s: (s[0].start, -s[0].end)):
        for i, end in enumerate(ends):
            if span[0].start >= end:
                lanes[i].append(span)
                ends[i] = span[0].end
                break
        else:
            lanes.append([span])
            ends.append(span[0].end)
    return lanes
