"""An explanation as HTML for a notebook: the source in a table, the rest in parts that open on a click."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.tracer.explain.explanation import Explanation, Table
    from treadle.tracer.explain.lines import File

# Colours that can be read on a light and on a dark page.
_COLOURS = {"staged": "#2e8540", "unrolled": "#b8860b", "traced": "#3b7dd8", "python": "#888888", "skipped": "#888888",
            "as is": "#c0504d", "checked": "#8b5fbf"}
_STYLE = """
.treadle-explain { font-size: 13px; line-height: 1.45; }
.treadle-explain table { border-collapse: collapse; margin: 4px 0 10px 0; }
.treadle-explain td, .treadle-explain th { padding: 1px 10px; text-align: left; vertical-align: top; border: 0; }
.treadle-explain td.n { text-align: right; opacity: .55; }
.treadle-explain td.r, .treadle-explain th.r { text-align: right; }
.treadle-explain pre, .treadle-explain code { margin: 0; font-family: monospace; white-space: pre; background: none; }
.treadle-explain td.e { border-left: 3px solid transparent; }
.treadle-explain summary { cursor: pointer; font-weight: 600; margin: 4px 0; }
.treadle-explain b { font-weight: 600; }
"""


def to_html(explanation: Explanation) -> str:
    """The whole explanation as one `<div>`."""
    parts = [f"<style>{_STYLE}</style>", f"<div class='treadle-explain'><p><code>{escape(explanation.summary)}</code></p>"]
    parts += [_file(f) for f in explanation.files]
    parts += [_table(t) for t in explanation.tables.values()]
    return "".join([*parts, "</div>"])


def _file(file: File) -> str:
    rows = []
    for i, part in enumerate(file.parts):
        if i:
            rows.append("<tr><td class='n'>&#8943;</td><td></td><td></td></tr>")
        for line in part:
            said = "<br>".join(
                f"<b style='color:{_COLOURS[e.kind]}'>{escape(e.kind)}</b> {escape(e.text)}" for e in line.events)
            border = f" style='border-left-color:{_COLOURS[line.events[0].kind]}'" if line.events else ""
            rows.append(f"<tr><td class='n'>{line.number}</td><td><pre>{escape(line.source)}</pre></td>"
                        f"<td class='e'{border}>{said}</td></tr>")
    title = f"{escape(', '.join(file.names))} <code>{escape(file.path)}</code>"
    return f"<details open><summary>{title}</summary><table>{''.join(rows)}</table></details>"


def _table(table: Table) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        made = (f"<{tag}{' class=' + repr('r') if i in table.numbers else ''}>{escape(cell)}</{tag}>"
                for i, cell in enumerate(cells))
        return f"<tr>{''.join(made)}</tr>"

    rows = [row(table.header, "th")] if table.header else []
    rows += [row(cells, "td") for cells in table.rows]
    return f"<details><summary>{escape(table.title)}</summary><table>{''.join(rows)}</table></details>"
