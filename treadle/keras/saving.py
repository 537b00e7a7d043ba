"""`keras.saving`."""

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
from treadle.keras_like.saving.errors import ModelFileError
from treadle.keras_like.saving.model_files import load_model, load_weights, save_model, save_weights

__all__ = [
    "CustomObjectScope", "ModelFileError", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_weights", "register_keras_serializable",
    "save_model", "save_weights", "serialize_keras_object",
]
