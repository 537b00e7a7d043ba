"""`keras.preprocessing.sequence`."""

from treadle.keras_like.utils.sequences import pad_sequences

__all__ = ["pad_sequences"]
