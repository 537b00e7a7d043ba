"""The wheel: it holds every file, installs into an empty environment, and imports from an empty directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("ir", "lowering", "runtime", "tracer", "keras_like")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source = tmp_path_factory.mktemp("source") / "treadle"
    # A copy, so that the build leaves nothing in the checkout; symlinks stay symlinks.
    shutil.copytree(ROOT, source, symlinks=True,
                    ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__", "build", "*.egg-info", ".*_cache"))
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(out), str(source)], check=True)
    found, = out.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {f"treadle/{p.relative_to(ROOT)}" for room in ROOMS for p in (ROOT / room).rglob("*.[pch]*")
                if p.suffix in (".py", ".c", ".h")}
    expected |= {str(p.relative_to(ROOT)) for p in (ROOT / "treadle").rglob("*.py")
                 if p.relative_to(ROOT / "treadle").parts[0] not in ROOMS}
    assert not expected - names
    assert {"treadle/py.typed", "treadle/keras_like/datasets/digits.npz",
            "treadle/keras_like/datasets/digits.txt", "treadle/lowering/native/convolution.c"} <= names
    assert {n.split("/")[0] for n in names if not n.split("/")[0].endswith(".dist-info")} == {"treadle"}


def test_the_wheel_imports_from_an_empty_directory(wheel, tmp_path):
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    # The dependencies come from this environment; treadle itself must come from the wheel.
    site, = (environment / "lib").glob("python*/site-packages")
    empty = tmp_path / "empty"
    empty.mkdir()
    code = (f"import sys; sys.path.append({sysconfig.get_paths()['purelib']!r})\n"
            "import treadle as tf, treadle.keras\n"
            f"assert tf.__file__.startswith({str(site)!r}), tf.__file__\n"
            "f = tf.function(lambda x: tf.reduce_sum(x * 2.0))\n"
            "print(f(tf.constant([1.0, 2.0])).numpy())\n")
    outside = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([python, "-c", code], cwd=empty, capture_output=True, text=True, env=outside)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "6.0"
