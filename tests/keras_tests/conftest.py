"""Real Keras compiles each configuration anew, which takes long: a run draws some of them, `--long` takes all."""

import os
import random
from pathlib import Path

_SHARE = 0.08
_LONG_TABLES = {"test_keras_ops.py": 0.04}  # a thousand rows
_WHOLE = {"test_fit.py", "test_dense.py", "test_atomic.py", "test_killed_saves.py", "test_hostile_files.py",
          "test_checkpoint.py", "test_export.py", "test_names.py"}


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long") or len({item.path for item in items}) == 1:  # a single file: somebody works on it
        return
    here = Path(__file__).parent
    draw = random.Random(int(os.environ["TREADLE_TEST_SEED"]))
    drawn = [item for item in items
             if here not in item.path.parents or item.path.name in _WHOLE
             or draw.random() < _LONG_TABLES.get(item.path.name, _SHARE)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(drawn)])
    items[:] = drawn
