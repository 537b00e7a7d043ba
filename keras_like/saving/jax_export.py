"""`jax.export`, as far as this JAX has it: some versions need packages for it that they do not bring."""

from __future__ import annotations

from typing import Any

import treadle as tf

try:
    from jax import export as _export
    _missing = ""
except ImportError as error:
    _export, _missing = None, str(error)  # type: ignore[assignment]


def jax_export() -> Any:
    """The module. Raises UnimplementedError where it is missing."""
    if _export is None:
        raise tf.errors.UnimplementedError(
            f"Exporting and loading exported programs needs `jax.export`. Received: {_missing}. "
            "Install `treadle[export]`, or a newer JAX.")
    return _export
