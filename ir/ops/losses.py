"""Losses that are worth an op of their own: a fused, overflow-free formula whose gradient is simpler than its value."""

from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.op import Operand, op
from treadle.ir.ops.activations import softmax
from treadle.ir.ops.arrays import expand_dims, one_hot_at
from treadle.ir.ops.elementary import sigmoid
from treadle.ir.ops.elementwise import negative
from treadle.ir.ops.preconditions import first, in_range
from treadle.ir.ops.rules import FLOATS, require, require_rank_at_least, same_dtype, show
from treadle.ir.types import TensorType

_LABELS = (dtypes.int32, dtypes.int64, dtypes.int16, dtypes.int8, dtypes.uint8, dtypes.uint16, dtypes.uint32)
_SHOWN = 64  # labels in an error message

def _sparse_infer(labels: TensorType, logits: TensorType) -> TensorType:
    require(labels, _LABELS, "labels")
    require(logits, FLOATS, "logits")
    require_rank_at_least(logits, 1, "logits")
    rows = logits.shape[:-1]
    if labels.rank != len(rows) or any(dims.is_known(a, b) and a != b for a, b in zip(labels.shape, rows)):
        raise errors.InvalidArgumentError(
            f"`sparse_softmax_cross_entropy_with_logits`: `labels` must have the shape of `logits` without its last "
            f"axis, {show(rows)}. Received: labels of shape {show(labels.shape)}, logits of shape "
            f"{show(logits.shape)}. (Labels that are probabilities go to `softmax_cross_entropy_with_logits`.)")
    return logits.with_shape(rows)


def _sparse_lower(xp: Any, labels: Any, logits: Any) -> Any:
    shifted = logits - xp.max(logits, axis=-1, keepdims=True, initial=-xp.inf)
    picked = xp.take_along_axis(shifted, labels[..., None], axis=-1, mode="fill", fill_value=xp.nan)[..., 0]
    loss = xp.log(xp.sum(xp.exp(shifted), axis=-1)) - picked
    return xp.where(labels < 0, xp.asarray(xp.nan, loss.dtype), loss)


def _sparse_vjp(g: Any, y: Any, labels: Any, logits: Any) -> Any:
    one_hot = one_hot_at(labels, depth=logits.type.shape[-1], axis=-1, dtype=logits.dtype)
    return expand_dims(g, axis=-1) * (softmax(logits) - one_hot)


def _sparse_invalid(labels: Any, logits: Any) -> Exception:
    classes = logits.shape[-1]
    wrong = labels[first((labels < 0) | (labels >= classes))]
    return errors.InvalidArgumentError(
        f"Received a label value of {wrong} which is outside the valid range of [0, {classes}).  Label values: "
        + " ".join(str(v) for v in labels.reshape(-1)[:_SHOWN]) + (" ..." if labels.size > _SHOWN else ""))


@op(infer=_sparse_infer, lower=_sparse_lower, vjp=(None, _sparse_vjp),
    valid=lambda labels, logits: in_range(labels, logits.type.shape[-1]), invalid=_sparse_invalid)
def sparse_softmax_cross_entropy_with_logits(labels: Operand(), logits):  # type: ignore[valid-type]
    """-log softmax(logits)[label] for each row: labels of shape [...], logits [..., classes], result [...].

    The gradient is softmax(logits) - one_hot(label). A label outside [0, classes) is an error.

    >>> import treadle as tf
    >>> loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=[[0.0, 0.0]])
    >>> round(float(loss[0]), 4)
    0.6931
    """


def _sigmoid_infer(labels: TensorType, logits: TensorType) -> TensorType:
    dtype = same_dtype(labels, logits)
    require(logits, FLOATS, "logits")
    if labels.rank != logits.rank or any(dims.is_known(a, b) and a != b for a, b in zip(labels.shape, logits.shape)):
        raise errors.InvalidArgumentError(
            f"`sigmoid_cross_entropy_with_logits`: `labels` and `logits` must have the same shape. Received: "
            f"{show(labels.shape)} and {show(logits.shape)}.")
    return TensorType.of(dtype, logits.shape)


def _sigmoid_lower(xp: Any, labels: Any, logits: Any) -> Any:
    return xp.maximum(logits, xp.zeros((), logits.dtype)) - logits * labels + xp.log1p(xp.exp(-xp.abs(logits)))


@op(infer=_sigmoid_infer, lower=_sigmoid_lower,
    vjp=(lambda g, y, labels, logits: negative(g * logits),
         lambda g, y, labels, logits: g * (sigmoid(logits) - labels)), traits="elementwise")
def sigmoid_cross_entropy_with_logits(labels, logits):
    """-z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x)) for labels z and logits x, without overflow or cancellation.

    The gradient with respect to the logits is sigmoid(x) - z.

    >>> import treadle as tf
    >>> round(float(tf.nn.sigmoid_cross_entropy_with_logits(labels=1.0, logits=0.0)), 4)
    0.6931
    """
