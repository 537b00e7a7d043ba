"""Losses that are worth an op of their own: a fused, overflow-free formula whose gradient is simpler than its value."""

from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.op import REGISTRY, Operand, op
from treadle.ir.ops.activations import softmax
from treadle.ir.ops.rules import FLOATS, require, require_rank_at_least, show
from treadle.ir.types import TensorType

_LABELS = (dtypes.int32, dtypes.int64, dtypes.int16, dtypes.int8, dtypes.uint8, dtypes.uint16, dtypes.uint32)


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
    one_hot = REGISTRY["one_hot_like"](labels, logits)
    return REGISTRY["expand_dims"](g, axis=-1) * (softmax(logits) - one_hot)


@op(infer=_sparse_infer, lower=_sparse_lower, vjp=(None, _sparse_vjp))
def sparse_softmax_cross_entropy_with_logits(labels: Operand(), logits):  # type: ignore[valid-type]
    """-log softmax(logits)[label] for each row: labels of shape [...], logits [..., classes], result [...].

    The gradient is softmax(logits) - one_hot(label). A label outside [0, classes) gives NaN.

    >>> import treadle as tf
    >>> loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=[[0.0, 0.0]])
    >>> round(float(loss[0]), 4)
    0.6931
    """


def _one_hot_like_lower(xp: Any, labels: Any, logits: Any) -> Any:
    classes = xp.lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1)
    return (labels[..., None] == classes).astype(logits.dtype)


@op(infer=lambda labels, logits: logits, lower=_one_hot_like_lower)
def one_hot_like(labels: Operand(), logits):  # type: ignore[valid-type]
    """Rows of zeros with a one at each label, in the shape and dtype of `logits`."""
