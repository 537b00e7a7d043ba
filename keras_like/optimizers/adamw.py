"""`AdamW`."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.adam import Adam


class AdamW(Adam):
    """`Adam` with weight decay: w <- w - learning_rate * weight_decay * w before each update.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.AdamW(0.1, weight_decay=0.5).apply_gradients([(tf.constant(0.0), w)])
    >>> w.numpy()
    np.float32(0.95)
    """

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float = 1e-7, amsgrad: bool = False, *common: Any, **options: Any):
        if weight_decay is None:
            raise tf.errors.InvalidArgumentError("`weight_decay` must be a number. Received: weight_decay=None.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *common, **options)
