"""Losses of probabilities: crossentropies, their generalized form, divergence, Poisson likelihood."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.core.tracking import set_mask
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.weighting import as_pair, as_tensor


def check_same_shape(y_true: Any, y_pred: Any, advice: str = "") -> None:
    """Raise InvalidArgumentError for shapes that cannot be equal: they would broadcast, and the loss be nonsense."""
    if not y_true.shape.is_compatible_with(y_pred.shape):
        raise tf.errors.InvalidArgumentError(
            "`y_true` and `y_pred` must have the same shape. Received: "
            f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}.{advice}")


def check_axis(axis: Any) -> None:
    """Raise DtypeError for an axis that is a bool: most likely a misplaced `from_logits`."""
    if isinstance(axis, bool):
        raise tf.errors.DtypeError(f"`axis` is an integer. Received: axis={axis!r}.")


def smooth_binary(y_true: Any, label_smoothing: float) -> Any:
    """Labels pulled towards 1/2."""
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def smooth_categorical(y_true: Any, label_smoothing: float) -> Any:
    """Labels pulled towards 1 / (number of classes)."""
    if not label_smoothing:
        return y_true
    classes = tf.cast(tf.shape(y_true)[-1], y_true.dtype)
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes


def clip_probability(p: Any) -> Any:
    """p, kept away from 0 and 1."""
    return tf.clip_by_value(p, epsilon(), 1.0 - epsilon())


def as_distribution(y_pred: Any, axis: int) -> Any:
    """y_pred scaled to sum to 1 along `axis`, kept away from 0 and 1."""
    return clip_probability(y_pred / tf.reduce_sum(y_pred, axis=axis, keepdims=True))


def elementwise_binary(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    """-(y_true * log(p) + (1 - y_true) * log(1 - p))."""
    check_same_shape(y_true, y_pred)
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    p = clip_probability(y_pred)
    return -(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p))


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0,
                        axis: int = -1) -> Any:
    """mean(-(y_true * log(p) + (1 - y_true) * log(1 - p))) over `axis`: [..., n] -> [...].

    Args:
        from_logits: whether `y_pred` holds logits: p = sigmoid(y_pred). Default: p = y_pred.
        label_smoothing: between 0 and 1, pulls the labels towards 1/2.

    Raises InvalidArgumentError if the shapes differ.

    >>> from treadle import keras
    >>> round(float(keras.losses.binary_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.6931
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return tf.reduce_mean(elementwise_binary(smooth_binary(y_true, label_smoothing), y_pred, from_logits), axis=axis)


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0,
                             axis: int = -1) -> Any:
    """-sum(y_true * log(p)) along `axis`, for labels that are distributions (one-hot): [..., classes] -> [...].

    Args:
        from_logits: whether `y_pred` holds logits: p = softmax(y_pred). Default: p = y_pred / sum(y_pred).
        label_smoothing: between 0 and 1, pulls the labels towards the uniform distribution.

    Raises InvalidArgumentError if the shapes differ, DtypeError for an axis that is no integer.

    >>> from treadle import keras
    >>> round(float(keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
    0.6931
    """
    check_axis(axis)
    y_true, y_pred = as_pair(y_true, y_pred)
    numbers = y_true.shape.rank is not None and y_true.shape.as_list() in ([*y_pred.shape[:-1]], [*y_pred.shape[:-1], 1])
    check_same_shape(y_true, y_pred, " For class numbers take `sparse_categorical_crossentropy`." if numbers else "")
    y_true = smooth_categorical(y_true, label_smoothing)
    log_p = tf.nn.log_softmax(y_pred, axis=axis) if from_logits else tf.math.log(as_distribution(y_pred, axis))
    return -tf.reduce_sum(y_true * log_p, axis=axis)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None,
                                    axis: int = -1) -> Any:
    """-log(p[y_true]), p along `axis`, for labels that are class numbers: [...], [..., classes] -> [...].

    Args:
        y_true: class numbers, with or without a last axis of size 1.
        from_logits: whether `y_pred` holds logits: p = softmax(y_pred). Default: p = y_pred / sum(y_pred).
        ignore_class: a class whose examples count nothing: their loss is 0, and masked out of means.

    Raises InvalidArgumentError if the shapes do not fit, or (with logits) a class number is out of range.

    >>> from treadle import keras
    >>> round(float(keras.losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]])[0]), 4)
    0.6931
    """
    y_true, y_pred = tf.convert_to_tensor(y_true), as_tensor(y_pred)
    if y_true.shape.rank == y_pred.shape.rank and y_true.shape[axis] == 1:
        y_true = tf.squeeze(y_true, axis)
    axis = axis % y_pred.shape.rank
    sizes = y_pred.shape.as_list()
    if not y_true.shape.is_compatible_with(sizes[:axis] + sizes[axis + 1:]):
        one_hot = y_true.shape.is_compatible_with(y_pred.shape)
        raise tf.errors.InvalidArgumentError(
            "`y_true` must have the shape of `y_pred` without its class axis. Received: "
            f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}, axis={axis}."
            + (" For one-hot labels take `categorical_crossentropy`." if one_hot else ""))
    labels = tf.cast(y_true, tf.int64 if y_true.dtype is tf.int64 else tf.int32)
    valid = None
    if ignore_class is not None:
        valid = tf.not_equal(labels, ignore_class)
        labels = tf.where(valid, labels, tf.zeros_like(labels))
        y_pred = tf.where(tf.expand_dims(valid, axis), y_pred, tf.zeros_like(y_pred))
    losses = _sparse(labels, y_pred, from_logits, axis)
    if valid is not None:
        losses = tf.where(valid, losses, tf.zeros_like(losses))
        set_mask(losses, valid)
    return losses


def _sparse(labels: Any, y_pred: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        order = [i for i in range(y_pred.shape.rank) if i != axis] + [axis]
        logits = y_pred if axis == y_pred.shape.rank - 1 else tf.transpose(y_pred, order)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    log_p = tf.math.log(as_distribution(y_pred, axis))
    return -tf.reduce_sum(tf.one_hot(labels, tf.shape(y_pred)[axis], axis=axis, dtype=log_p.dtype) * log_p, axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p[y_true]^q) / q, for labels that are class numbers; robust to wrong labels. Source: arXiv:1805.07836.

    >>> from treadle import keras
    >>> keras.losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5).numpy().tolist()
    [1.0]
    """
    y_pred = as_tensor(y_pred)
    labels = tf.one_hot(tf.cast(y_true, tf.int32), tf.shape(y_pred)[-1], dtype=y_pred.dtype)
    return (1.0 - tf.pow(tf.reduce_sum(y_pred * labels, axis=-1), q)) / q


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)) over the last axis, both clipped to [epsilon, 1]: [..., n] -> [...].

    >>> from treadle import keras
    >>> keras.losses.kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).numpy().tolist()
    [0.0]
    """
    y_true, y_pred = (tf.clip_by_value(y, epsilon(), 1.0) for y in as_pair(y_true, y_pred))
    return tf.reduce_sum(y_true * tf.math.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred + epsilon)) over the last axis: [..., n] -> [...].

    >>> from treadle import keras
    >>> round(float(keras.losses.poisson([[1.0, 2.0]], [[1.0, 1.0]])[0]), 4)
    1.0
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return tf.reduce_mean(y_pred - y_true * tf.math.log(y_pred + epsilon()), axis=-1)


class BinaryCrossentropy(FunctionLoss):
    """`binary_crossentropy`, reduced.

    >>> from treadle import keras
    >>> round(float(keras.losses.BinaryCrossentropy(from_logits=True)([0.0, 1.0], [0.0, 0.0])), 4)
    0.6931
    """

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = "binary_crossentropy",
                 dtype: Any = None):
        super().__init__(binary_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class CategoricalCrossentropy(FunctionLoss):
    """`categorical_crossentropy`, reduced."""

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_crossentropy",
                 dtype: Any = None):
        super().__init__(categorical_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(FunctionLoss):
    """`sparse_categorical_crossentropy`, reduced.

    >>> from treadle import keras
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> round(float(loss([0, 1], [[0.0, 0.0], [0.0, 0.0]])), 4)
    0.6931
    """

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None,
                 reduction: str | None = "sum_over_batch_size", axis: int = -1,
                 name: str | None = "sparse_categorical_crossentropy", dtype: Any = None):
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, from_logits=from_logits,
                         ignore_class=ignore_class, axis=axis)

    def _as_targets(self, value: Any) -> Any:
        # Class numbers stay whole: as a float32, one above 2**24 would become another.
        is_whole = hasattr(value, "dtype") and tf.as_dtype(value.dtype).is_integer
        return tf.convert_to_tensor(value) if is_whole else super()._as_targets(value)


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """`categorical_generalized_cross_entropy`, reduced. `q` is between 0 (crossentropy) and 1 (absolute error)."""

    def __init__(self, q: float = 0.5, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "categorical_generalized_cross_entropy", dtype: Any = None):
        if not 0 < q < 1:
            raise tf.errors.InvalidArgumentError(f"`q` is between 0 and 1. Received: q={q!r}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class KLDivergence(FunctionLoss):
    """`kl_divergence`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence",
                 dtype: Any = None):
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(FunctionLoss):
    """`poisson`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None):
        super().__init__(poisson, reduction, name, dtype)


shield_functions(globals())
