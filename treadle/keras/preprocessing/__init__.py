"""`keras.preprocessing`: older places of names in `keras.utils`."""

from treadle.keras.preprocessing import image, sequence, text
from treadle.keras_like.utils.image_directory import image_dataset_from_directory
from treadle.keras_like.utils.text_directory import text_dataset_from_directory
from treadle.keras_like.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "image", "image_dataset_from_directory", "sequence", "text", "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
