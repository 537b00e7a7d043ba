"""The Keras-like API: the public path of `treadle.keras_like`."""

from treadle.keras import datasets

__all__ = ["datasets"]
