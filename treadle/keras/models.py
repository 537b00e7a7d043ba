"""`keras.models`."""

from treadle.keras_like.core.registry import publish
from treadle.keras_like.models.cloning import clone_model
from treadle.keras_like.models.model import Model
from treadle.keras_like.models.sequential import Sequential
from treadle.keras_like.saving.model_files import load_model, model_from_json, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

publish(__name__)
