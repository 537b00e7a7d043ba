"""Data sets: `digits` ships inside the package; others are looked for in the Keras cache folder."""

from treadle.keras_like.datasets import digits, mnist

__all__ = ["digits", "mnist"]
