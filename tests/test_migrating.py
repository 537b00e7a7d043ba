"""docs/migrating.md and docs/training.md: their code runs, and what the former says is missing is missing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import treadle as tf

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "migrating.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE + (DOCS / "training.md").read_text(), re.M | re.S)
_TABLE = PAGE.partition("<!-- missing")[2].partition("\nNot taken over")[0].splitlines()
MISSING = [name for line in _TABLE if line.count("|") > 3 for name in re.findall(r"`((?:tf|keras)\.\w+)`", line.split("|")[2])]


def test_its_blocks_run_one_after_the_other(tmp_path):
    """Each as a file of its own, in one process: what one leaves behind must not disturb the next."""
    for n, code in enumerate(BLOCKS):
        (tmp_path / f"block{n}.py").write_text(code)
    (tmp_path / "all.py").write_text("".join(f"import block{n}\n" for n in range(len(BLOCKS))) + "print('all ran')\n")
    done = subprocess.run([sys.executable, "all.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.endswith("all ran\n") and len(BLOCKS) >= 5, done.stderr


def test_the_first_block_was_a_script_for_tensorflow(tmp_path):
    code = BLOCKS[0].replace("import treadle", "import tensorflow").replace("from treadle", "from tensorflow")
    assert "treadle" not in code
    (tmp_path / "train.py").write_text(code)
    done = subprocess.run([sys.executable, "-m", "treadle", "run", "train.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "train_step (train.py:17)" in done.stderr, done.stderr


@pytest.mark.parametrize("name", MISSING)
def test_what_is_said_to_be_missing_is(name):
    parts = name.split(".")
    owner = tf if parts[0] == "tf" else tf.keras
    assert len(MISSING) > 10 and not hasattr(owner, parts[1]), f"docs/migrating.md says that there is no {name}"


def test_the_old_spellings_of_the_table():
    keras, layers = tf.keras, tf.keras.layers
    assert keras.metrics.Mean.reset_states and keras.metrics.Mean.reset_state
    assert keras.optimizers.Adam(lr=0.1).get_config()["learning_rate"] == pytest.approx(0.1)
    assert layers.LeakyReLU(alpha=0.25).get_config()["negative_slope"] == 0.25
    assert keras.Sequential([layers.Dense(2, input_shape=(3,))]).output_shape == (None, 2)
    assert keras.optimizers.legacy.Adam is keras.optimizers.Adam
    weight = layers.Layer().add_weight("w", (2, 3))
    assert (weight.name, tuple(weight.shape)) == ("w", (2, 3))
