"""Other lowerings of an op for one platform, where a measurement shows a better form than the op's own rule.

`OVERRIDES[platform][op name]` has the signature of the op's `lower` rule. Write the measurement beside each entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

OVERRIDES: dict[str, dict[str, Callable[..., Any]]] = {"cpu": {}, "gpu": {}, "tpu": {}}


def lowering_of(op: Any) -> Callable[..., Any]:
    """The rule that lowers `op` on the platform JAX runs on."""
    found = OVERRIDES.get(jax.default_backend())
    return found.get(op.name, op.lower) if found else op.lower
