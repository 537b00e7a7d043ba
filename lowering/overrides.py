"""Other lowerings of an op for one platform, where a measurement shows a better form than the op's own rule.

`OVERRIDES[platform][op name]` has the signature of the op's `lower` rule. Write the measurement beside each entry.

Tried on CPU (2 cores) and not faster in a training step, though faster alone: the first convolution of small images as a
product of patches (1.1 ms for 2.5 alone; the conv net of bench/workloads.py took the same time), a filter gradient's images
swapped in two steps (XLA makes one of them again, `optimization_barrier` or not), or swapped in computations of their own,
which XLA leaves as they are (a call with the attribute `inlineable="false"`: 0.97 to 1.01, in turns in one process).
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
