"""The Keras-like API: the public path of `treadle.keras_like`."""

from treadle.keras import activations, constraints, datasets, initializers, layers, regularizers
from treadle.keras_like.core.deferred import make_input as Input
from treadle.keras_like.core.policy import DTypePolicy
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.model import Model
from treadle.keras_like.models.sequential import Sequential

__all__ = [
    "DTypePolicy", "Functional", "Input", "Model", "Sequential", "Variable", "activations", "constraints", "datasets",
    "initializers", "layers", "regularizers",
]
