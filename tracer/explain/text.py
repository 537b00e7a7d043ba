"""An explanation as text, readable in 110 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.tracer.explain.explanation import Explanation, Table
    from treadle.tracer.explain.lines import File

_WIDTH = 110
_SOURCE = 52  # columns for a line of source


def to_text(explanation: Explanation) -> str:
    """The whole explanation."""
    parts = [explanation.summary]
    parts += [_file(f) for f in explanation.files]
    parts += [_table(t) for t in explanation.tables.values()]
    return "\n\n".join(parts)


def _file(file: File) -> str:
    lines = [f"{file.path}  ({', '.join(file.names)})"]
    for i, part in enumerate(file.parts):
        if i:
            lines.append(f"{'...':>5}")
        for line in part:
            events = [f"{e.kind}: {e.text}" for e in line.events]
            said = [row for text in events for row in textwrap.wrap(text, _WIDTH - _SOURCE - 9, subsequent_indent="  ")]
            if not said:
                lines.append(f"{line.number:>5}  {line.source}".rstrip())
                continue
            source = line.source.expandtabs(4)
            if len(source) > _SOURCE:  # what happened goes below
                lines.append(f"{line.number:>5}  {source}")
                source, number = "", ""
            else:
                number = str(line.number)
            for row in said:
                lines.append(f"{number:>5}  {source:<{_SOURCE}}| {row}")
                source = number = ""
    return "\n".join(lines)


def _table(table: Table) -> str:
    rows = [table.header, *table.rows] if table.header else table.rows
    count = max(map(len, rows))
    padded = [(*row, *[""] * (count - len(row))) for row in rows]
    widths = [max(len(row[i]) for row in padded) for i in range(count)]
    free = _WIDTH - 2 - sum(widths[1:]) - 2 * (count - 1)
    widths[0] = max(min(widths[0], free), 24)
    lines = [table.title]
    for row in padded:
        first, *more = textwrap.wrap(row[0], widths[0], subsequent_indent="  ") or [""]
        cells = [f"{cell:>{w}}" if i in table.numbers else f"{cell:<{w}}"
                 for i, (cell, w) in enumerate(zip((first, *row[1:]), widths))]
        lines.append(("  " + "  ".join(cells)).rstrip())
        lines += [f"  {text}" for text in more]
    return "\n".join(lines)
