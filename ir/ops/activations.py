"""Activation functions that have a closed form of their own gradient: relu and its relatives, softmax."""

from collections.abc import Sequence
from typing import Any

from treadle.ir.attributes import Axis, Float
from treadle.ir.op import op
from treadle.ir.ops.elementwise import exp
from treadle.ir.ops.reductions import reduce_sum
from treadle.ir.ops.rules import FLOATS, REALS, binary, require, unary
from treadle.ir.types import TensorType


class LastAxis(Axis):
    """One axis of the first operand; None stands for the last."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return Axis.convert(-1 if value is None else value, operands)


# --- relu and its relatives -----------------------------------------------------------------------------------------


@op(infer=unary(*REALS), lower=lambda xp, x: xp.maximum(x, xp.zeros((), x.dtype)),
    vjp=(lambda g, y, x: relu_grad(g, y),), traits="elementwise")
def relu(features):
    """max(x, 0), element by element; NaN stays NaN. The gradient at 0 is 0.

    >>> import treadle as tf
    >>> tf.nn.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """


@op(infer=binary(*FLOATS), lower=lambda xp, g, y: xp.where(y > 0, g, xp.zeros((), g.dtype)),
    vjp=(lambda h, z, g, y: relu_grad(h, y), None), traits="elementwise exact")
def relu_grad(gradients, features):
    """`gradients` where `features` > 0, else 0."""


@op(infer=unary(*REALS), lower=lambda xp, x: xp.clip(x, xp.zeros((), x.dtype), xp.asarray(6, x.dtype)),
    vjp=(lambda g, y, x: relu6_grad(g, y),), traits="elementwise")
def relu6(features):
    """min(max(x, 0), 6), element by element. The gradient at 0 and at 6 is 0.

    >>> import treadle as tf
    >>> tf.nn.relu6([-1.0, 2.0, 7.0]).numpy().tolist()
    [0.0, 2.0, 6.0]
    """


@op(infer=binary(*FLOATS), lower=lambda xp, g, y: xp.where((y > 0) & (y < 6), g, xp.zeros((), g.dtype)),
    vjp=(lambda h, z, g, y: relu6_grad(h, y), None), traits="elementwise exact")
def relu6_grad(gradients, features):
    """`gradients` where 0 < `features` < 6, else 0."""


@op(infer=unary(*FLOATS), lower=lambda xp, x, *, alpha: xp.where(x > 0, x, x * alpha),
    vjp=(lambda g, y, x, *, alpha: leaky_relu_grad(g, x, alpha=alpha),), traits="elementwise")
def leaky_relu(features, *, alpha: Float = 0.2):
    """x where x > 0, else alpha * x. The gradient at 0 is alpha.

    >>> import treadle as tf
    >>> tf.nn.leaky_relu([-1.0, 2.0], alpha=0.5).numpy().tolist()
    [-0.5, 2.0]
    """


@op(infer=binary(*FLOATS), lower=lambda xp, g, x, *, alpha: xp.where(x > 0, g, g * alpha),
    vjp=(lambda h, z, g, x, *, alpha: leaky_relu_grad(h, x, alpha=alpha), None), traits="elementwise")
def leaky_relu_grad(gradients, features, *, alpha: Float):
    """`gradients` where `features` > 0, else alpha * `gradients`."""


# The exponent sees min(x, 0), so that it never overflows on the side that is not used.
@op(infer=unary(*FLOATS), lower=lambda xp, x: xp.where(x > 0, x, xp.expm1(xp.where(x > 0, xp.zeros((), x.dtype), x))),
    vjp=(lambda g, y, x: elu_grad(g, y),), traits="elementwise")
def elu(features):
    """x where x > 0, else e^x - 1: the exponential linear unit.

    >>> import treadle as tf
    >>> tf.nn.elu([0.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """


@op(infer=binary(*FLOATS), lower=lambda xp, g, y: xp.where(y > 0, g, g * (y + 1)),
    vjp=(lambda h, z, g, y: elu_grad(h, y), lambda h, z, g, y: relu_grad(h * g, -y)), traits="elementwise")
def elu_grad(gradients, outputs):
    """`gradients` where `outputs` > 0, else `gradients` * (`outputs` + 1)."""


# --- softmax --------------------------------------------------------------------------------------------------------


def _along_axis(x: TensorType, *, axis: int) -> TensorType:
    require(x, FLOATS, "logits")
    return x


def _softmax_vjp(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return y * (g - reduce_sum(g * y, axis=axis, keepdims=True))


@op(infer=_along_axis, lower=lambda xp, x, *, axis: xp.nn.softmax(x, axis), vjp=(_softmax_vjp,))
def softmax(logits, *, axis: LastAxis = None):
    """e^x / sum(e^x) along `axis` (by default the last): positive numbers that add up to 1.

    >>> import treadle as tf
    >>> tf.nn.softmax([0.0, 0.0]).numpy().tolist()
    [0.5, 0.5]
    """


def _log_softmax_vjp(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    return g - exp(y) * reduce_sum(g, axis=axis, keepdims=True)


@op(infer=_along_axis, lower=lambda xp, x, *, axis: xp.nn.log_softmax(x, axis), vjp=(_log_softmax_vjp,))
def log_softmax(logits, *, axis: LastAxis = None):
    """x - log(sum(e^x)) along `axis` (by default the last), without overflow.

    >>> import treadle as tf
    >>> tf.nn.log_softmax([0.0]).numpy().tolist()
    [0.0]
    """
