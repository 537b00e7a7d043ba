"""The small number that keeps denominators and logarithms away from zero."""

from __future__ import annotations

_epsilon = 1e-7


def epsilon() -> float:
    """1e-7, or what `set_epsilon` was given.

    >>> from treadle.keras_like.core.epsilon import epsilon
    >>> epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Change `epsilon()`."""
    global _epsilon
    _epsilon = float(value)
