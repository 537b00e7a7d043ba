"""`treadle run`: TensorFlow 2 scripts as people write them run unmodified, and end as they would under `python`."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import treadle as tf
from treadle.keras_like.cli import main
from treadle.keras_like.scripts.aliases import aliases

SCRIPTS = Path(__file__).parent / "scripts"
# What a script prints, and what is said at the end.
EXPECTED = {
    "linear_regression.py": ("Final loss below 0.02: True", ["train "]),
    "custom_loop.py": ("Start of epoch 1", ["train_step ", "test_step ", "2 programs"]),
    "keras_fit.py": ("[1.0, 1.0, 1.0]\naccuracy above 0.6: True", ["train_step", "in the library"]),
    "gan.py": ("near the data: True", ["train_step ", "gan.py:44"]),
}


def treadle(*arguments, folder=None):
    return subprocess.run([sys.executable, "-m", "treadle", *map(str, arguments)], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_script(name, drawn):
    drawn(name, EXPECTED)
    assert {p.name for p in SCRIPTS.glob("*.py")} == EXPECTED.keys()
    done = treadle("run", SCRIPTS / name, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    printed, said = EXPECTED[name]
    assert printed in done.stdout
    assert "treadle: ran in " in done.stderr and all(part in done.stderr for part in said), done.stderr


@pytest.fixture
def run(tmp_path, capfd):
    """Runs a script in this process: (status, what it printed, what went to standard error)."""
    def run(code, *arguments, options=()):
        path = tmp_path / "script.py"
        path.write_text(code)
        before = sys.argv, list(sys.path), sys.modules["__main__"], list(sys.meta_path), set(sys.modules)
        status = main(["run", *options, str(path), *arguments])
        assert before[:4] == (sys.argv, sys.path, sys.modules["__main__"], sys.meta_path)
        assert {"tensorflow", "tensorflow.keras"} & (set(sys.modules) - before[4]) == set()
        return status, *capfd.readouterr()
    return run


@pytest.mark.parametrize("line", [
    "import tensorflow as tf", "from tensorflow import keras; tf = keras", "import tensorflow.keras as keras",
    "import keras", "from tensorflow.keras import layers, Sequential", "from tensorflow.keras.layers import Dense, LSTM",
    "from keras.layers import Dense", "import keras.layers", 
    "from tensorflow.keras.optimizers.schedules import ExponentialDecay",
    "from tensorflow.data import Dataset", "import tensorflow.math, tensorflow.nn",
    "from tensorflow.data.experimental import AUTOTUNE", "import tensorflow.data.experimental as e; e.AUTOTUNE",
    "from tensorflow import GradientTape, function, Variable", "from tensorflow.keras.datasets import mnist",
    "from tensorflow.keras.datasets.mnist import load_data", "import tf_keras"])
def test_imports(run, line):
    status, _, errors = run(f"{line}\nprint('there')")
    assert status == 0, errors


def test_they_are_treadles_own_modules(run):
    code = """
import tensorflow as tf, keras
import tensorflow.keras.layers as a
from tensorflow.keras import layers as b
import treadle
print(tf is treadle, keras is treadle.keras is tf.keras, a is b is treadle.keras.layers)
"""
    assert run(code)[1] == "True True True\n"
    assert tf.__spec__.name == "treadle" and tf.keras.__spec__.name == "treadle.keras"


@pytest.mark.parametrize("line, names", [
    ("import tensorflow.lite", "`treadle` has no `lite`"),
    ("from tensorflow.keras import wrappers", "`treadle.keras` has no `wrappers`"),
    ("import tensorflow.compat.v1 as tf", "`treadle` has no `compat`"),
    ("from tensorflow.python.ops import math_ops", "no `python`"),
    ("from tensorflow.keras.wrappers.scikit_learn import X", "`treadle.keras` has no `wrappers`")])
def test_what_is_missing(run, line, names):
    status, _, errors = run(line)
    assert status == 1 and names in errors and "docs/migrating.md" in errors and "script.py\", line 1" in errors
    assert errors.splitlines()[0] == "Traceback (most recent call last):" and "aliases.py" not in errors.splitlines()[1]


def test_arguments_and_main(run, tmp_path):
    code = """
import sys, pickle
from helper_of_the_script import VALUE
class Thing: pass
print(sys.argv[1:], __name__, __file__ == sys.argv[0], VALUE, sys.modules["__main__"].Thing is Thing)
print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
if __name__ == "__main__":
    print("main")
"""
    (tmp_path / "helper_of_the_script.py").write_text("VALUE = 3")
    status, out, errors = run(code, "--flag", "-x", "a b")
    assert (status, out) == (0, "['--flag', '-x', 'a b'] __main__ True 3 True\nTrue\nmain\n"), errors


@pytest.mark.parametrize("code, status, said", [
    ("import sys; sys.exit()", 0, ""), ("import sys; sys.exit(7)", 7, ""), ("raise SystemExit('gone')", 1, "gone\n"),
    ("x = 1\ny = x / 0", 1, "ZeroDivisionError: division by zero"), ("def f(:\n", 1, "SyntaxError"),
    ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    ("import nowhere", 1, "ModuleNotFoundError: No module named 'nowhere'")])
def test_how_it_ends(run, code, status, said):
    found, _, errors = run(code)
    assert found == status and said in errors and "execute.py" not in errors and "treadle: ran in" in errors
    if "division" in said:
        assert 'script.py", line 2, in <module>\n    y = x / 0' in errors


def test_the_traceback_is_pythons(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import sys\ndef f(x):\n    return 1 / x\nprint('before')\nf(0)\n")
    ours = treadle("run", "--no-summary", path)
    python = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    assert (ours.returncode, ours.stdout, ours.stderr) == (python.returncode, python.stdout, python.stderr)


def test_treadles_errors_point_at_the_script(run):
    _, _, errors = run("import tensorflow as tf\n@tf.function\ndef f(x):\n    return tf.matmul(x, x)\nf(tf.ones([2, 3]))\n")
    assert "script.py:4, in f\n    return tf.matmul(x, x)" in errors and "keras_like" not in errors and "tracer" not in errors


def test_the_summary(run):
    code = """
import tensorflow as tf
def outer():
    @tf.function
    def inner(x):
        return helper(x) + 1.0
    for n in 2, 3, 3:
        inner(tf.ones([n]))
@tf.function
def helper(x):
    return x * 2.0
outer()
"""
    _, _, errors = run(code)
    assert "to compile 1 function:" in errors and "inner" in errors and "2 traces  2 programs" in errors
    assert "script.py:4" in errors
    assert "as parts of them: helper (" in errors and "script.py:9)" in errors
    assert "nothing was compiled" in run("print(1)")[2]
    assert run("print(1)", options=["--no-summary"])[2] == ""


def test_a_script_that_is_not_there(capsys):
    assert main(["run", "nowhere.py"]) == 2
    assert "nowhere.py" in capsys.readouterr().err


def test_other_modules_of_these_names_come_back(monkeypatch):
    real = ModuleType("keras")
    monkeypatch.setitem(sys.modules, "keras", real)
    with aliases():
        assert importlib.import_module("keras") is importlib.import_module("tensorflow.keras") is tf.keras
        assert importlib.import_module("keras.datasets.mnist") is tf.keras.datasets.mnist
    assert sys.modules["keras"] is real and not hasattr(tf.keras.datasets, "__path__")


def test_what_is_recorded_while_it_happens():
    f = tf.function(lambda x: x + 1.0)
    with tf.debugging.record_compilations() as outer:
        f(tf.constant(1.0))
        with tf.debugging.record_compilations() as inner:
            f(tf.constant([1.0]))
            f(tf.constant([1.0]))
    f(tf.constant([[1.0]]))
    assert [e.what for e in outer] == ["traced", "compiled"] * 2 and inner == outer[2:]
    assert all(e.seconds > 0 and e.where.file == __file__ for e in outer)
