"""The examples and the README's code run, from any directory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = {"linear_regression.py": "compiled: ", "look_inside.py": "differs from eager execution: None"}


def run(path: Path, folder: Path) -> str:
    done = subprocess.run([sys.executable, str(path)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "examples").glob("*.py")))
def test_example(name, tmp_path):
    assert EXPECTED[name] in run(ROOT / "examples" / name, tmp_path)


def test_the_readmes_code(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    (tmp_path / "readme.py").write_text(code)
    out = run(tmp_path / "readme.py", tmp_path)
    assert "graph train_step(" in out and out.startswith("tf.Tensor(")


def test_the_demo_command(tmp_path):
    done = subprocess.run([sys.executable, "-m", "treadle", "demo", "--data", "nowhere.npz"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 2 and "nowhere.npz" in done.stderr and "Traceback" not in done.stderr
