"""`Sequential`: layers in a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred, make_input
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.model import Model


class Sequential(Model):
    """Layers, each called on the result of the one before.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    >>> model(tf.ones([2, 3])).shape
    TensorShape([2, 1])
    """

    def __init__(self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None, **kwargs: Any):
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._rows: list[Layer] = []
        self._input: Any = None
        for layer in layers or []:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers."""
        return list(self._rows)

    def add(self, layer: Any) -> None:
        """Append a layer, or a `keras.Input` in the first place."""
        if is_deferred(layer):
            if self._rows or self._input is not None:
                raise tf.errors.InvalidArgumentError("An `Input` must be the first thing in a Sequential model.")
            self._input = layer
            return
        if callable(layer) and not isinstance(layer, Layer):
            raise tf.errors.DtypeError(
                f"A Sequential model is made of layers. Received: {layer!r}. Wrap functions in `keras.layers.Lambda`.")
        if any(layer is other or layer.name == other.name for other in self._rows):
            raise tf.errors.InvalidArgumentError(
                f"Layers of a model must have different names. Received: a second layer called {layer.name!r}.")
        if not self._rows and self._input is None and layer._batch_input_shape is not None:
            self._input = make_input(batch_shape=layer._batch_input_shape, dtype=layer.compute_dtype,
                                     name=f"{layer.name}_input")
        self._rows.append(layer)
        self._built = False
        if self._input is not None:
            self.build()

    def pop(self) -> Layer:
        """Remove the last layer and return it."""
        layer = self._rows.pop()
        self._built = False
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape (that of the `Input`, if there is one)."""
        if self._input is not None and all(row.built for row in self._rows[:-1]):
            self._graph(self._input)
        elif input_shape is not None:
            self._graph(make_input(batch_shape=input_shape, dtype=self.compute_dtype, name=auto_name("keras_tensor")))
        self._built = bool(self._rows)

    def _graph(self, tensor: Any) -> Functional:
        """The same layers as a functional model from a symbolic input."""
        outputs = tensor
        for row in self._rows:
            outputs = row(outputs)
        return Functional(tensor, outputs)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Each layer on the result of the one before."""
        for row in self._rows:
            inputs = row(inputs)
        return inputs
