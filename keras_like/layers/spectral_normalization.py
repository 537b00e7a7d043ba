"""`SpectralNormalization`: a layer whose kernel is kept at largest singular value 1."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """Before each call in training, kernel <- kernel / s, with s its largest singular value, found by power iteration.

    Args:
        layer: a layer with a `kernel`, or `embeddings`.
        power_iterations: how many steps of the iteration there are at each call. Default 1.

    Raises InvalidArgumentError for a layer without a kernel. Source: arXiv:1802.05957.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.SpectralNormalization(keras.layers.Dense(1, use_bias=False), power_iterations=3)
    >>> round(float(tf.norm(layer(tf.eye(4), training=True))), 5)
    1.0
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive(power_iterations, "power_iterations")

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if input_shape is not None:
            self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if kernel is None:
            raise tf.errors.InvalidArgumentError(
                f"The layer must have a `kernel` or `embeddings`. Received: layer={self.layer!r}.")
        self.kernel = kernel
        self.vector_u = self.add_weight(
            name="vector_u", shape=(1, kernel.shape[-1]), initializer=tf.initializers.TruncatedNormal(stddev=0.02),
            trainable=False, dtype=kernel.dtype, autocast=False)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if training:
            kernel, u = self.kernel.value(), self.vector_u.value()
            u, kernel = tf.cond(tf.reduce_all(kernel == 0), lambda: (u, kernel), lambda: self._iterated(kernel, u))
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        return tf.cast(self.layer(inputs), inputs.dtype)

    def _iterated(self, kernel: Any, u: Any) -> tuple[Any, Any]:
        """(the next vector u, the kernel divided by its largest singular value)."""
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
        v = u
        for _ in range(self.power_iterations):
            v = tf.math.l2_normalize(tf.matmul(u, matrix, transpose_b=True), epsilon=1e-14)
            u = tf.math.l2_normalize(tf.matmul(v, matrix), epsilon=1e-14)
        u, v = tf.stop_gradient(u), tf.stop_gradient(v)
        largest = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)
        return u, kernel / tf.reshape(largest, [])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)
