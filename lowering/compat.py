"""Names that moved between the JAX versions treadle supports (0.6 and up)."""

from __future__ import annotations

from typing import Any

import jax

if hasattr(jax, "enable_x64"):
    _enable_x64: Any = jax.enable_x64
else:
    from jax.experimental import enable_x64 as _enable_x64


def enable_x64(on: bool = True) -> Any:
    """A context in which 64-bit dtypes are (or are not) kept, in this thread; JAX's global setting is not touched."""
    return _enable_x64(on)
