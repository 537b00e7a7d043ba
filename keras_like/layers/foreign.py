"""Layers of Keras that wrap another library's model, and what to do in their place."""

from __future__ import annotations

from typing import Any, NoReturn

import treadle as tf
from treadle.keras_like.core.layer import Layer


class TFSMLayer(Layer):
    """Not available: running a TensorFlow SavedModel takes TensorFlow. Raises UnimplementedError with what to do instead."""

    def __init__(self, filepath: Any, call_endpoint: str = "serve", call_training_endpoint: str | None = None,
                 trainable: bool = True, name: str | None = None, dtype: Any = None) -> NoReturn:
        raise tf.errors.UnimplementedError(
            f"`TFSMLayer` runs a SavedModel, whose operations are TensorFlow's. Received: filepath={filepath!r}. Where "
            "TensorFlow is installed, load the model there and save it as a '.keras' file or its weights as '.weights.h5': "
            "`keras.models.load_model` and `load_weights` read both. For serving, `model.export` writes StableHLO.")


class TorchModuleWrapper(Layer):
    """Not available: running a PyTorch module takes PyTorch. Raises UnimplementedError with what to do instead."""

    def __init__(self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any) -> NoReturn:
        raise tf.errors.UnimplementedError(
            f"`TorchModuleWrapper` runs a PyTorch module, which is no part of a compiled program. Received: a "
            f"{type(module).__name__}. Write the computation as a `keras.layers.Layer` and set its weights from "
            "`module.state_dict()`; to call the module as it is, without gradients, use `tf.py_function`.")
