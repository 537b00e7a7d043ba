"""`Attention` and `AdditiveAttention`: values averaged by how well their keys fit a query."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.random import SeedGenerator, dropout
from treadle.keras_like.layers.built_in import BuiltIn


class Attention(BuiltIn):
    """softmax(scores(query, key)) @ value: [batch, n, d], [batch, m, e] and keys [batch, m, d] -> [batch, n, e].

    Called on [query, value] or [query, value, key]; without keys the values are the keys.

    Args:
        use_scale: multiply the scores with a trained number. Default False.
        score_mode: "dot" (default): query @ key^T; "concat": w * sum(tanh(query + key)).
        dropout: which part of the weights is dropped in training. Default 0.
        seed: of the dropping.

    Called with `mask`, a list of bool [batch, n] (false: the output is 0) and [batch, m] (false: the value does not count),
    each may be None; `use_causal_mask` (a query sees no later value) and `return_attention_scores`.

    Raises InvalidArgumentError for anything but two or three inputs in a list.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Attention()([tf.zeros([1, 1, 2]), tf.constant([[[1.0, 2.0], [3.0, 4.0]]])]).numpy().tolist()
    [[[2.0, 3.0]]]
    """

    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise tf.errors.InvalidArgumentError(f"`score_mode` is 'dot' or 'concat'. Received: score_mode={score_mode!r}.")
        self.use_scale, self.score_mode, self.dropout, self.seed = use_scale, score_mode, dropout, seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")
        self._built = True

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """The scores [batch, n, m]. Subclasses may define others."""
        if self.score_mode == "dot":
            scores = tf.matmul(query, key, transpose_b=True)
            return scores if self.scale is None else scores * self.scale
        both = tf.expand_dims(query, -2) + tf.expand_dims(key, -3)
        if self.scale is not None:
            both = self.scale * both
        return self.concat_score_weight * tf.reduce_sum(tf.tanh(both), axis=-1)

    def call(self, inputs: Any, mask: Any = None, training: Any = False, return_attention_scores: bool = False,
             use_causal_mask: bool = False) -> Any:
        self._check(inputs, mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._calculate_scores(query, key)
        seen = None if value_mask is None else tf.expand_dims(tf.cast(value_mask, "bool"), -2)
        if use_causal_mask:
            earlier = causal_mask(scores)
            seen = earlier if seen is None else tf.logical_and(seen, earlier)
        if seen is not None:
            scores = tf.where(seen, scores, scores - (65504.0 if scores.dtype.name == "float16" else 1e9))
        weights = tf.nn.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = dropout(weights, self.dropout, seed=self.seed_generator)
        outputs = tf.matmul(weights, value)
        if query_mask is not None:
            outputs = tf.where(tf.expand_dims(tf.cast(query_mask, "bool"), -1), outputs, tf.zeros_like(outputs))
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return previous_mask[0] if previous_mask else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[0][:-1], input_shape[1][-1])

    def _check(self, inputs: Any, mask: Any = None) -> None:
        kind = type(self).__name__
        if not isinstance(inputs, list) or not 2 <= len(inputs) <= 3:
            raise tf.errors.InvalidArgumentError(
                f"`{kind}` is called on a list [query, value] or [query, value, key]. Received: {inputs!r}.")
        if mask is not None and (not isinstance(mask, list) or not 2 <= len(mask) <= 3):
            raise tf.errors.InvalidArgumentError(
                f"The mask of `{kind}` is a list [query_mask, value_mask]. Received: {mask!r}.")


class AdditiveAttention(Attention):
    """`Attention` whose scores are sum(scale * tanh(query + key)) over the features.

    Args:
        use_scale: whether `scale` is trained, one number for each feature; else it is 1. Default True.
        dropout: which part of the weights is dropped in training. Default 0.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AdditiveAttention()([tf.ones([2, 3, 4]), tf.ones([2, 5, 4])]).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform")
        self._built = True

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        both = tf.tanh(tf.expand_dims(query, -2) + tf.expand_dims(key, -3))
        return tf.reduce_sum(both if self.scale is None else self.scale * both, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def positions(like: Any) -> tuple[Any, Any]:
    """(the number of the query, the number of the key) for the last two axes of a tensor: [1, n, 1] and [1, 1, m]."""
    rows = tf.ones_like(like[..., :, :1], dtype="int32")
    columns = tf.ones_like(like[..., :1, :], dtype="int32")
    return tf.cumsum(rows, axis=-2), tf.cumsum(columns, axis=-1)


def causal_mask(scores: Any) -> Any:
    """True where the query comes at the key's place or later."""
    query, key = positions(scores)
    return query >= key
