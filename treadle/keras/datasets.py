"""Data sets."""

from treadle.keras_like.datasets import digits, mnist

__all__ = ["digits", "mnist"]
