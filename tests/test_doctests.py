"""Every example in a public docstring runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import treadle
from treadle.ir.op import REGISTRY, Op

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ROOMS = ("ir", "lowering", "runtime", "tracer", "keras_like")


def modules():
    for room in ROOMS:
        package = importlib.import_module(f"treadle.{room}")
        yield package.__name__
        for info in pkgutil.walk_packages(package.__path__, f"treadle.{room}."):
            yield info.name


def run(test: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    lines: list[str] = []
    runner.run(test, out=lines.append)
    assert not runner.failures, "".join(lines)


@pytest.mark.parametrize("name", list(modules()))
def test_examples_of_module(name):
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        if test.examples:
            treadle.random.set_seed(0)
            run(test)


def test_examples_of_ops():
    parser, count = doctest.DocTestParser(), 0
    for op in REGISTRY.values():
        test = parser.get_doctest(op.__doc__ or "", {}, op.name, op.__module__, 0)
        if test.examples:
            run(test)
            count += 1
    assert count > 10


def test_everything_public_has_a_docstring():
    missing = []
    for name in vars(treadle):
        found = getattr(treadle, name)
        if name.startswith("_") or not (callable(found) or isinstance(found, Op)):
            continue
        if not (found.__doc__ or "").strip():
            missing.append(name)
    assert not missing, missing
