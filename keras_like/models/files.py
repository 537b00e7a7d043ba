"""`ModelFiles`: what a model can do with files - and with configurations, which the files hold."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.registry import get_registered_object
from treadle.keras_like.saving import model_files
from treadle.keras_like.saving.export_archive import export_model

_COMPILED = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile")


class ModelFiles:
    """Mixed into `Model`."""

    def to_json(self, **kwargs: Any) -> str:
        """What the model is made of, without weights, as JSON: for `keras.models.model_from_json`.

        Args:
            kwargs: for `json.dumps`.
        """
        return json.dumps(describe(self), **kwargs)

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Save the model - what it is made of, its weights, the optimizer and its state - in one file.

        Keras reads the file, and `fit` goes on there or here. At any moment the file is the one before or the new one.

        Args:
            filepath: a path that ends in ".keras".
            overwrite: whether a file that is there may be replaced. Default True.

        Raises InvalidArgumentError for other paths, UnimplementedError for a model with something that cannot be saved.
        """
        model_files.save_model(self, filepath, overwrite, zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Save the weights, and the optimizer's state, in a file that Keras reads too.

        Args:
            filepath: a path that ends in ".weights.h5".
            overwrite: whether a file that is there may be replaced. Default True.
            objects_to_skip: layers whose weights are left out.
        """
        model_files.save_weights(self, filepath, overwrite, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load weights that `save_weights` saved, here or in Keras; or those of a `.keras` file. All of them or none.

        Args:
            skip_mismatch: leave layers as they are whose weights are not in the file or have other shapes. Default False.
            objects_to_skip: layers that stay as they are.

        Raises ModelFileError if the file is damaged or does not fit; the weights are then as they were.
        """
        model_files.load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(self, filepath: Any, format: str = "stablehlo", verbose: bool | None = None, input_signature: Any = None,
               **kwargs: Any) -> None:
        """Export the compiled forward computation and its weights in one file, for `keras.export.load` and plain JAX.

        Args:
            format: "stablehlo", the only one. (Keras' default is TensorFlow's SavedModel.)
            verbose: whether to print what was written. Default True.
            input_signature: a list with the model's input as `tf.TensorSpec`s. Default: the model's inputs, or what it was
                called on, with an open batch size.
            platforms: a list of "cpu", "cuda", "rocm", "tpu". Default: the one here.

        Raises UnimplementedError for a model that JAX cannot export so, for one that assigns to variables, and for other
        formats.
        """
        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    # --- configurations ---

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given; empty for a model that was not compiled."""
        given = getattr(self, "_compile_config", None)
        if not getattr(self, "compiled", False) or given is None:
            return {}
        optimizer = given.get("optimizer")
        if not hasattr(optimizer, "get_config"):  # a name, or a configuration
            optimizer = self.optimizer  # type: ignore[attr-defined]
            if given.get("auto_scale_loss", True):  # what `compile` put around it, it puts around it again
                optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        return {"optimizer": describe(optimizer), **{k: describe(given[k]) for k in _COMPILED if k in given}}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` says, and make the optimizer's variables."""
        compile: Any = type(self).compile  # type: ignore[attr-defined]
        if not compile.__module__.startswith("treadle."):
            warnings.warn(
                f"`{type(self).__name__}` defines `compile`, so it was not compiled when it was loaded. Define "
                "`get_compile_config` and `compile_from_config` too, or call `compile` now.", stacklevel=2)
            return
        given = from_description(config)
        for part in ("loss", "metrics", "weighted_metrics"):
            given[part] = _with_customs(given.get(part))
        self.compile(**given)  # type: ignore[attr-defined]
        if self.built and self.optimizer is not None:  # type: ignore[attr-defined]
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    def build_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Make the weights again that were there when `get_build_config` was called."""
        try:
            super().build_from_config(config)  # type: ignore[misc]
        except (tf.errors.OpError, TypeError, ValueError) as error:
            warnings.warn(
                f"The model {self.name!r} could not be built from {dict(config or {})}: "  # type: ignore[attr-defined]
                f"{model_files.first_line(error)}. Define `get_build_config` and `build_from_config`.", stacklevel=2)


def _with_customs(given: Any) -> Any:
    """Names of custom losses and metrics as what they stand for now."""
    if isinstance(given, str):
        found = get_registered_object(given)
        return given if found is None else found
    if isinstance(given, (list, tuple)):
        return [_with_customs(one) for one in given]
    return {k: _with_customs(v) for k, v in given.items()} if isinstance(given, Mapping) else given
