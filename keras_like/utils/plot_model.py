"""`plot_model` and `model_to_dot`: a picture of a model, drawn by Graphviz where it is there, else by ourselves."""

from __future__ import annotations

import html
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.identity import InputLayer
from treadle.keras_like.models import wiring
from treadle.keras_like.utils.drawing import Box, Picture, svg


def plot_model(model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False,
               show_layer_names: bool = False, rankdir: str = "TB", expand_nested: bool = False, dpi: int = 200,
               show_layer_activations: bool = False, show_trainable: bool = False, splines: str = "ortho",
               **kwargs: Any) -> Any:
    """Draw a model's layers and what is passed between them, into a file.

    Where Graphviz (the program `dot`) is installed it draws, in any format it knows. Where it is not, the picture is drawn
    here, as SVG: the file then ends in ".svg" in place of what was asked for, which a line on the terminal says.

    Args:
        model: a model that is built. A subclassed one is one box.
        to_file: the file. Default "model.png".
        show_shapes, show_dtype: show the shapes of inputs and outputs, and the outputs' dtypes. Default False.
        show_layer_names: show names beside the classes. Default False.
        rankdir: where the picture goes: "TB" (down, default), "LR", "BT" or "RL".
        expand_nested: draw models inside as frames with their layers. Default False.
        dpi: dots per inch, for Graphviz.
        show_layer_activations, show_trainable: show activation functions, and whether layers are trained. Default False.
        splines: how Graphviz draws lines. Default "ortho".

    Returns the picture for display in a notebook, None elsewhere.

    >>> import pathlib, tempfile
    >>> from treadle import keras
    >>> x = keras.Input((3,))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.svg"
    >>> keras.utils.plot_model(keras.Model(x, keras.layers.Dense(2)(x)), path, show_shapes=True)
    >>> path.read_text().startswith("<svg")
    True
    """
    picture = _picture(model, kwargs, show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations,
                       show_trainable)
    _check_direction(rankdir)
    path = Path(os.fspath(to_file))
    path = path if path.suffix else path.with_name(path.name + ".png")
    program = shutil.which("dot")
    if program is not None:
        text = _dot_text(picture, rankdir, dpi, splines)
        done = subprocess.run([program, f"-T{path.suffix[1:]}", "-o", str(path)], input=text.encode(), capture_output=True,
                              check=False)
        if done.returncode:
            raise tf.errors.InvalidArgumentError(
                f"Graphviz could not draw the model: {done.stderr.decode(errors='replace').strip()} Received: "
                f"to_file={str(path)!r}, rankdir={rankdir!r}, splines={splines!r}.")
    else:
        if path.suffix != ".svg":
            path = path.with_suffix(".svg")
            print(f"Graphviz is not installed: the picture is drawn as SVG, in {path}.")
        path.write_text(svg(picture, rankdir), encoding="utf-8")
    return _shown(path)


def model_to_dot(model: Any, show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = True,
                 rankdir: str = "TB", expand_nested: bool = False, dpi: int = 200, subgraph: bool = False,
                 show_layer_activations: bool = False, show_trainable: bool = False, splines: str = "ortho",
                 **kwargs: Any) -> Any:
    """A model as a `pydot.Dot`, to be changed and drawn with Graphviz. Arguments as in `plot_model`.

    `subgraph`: return a `pydot.Cluster` with the layers in place of a graph. Default False.

    Raises UnimplementedError without the package pydot (`pip install treadle[viz]`); `plot_model` works without.
    """
    picture = _picture(model, kwargs, show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations,
                       show_trainable)
    _check_direction(rankdir)
    try:
        pydot = importlib.import_module("pydot")
    except ImportError:
        raise tf.errors.UnimplementedError(
            "`model_to_dot` needs the package pydot: `pip install treadle[viz]`. `plot_model` draws without it.") from None
    whole, = pydot.graph_from_dot_data(_dot_text(picture, rankdir, dpi, splines, frame=model.name if subgraph else None))
    return whole.get_subgraphs()[0] if subgraph else whole


def _check_direction(rankdir: str) -> None:
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise tf.errors.InvalidArgumentError(f"`rankdir` is 'TB', 'LR', 'BT' or 'RL'. Received: {rankdir!r}.")


def _shown(path: Path) -> Any:
    """The picture in a notebook."""
    if "IPython" not in sys.modules or path.suffix == ".pdf":
        return None
    display = importlib.import_module("IPython.display")
    return display.SVG(filename=str(path)) if path.suffix == ".svg" else display.Image(filename=str(path))


# --- what is drawn ------------------------------------------------------------------------------------------------------


def _picture(model: Any, unknown: dict[str, Any], *settings: bool) -> Picture:
    if unknown:
        raise tf.errors.DtypeError(f"There is no argument {next(iter(unknown))!r}. Received: {unknown}.")
    if not model.built:
        raise tf.errors.FailedPreconditionError(
            f"The model {model.name!r} is not built, so nothing is known of its layers. Call it on a batch, or `build` it.")
    return _of_model(model, *settings)


def _of_model(model: Any, shapes: bool, dtype: bool, names: bool, nested: bool, activations: bool, trainable: bool) -> Picture:
    settings = shapes, dtype, names, nested, activations, trainable
    known = wiring.is_graph(model) or hasattr(model, "add")  # functional, Sequential
    boxes: dict[int, Box] = {}
    for step in wiring.steps(model) if known else [model]:
        title = f"{wiring.name_of(model, step)} ({wiring.kind_of(step)})" if names else wiring.kind_of(step)
        inside = nested and (wiring.is_graph(step) or hasattr(step, "add") and hasattr(step, "layers"))
        boxes[id(step)] = Box(step.name if inside else title, _lines(step, shapes, dtype, activations, trainable),
                              _of_model(step, *settings) if inside else None)
    edges = [(boxes[id(a)], boxes[id(b)]) for a, b in wiring.edges(model)] if known else []
    found = list(boxes.values())
    begin = [b for b in found if all(b is not end for _, end in edges)]
    end = [b for b in found if all(b is not start for start, _ in edges)]
    if wiring.is_graph(model):
        end = [boxes[id(wiring.source_of(model, t)[0])] for t in model.outputs]
    return Picture(found, edges, begin, end)


def _lines(step: Any, shapes: bool, dtype: bool, activations: bool, trainable: bool) -> list[str]:
    lines = []
    activation = getattr(step, "activation", None)
    if activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", None) or type(activation).__name__
        lines.append(f"Activation: {name}")
    if shapes:
        if not isinstance(step, InputLayer):
            lines.append(f"Input shape: {_text(wiring.input_shapes(step))}")
        lines.append(f"Output shape: {_text(wiring.output_shapes(step))}")
    if dtype:
        outputs = step._inbound[-1][1] if isinstance(step, Layer) and step._inbound else getattr(step, "outputs", None)
        outputs = step.output if isinstance(step, InputLayer) else outputs
        found = [t.dtype.name for t in tf.nest.flatten(outputs) if is_deferred(t)]
        lines.append(f"Output dtype: {', '.join(found) or '?'}")
    if trainable and getattr(step, "weights", None):
        lines.append("Trainable" if step.trainable else "Non-trainable")
    return lines


def _text(shapes: Any) -> str:
    return "?" if shapes is None else str(shapes).strip("{}").replace("'", "")


# --- Graphviz' language -------------------------------------------------------------------------------------------------


def _dot_text(picture: Picture, rankdir: str, dpi: int, splines: str, frame: str | None = None) -> str:
    numbers: dict[int, str] = {}
    body = _dot_body(picture, numbers, "  ")
    if frame is not None:
        body = [f'  subgraph "cluster_{_quoted(frame)}" {{', f'    label="{_quoted(frame)}"; style=dashed; labeljust=l;',
                *body, "  }"]
    return "\n".join(["digraph {", f'  rankdir={rankdir}; concentrate=true; dpi={int(dpi)}; splines="{_quoted(splines)}";',
                      "  node [shape=plain, fontname=Helvetica]; edge [penwidth=2];", *body, "}"]) + "\n"


def _dot_body(picture: Picture, numbers: dict[int, str], indent: str) -> list[str]:
    lines = []
    for box in picture.boxes:
        number = numbers.setdefault(id(box), f"n{len(numbers)}")
        if box.inner is None:
            lines.append(f"{indent}{number} [label=<{_table(box)}>];")
        else:
            lines += [f"{indent}subgraph cluster_{number} {{",
                      f'{indent}  label="{_quoted(box.title)}"; style=dashed; labeljust=l;',
                      *_dot_body(box.inner, numbers, indent + "  "), f"{indent}}}"]
    lines += [f"{indent}{numbers[id(_within(start, leaving=True))]} -> {numbers[id(_within(end, leaving=False))]};"
              for start, end in picture.edges]
    return lines


def _within(box: Box, leaving: bool) -> Box:
    """The box inside a frame where arrows leave, or where they end: Graphviz draws none to frames."""
    while box.inner is not None:
        ends = box.inner.end if leaving else box.inner.begin
        if not ends:
            break
        box = ends[0]
    return box


def _quoted(text: str) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"')


def _table(box: Box) -> str:
    rows = "".join(f'<tr><td bgcolor="white">{html.escape(line)}</td></tr>' for line in box.lines)
    return ('<table border="0" cellborder="1" cellspacing="0" cellpadding="8"><tr><td bgcolor="black"><font color="white"><b>'
            f"{html.escape(box.title)}</b></font></td></tr>{rows}</table>")
