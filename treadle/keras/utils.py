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
from treadle.keras_like.core.scopes import get_source_inputs, is_keras_tensor
from treadle.keras_like.core.session import Config, clear_session, set_random_seed
from treadle.keras_like.core.settings import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from treadle.keras_like.ops.promotion import standardize_dtype
from treadle.keras_like.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from treadle.keras_like.utils import bounding_boxes
from treadle.keras_like.utils.audio_directory import audio_dataset_from_directory
from treadle.keras_like.utils.feature_space import FeatureSpace
from treadle.keras_like.utils.files import get_file
from treadle.keras_like.utils.image_directory import image_dataset_from_directory
from treadle.keras_like.utils.images import array_to_img, img_to_array, load_img, save_img
from treadle.keras_like.utils.numbers import normalize, to_categorical
from treadle.keras_like.utils.plot_model import model_to_dot, plot_model
from treadle.keras_like.utils.py_dataset import PyDataset
from treadle.keras_like.utils.py_dataset import PyDataset as Sequence
from treadle.keras_like.utils.sequences import pad_sequences
from treadle.keras_like.utils.splitting import split_dataset
from treadle.keras_like.utils.text_directory import text_dataset_from_directory
from treadle.keras_like.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "Config", "CustomObjectScope", "FeatureSpace", "Progbar", "PyDataset", "Sequence", "array_to_img",
    "audio_dataset_from_directory", "bounding_boxes", "clear_session", "custom_object_scope",
    "deserialize_keras_object", "disable_interactive_logging", "enable_interactive_logging", "get_custom_objects",
    "get_file", "get_registered_name", "get_registered_object", "get_source_inputs", "image_dataset_from_directory",
    "img_to_array", "is_interactive_logging_enabled", "is_keras_tensor", "load_img", "model_to_dot", "normalize",
    "pack_x_y_sample_weight", "pad_sequences", "plot_model", "register_keras_serializable", "save_img",
    "serialize_keras_object", "set_random_seed", "split_dataset", "standardize_dtype", "text_dataset_from_directory",
    "timeseries_dataset_from_array", "to_categorical", "unpack_x_y_sample_weight",
]
