"""What attention with several heads shares: projections, masks, dot products."""

from __future__ import annotations

import math
import string
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import as_config
from treadle.keras_like.core.tracking import mask_of
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.dropout import Dropout
from treadle.keras_like.layers.einsum_dense import EinsumDense

_LARGE = 1e9


class HeadedAttention(BuiltIn):
    """Queries, keys and values are projected to heads; each head attends on its own; the results are projected together."""

    supports_masking = True
    _attention_axes: Any = None
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense
    _gate_dense: EinsumDense | None = None

    def _start_attention(self, size: int, dropout: float, sliding_window: Any, flash_attention: Any,
                         arguments: dict[str, Any]) -> None:
        self._keep(arguments)
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
            raise tf.errors.InvalidArgumentError(
                f"`sliding_window` is a positive integer or None. Received: sliding_window={sliding_window!r}.")
        if flash_attention and dropout > 0:
            raise tf.errors.InvalidArgumentError(
                f"Flash attention goes without dropout. Received: dropout={dropout}. Set one of them only.")
        self.dropout, self.sliding_window = dropout, sliding_window
        self._flash_attention = bool(flash_attention)
        self._inverse_root = 1.0 / math.sqrt(float(size))
        self._dropout_layer = Dropout(dropout, dtype=self.dtype_policy, seed=self.seed)  # type: ignore[attr-defined]

    # --- projections ---

    def _projection(self, name: str, rank: int, summed: int, sizes: list[int], activation: Any = None) -> EinsumDense:
        """A dense layer from the last `summed` axes of inputs of a rank to axes of the given sizes."""
        letters = string.ascii_lowercase
        kept, contracted = letters[:rank - summed], letters[rank - summed:rank]
        made = letters[rank:rank + len(sizes)]
        return EinsumDense(
            f"{kept}{contracted},{contracted}{made}->{kept}{made}", output_shape=[None] * (len(kept) - 1) + sizes,
            bias_axes=made if self.use_bias else None, activation=activation, name=name,  # type: ignore[attr-defined]
            dtype=self.dtype_policy, activity_regularizer=self._projection_regularizer(),
            **{argument: _copy(getattr(self, argument)) for argument in (
                "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
                "bias_constraint")})

    def _projection_regularizer(self) -> Any:
        return self.activity_regularizer

    def _equations(self, rank: int, axes: tuple[int, ...]) -> None:
        """The equations for projected inputs of a rank [batch, ..., heads, size] with attention along some axes."""
        letters = string.ascii_lowercase
        query = letters[:rank]
        fresh = iter(letters[rank:])
        key = "".join(next(fresh) if i in axes else query[i] for i in range(rank))
        rest = "".join(query[i] for i in range(rank - 1) if i not in axes)
        weights = rest + "".join(query[i] for i in axes) + "".join(key[i] for i in axes)
        self._attention_axes = axes
        self._dot_product_equation, self._combine_equation = f"{key},{query}->{weights}", f"{weights},{key}->{query}"

    # --- calling ---

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None,
             key_mask: Any = None, attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None,
             use_causal_mask: bool = False) -> Any:
        if self._flash_attention and return_attention_scores:
            raise tf.errors.InvalidArgumentError(
                "Flash attention does not make the scores. Received: return_attention_scores=True with flash_attention=True.")
        query_mask = mask_of(query) if query_mask is None else query_mask
        value_mask = mask_of(value) if value_mask is None else value_mask
        key_mask = mask_of(key) if key_mask is None and key is not None else key_mask
        key = value if key is None else key
        mask = self._compute_attention_mask(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        gate = None if self._gate_dense is None else self._gate_dense(query)
        outputs, scores = self._compute_attention(
            self._query_dense(query), self._heads(self._key_dense(key)), self._heads(self._value_dense(value)), mask,
            training, return_attention_scores)
        outputs = self._output_dense(outputs if gate is None else outputs * gate)
        return (outputs, scores) if return_attention_scores else outputs

    def _heads(self, projected: Any) -> Any:
        """Keys or values, one for each head of the queries."""
        return projected

    def _compute_attention_mask(self, query: Any, value: Any, query_mask: Any = None, value_mask: Any = None,
                                key_mask: Any = None, attention_mask: Any = None, use_causal_mask: bool = False) -> Any:
        """True where a query may see a key: [batch, n, m], or what it broadcasts from; None: everywhere."""
        masks = [attention_mask]
        masks += [None if m is None else tf.expand_dims(m, axis) for m, axis in (
            (query_mask, -1), (value_mask, -2), (key_mask, -2))]
        if use_causal_mask or self.sliding_window is not None:
            row, column = _places(query)[:, :, None], _places(value)[:, None, :]
            if use_causal_mask:
                masks.append(row >= column)
            if self.sliding_window is not None:
                masks.append(tf.abs(row - column) < self.sliding_window)
        found = None
        for mask in masks:
            if mask is not None:
                mask = tf.cast(mask, "bool")
                found = mask if found is None else tf.logical_and(found, mask)
        return found

    def _compute_attention(self, query: Any, key: Any, value: Any, attention_mask: Any = None, training: Any = None,
                           return_attention_scores: bool = False) -> tuple[Any, Any]:
        """(the heads' results, the weights before dropout) from projected queries, keys and values."""
        scores = tf.einsum(self._dot_product_equation, key, query * tf.cast(self._inverse_root, query.dtype))
        rank: Any = scores.shape.rank
        axes = list(range(rank - len(self._attention_axes), rank))
        if attention_mask is not None:
            for _ in range(rank - attention_mask.shape.rank):
                attention_mask = tf.expand_dims(attention_mask, -len(axes) * 2 - 1)
            low = 3e4 if scores.dtype.name == "float16" else _LARGE
            scores = tf.where(attention_mask, scores, tf.fill(tf.shape(scores), tf.cast(-low, scores.dtype)))
        weights = tf.nn.softmax(scores, axis=-1) if len(axes) == 1 else tf.exp(
            scores - tf.reduce_logsumexp(scores, axis=axes, keepdims=True))
        # Keras' two ways differ in queries that may see nothing: 0 here, the average of all values otherwise.
        by_steps = self.dropout > 0 or return_attention_scores or query.shape.rank != 4
        if attention_mask is not None and by_steps:
            weights = tf.where(attention_mask, weights, tf.zeros_like(weights))
        kept = self._dropout_layer(weights, training=training) if self.dropout > 0 else weights
        return tf.einsum(self._combine_equation, kept, value), weights

    def _config_with(self, **more: Any) -> dict[str, Any]:
        config = {**super().get_config(), **{name: as_config(value) for name, value in more.items()}}
        config.pop("flash_attention", None)
        return config


def _places(x: Any) -> Any:
    """1, 2, 3 ... along the second axis: i32[1, n]."""
    return tf.cumsum(tf.ones((1, tf.shape(x)[1]), dtype="int32"), axis=1)


def _copy(value: Any) -> Any:
    """An initializer of its own for each projection, so that they do not draw the same numbers."""
    return type(value).from_config(value.get_config()) if isinstance(value, tf.initializers.Initializer) else value


def same_lengths(value_shape: Any, key_shape: Any) -> None:
    """Raise InvalidArgumentError unless there is a key for each value."""
    if key_shape is not None and tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise tf.errors.InvalidArgumentError(
            f"Keys and values must agree in all sizes but the last. Received: values of shape {tuple(value_shape)} and keys of "
            f"shape {tuple(key_shape)}.")
