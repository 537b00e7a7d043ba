"""Every layer of real Keras is here with the same arguments, or docs/layers.md says why not."""

import inspect
import re
from pathlib import Path

import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs

PAGE = Path(__file__).parents[2] / "docs" / "layers.md"
NAMES = sorted(name for name, kind in vars(theirs.layers).items()
               if inspect.isclass(kind) and issubclass(kind, theirs.layers.Layer))
# Rows "| `Dense` | here |", "| `JaxLayer` | left out: why |" and "| `TFSMLayer` | raises an error: why |".
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|$", PAGE.read_text(), re.MULTILINE))
HERE = [name for name in NAMES if ROWS.get(name, "").startswith("here")]

# What differs on purpose.
NOT_OFFERED = {"quantization_config", "gptq_unpacked_column_size"}  # weights of 8 and 4 bits
TF2_DEFAULTS = {"AveragePooling1D": "pool_size", "AveragePooling2D": "pool_size", "AveragePooling3D": "pool_size",
                "AvgPool1D": "pool_size", "AvgPool2D": "pool_size", "AvgPool3D": "pool_size"}
OTHER_CALLS = {"SimpleRNNCell",  # names its input `sequence`; here it is `inputs`, as in the other cells
               "Pipeline"}  # its layers take masks from the tensors themselves


def parameters(function):
    """{name: (default, whether by name only)} without self and catch-alls."""
    found = list(inspect.signature(function).parameters.values())[1:]
    return {p.name: (_plain(p.default), p.kind is p.KEYWORD_ONLY) for p in found
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in NOT_OFFERED}


def _plain(default):
    """Lists and tuples alike; (2, 2) and 2 mean the same."""
    if isinstance(default, (list, tuple)):
        parts = [_plain(v) for v in default]
        return parts[0] if parts and all(p == parts[0] for p in parts) else tuple(parts)
    return default


def test_the_table_has_a_row_for_each_layer():
    assert sorted(ROWS) == NAMES
    for name, text in ROWS.items():
        assert text.startswith("left out") != hasattr(ours.layers, name), name
        assert text.startswith("here") or re.fullmatch("(left out|raises an error): .{10,}", text), name
        if text.startswith("raises"):
            with pytest.raises(tf.errors.UnimplementedError, match="Received: .*`"):
                getattr(ours.layers, name)("there")


@pytest.mark.parametrize("name", HERE)
def test_arguments(name):
    """The same arguments in the same order, with the same defaults."""
    mine, other = (parameters(getattr(k.layers, name).__init__) for k in (ours, theirs))
    by_position = [n for n, (_, named) in other.items() if not named]
    assert [n for n in mine if n in by_position] == by_position
    for argument, (default, _) in other.items():
        assert argument in mine
        if TF2_DEFAULTS.get(name) != argument:
            assert mine[argument][0] == default, argument


@pytest.mark.parametrize("name", HERE)
def test_methods(name):
    """`call`, `build` and `compute_output_shape` take what Keras' do; masks go on where they do there."""
    mine, other = getattr(ours.layers, name), getattr(theirs.layers, name)
    if name not in OTHER_CALLS:
        wanted = [n for n in parameters(other.call) if n != "training"]
        assert [n for n in parameters(mine.call) if n in wanted] == wanted
    if "training" in parameters(mine.call):
        assert "training" in parameters(other.call)
    for method in ("build", "compute_output_shape"):
        wanted = list(parameters(getattr(other, method)))
        if len(wanted) > 1:
            assert [n for n in parameters(getattr(mine, method)) if n in wanted] == wanted, method


def test_the_two_preconditions_of_a_layer():
    """`super().__init__()` first; no argument that is not there."""

    class Early(ours.Layer):
        def __init__(self):
            self.w = self.add_weight(shape=())

    with pytest.raises(RuntimeError, match="before `super"):
        Early()
    with pytest.raises(TypeError, match="has no argument 'unts'"):
        ours.layers.Dense(2, unts=3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="positive integer"):
        ours.layers.Dense(-1)
