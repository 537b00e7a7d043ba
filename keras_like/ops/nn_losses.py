"""`keras.ops.nn`: classes as vectors, cross entropies, and a few numbers beside."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, tensor


@operation
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at the place of each class number along a new axis, else 0; all 0 for numbers out of range.

    >>> from treadle import keras
    >>> keras.ops.one_hot([0, 2], 3).numpy().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    _refuse_sparse(sparse)
    x = tensor(x)
    return tf.one_hot(x if x.dtype.is_integer else tf.cast(x, "int32"), num_classes, axis=axis, dtype=dtype or floatx())


def multi_hot(inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False,
              **kwargs: Any) -> Any:
    """1 at the places of all class numbers of a row, else 0."""
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs:
        raise tf.errors.DtypeError(f"`multi_hot` has no argument {next(iter(kwargs))!r}.")
    if num_classes is None:
        raise tf.errors.InvalidArgumentError("`multi_hot` needs the number of classes. Received: num_classes=None.")
    _refuse_sparse(sparse)
    x = tensor(inputs, "int32")
    return tf.reduce_max(one_hot(x, num_classes, axis, dtype), axis=1 if x.shape.rank > 1 else 0)


def _refuse_sparse(sparse: bool) -> None:
    if sparse:
        raise tf.errors.UnimplementedError("There are no sparse tensors. Received: sparse=True. Leave it out.")


# --- cross entropies --------------------------------------------------------------------------------------------------


def _same_shape(target: Any, output: Any) -> list[Any]:
    target, output = promoted(target, output, floating=True)
    if not target.shape.is_compatible_with(output.shape):
        raise tf.errors.InvalidArgumentError(
            f"`target` and `output` must be of one shape. Received: shapes {target.shape} and {output.shape}.")
    return [target, output]


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if output.shape.rank == 0:
        raise tf.errors.InvalidArgumentError("`output` must have an axis of classes. Received: a scalar.")
    if from_logits:
        return tf.nn.log_softmax(output, axis=axis)
    output = output / tf.reduce_sum(output, axis=axis, keepdims=True)
    return tf.math.log(tf.clip_by_value(output, epsilon(), 1 - epsilon()))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target * log(output)) along `axis`; `output` are probabilities, or logits if `from_logits`.

    >>> from treadle import keras
    >>> keras.ops.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4).tolist()
    [0.6930999755859375]
    """
    target, output = _same_shape(target, output)
    return -tf.reduce_sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(output[target]), with class numbers as targets."""
    target, output = tensor(target, "int32"), floating(output)
    if target.shape.rank == output.shape.rank and target.shape[-1] == 1:
        target = tf.squeeze(target, [-1])
    if target.shape.rank != output.shape.rank - 1:
        raise tf.errors.InvalidArgumentError(
            f"`target` has the shape of `output` without the classes. Received: shapes {target.shape} and {output.shape}.")
    log_probabilities = _log_probabilities(output, from_logits, axis)
    chosen = tf.one_hot(target, output.shape[axis], axis=axis, dtype=output.dtype)
    return -tf.reduce_sum(chosen * log_probabilities, axis=axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-target * log(output) - (1 - target) * log(1 - output), element by element."""
    target, output = _same_shape(target, output)
    if from_logits:
        return -target * tf.math.log_sigmoid(output) - (1 - target) * tf.math.log_sigmoid(-output)
    output = tf.clip_by_value(output, epsilon(), 1 - epsilon())
    return -(target * tf.math.log(output) + (1 - target) * tf.math.log(1 - output))


def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The peak signal-to-noise ratio in dB: 20 log10(max_val) - 10 log10(mean squared difference)."""
    x1, x2 = promoted(x1, x2, floating=True)
    if not x1.shape.is_compatible_with(x2.shape):
        raise tf.errors.InvalidArgumentError(f"Both images must be of one shape. Received: {x1.shape} and {x2.shape}.")
    error = tf.reduce_mean(tf.square(x1 - x2))
    return (20 * tf.math.log(tensor(max_val, x1.dtype)) - 10 * tf.math.log(error)) / math.log(10)


@operation
def polar(abs_: Any, angle: Any) -> Any:
    """The complex number abs_ * exp(i angle)."""
    size, turned = promoted(abs_, angle, floating=True)
    return tf.complex(size * tf.cos(turned), size * tf.sin(turned))
