"""`ReversibleEmbedding`: an embedding that also leads back, from vectors to a score for each word."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.tracking import set_mask
from treadle.keras_like.layers.embedding import Embedding


class ReversibleEmbedding(Embedding):
    """`Embedding`; called with `reverse=True`, the scores x @ transpose(embeddings): [..., output_dim] -> [..., input_dim].

    Args:
        input_dim, output_dim, embeddings_initializer, ..., mask_zero: as for `Embedding`.
        tie_weights: use the embeddings themselves on the way back (default), or a matrix of its own.
        reverse_dtype: the dtype of the way back. Default: the compute dtype.
        logit_soft_cap: if given, scores s become tanh(s / logit_soft_cap) * logit_soft_cap.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.ReversibleEmbedding(10, 4)
    >>> vectors = layer(tf.constant([[1, 2, 3]]))
    >>> layer(vectors, reverse=True).shape
    TensorShape([1, 3, 10])
    """

    def __init__(self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Any = "uniform",
                 embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
                 reverse_dtype: Any = None, logit_soft_cap: float | None = None, **kwargs: Any):
        super().__init__(input_dim, output_dim, embeddings_initializer=embeddings_initializer,
                         embeddings_regularizer=embeddings_regularizer, embeddings_constraint=embeddings_constraint,
                         mask_zero=mask_zero, **kwargs)
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings", shape=(self.output_dim, self.input_dim), initializer=self.embeddings_initializer)

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            outputs = super().call(inputs)
            set_mask(outputs, super().compute_mask(inputs))
            return outputs
        kernel = tf.transpose(self.embeddings) if self.tie_weights else tf.convert_to_tensor(self.reverse_embeddings)
        if self.reverse_dtype is not None:
            inputs, kernel = tf.cast(inputs, self.reverse_dtype), tf.cast(kernel, self.reverse_dtype)
        scores = tf.matmul(inputs, kernel)
        return scores if self.logit_soft_cap is None else tf.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: `call` knows the direction, and gives the mask itself."""
        return None

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)
