"""The public names: those that real TensorFlow 2 material uses, and that each is the op or composite itself."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
from pathlib import Path

import pytest

import treadle as tf
from treadle.ir.op import REGISTRY, Op

# Names used by 424 guides, tutorials and examples, most used first, without those about control flow, images, training
# utilities and Keras, which come with later issues, and without `edit_distance`, which takes sparse tensors.
NAMES = (Path(__file__).parent / "surface.txt").read_text().split()


def find(name):
    found = tf
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_name_exists(name):
    find(name)


def namespaces():
    for name, found in vars(tf).items():
        if isinstance(found, types.ModuleType) and found.__name__.startswith("treadle.") and (
                name not in ("ir", "lowering", "runtime", "tracer", "keras_like", "keras", "data")):
            yield name, found


def test_one_thing_has_one_object_under_all_its_names():
    """tf.sin and tf.math.sin are the same object, and so on."""
    different = []
    for space, module in namespaces():
        for name in getattr(module, "__all__", ()):
            top, inner = getattr(tf, name, None), getattr(module, name)
            # TensorFlow itself has two functions under these names.
            if top is not None and top is not inner and callable(inner) and (space, name) not in {
                    ("random", "split"), ("random", "shuffle"), ("nn", "space_to_batch"), ("nn", "batch_to_space"),
                    ("initializers", "constant"), ("initializers", "ones"), ("initializers", "zeros"),
                    ("initializers", "identity"), ("linalg", "normalize"), ("data", "Iterator"),
                    ("image", "transpose"), ("strings", "split")}:
                different.append(f"tf.{name} and tf.{space}.{name}")
    assert not different, different


def test_all_lists_what_there_is():
    for space, module in [*namespaces(), ("treadle", tf)]:
        missing = [n for n in getattr(module, "__all__", ()) if not hasattr(module, n)]
        assert not missing, (space, missing)


def test_public_functions_accept_a_name():
    """TensorFlow's functions take `name=`; here it is accepted and carries no meaning."""
    without = []
    for name, found in vars(tf).items():
        if isinstance(found, Op) or (inspect.isfunction(found) and found.__module__.startswith(
                "treadle.runtime.composites") and not name.startswith("_")):
            if "name" not in inspect.signature(found).parameters:
                without.append(name)
    assert set(without) <= {"broadcast_dynamic_shape", "broadcast_static_shape", "range_", "shape_n"}, without


def test_every_op_has_a_docstring():
    assert not [op.name for op in REGISTRY.values() if not (op.__doc__ or "").strip()]


@pytest.mark.parametrize("before", ["enable", "disable"])
def test_importing_leaves_the_garbage_collector_as_it_was(before):
    program = f"import gc; gc.{before}(); import treadle; print(gc.isenabled(), hasattr(treadle, 'gc'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(before == "enable"), "False"]
