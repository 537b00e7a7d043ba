"""Layers that prepare data: they take Python lists, NumPy arrays and tensors alike, and may work on the host.

`DataLayer` computes with ops. `HostLayer` computes with NumPy on strings or integers; a compiled function has integers only,
since XLA has no strings.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.deferred import holds_deferred, is_deferred
from treadle.keras_like.layers.built_in import BuiltIn


def as_data(value: Any) -> Any:
    """A list, number, string or array as a tensor; tensors and symbolic inputs as they are."""
    if isinstance(value, (tf.Tensor, tf.Variable)) or is_deferred(value):
        return value
    return tf.convert_to_tensor(value)


def batches_of(data: Any, steps: int | None = None) -> Any:
    """The batches in what `adapt` was given: those of a data set or generator, or the data as a whole."""
    if isinstance(data, (list, tuple, np.ndarray, tf.Tensor, tf.Variable)) or not hasattr(data, "__iter__"):
        if steps is not None:
            raise tf.errors.InvalidArgumentError(f"`steps` is for data sets and generators. Received: steps={steps}.")
        return [data]
    if steps is None:
        return data
    return (batch for _, batch in zip(range(steps), data))


class Edition:
    """Counts how often what a layer has learned was replaced, so that a function compiled before does not go on unnoticed."""

    def __init__(self) -> None:
        self.count = 0
        with tf.init_scope():
            self._variable = tf.Variable(0, trainable=False, name="edition")

    def change(self) -> None:
        """What was learned is another now."""
        self.count += 1
        self._variable.assign(self.count)

    def check(self, layer: Any) -> None:
        """Have a function that is being compiled check, when it runs, that nothing changed since."""
        if not tf.executing_eagerly():
            tf.debugging.assert_equal(
                self._variable, self.count, message=f"The layer {layer.name!r} was adapted anew after a function that calls "
                "it had been compiled. Adapt it before the function is called for the first time, or compile anew: "
                "`tf.function(f)`, `model.compile(...)`.")


class DataLayer(BuiltIn):
    """A layer whose input may be a Python list or number."""

    _fuses = False  # `adapt` changes what it has learned

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(as_data(inputs), *args, **kwargs)


class HostLayer(DataLayer):
    """A layer that computes with NumPy. Subclasses define `on_host`, `compute_output_shape` and `output_dtype`."""

    # Whether open sizes of the outputs are those of the inputs; if not, the batch's alone is.
    keeps_sizes = True

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        """There are no weights."""

    def on_host(self, *arrays: np.ndarray) -> np.ndarray:
        """The computation, on NumPy arrays; strings are arrays of bytes objects."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `on_host`.")

    @property
    def output_dtype(self) -> str:
        """The dtype of the outputs."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `output_dtype`.")

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        inputs = self.arranged(inputs)
        if holds_deferred(inputs):
            return self._deferred(inputs)
        return super(DataLayer, self).__call__(inputs, *args, **kwargs)

    def arranged(self, inputs: Any) -> Any:
        """The inputs as tensors."""
        return as_data(inputs)

    def call(self, inputs: Any) -> Any:
        given = tf.nest.flatten(inputs)
        if not any(map(tf.is_symbolic_tensor, given)):
            return tf.convert_to_tensor(self.on_host(*(np.asarray(x) for x in given)))
        return tf.numpy_function(self.on_host, given, self.compute_output_spec(inputs))

    def compute_output_spec(self, inputs: Any) -> Any:
        """The `TensorSpec` of the output for inputs of given specs."""
        shape = self.compute_output_shape(tf.nest.map_structure(lambda x: tuple(x.shape), inputs))
        return tf.TensorSpec(shape, self.output_dtype)

    def _deferred(self, inputs: Any) -> Any:
        """The call on symbolic inputs (`keras.Input`): noted, with the shape as the layer says."""
        given = tf.nest.flatten(inputs)
        fresh = tf.deferred.deferred_input(self.compute_output_spec(inputs), self.name).type
        first = given[0].type
        axes = len(first.shape) if self.keeps_sizes else 1
        same = {str(a): b for a, b in zip(fresh.shape, first.shape[:axes]) if not isinstance(a, int) and not isinstance(b, int)}

        def run(sizes: Any, *values: Any) -> list[Any]:
            return [self(tf.nest.pack_sequence_as(inputs, list(values)))]

        output, = tf.deferred.defer(run, given, [fresh.substitute(same)], self.name, self, ((inputs,), {}))
        self._inbound.append((inputs, output))
        return output

