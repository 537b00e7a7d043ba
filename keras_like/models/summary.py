"""`model.summary()`: a table of layers, their output shapes and numbers of parameters, and the totals."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.models import wiring

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def print_summary(model: Any, line_length: int | None = None, positions: Sequence[float] | None = None,
                  print_fn: Callable[[str], Any] | None = None, expand_nested: bool = False, show_trainable: bool = False,
                  layer_range: Sequence[str] | None = None) -> None:
    """Print the table; see `Model.summary`.

    >>> from treadle import keras
    >>> x = keras.Input((3,), name="in")
    >>> print_summary(keras.Model(x, keras.layers.Dense(2, name="last")(x), name="small"), line_length=50)
    Model: "small"
    ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━┓
    ┃ Layer (type)        ┃ Output Shape   ┃ Param # ┃
    ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━┩
    │ in (InputLayer)     │ (None, 3)      │       0 │
    ├─────────────────────┼────────────────┼─────────┤
    │ last (Dense)        │ (None, 2)      │       8 │
    └─────────────────────┴────────────────┴─────────┘
     Total params: 8 (32.00 B)
     Trainable params: 8 (32.00 B)
     Non-trainable params: 0 (0.00 B)
    """
    linear = wiring.is_linear(model)
    names, alignments = ["Layer (type)", "Output Shape", "Param #"], ["left", "left", "right"]
    default_length, default_positions = (88, [0.45, 0.80, 1.0]) if linear else (108, [0.3, 0.56, 0.74, 1.0])
    if not linear:
        names.append("Connected to")
        alignments.append("left")
    positions = list(positions or default_positions)
    if show_trainable:
        names.append("Trainable")
        alignments.append("center")
        default_length += 12
        positions = [p * 0.90 for p in positions] + [1.0]
    length = line_length or min(default_length, shutil.get_terminal_size().columns - 4)
    table = [names]
    steps = wiring.steps(model)
    first, last = _range(steps, layer_range)
    for step in steps[first:last]:
        table += _rows(model, step, linear, expand_nested, show_trainable, 0)
    text = f'Model: "{model.name}"\n' + _drawn(table, _widths(positions, length, len(names)), alignments) + _totals(model)
    if print_fn is None:
        print(text, end="")
    else:
        print_fn(text)


def _rows(model: Any, step: Any, linear: bool, expand: bool, show_trainable: bool, level: int) -> list[list[str]]:
    """The row of a layer, and those of the layers inside it."""
    prefix = "   " * level + "└ " if level else ""
    row = [f"{prefix}{wiring.name_of(model, step)} ({wiring.kind_of(step)})", _shape(model, step), _params(step)]
    if not linear:
        sources = wiring.sources_of(model, step) if level == 0 else []
        row.append(", ".join(f"{wiring.name_of(model, s)}[{call}][{index}]" for s, call, index in sources) or "-")
    if show_trainable:
        row.append("-" if not getattr(step, "weights", None) else "Y" if step.trainable else "N")
    rows = [row]
    for inner in (getattr(step, "layers", None) or []) if expand else []:
        rows += _rows(model, inner, linear, expand, show_trainable, level + 1)
    return rows


def _shape(model: Any, step: Any) -> str:
    shapes = wiring.output_shapes(step)
    if shapes is None:
        return "?"
    flat = _flat(shapes)
    return str(flat[0] if len(flat) == 1 else shapes).replace("'", "")


def _flat(shapes: Any) -> list[tuple]:
    """The shapes (tuples of sizes) in a structure of them."""
    if isinstance(shapes, tuple) and all(s is None or isinstance(s, int) for s in shapes):
        return [shapes]
    return [found for part in (shapes.values() if isinstance(shapes, dict) else shapes) for found in _flat(part)]


def _params(step: Any) -> str:
    if not isinstance(step, Layer):
        return "0"
    if not step.built:
        makes_weights = type(step).build is not Layer.build
        return "0 (unbuilt)" if makes_weights else "0"
    return f"{step.count_params():,}"


def _range(steps: Sequence[Any], layer_range: Sequence[str] | None) -> tuple[int, int]:
    """The first of the layers to show, and the one after the last."""
    if layer_range is None:
        return 0, len(steps)
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise tf.errors.InvalidArgumentError(
            f"`layer_range` has two names, or patterns of names, of layers. Received: {layer_range!r}.")
    ends = [[i for i, step in enumerate(steps) if re.match(pattern, step.name)] for pattern in layer_range]
    if not ends[0] or not ends[1]:
        raise tf.errors.InvalidArgumentError(
            f"`layer_range` matches no layer. Received: {layer_range!r}. Layers: {', '.join(s.name for s in steps)}.")
    (begin, *_), (*_, end) = ends
    return (begin, end + 1) if begin <= end else (ends[1][0], ends[0][-1] + 1)


# --- totals -----------------------------------------------------------------------------------------------------------


def _totals(model: Any) -> str:
    kinds = {"Trainable": model.trainable_weights, "Non-trainable": model.non_trainable_weights}
    optimizer = model.optimizer
    if model.compiled and optimizer is not None and optimizer.built:
        kinds["Optimizer"] = optimizer.variables
    kinds = {"Total": [v for variables in kinds.values() for v in variables], **kinds}
    return "".join(f" {kind} params: {_count(v):,} ({_readable(_bytes(v))})\n" for kind, v in kinds.items())


def _count(variables: Sequence[Any]) -> int:
    return sum(math.prod(v.shape.as_list()) for v in variables)


def _bytes(variables: Sequence[Any]) -> float:
    return sum(math.prod(v.shape.as_list()) * v.dtype.size for v in variables)


def _readable(size: float) -> str:
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.2f} {_UNITS[unit]}"


# --- drawing ----------------------------------------------------------------------------------------------------------


def _widths(positions: Sequence[float], length: int, count: int) -> list[int]:
    """The columns' widths: the positions (shares of the length, or characters) less what the lines between them take."""
    if len(positions) != count:
        raise tf.errors.InvalidArgumentError(
            f"`positions` has the end of each of the {count} columns. Received: {list(positions)}.")
    if positions[-1] <= 1:
        ends = [int(p * length) for p in positions]
    else:
        ends = [int(p) for p in positions]
        length = ends[-1]
    widths = [end - begin for begin, end in zip([0, *ends], ends)]
    if min(widths) < 4:
        raise tf.errors.InvalidArgumentError(
            f"There is too little room for the summary. Received: line_length={length}, positions={list(positions)}.")
    excess = sum(widths) + 3 * count + 1 - length
    for i in range(count):
        share = round(excess / (count - i))
        widths[i] = max(widths[i] - share, 1)
        excess -= share
    return widths


def _drawn(table: list[list[str]], widths: list[int], alignments: list[str]) -> str:
    def rule(left: str, line: str, between: str, right: str) -> str:
        return left + between.join(line * (w + 2) for w in widths) + right + "\n"

    def row(cells: list[str], bar: str) -> str:
        wrapped = [_wrapped(cell, width) for cell, width in zip(cells, widths)]
        lines = [[part[i] if i < len(part) else "" for part in wrapped] for i in range(max(map(len, wrapped)))]
        return "".join(f"{bar} " + f" {bar} ".join(map(_aligned, line, widths, alignments)) + f" {bar}\n" for line in lines)

    header, *rows = table
    between = rule("├", "─", "┼", "┤")
    return (rule("┏", "━", "┳", "┓") + row(header, "┃") + rule("┡", "━", "╇", "┩")
            + between.join(row(cells, "│") for cells in rows) + rule("└", "─", "┴", "┘"))


def _aligned(text: str, width: int, alignment: str) -> str:
    if alignment == "right":
        return text.rjust(width)
    return text.ljust(width) if alignment == "left" else (" " * ((width - len(text)) // 2) + text).ljust(width)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`, broken between words; a word that is longer ends in "…"."""
    lines, line = [], ""
    for word in re.findall(r"\s*\S+\s*", text):
        if line and len(line) + len(word.rstrip()) > width:
            lines.append(line)
            line = ""
        line += word
    lines = [part.rstrip() for part in [*lines, line]]
    return [part if len(part) <= width else part[:width - 1] + "…" for part in lines]
