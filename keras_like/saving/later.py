"""h5py, imported when it is first used: 12 MB of memory and 23 ms that training without files does not need."""

from __future__ import annotations

import importlib
from typing import Any


class _Later:
    """A module that is imported at its first use."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module(self._name), name)
        setattr(self, name, found)  # the next time it is found at once
        return found


h5py: Any = _Later("h5py")
