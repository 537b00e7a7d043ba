"""`keras.utils`."""

from treadle.keras_like.callbacks.progress import Progbar
from treadle.keras_like.core.descriptions import describe as serialize_keras_object
from treadle.keras_like.core.descriptions import from_description as deserialize_keras_object
from treadle.keras_like.core.registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from treadle.keras_like.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from treadle.keras_like.utils import bounding_boxes
from treadle.keras_like.utils.audio_directory import audio_dataset_from_directory
from treadle.keras_like.utils.feature_space import FeatureSpace
from treadle.keras_like.utils.image_directory import image_dataset_from_directory
from treadle.keras_like.utils.images import array_to_img, img_to_array, load_img, save_img
from treadle.keras_like.utils.numbers import normalize, to_categorical
from treadle.keras_like.utils.plot_model import model_to_dot, plot_model
from treadle.keras_like.utils.sequences import pad_sequences
from treadle.keras_like.utils.splitting import split_dataset
from treadle.keras_like.utils.text_directory import text_dataset_from_directory
from treadle.keras_like.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "CustomObjectScope", "FeatureSpace", "Progbar", "array_to_img", "audio_dataset_from_directory", "bounding_boxes",
    "custom_object_scope", "deserialize_keras_object", "get_custom_objects", "get_registered_name",
    "get_registered_object", "image_dataset_from_directory", "img_to_array", "load_img", "model_to_dot", "normalize",
    "pack_x_y_sample_weight", "pad_sequences", "plot_model", "register_keras_serializable", "save_img",
    "serialize_keras_object", "split_dataset", "text_dataset_from_directory", "timeseries_dataset_from_array",
    "to_categorical", "unpack_x_y_sample_weight",
]
