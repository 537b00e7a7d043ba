"""`MultiHeadAttention`: attention in several learned projections at once."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.resolve import resolve
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.headed_attention import HeadedAttention, same_lengths


class MultiHeadAttention(HeadedAttention):
    """For each head softmax(q k^T / sqrt(key_dim)) v, with q, k, v projections of query, key and value; then a projection.

    Called on query [batch, n, d], value [batch, m, e] and, optionally, key [batch, m, f]; returns [batch, n, d].

    Args:
        num_heads: how many heads.
        key_dim: the size of a head's queries and keys.
        value_dim: the size of a head's values. Default: `key_dim`.
        dropout: which part of the weights is dropped in training. Default 0.
        use_bias: whether projections have a bias. Default True.
        output_shape: the sizes of the last axes of the output. Default: the query's last size.
        attention_axes: the axes along which to attend. Default: all but the batch's, the heads' and the features'.
        sliding_window: queries see only keys fewer than so many places away. Default: no limit.
        flash_attention: accepted; XLA chooses the kernels. As in Keras, not together with dropout or scores.
        kernel_initializer, bias_initializer: default "glorot_uniform" and "zeros".
        kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: those of the
            projections. Default: none.
        use_gate: multiply the heads' results with a sigmoid of a projection of the query. Default False.
        seed: of the dropping.

    Called with masks `query_mask` [batch, n], `value_mask`, `key_mask` [batch, m] (default: those the tensors carry),
    `attention_mask` [batch, n, m], `use_causal_mask` and `return_attention_scores`, [batch, heads, n, m].

    Raises InvalidArgumentError for sizes that are not positive and shapes that do not fit. Source: arXiv:1706.03762.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> output, scores = layer(tf.ones([1, 4, 8]), tf.ones([1, 5, 8]), return_attention_scores=True)
    >>> output.shape, scores.shape
    (TensorShape([1, 4, 8]), TensorShape([1, 2, 4, 5]))
    """

    def __init__(self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0,
                 use_bias: bool = True, output_shape: Any = None, attention_axes: Any = None, sliding_window: Any = None,
                 flash_attention: Any = None, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, use_gate: bool = False, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(**kwargs)
        self.num_heads, self.key_dim = positive(num_heads, "num_heads"), positive(key_dim, "key_dim")
        self.value_dim = self.key_dim if value_dim is None else positive(value_dim, "value_dim")
        self.seed = seed
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape) if output_shape else None
        if attention_axes is not None and not isinstance(attention_axes, (int, list, tuple)):
            raise tf.errors.InvalidArgumentError(
                f"`attention_axes` is an integer, or several. Received: attention_axes={attention_axes!r}.")
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self._given_regularizer = resolve("regularizers", activity_regularizer)
        self._start_attention(self.key_dim, dropout, sliding_window, flash_attention, dict(
            use_bias=use_bias, use_gate=use_gate, flash_attention=flash_attention, kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint))

    def _projection_regularizer(self) -> Any:
        return self._given_regularizer

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        same_lengths(value_shape, key_shape)
        key_shape = value_shape if key_shape is None else key_shape
        rank = len(value_shape) + 1  # that of the projected inputs
        axes = self.attention_axes
        self.attention_axes = tuple(range(1, rank - 2)) if axes is None else tuple(
            a if a >= 0 else rank - 1 + a for a in axes)
        self._equations(rank, self.attention_axes)
        parts: list[tuple[str, str, Any, int]] = [("_query_dense", "query", query_shape, self.key_dim),
                                                  ("_key_dense", "key", key_shape, self.key_dim)]
        if self.use_gate:  # type: ignore[attr-defined]
            parts.append(("_gate_dense", "gate", query_shape, self.value_dim))
        parts.append(("_value_dense", "value", value_shape, self.value_dim))
        for attribute, name, shape, size in parts:
            dense = self._projection(name, len(shape), 1, [self.num_heads, size], "sigmoid" if name == "gate" else None)
            dense.build(tuple(shape))
            dense.built = True
            setattr(self, attribute, dense)
        sizes = list(self.output_shape or [query_shape[-1]])
        self._output_dense = self._projection("attention_output", len(query_shape) + 1, 2, sizes)
        self._output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))
        self._output_dense.built = True
        self._built = True

    query_dense = property(lambda self: self._query_dense, doc="The projection of queries.")
    key_dense = property(lambda self: self._key_dense, doc="The projection of keys.")
    value_dense = property(lambda self: self._value_dense, doc="The projection of values.")
    output_dense = property(lambda self: self._output_dense, doc="The last projection.")

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        same_lengths(value_shape, key_shape)
        return (*query_shape[:-1], *(self.output_shape or query_shape[-1:]))

    def get_config(self) -> dict[str, Any]:
        return self._config_with(activity_regularizer=self._given_regularizer)
