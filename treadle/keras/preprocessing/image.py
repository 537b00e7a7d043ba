"""`keras.preprocessing.image`."""

from treadle.keras_like.images.resizing import smart_resize
from treadle.keras_like.utils.image_directory import image_dataset_from_directory
from treadle.keras_like.utils.images import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "image_dataset_from_directory", "img_to_array", "load_img", "save_img", "smart_resize"]
