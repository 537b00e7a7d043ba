"""Recurrent networks over whole sequences."""

from __future__ import annotations

from typing import Any

from treadle.ir.ops import recurrent as ops
from treadle.runtime.tensor import Tensor


def lstm(inputs: Any, recurrent_kernel: Any, h: Any, c: Any, name: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory over a sequence as one operation; TensorFlow has no such function.

    For each row x of `inputs`, with s the sigmoid:

        i, f, g, o = x + h @ recurrent_kernel, split in four;  c = s(f) * c + s(i) * tanh(g);  h = s(o) * tanh(c)

    `keras.layers.LSTM` uses it where its activations are these, there is no mask and no recurrent dropout, and it is not
    unrolled. On CPU it has a kernel for float32 and up to 512 units, a multiple of the vector (16 with AVX-512, else 8 or 4).

    Args:
        inputs: [time, batch, 4 * units], the inputs times their kernel, plus the bias.
        recurrent_kernel: [units, 4 * units].
        h, c: the first state and carry, [batch, units].

    Returns:
        All h, [time, batch, units]; the last h and the last c.

    Raises:
        InvalidArgumentError: if the shapes do not fit.
        DtypeError: if the dtypes differ or are not floating.

    Reference: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997).

    >>> import treadle as tf
    >>> every, h, c = tf.nn.lstm(tf.zeros([5, 2, 12]), tf.zeros([3, 12]), h=tf.zeros([2, 3]), c=tf.ones([2, 3]))
    >>> every.shape, c.numpy()[0].tolist()
    (TensorShape([5, 2, 3]), [0.03125, 0.03125, 0.03125])
    """
    every, h, c = ops.lstm(inputs, recurrent_kernel, h, c)
    return every, h, c
