"""`keras.layers`."""

from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.dense import Dense

__all__ = ["Dense", "Layer"]
