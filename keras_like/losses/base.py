"""`Loss`: a function of (y_true, y_pred) that gives a value per example, and a reduction to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.fused import Fusing, fused
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.overrides import convert_overrides, shield
from treadle.keras_like.core.policy import as_policy, floatx
from treadle.keras_like.core.tracking import holds_tensor, mask_of
from treadle.keras_like.losses.weighting import as_tensor, check_reduction, reduce_weighted, same_rank


class Reduction:
    """Names of reductions, as programs for TensorFlow 2 spell them: `Reduction.NONE` is "none"."""

    AUTO = "auto"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


class Loss(Fusing):
    """Base class. Subclasses define `call(y_true, y_pred)`, which returns a value per example.

    Args:
        name: default: the class's name in snake case.
        reduction: "sum_over_batch_size" (default; the sum over the number of values), "mean" (the same), "sum",
            "mean_with_sample_weight" (the sum over the sum of the weights), "none" or None.
        dtype: the dtype of the computation. Default: `keras.config.floatx()`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Squared(keras.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    >>> float(Squared()([[1.0], [2.0]], [[2.0], [4.0]], sample_weight=[1.0, 0.5]))
    1.5
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        convert_overrides(cls, ("call", "__call__"))
        shield(cls)

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        self.name = name or auto_name(type(self).__name__)
        self.reduction = check_reduction(reduction)
        self._dtype = as_policy(dtype or floatx()).compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A value per example. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `call`.")

    @tf.debugging.filter_traceback
    @fused
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss. `sample_weight` broadcasts to the values; masks of `y_pred` and of the values leave entries out."""
        with tf.name_scope(self.name):
            mask = mask_of(y_pred)
            y_true, y_pred = self._as_targets(y_true), self._as_tensors(y_pred)
            values = self.call(y_true, y_pred)
            of_values = mask_of(values)
            if of_values is not None:
                mask = of_values if mask is None else tf.logical_and(mask, of_values)
            return reduce_weighted(values, sample_weight, mask, self.reduction, self._dtype)

    def _as_tensors(self, value: Any) -> Any:
        """A tensor; for structures of tensors or arrays, the same of tensors. Nested lists of numbers are one tensor."""
        if isinstance(value, (list, tuple)) and not holds_tensor(value):
            return as_tensor(value, self._dtype)
        return tf.nest.map_structure(lambda leaf: as_tensor(leaf, self._dtype), value)

    def _as_targets(self, value: Any) -> Any:
        return self._as_tensors(value)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """The loss of a configuration."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """The loss of a function `fn(y_true, y_pred, **kwargs)` that returns a value per example.

    >>> from treadle.keras_like.losses.base import LossFunctionWrapper
    >>> float(LossFunctionWrapper(lambda y_true, y_pred: abs(y_true - y_pred))([1.0, 2.0], [2.0, 5.0]))
    2.0
    """

    def __init__(self, fn: Callable, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if isinstance(y_true, tf.Tensor) and isinstance(y_pred, tf.Tensor):
            y_true, y_pred = same_rank(y_true, y_pred)
        return tf.autograph.tf_convert(self.fn)(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": describe(self.fn), **describe(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        if isinstance(config.get("fn"), dict):
            config = {**config, "fn": from_description(config["fn"])}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


class FunctionLoss(LossFunctionWrapper):
    """A built-in loss: its class fixes the function, and its arguments are attributes and entries of the configuration."""

    def __init__(self, fn: Callable, reduction: str | None, name: str | None, dtype: Any, **kwargs: Any):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **kwargs)
        vars(self).update(kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
