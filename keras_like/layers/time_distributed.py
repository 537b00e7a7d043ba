"""`TimeDistributed`: a layer, applied to each time step on its own."""

from __future__ import annotations

import inspect
from typing import Any

import treadle as tf
from treadle.keras_like.layers.recurrence import time_major
from treadle.keras_like.layers.staged import Staged
from treadle.keras_like.layers.wrapper import Wrapper


class TimeDistributed(Wrapper):
    """y[:, t] = layer(x[:, t]): [batch, time, ...] -> [batch, time, ...]. One loop, however many steps there are.

    Args:
        layer: the layer.

    Raises InvalidArgumentError for inputs with fewer than three axes, and a mask of other sizes than [batch, time].

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.TimeDistributed(keras.layers.Dense(4))(tf.ones([2, 5, 3])).shape
    TensorShape([2, 5, 4])
    """

    def __init__(self, layer: Any, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True
        self._staged = Staged()

    def build(self, input_shape: Any = None) -> None:
        super().build(_step_shape(input_shape))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        _step_shape(inputs.shape)
        if mask is not None:
            _check_mask(mask, inputs)
        return self._staged(self, self._each_step, inputs, mask, training)

    def _each_step(self, inputs: Any, mask: Any, training: Any) -> Any:
        rows = (time_major(inputs),) if mask is None else (time_major(inputs), time_major(mask))
        named = {"training": training} if _takes(self.layer, "training") else {}

        def step(row: Any) -> Any:
            if mask is not None and _takes(self.layer, "mask"):
                return self.layer(row[0], mask=row[1], **named)
            return self.layer(row[0], **named)

        return time_major(tf.map_fn(step, rows, fn_output_signature=tf.as_dtype(self.layer.compute_dtype)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = self.layer.compute_output_shape(_step_shape(input_shape))
        return (shape[0], input_shape[1], *shape[1:])


def _takes(layer: Any, name: str) -> bool:
    """Whether a layer's `call` has a parameter of that name."""
    return name in inspect.signature(layer.call).parameters


def _step_shape(shape: Any) -> tuple[Any, ...]:
    """The shape without time. Raises InvalidArgumentError for fewer than three axes."""
    if not isinstance(shape, (tuple, list, tf.TensorShape)) or len(shape) < 3:
        raise tf.errors.InvalidArgumentError(
            f"`TimeDistributed` takes inputs with at least 3 axes, [batch, time, ...]. Received: the shape {shape}.")
    return (shape[0], *shape[2:])


def _check_mask(mask: Any, inputs: Any) -> None:
    fits = mask.shape.rank >= 2 and all(
        a is None or b is None or a == b for a, b in zip(mask.shape[:2], inputs.shape[:2]))
    if not fits:
        raise tf.errors.InvalidArgumentError(
            f"The mask's first axes must be the inputs', [batch, time]. Received: a mask of shape {mask.shape} for inputs of "
            f"shape {inputs.shape}.")
