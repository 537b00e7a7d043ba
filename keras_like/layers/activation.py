"""Activations as layers: Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.built_in import BuiltIn


class Elementwise(BuiltIn):
    """A layer whose output has the shape of the input."""

    supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)


class Activation(Elementwise):
    """An activation, by its name or as a function, as a layer.

    >>> from treadle import keras
    >>> import treadle as tf
    >>> keras.layers.Activation("relu")(tf.constant([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self._keep({"activation": activation})

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


def _non_negative(value: Any, name: str) -> Any:
    if value is None or value < 0:
        raise tf.errors.InvalidArgumentError(f"`{name}` is a number, at least 0. Received: {name}={value!r}.")
    return value


class ReLU(Elementwise):
    """x where x >= threshold (at most max_value), else negative_slope * (x - threshold).

    Args:
        max_value: default: no limit.
        negative_slope, threshold: default 0.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ReLU(max_value=1.0)(tf.constant([-1.0, 0.5, 2.0])).numpy().tolist()
    [0.0, 0.5, 1.0]
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_value = max_value if max_value is None else _non_negative(max_value, "max_value")
        self.negative_slope = _non_negative(negative_slope, "negative_slope")
        self.threshold = _non_negative(threshold, "threshold")

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, negative_slope=self.negative_slope, max_value=self.max_value,
                                threshold=self.threshold)


class LeakyReLU(Elementwise):
    """x for x > 0, else negative_slope * x. Default slope 0.3; `alpha` is an older name for it.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.LeakyReLU(0.5)(tf.constant([-1.0, 2.0])).numpy().tolist()
    [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = _non_negative(negative_slope, "negative_slope")

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


class PReLU(Elementwise):
    """x for x > 0, else alpha * x, with a weight alpha for each element of the input.

    Args:
        alpha_initializer: default "zeros".
        alpha_regularizer, alpha_constraint: default: none.
        shared_axes: axes along which one alpha serves all; [1, 2] for images makes one for each channel.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.PReLU("ones")(tf.constant([[-1.0, 2.0]])).numpy().tolist()
    [[-1.0, 2.0]]
    """

    casts_integers = True

    def __init__(self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
                 shared_axes: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._keep(dict(alpha_initializer=alpha_initializer, alpha_regularizer=alpha_regularizer,
                        alpha_constraint=alpha_constraint))
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes and list(shared_axes)

    def build(self, input_shape: Any) -> None:
        shared = self.shared_axes or []
        self.input_spec = InputSpec(ndim=len(input_shape), axes={
            i: n for i, n in enumerate(input_shape) if i and i not in shared})
        self.alpha = self._weight("alpha", tuple(1 if i in shared else n for i, n in enumerate(input_shape) if i))

    def call(self, inputs: Any) -> Any:
        return tf.nn.relu(inputs) - self.alpha * tf.nn.relu(-inputs)


class ELU(Elementwise):
    """x for x > 0, else alpha * (exp(x) - 1).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ELU()(tf.constant([0.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """

    casts_integers = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)


class Softmax(Elementwise):
    """exp(x) / sum(exp(x)) along `axis`, one or several. The call takes `mask`: where it is False the result is 0.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> x, mask = tf.constant([[1.0, 1.0, 5.0]]), tf.constant([[True, True, False]])
    >>> keras.layers.Softmax()(x, mask=mask).numpy().tolist()
    [[0.5, 0.5, 0.0]]
    """

    casts_integers = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            mask = tf.convert_to_tensor(mask)
            if not mask.dtype.is_bool:
                mask = mask > 0.5
            lowest = -3e4 if inputs.dtype.name == "float16" else -1e9
            inputs = tf.where(mask, inputs, tf.cast(lowest, inputs.dtype))
        if isinstance(self.axis, (tuple, list)) and len(self.axis) > 1:
            outputs = tf.exp(inputs - tf.reduce_logsumexp(inputs, axis=list(self.axis), keepdims=True))
        else:
            outputs = activations.softmax(inputs, axis=self.axis if isinstance(self.axis, int) else self.axis[0])
        return outputs if mask is None else tf.where(mask, outputs, tf.zeros_like(outputs))
