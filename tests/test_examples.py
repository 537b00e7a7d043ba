"""The examples and the README's code run, from any directory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = {"linear_regression.py": "compiled: ", "look_inside.py": "differs from eager execution: None"}
# Those with Keras, which take longer to compile: a run draws two of them, `--long` or this file alone takes all.
WITH_KERAS = {
    "mnist_fit.py": r"test digits [89]\d\.\d% are recognised", "vae.py": r"\(\d+ times faster\)",
    "gan.py": r"radius of the points made: [12]\.\d+ ", "text_lstm.py": r"the soup was not delicious: \d% praise",
    "transformer.py": r"right: [1-9]\d* of 20", "custom_loop.py": r"test digits [789]\d\.\d% are recognised",
}


def run(path: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, str(path), *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_example_is_tested():
    assert {p.name for p in (ROOT / "examples").glob("*.py")} == EXPECTED.keys() | WITH_KERAS.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_example(name, tmp_path):
    assert EXPECTED[name] in run(ROOT / "examples" / name, tmp_path)


@pytest.mark.parametrize("name", WITH_KERAS)
def test_example_with_keras(name, tmp_path, drawn):
    drawn(name, WITH_KERAS)
    out = run(ROOT / "examples" / name, tmp_path, "--quick")
    assert re.search(WITH_KERAS[name], out), out


def test_the_readmes_code(tmp_path):
    first, *others = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (tmp_path / "readme.py").write_text(first)
    out = run(tmp_path / "readme.py", tmp_path)
    assert "graph train_step(" in out and out.startswith("tf.Tensor(")
    (tmp_path / "others.py").write_text("import treadle as tf\n" + "\n".join(others) + "\nprint(collatz_steps(27).numpy())\n")
    out = run(tmp_path / "others.py", tmp_path)
    assert "val_accuracy" in out and out.strip().endswith("111") and (tmp_path / "digits.keras").exists()


def test_the_demo_command(tmp_path):
    done = subprocess.run([sys.executable, "-m", "treadle", "demo", "--data", "nowhere.npz"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 2 and "nowhere.npz" in done.stderr and "Traceback" not in done.stderr
