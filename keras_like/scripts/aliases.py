"""`import tensorflow` and `import keras` give treadle, in a process that asks for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

_NAMES = {"tensorflow": "treadle", "keras": "treadle.keras", "tf_keras": "treadle.keras"}


def _ours(name: str) -> str | None:
    """treadle's name for a module of TensorFlow or Keras; None for other modules."""
    top, dot, rest = name.partition(".")
    return _NAMES[top] + dot + rest if top in _NAMES else None


class _Aliases(MetaPathFinder, Loader):
    """Finds TensorFlow's and Keras' modules: they are treadle's own module objects, under a second name."""

    def __init__(self) -> None:
        self.opened: list[ModuleType] = []  # modules in one file that hold other ones: to Python no packages

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if _ours(name) else None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # What is in `sys.modules` when this is over is what the import gives.
        found = sys.modules[module.__name__] = _find(module.__name__)
        if not hasattr(found, "__path__"):
            found.__path__ = []
            self.opened.append(found)


class _Missing(MetaPathFinder):
    """Asked last: what treadle does not have is said in one line."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name.startswith("treadle."):
            parent, _, last = name.rpartition(".")
            raise ImportError(_missing(f"`{parent}` has no `{last}`"), name=name)


def _missing(what: str) -> str:
    return f"{what}: treadle does not have this part of TensorFlow or Keras. docs/migrating.md lists what is missing."


def _find(name: str) -> ModuleType:
    ours = _ours(name)
    assert ours is not None
    parent, _, last = ours.rpartition(".")
    found: Any = getattr(importlib.import_module(parent), last, None) if parent else None
    if isinstance(found, SimpleNamespace):  # names without a file of their own
        module = ModuleType(name, f"`{ours}`")
        module.__dict__.update(vars(found))
        return module
    if isinstance(found, ModuleType):
        return found
    return importlib.import_module(ours)


@contextmanager
def aliases() -> Iterator[None]:
    """Within the `with` block modules of TensorFlow and Keras are treadle's.

    >>> from treadle.keras_like.scripts.aliases import aliases
    >>> with aliases():
    ...     import tensorflow
    >>> tensorflow.__name__
    'treadle'
    """
    # Those of the real ones that are there already stay what they are to those who have them.
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)}
    first, last = _Aliases(), _Missing()
    sys.meta_path.insert(0, first)
    sys.meta_path.append(last)
    try:
        yield
    finally:
        sys.meta_path.remove(first)
        sys.meta_path.remove(last)
        for module in first.opened:
            del module.__path__
        for name in [n for n in sys.modules if _ours(n)]:
            del sys.modules[name]
        sys.modules.update(before)
