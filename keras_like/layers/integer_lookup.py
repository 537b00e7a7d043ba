"""`IntegerLookup`: integers of any size to indices, and back; works in compiled functions."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.layers.category_encoding import encoded
from treadle.keras_like.layers.data_layer import DataLayer
from treadle.keras_like.layers.hashing import buckets
from treadle.keras_like.layers.index_lookup import NOWHERE, IndexLookup


class IntegerLookup(IndexLookup):
    """The index of each integer in a vocabulary.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included. Default: no limit.
        num_oov_indices: how many indices unknown integers share. With 0 they are an error. Default 1.
        mask_token: an integer with the index 0 that stands for nothing. Default: none.
        oov_token: what unknown indices become with `invert`. Default -1.
        vocabulary: a list of integers, or the name of a text file with one in each line. Default: `adapt` learns it.
        vocabulary_dtype: "int64".
        idf_weights, invert, output_mode, pad_to_max_tokens, sparse: as in `StringLookup`.
        oov_method: which of several `num_oov_indices` an unknown integer has: "floormod" (default): that of its remainder;
            "farmhash": that of its hash.
        salt: with "farmhash": an integer or two, to hash with SipHash.

    >>> from treadle import keras
    >>> layer = keras.layers.IntegerLookup(vocabulary=[12, 36, 1138])
    >>> layer([[12, 1138, 7]]).numpy().tolist()
    [[1, 3, 0]]
    """

    vocabulary_dtype = "int64"

    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: int | None = None,
                 oov_token: int | None = -1, vocabulary: Any = None, vocabulary_dtype: str = "int64", idf_weights: Any = None,
                 invert: bool = False, output_mode: str = "int", sparse: bool = False, pad_to_max_tokens: bool = False,
                 oov_method: str = "floormod", salt: Any = None, name: str | None = None, **kwargs: Any):
        if vocabulary_dtype != "int64":
            raise tf.errors.InvalidArgumentError(f"`vocabulary_dtype` is 'int64'. Received: {vocabulary_dtype!r}.")
        super().__init__(max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
                         vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode, sparse=sparse,
                         pad_to_max_tokens=pad_to_max_tokens, oov_method=oov_method, salt=salt, name=name, **kwargs)

    def _as_tokens(self, values: Any) -> list[int]:
        return np.asarray(values).astype(np.int64).reshape(-1).tolist()

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super(DataLayer, self).__call__(self.arranged(inputs), *args, **kwargs)  # of ops: nothing on the host

    def call(self, inputs: Any) -> Any:
        self._edition.check(self)
        values = tf.cast(inputs, "int64")
        if self.invert:
            return self._inverted(values)
        found = self._indices(tf.reshape(values, [-1]))
        found = tf.reshape(found, tf.shape(values))
        if self.output_mode == "int":
            return found
        rows = encoded(found, "count" if self.output_mode == "tf_idf" else self.output_mode, self.depth,  # type: ignore[arg-type]
                       self.output_dtype)
        return rows * self._idf if self.output_mode == "tf_idf" else rows

    def _indices(self, values: Any) -> Any:
        """The index of each integer, by search in the sorted vocabulary."""
        order = np.argsort(np.array(self._tokens, np.int64))
        unknown = self._unknown(values)
        known: Any = tf.zeros_like(values, "bool")
        found = unknown
        if order.size:
            tokens = tf.constant(np.array(self._tokens, np.int64)[order])
            places = tf.minimum(tf.searchsorted(tokens, values), order.size - 1)
            known = tf.equal(tf.gather(tokens, places), values)
            found = tf.where(known, tf.gather(tf.constant(order + self._token_start), places), unknown)
        if self.mask_token is not None:
            is_mask = tf.equal(values, self.mask_token)
            known = known | is_mask
            found = tf.where(is_mask, 0 if self.output_mode == "int" else NOWHERE, found)
        if self.num_oov_indices == 0:
            tf.debugging.Assert(tf.reduce_all(known), [
                "With `num_oov_indices=0` all integers are in the vocabulary. Received others. Pass `num_oov_indices=1`."])
        return found

    def _unknown(self, values: Any) -> Any:
        """The index that each integer has if it is not in the vocabulary."""
        count = self.num_oov_indices
        if count <= 1:
            return tf.fill(tf.shape(values), tf.constant(self._oov_start, "int64"))
        if self.oov_method == "floormod":
            return tf.math.floormod(values, count) + self._oov_start
        hashed = tf.numpy_function(lambda array: buckets(array, count, self.salt), [values],
                                   tf.TensorSpec(values.shape, "int64"))
        return hashed + self._oov_start

    def _inverted(self, places: Any) -> Any:
        oov = -1 if self.oov_token is None else self.oov_token
        table = np.array([oov if t is None else t for t in self.get_vocabulary()], np.int64)
        outside = (places < 0) | (places >= len(table))
        return tf.where(outside, tf.constant(oov, "int64"), tf.gather(tf.constant(table), tf.where(outside, 0, places)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"vocabulary_dtype": self.vocabulary_dtype}
