"""The Keras-like API: the public path of `treadle.keras_like`."""

from treadle.keras import (
    activations,
    callbacks,
    constraints,
    datasets,
    export,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    utils,
)
from treadle.keras_like.core.deferred import make_input as Input
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.policy import DTypePolicy
from treadle.keras_like.core.registry import publish
from treadle.keras_like.core.regularizers import Regularizer
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.losses.base import Loss
from treadle.keras_like.metrics.base import Metric
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.model import Model
from treadle.keras_like.models.sequential import Sequential
from treadle.keras_like.optimizers.base import Optimizer

__all__ = [
    "DTypePolicy", "Functional", "Input", "InputSpec", "Layer", "Loss", "Metric", "Model", "Optimizer", "Regularizer",
    "Sequential", "Variable", "activations", "callbacks", "constraints", "datasets", "export", "initializers", "layers", "losses",
    "metrics", "models", "ops", "optimizers", "random", "regularizers", "saving", "utils",
]

publish(__name__)
