"""`LossScaleOptimizer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers import registry
from treadle.keras_like.optimizers.base import Optimizer, is_ours

_UNSUPPORTED = {"weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False,
                "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
                "gradient_accumulation_steps": None}


class LossScaleOptimizer(Optimizer):
    """Another optimizer, for float16: the loss is scaled up so that its gradients do not vanish, the gradients back down.

    A step whose gradients are not all finite is skipped, and the scale is halved; after `dynamic_growth_steps` finite ones
    in a row it is doubled. In a loop of your own, differentiate `optimizer.scale_loss(loss)`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5), initial_scale=8.0)
    >>> _ = optimizer.apply_gradients([(tf.constant(8.0), w)])
    >>> _ = optimizer.apply_gradients([(tf.constant(float("inf")), w)])
    >>> float(w), float(optimizer.dynamic_scale)
    (0.5, 4.0)
    """

    def __init__(self, inner_optimizer: Optimizer, initial_scale: float = 2.0**15, dynamic_growth_steps: int = 2000,
                 name: str | None = None, **kwargs: Any):
        if not kwargs.pop("dynamic", True):
            raise tf.errors.InvalidArgumentError(
                "The scale is always dynamic. Received: dynamic=False. For a fixed one set `loss_scale_factor` on the "
                "inner optimizer.")
        for key, default in _UNSUPPORTED.items():
            if kwargs.pop(key, default) != default:
                raise tf.errors.InvalidArgumentError(
                    f"`LossScaleOptimizer` does not take `{key}`. Give it to the inner optimizer.")
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer._sums_over_replicas = False  # this one does
        inner_optimizer.loss_scale_factor = None  # else gradients would be divided twice
        # Here, not in `build`: a compiled step scales the loss before it knows the variables.
        self.step_counter = self.add_variable((), dtype="int64", name="step_counter")
        self.dynamic_scale = self.add_variable((), tf.initializers.Constant(initial_scale), "float32", name="dynamic_scale")

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            self.inner_optimizer.build(variables)
            super().build(variables)

    @property
    def variables(self) -> list[Any]:
        return [*self._variables, *self.inner_optimizer.variables]

    def _compiles(self, variables: Sequence[Any]) -> bool:
        inner = self.inner_optimizer
        return super()._compiles(variables) and inner._compiles(variables) and is_ours(inner._learning_rate)

    def _settings(self) -> Any:
        return self._revision, self.inner_optimizer._settings()

    def _step(self, grads: list[Any], variables: list[Any]) -> None:
        finite = tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(g)) for g in grads]))
        tf.cond(finite, lambda: self._finite_step(grads, variables), self._skipped_step)

    def _finite_step(self, grads: list[Any], variables: list[Any]) -> None:
        scale = tf.convert_to_tensor(self.dynamic_scale)
        # In 32 bits at least: the scale itself may not fit into 16.
        wide = [tf.cast(g, tf.float64 if v.dtype == tf.float64 else tf.float32) for g, v in zip(grads, variables)]
        grads = [tf.cast(g / tf.cast(scale, g.dtype), v.dtype) for g, v in zip(wide, variables)]
        self.inner_optimizer.apply(grads, variables)
        grows = self.step_counter == self.dynamic_growth_steps - 1
        self.dynamic_scale.assign(tf.where(grows, scale * 2.0, scale))
        self.step_counter.assign(tf.where(grows, tf.zeros_like(self.step_counter), self.step_counter + 1))

    def _skipped_step(self) -> None:
        self.step_counter.assign(0)
        self.dynamic_scale.assign(self.dynamic_scale * 0.5)

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    lr = learning_rate

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale as it is now."""
        return loss * tf.cast(self.dynamic_scale, loss.dtype)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "inner_optimizer": registry.serialize(self.inner_optimizer),
                "initial_scale": self.initial_scale, "dynamic_growth_steps": self.dynamic_growth_steps}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        rest = dict(config)
        return cls(registry.deserialize(rest.pop("inner_optimizer"), custom_objects), **rest)
