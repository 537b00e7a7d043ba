"""Names: `Dense` becomes "dense", "dense_1", "dense_2" ...; what a layer makes is named after where it is."""

from __future__ import annotations

import re
from collections import Counter

_counts: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """`Conv2DTranspose` -> `conv2d_transpose`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """A name nobody has had yet: the prefix, then the prefix with a number."""
    prefix = to_snake_case(prefix)
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Start counting anew (`keras.backend.clear_session`)."""
    _counts.clear()
