"""Names that moved between the JAX versions treadle supports (0.6 and up)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import jax

_enable_x64: Any = jax.enable_x64 if hasattr(jax, "enable_x64") else import_module("jax.experimental").enable_x64


def enable_x64(on: bool = True) -> Any:
    """A context in which 64-bit dtypes are (or are not) kept, in this thread; JAX's global setting is not touched."""
    return _enable_x64(on)
