"""`CategoryEncoding`: integers as one-hot rows, sets or counts; and the same for arrays on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.layers.data_layer import DataLayer, as_data

MODES = ("one_hot", "multi_hot", "count")


def check_mode(mode: str, allowed: Sequence[str]) -> str:
    """An `output_mode`, old spellings made new. Raises InvalidArgumentError for others than those allowed."""
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in allowed:
        raise tf.errors.InvalidArgumentError(f"`output_mode` is one of {', '.join(allowed)}. Received: {mode!r}.")
    return mode


def refuse_sparse(layer: Any, **asked: bool) -> None:
    """Raise UnimplementedError where sparse or ragged results are asked for."""
    for name, value in asked.items():
        if value:
            raise tf.errors.UnimplementedError(
                f"`{type(layer).__name__}` gives dense tensors only. Received: {name}={value}. Leave `{name}` out.")


def encoded_shape(shape: Any, mode: str, depth: int | None) -> tuple:
    """The shape that `encoded` gives for indices of a shape."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (shape[0], *shape[2:], depth) if len(shape) > 1 else (depth,)


def encoded(indices: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
    """Integers as one-hot rows, or as one row a sample: which are there (`multi_hot`), or how often (`count`).

    Indices outside of [0, depth) count for nothing. Samples lie along axis 1 (axis 0 for rank 1).
    """
    if mode == "int":
        return tf.cast(indices, dtype)
    if indices.shape.rank == 0:
        indices = tf.expand_dims(indices, -1)
        if mode == "one_hot":
            return tf.one_hot(indices, depth, dtype=dtype)[0]
    if mode == "one_hot":
        if indices.shape.rank > 1 and indices.shape[-1] == 1:
            indices = tf.squeeze(indices, -1)
        return tf.one_hot(indices, depth, dtype=dtype)
    axis = 1 if indices.shape.rank > 1 else 0
    if mode == "multi_hot":
        return tf.reduce_max(tf.one_hot(indices, depth, dtype=dtype), axis=axis)
    hot = tf.one_hot(indices, depth, dtype=dtype)
    return tf.reduce_sum(hot if weights is None else hot * tf.expand_dims(weights, -1), axis=axis)


def encoded_rows(rows: Sequence[np.ndarray], mode: str, depth: int, dtype: Any) -> np.ndarray:
    """The same on the host for rows of indices of any lengths: [rows, depth], for `multi_hot` and `count`."""
    result = np.zeros((len(rows), depth), dtype)
    flat = np.concatenate([np.asarray(row, np.int64).reshape(-1) for row in rows]) if rows else np.zeros(0, np.int64)
    owners = np.repeat(np.arange(len(rows)), [np.size(row) for row in rows])
    known = (flat >= 0) & (flat < depth)
    if mode == "count":
        np.add.at(result, (owners[known], flat[known]), 1)
    else:
        result[owners[known], flat[known]] = 1
    return result


class CategoryEncoding(DataLayer):
    """Integers in [0, num_tokens) as numbers a model can use.

    Args:
        num_tokens: how many there are.
        output_mode: "multi_hot" (default): a row a sample, 1 where the token is there: [..., n] -> [..., num_tokens];
            "count": how often it is there, or the sum of `count_weights`; "one_hot": a row for each element.
        sparse: not offered.

    Call arguments: inputs, count_weights (for "count": of the inputs' shape).

    >>> from treadle import keras
    >>> keras.layers.CategoryEncoding(num_tokens=4)([[0, 1], [1, 3]]).numpy().tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if num_tokens is None or num_tokens < 1:
            raise tf.errors.InvalidArgumentError(
                f"`num_tokens` is 1 or more. Received: num_tokens={num_tokens}. Where it is not known beforehand, use "
                "`IntegerLookup`.")
        refuse_sparse(self, sparse=sparse)
        self.num_tokens, self.output_mode, self.sparse = num_tokens, check_mode(output_mode, MODES), False

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None:
            if self.output_mode != "count":
                raise tf.errors.InvalidArgumentError(
                    f"`count_weights` goes with output_mode='count'. Received: output_mode={self.output_mode!r}.")
            count_weights = tf.cast(as_data(count_weights), self.compute_dtype)
        indices = inputs if inputs.dtype.is_integer else tf.cast(inputs, "int32")
        return encoded(indices, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse"]
        return config
