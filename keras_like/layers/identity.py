"""Layers without a computation of their own: Identity, Lambda, Masking, InputLayer, ActivityRegularization."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred, make_input
from treadle.keras_like.core.descriptions import from_description
from treadle.keras_like.core.regularizers import L1L2
from treadle.keras_like.layers.activation import Elementwise
from treadle.keras_like.layers.built_in import BuiltIn


class Identity(BuiltIn):
    """The input itself.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Identity()(tf.constant([1.0])).numpy().tolist()
    [1.0]
    """

    supports_masking = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Masking(Elementwise):
    """Steps whose features all equal `mask_value` are masked (and set to 0) for the layers that follow.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Masking().compute_mask(tf.constant([[[0.0, 0.0], [0.0, 1.0]]])).numpy().tolist()
    [[False, True]]
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def call(self, inputs: Any) -> Any:
        return tf.where(tf.expand_dims(self.compute_mask(inputs), -1), inputs, tf.zeros_like(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return tf.reduce_any(tf.not_equal(inputs, tf.cast(self.mask_value, inputs.dtype)), axis=-1)


class ActivityRegularization(Elementwise):
    """The input itself; (l1 * sum |x| + l2 * sum x^2) / batch size is added to the losses.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.ActivityRegularization(l1=0.5)
    >>> _ = layer(tf.constant([1.0, -3.0]))
    >>> [float(loss) for loss in layer.losses]
    [1.0]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]
        return config


class Lambda(BuiltIn):
    """A function as a layer.

    Args:
        function: of the inputs; it is told `mask` and `training` if it has parameters of these names.
        output_shape: the output's shape without the batch, or a function of the input's. Default: found by tracing.
        mask: the output's mask, or a function of (inputs, mask). Default: none.
        arguments: keyword arguments for the function.

    Weights the function uses are not tracked: write a subclass of `Layer` for that.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Lambda(lambda x: x ** 2)(tf.constant([3.0])).numpy().tolist()
    [9.0]
    """

    def __init__(self, function: Callable, output_shape: Any = None, mask: Any = None, arguments: dict | None = None,
                 **kwargs: Any):
        super().__init__(**kwargs)
        if not callable(function):
            raise tf.errors.DtypeError(f"`Lambda` takes a function. Received: {function!r}.")
        self.function, self.arguments = function, arguments or {}
        self.output_shape, self.mask = output_shape, mask
        self.supports_masking = mask is not None

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        names = inspect.signature(self.function).parameters
        told = {k: v for k, v in (("mask", mask), ("training", training)) if k in names}
        return tf.autograph.tf_convert(self.function)(inputs, **{**self.arguments, **told})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self.output_shape):
            return tuple(self.output_shape(input_shape))
        batch = tf.nest.flatten(input_shape)[0]
        return (batch, *((self.output_shape,) if isinstance(self.output_shape, int) else self.output_shape))

    def get_config(self) -> dict[str, Any]:
        """The function itself is in the configuration: a copy can be made of it, a file cannot hold it by value."""
        return {**super().get_config(), "function": self.function, "output_shape": self.output_shape, "mask": self.mask}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        functions = {k: from_description(v, custom_objects) if isinstance(v, Mapping) else v for k, v in config.items()
                     if k in ("function", "output_shape", "mask")}
        return super().from_config({**config, **functions})


class InputLayer(BuiltIn):
    """The place of a model's input; `keras.Input(...)` is the usual way to make one. `output` is the symbolic tensor.

    Args:
        shape: the input's shape without the batch.
        batch_size: default: open.
        dtype: default: `keras.config.floatx()`.
        batch_shape: the shape with the batch, in place of `shape` and `batch_size`.
        input_tensor: an existing symbolic tensor.
        optional: the model may be given None for this input. Default False.
        name: the input's name.

    >>> from treadle import keras
    >>> keras.layers.InputLayer(shape=(3,)).output.shape
    TensorShape([None, 3])
    """

    def __init__(self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: bool | None = None,
                 ragged: bool | None = None, batch_shape: Any = None, input_tensor: Any = None, optional: bool = False,
                 name: str | None = None, **kwargs: Any):
        super().__init__(name=name)
        if sparse or ragged:
            raise tf.errors.UnimplementedError(
                f"Inputs are dense tensors. Received: sparse={sparse}, ragged={ragged}. Pad ragged data and mask it.")
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise tf.errors.DtypeError(f"`InputLayer` has no argument {next(iter(kwargs))!r}.")
        if batch_shape is not None and (shape is not None or batch_size is not None):
            raise tf.errors.InvalidArgumentError(
                f"Give `batch_shape`, or `shape` and `batch_size`. Received: shape={shape}, batch_size={batch_size}, "
                f"batch_shape={batch_shape}.")
        if input_tensor is not None and not is_deferred(input_tensor):
            raise tf.errors.DtypeError(f"`input_tensor` must be symbolic. Received: {input_tensor!r}.")
        self._tensor = input_tensor if input_tensor is not None else make_input(
            shape, batch_size, dtype, name=self.name, batch_shape=batch_shape)
        self._tensor._input_layer = self
        self.optional = optional
        self._built = True

    input = output = property(lambda self: self._tensor, doc="The symbolic tensor.")

    @property
    def batch_shape(self) -> tuple:
        """The input's shape, the batch's axis included."""
        return tuple(self.output.shape)

    @property
    def dtype(self) -> str:
        """The input's dtype."""
        return self.output.dtype.name

    def call(self, inputs: Any = None) -> Any:
        return inputs

    def get_build_config(self) -> None:
        """None: there is nothing to build."""

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": self.batch_shape, "dtype": self.dtype, "sparse": False, "ragged": False, "name": self.name,
                "optional": self.optional}


def input_layer_of(tensor: Any) -> InputLayer:
    """The layer that stands for a symbolic tensor where it is a model's input; always the same one."""
    found = getattr(tensor, "_input_layer", None)
    numbered = tensor.name.rpartition("_")[0] == "keras_tensor" or tensor.name == "keras_tensor"
    return InputLayer(input_tensor=tensor, name=None if numbered else tensor.name) if found is None else found
