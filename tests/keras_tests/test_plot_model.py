"""Pictures of models: every layer is there, every connection, and no box lies on another."""

import itertools
import shutil
import sys
import types
import xml.etree.ElementTree as ElementTree

import pytest

from keras_tests.test_summary import branched, called, nested, small
from treadle import keras
from treadle.keras_like.utils import plot_model as module
from treadle.keras_like.utils.drawing import Box, Picture, _arrange, _ordered, _Place, _rank, _size, _with_bends, svg

SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def no_graphviz(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)


def texts(path):
    return [t.text for t in ElementTree.parse(path).getroot().iter(f"{SPACE}text")]


@pytest.mark.parametrize("make, arrows", [(small, 3), (branched, 5), (nested, 3), (called, 0)])
@pytest.mark.parametrize("direction", ["TB", "LR", "BT", "RL"])
def test_every_layer_and_connection(make, arrows, direction, tmp_path, no_graphviz):
    model = make(keras)
    keras.utils.plot_model(model, tmp_path / "a.svg", show_layer_names=True, show_shapes=True, rankdir=direction)
    found = texts(tmp_path / "a.svg")
    steps = model.layers if arrows else [model]
    for layer in steps:
        assert f"{layer.name} ({type(layer).__name__})" in found
    paths = [p for p in ElementTree.parse(tmp_path / "a.svg").getroot().iter(f"{SPACE}path") if p.get("marker-end")]
    assert len(paths) == arrows


def test_what_is_shown(tmp_path, no_graphviz):
    keras.utils.plot_model(small(keras), tmp_path / "a.svg", show_shapes=True, show_dtype=True, show_trainable=True,
                           show_layer_activations=True)
    found = texts(tmp_path / "a.svg")
    assert found[:6] == ["Dense", "Activation: linear", "Input shape: (None, 4)", "Output shape: (None, 8)",
                         "Output dtype: float32", "Trainable"]


def test_models_inside(tmp_path, no_graphviz):
    for expand, inside in ((False, 0), (True, 1)):
        keras.utils.plot_model(nested(keras), tmp_path / "a.svg", show_layer_names=True, expand_nested=expand)
        found = texts(tmp_path / "a.svg")
        assert found.count("one (Dense)") == inside and ("inner" in found) is expand


def test_without_graphviz_it_is_an_svg(tmp_path, no_graphviz, capsys):
    keras.utils.plot_model(small(keras), tmp_path / "model.png")
    assert [p.name for p in tmp_path.iterdir()] == ["model.svg"]
    assert "drawn as SVG" in capsys.readouterr().out


def test_graphviz_is_used_where_it_is(tmp_path, monkeypatch):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho $1 > $3\ncat >> $3\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    keras.utils.plot_model(nested(keras), tmp_path / "a.png", show_layer_names=True, expand_nested=True, rankdir="LR")
    kind, *lines = (tmp_path / "a.png").read_text().splitlines()
    assert kind == "-Tpng" and "rankdir=LR" in lines[1] and any("<b>one (Dense)</b>" in line for line in lines)
    assert any("subgraph cluster_" in line for line in lines) and sum(" -> " in line for line in lines) == 4
    program.write_text("#!/bin/sh\necho no such format >&2\nexit 1\n")
    with pytest.raises(ValueError, match="no such format"):
        keras.utils.plot_model(small(keras), tmp_path / "a.xyz")


def test_real_graphviz_reads_what_is_written(tmp_path):
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    for make in (small, branched, nested, called):
        keras.utils.plot_model(make(keras), tmp_path / "a.svg", show_shapes=True, expand_nested=True)
        assert ElementTree.parse(tmp_path / "a.svg")


def test_model_to_dot(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydot", None)
    with pytest.raises(NotImplementedError, match="pip install"):
        keras.utils.model_to_dot(small(keras))
    cluster = types.SimpleNamespace()
    given = []
    graph = types.SimpleNamespace(get_subgraphs=lambda: [cluster])
    fake = types.SimpleNamespace(graph_from_dot_data=lambda text: given.append(text) or [graph])
    monkeypatch.setitem(sys.modules, "pydot", fake)
    assert keras.utils.model_to_dot(branched(keras)) is graph
    assert given[0].count(" -> ") == 5 and "shared (Dense)" in given[0]
    assert keras.utils.model_to_dot(small(keras), subgraph=True) is cluster and 'subgraph "cluster_small"' in given[1]


def test_model_to_dot_with_pydot():
    pydot = pytest.importorskip("pydot")
    found = keras.utils.model_to_dot(branched(keras), show_shapes=True)
    assert isinstance(found, pydot.Dot) and len(found.get_edges()) == 5


def test_in_a_notebook_it_is_shown(tmp_path, no_graphviz, monkeypatch):
    display = types.SimpleNamespace(SVG=lambda filename: ("svg", filename), Image=lambda filename: ("image", filename))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    assert keras.utils.plot_model(small(keras), tmp_path / "a.svg") == ("svg", str(tmp_path / "a.svg"))


def test_names_are_escaped(tmp_path, no_graphviz):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name='a<b>&"c')])
    keras.utils.plot_model(model, tmp_path / "a.svg", show_layer_names=True)
    assert 'a<b>&"c (Dense)' in texts(tmp_path / "a.svg")
    assert "a&lt;b&gt;&amp;&quot;c" in module._dot_text(module._of_model(model, False, False, True, False, False, False),
                                                        "TB", 96, "ortho")


def test_layers_that_are_called_again(tmp_path, no_graphviz):
    x = keras.Input((3,))
    a, b = keras.layers.Dense(3, name="a"), keras.layers.Dense(3, name="b")
    keras.utils.plot_model(keras.Model(x, a(b(a(a(x))))), tmp_path / "a.svg", show_layer_names=True)
    assert {"a (Dense)", "b (Dense)"} < set(texts(tmp_path / "a.svg"))


@pytest.mark.parametrize("arguments, message", [
    (dict(rankdir="UP"), "'TB', 'LR'"), (dict(layer_range=("a", "b")), "no argument")])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras.utils.plot_model(small(keras), "never.svg", **arguments)
    with pytest.raises(RuntimeError, match="is not built"):
        keras.utils.plot_model(keras.Sequential([keras.layers.Dense(2)]), "never.svg")


@pytest.mark.parametrize("direction", ["TB", "LR", "BT", "RL"])
def test_boxes_do_not_lie_on_one_another(direction):
    boxes = [Box(f"box {i}" * (i % 3 + 1), ["text"] * (i % 4)) for i in range(14)]
    edges = [(boxes[i], boxes[j]) for i, j in itertools.combinations(range(14), 2) if (i * j) % 5 == 1 or j == i + 1]
    places = [_Place(0, box, *_size(box, direction)) for box in boxes]
    of = {id(p.box): p for p in places}
    arrows = [[of[id(a)], of[id(b)]] for a, b in edges]
    _rank(places, arrows)
    arrows = [_with_bends(arrow, places) for arrow in arrows]
    width, height = _arrange(_ordered(places, arrows), direction)
    for a, b in itertools.combinations([p for p in places if p.box], 2):
        assert a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
    for start, *_, end in arrows:
        ahead = {"TB": end.y - start.y, "LR": end.x - start.x, "BT": start.y - end.y, "RL": start.x - end.x}[direction]
        assert ahead > 0
    assert all(-1e-6 <= p.x <= width - p.width + 1e-6 and -1e-6 <= p.y <= height - p.height + 1e-6 for p in places)
    assert ElementTree.fromstring(svg(Picture(boxes, edges), direction)) is not None
