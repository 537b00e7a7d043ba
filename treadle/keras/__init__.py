"""The Keras-like API: the public path of `treadle.keras_like`."""

from treadle.deferred import DeferredTensor as KerasTensor
from treadle.initializers import Initializer
from treadle.keras import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    distribution,
    dtype_policies,
    export,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    saving,
    tree,
    utils,
)
from treadle.keras_like.core.deferred import make_input as Input
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.policy import DTypePolicy
from treadle.keras_like.core.policy import DTypePolicy as FloatDTypePolicy
from treadle.keras_like.core.registry import publish
from treadle.keras_like.core.regularizers import Regularizer
from treadle.keras_like.core.scopes import Function, Operation, RematScope, StatelessScope, SymbolicScope, device
from treadle.keras_like.core.settings import version
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.losses.base import Loss
from treadle.keras_like.metrics.base import Metric
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.model import Model
from treadle.keras_like.models.sequential import Sequential
from treadle.keras_like.optimizers.base import Optimizer
from treadle.runtime.custom_gradient import recompute_grad as remat
from treadle.runtime.module import name_scope
from treadle.version import VERSION

__version__ = VERSION

__all__ = [
    "DTypePolicy", "FloatDTypePolicy", "Function", "Functional", "Initializer", "Input", "InputSpec", "KerasTensor",
    "Layer", "Loss", "Metric", "Model", "Operation", "Optimizer", "Regularizer", "RematScope", "Sequential",
    "StatelessScope", "SymbolicScope", "Variable", "activations", "backend", "callbacks", "config", "constraints",
    "datasets", "device", "distribution", "dtype_policies", "export", "initializers", "layers", "losses", "metrics",
    "mixed_precision", "models", "name_scope", "ops", "optimizers", "preprocessing", "random", "regularizers",
    "remat", "saving", "tree", "utils", "version",
]

publish(__name__)
