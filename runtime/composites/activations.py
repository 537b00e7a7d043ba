"""Activation functions that are formulas over other ops."""

from __future__ import annotations

import math
from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.ops import activations
from treadle.ir.ops.activations import elu, relu
from treadle.ir.ops.arrays import concat
from treadle.ir.ops.elementary import sigmoid, softplus, tanh
from treadle.ir.ops.elementwise import cast, negative
from treadle.ir.ops.logic import greater
from treadle.ir.ops.select import select
from treadle.ir.ops.special import erf
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Tensor:
    """x Phi(x), with Phi the normal distribution's cumulative: the Gaussian error linear unit.

    `approximate=True`: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).

    >>> import treadle as tf
    >>> round(float(tf.nn.gelu(1.0)), 4)
    0.8413
    """
    x = convert_to_tensor(features)
    if approximate:
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """x where x > 0, else alpha * x. The gradient at 0 is alpha. Integers become float32.

    >>> import treadle as tf
    >>> tf.nn.leaky_relu([-1.0, 2.0], alpha=0.5).numpy().tolist()
    [-0.5, 2.0]
    """
    x = convert_to_tensor(features)
    return activations.leaky_relu(cast(x, dtype=dtypes.float32) if x.dtype.is_integer else x, alpha=alpha)


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu(features: Any, name: str | None = None) -> Tensor:
    """scale * x where x > 0, else scale * alpha * (e^x - 1): keeps mean 0 and variance 1 from layer to layer.

    >>> import treadle as tf
    >>> round(float(tf.nn.selu(1.0)), 4)
    1.0507
    """
    x = convert_to_tensor(features)
    return _SELU_SCALE * select(greater(x, 0.0), x, _SELU_ALPHA * elu(x))


def silu(features: Any, beta: Any = 1.0) -> Tensor:
    """x * sigmoid(beta x), also called swish.

    >>> import treadle as tf
    >>> round(float(tf.nn.silu(1.0)), 4)
    0.7311
    """
    x = convert_to_tensor(features)
    return x * sigmoid(x if isinstance(beta, (int, float)) and beta == 1 else beta * x)


def crelu(features: Any, axis: int = -1, name: str | None = None) -> Tensor:
    """relu(x) and relu(-x), joined along `axis`.

    >>> import treadle as tf
    >>> tf.nn.crelu([1.0, -2.0]).numpy().tolist()
    [1.0, 0.0, 0.0, 2.0]
    """
    x = convert_to_tensor(features)
    return concat([relu(x), relu(negative(x))], axis=axis)


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """log(1 / (1 + e^-x)) = -softplus(-x), without overflow.

    >>> import treadle as tf
    >>> round(float(tf.math.log_sigmoid(0.0)), 4)
    -0.6931
    """
    return negative(softplus(negative(x)))


errors.shield(globals())
