"""What a script's compiled functions cost, in a few lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

_MOST = 20  # functions shown


def summary(events: Sequence[Any], seconds: float) -> str:
    """A line in all, and one for each function that was compiled, the longest first.

    `events` are those of `tf.debugging.record_compilations`, `seconds` the time that everything took.
    """
    functions: dict[Any, list[Any]] = {}
    for event in events:
        functions.setdefault((event.name, event.where), []).append(event)
    compiled = {key: found for key, found in functions.items() if any(e.what == "compiled" for e in found)}
    if not compiled:
        return (f"treadle: ran in {seconds:.2f} s; nothing was compiled. Decorate the training step with `@tf.function`, or "
                "train with `fit`.")
    rows = sorted(((_seconds(found), key, found) for key, found in compiled.items()), key=lambda row: -row[0])
    total = sum(row[0] for row in rows)
    lines = [f"treadle: ran in {seconds:.2f} s, of which {total:.2f} s to compile {_count(len(rows), 'function')}:"]
    width = max(len(name) for _, (name, _), _ in rows[:_MOST])
    for took, (name, where), found in rows[:_MOST]:
        traces, programs = (sum(e.what == what for e in found) for what in ("traced", "compiled"))
        lines.append(f"  {name:<{width}}  {took:7.2f} s  {_count(traces, 'trace'):>9}  {_count(programs, 'program'):>10}  "
                     f"{found[-1].operations:>6} operations  {_place(where)}")
    if len(rows) > _MOST:
        lines.append(f"  and {len(rows) - _MOST} more")
    parts = [f"{name} ({_place(where)})" for name, where in functions
             if (name, where) not in compiled and not (where is None and name.startswith(("<", "_")))]
    if parts:
        lines.append(f"  as parts of them: {', '.join(parts[:_MOST])}{' ...' if len(parts) > _MOST else ''}")
    return "\n".join(lines)


def _place(where: Any) -> str:
    if where is None:
        return "in the library"
    near = os.path.relpath(where.file)
    return f"{where.file if near.startswith(os.pardir) else near}:{where.line}"


def _seconds(events: Sequence[Any]) -> float:
    return sum(e.seconds for e in events)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
