"""`keras.utils`."""

from treadle.keras_like.callbacks.progress import Progbar
from treadle.keras_like.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight

__all__ = ["Progbar", "pack_x_y_sample_weight", "unpack_x_y_sample_weight"]
