"""What all tests share: the `--long` setting and a fresh, printed seed for random checks."""

from __future__ import annotations

import os
import random

import pytest

# In the environment, so that the processes of `pytest -n` share it.
_SEED = int(os.environ.setdefault("TREADLE_TEST_SEED", str(random.SystemRandom().randrange(2**31))))

# Programs that another run compiled would hide what compiling does now.
os.environ.setdefault("TREADLE_CACHE", "")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="draw more in the random checks")
    parser.addoption("--draw", type=float, default=1.0, help="run this share of the rows of the tables, drawn anew each time")


def pytest_collection_modifyitems(config, items):
    share = config.getoption("--draw")
    if share < 1:
        draw = random.Random(_SEED)
        drawn = [item for item in items if not hasattr(item, "callspec") or draw.random() < share]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(drawn)])
        items[:] = drawn


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"treadle random seed: {_SEED} (set TREADLE_TEST_SEED to repeat)")


@pytest.fixture
def seed() -> int:
    """A seed that differs from run to run and is printed in the header of each."""
    return _SEED


@pytest.fixture
def drawn(request):
    """`drawn(name, names)`: skip the test unless `name` is among two drawn of `names`. `--long` and a single file take all."""
    def drawn(name, names):
        alone = len({item.path for item in request.session.items}) == 1
        if not (alone or request.config.getoption("--long") or name in random.Random(_SEED).sample(sorted(names), 2)):
            pytest.skip("not drawn this time")
    return drawn


@pytest.fixture
def long(request) -> bool:
    """True under `--long`: draw more."""
    return request.config.getoption("--long")
