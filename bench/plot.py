"""The report as one picture, an SVG: a line a question, a dot a way, placed by its ratio to the yardstick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from bench.measure import Table

# The start of a row's name -> colour. Other rows are not shown: variants, and the yardstick itself, which is the line at 1.
COLOURS = {"treadle": "#1f6fd6", "TensorFlow": "#f08c00", "tf.function": "#f08c00", "Keras": "#c92a2a", "torch": "#7048e8",
           "nnx": "#2b8a3e"}
LEGEND = {"treadle": "treadle", "TensorFlow": "TensorFlow", "Keras": "Keras", "torch": "torch", "nnx": "flax nnx"}
LEFT, WIDTH, LINE, TOP = 520, 520, 24, 58
LEAST, MOST = 0.03, 30.0  # ratios beyond are drawn at the border


def _x(ratio: float) -> float:
    share = (math.log(min(max(ratio, LEAST), MOST)) - math.log(LEAST)) / (math.log(MOST) - math.log(LEAST))
    return LEFT + share * WIDTH


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{escape(text)}</text>'


def svg(tables: Sequence[Table]) -> str:
    """The picture of those tables that have a row of treadle's."""
    shown = [t for t in tables if any(name.startswith("treadle") and name != t.against for name in t.rows)]
    height = TOP + LINE * len(shown) + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" height="{height}" font-family="sans-serif" '
             'font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for place, (name, label) in enumerate(LEGEND.items()):
        parts += [f'<circle cx="{20 + place * 110}" cy="16" r="5" fill="{COLOURS[name]}"/>', _text(30 + place * 110, 20, label)]
    parts.append(_text(LEFT + WIDTH, 20, "time or memory, against the yardstick (left is better)", 'text-anchor="end"'))
    for ratio in (0.03, 0.1, 0.3, 1, 3, 10, 30):
        parts += [f'<line x1="{_x(ratio):.1f}" x2="{_x(ratio):.1f}" y1="{TOP - 10}" y2="{height - 8}" '
                  f'stroke="{"black" if ratio == 1 else "#dddddd"}"/>',
                  _text(_x(ratio), TOP - 16, f"{ratio:g}x", 'text-anchor="middle" fill="#555555"')]
    for place, table in enumerate(shown):
        y = TOP + LINE * (place + 0.5)
        parts.append(_text(LEFT - 14, y + 4, table.question.replace("`", ""), 'text-anchor="end"'))
        # treadle's dots last: on top of the others.
        for name, found in sorted(table.rows.items(), key=lambda row: row[0].startswith("treadle")):
            colour = next((c for start, c in COLOURS.items() if name.startswith(start)), None)
            if colour is not None and name != table.against:
                ratio = found / table.rows[table.against]
                parts.append(f'<circle cx="{_x(ratio):.1f}" cy="{y:.1f}" r="5" fill="{colour}" fill-opacity="0.8">'
                             f"<title>{escape(name)}: {ratio:.2f}x</title></circle>")
    return "\n".join([*parts, "</svg>"]) + "\n"
