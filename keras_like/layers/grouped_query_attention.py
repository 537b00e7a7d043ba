"""`GroupedQueryAttention`: several heads of queries share a head of keys and values."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.registry import publish_as
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.headed_attention import HeadedAttention, same_lengths


class GroupedQueryAttention(HeadedAttention):
    """`MultiHeadAttention` in which num_query_heads / num_key_value_heads heads of queries share keys and values.

    Args:
        head_dim: the size of a head.
        num_query_heads, num_key_value_heads: how many heads; the first is a multiple of the second.
        dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer, kernel_regularizer,
        bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, use_gate, seed: see
            `MultiHeadAttention`, also for how it is called.

    Raises InvalidArgumentError for numbers of heads that do not fit. Source: arXiv:2305.13245.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> layer(tf.ones([1, 4, 8]), tf.ones([1, 5, 8])).shape
    TensorShape([1, 4, 8])
    """

    def __init__(self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0,
                 use_bias: bool = True, sliding_window: Any = None, flash_attention: Any = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, use_gate: bool = False, seed: int | None = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.head_dim = positive(head_dim, "head_dim")
        self.num_query_heads = positive(num_query_heads, "num_query_heads")
        self.num_key_value_heads = positive(num_key_value_heads, "num_key_value_heads")
        self.num_repeats, rest = divmod(self.num_query_heads, self.num_key_value_heads)
        if rest:
            raise tf.errors.InvalidArgumentError(
                "`num_query_heads` must be a multiple of `num_key_value_heads`. Received: "
                f"{num_query_heads} and {num_key_value_heads}.")
        self.seed = seed
        self._start_attention(self.head_dim, dropout, sliding_window, flash_attention, dict(
            use_bias=use_bias, use_gate=use_gate, flash_attention=flash_attention, kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint))
        self._equations(4, (1,))

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        same_lengths(value_shape, key_shape)
        key_shape = value_shape if key_shape is None else key_shape
        parts = [("_query_dense", "query", query_shape, self.num_query_heads),
                 ("_key_dense", "key", key_shape, self.num_key_value_heads)]
        if self.use_gate:  # type: ignore[attr-defined]
            parts.append(("_gate_dense", "gate", query_shape, self.num_query_heads))
        parts.append(("_value_dense", "value", value_shape, self.num_key_value_heads))
        for attribute, name, shape, heads in parts:
            dense = self._projection(name, 3, 1, [heads, self.head_dim], "sigmoid" if name == "gate" else None)
            dense.build(tuple(shape))
            dense.built = True
            setattr(self, attribute, dense)
        self._output_dense = self._projection("attention_output", 4, 2, [query_shape[-1]])
        self._output_dense.build((None, None, self.num_query_heads, self.head_dim))
        self._output_dense.built = True
        self._built = True

    def _heads(self, projected: Any) -> Any:
        return tf.repeat(projected, self.num_repeats, axis=2)

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        same_lengths(value_shape, key_shape)
        if query_shape[-1] != value_shape[-1]:
            raise tf.errors.InvalidArgumentError(
                f"Queries and values must agree in their last size. Received: {tuple(query_shape)} and {tuple(value_shape)}.")
        return tuple(query_shape)

    def get_config(self) -> dict[str, Any]:
        return self._config_with(activity_regularizer=self.activity_regularizer)


publish_as("keras.layers", "GroupQueryAttention", GroupedQueryAttention)  # its name in files
