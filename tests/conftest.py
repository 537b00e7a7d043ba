"""What all tests share: the `--long` setting and a fresh, printed seed for random checks."""

from __future__ import annotations

import os
import random

import pytest

_SEED = int(os.environ.get("TREADLE_TEST_SEED", random.SystemRandom().randrange(2**31)))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the exhaustive checks too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="exhaustive; run with --long")
        for item in items:
            if "long" in item.keywords:
                item.add_marker(skip)


def pytest_report_header(config):
    return f"treadle random seed: {_SEED} (set TREADLE_TEST_SEED to repeat)"


@pytest.fixture
def seed() -> int:
    """A seed that differs from run to run and is printed in the header of each."""
    return _SEED


@pytest.fixture
def long(request) -> bool:
    """True under `--long`: draw more."""
    return request.config.getoption("--long")
