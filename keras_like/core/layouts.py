"""Which `keras.distribution` is in force, for those who make weights and train models."""

from __future__ import annotations

from typing import Any


class _Now:
    distribution: Any = None


def distribution() -> Any:
    """The distribution that `keras.distribution.set_distribution` set, or None."""
    return _Now.distribution


def set_distribution(value: Any) -> None:
    """Set the distribution for the models that are made from now on; None: none."""
    _Now.distribution = value


def strategy() -> Any:
    """The strategy that splits batches, or None."""
    return None if _Now.distribution is None else _Now.distribution.strategy


def place(variable: Any) -> None:
    """Lay out a weight that was made just now, by its path."""
    if _Now.distribution is not None:
        _Now.distribution.place(variable)
