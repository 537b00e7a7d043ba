"""`StringLookup`: strings to integers, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.layers.category_encoding import encoded, encoded_rows
from treadle.keras_like.layers.hashing import buckets
from treadle.keras_like.layers.index_lookup import NOWHERE, IndexLookup


class StringLookup(IndexLookup):
    """The index of each string in a vocabulary. Strings live on the host: map the layer over a data set, or call it before
    training.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included. Default: no limit.
        num_oov_indices: how many indices unknown strings share, by their hash. With 0 they are an error. Default 1.
        mask_token: a string with the index 0 that stands for nothing. Default: none.
        oov_token: what unknown indices become with `invert`. Default "[UNK]".
        vocabulary: a list of strings, or the name of a text file with one in each line. Default: `adapt` learns it.
        idf_weights: for "tf_idf": a weight for each string of the vocabulary.
        invert: integers to strings. Default False.
        output_mode: "int" (default, int64); "one_hot", "multi_hot", "count" as `CategoryEncoding` has them; "tf_idf": counts
            times the inverse document frequency, log(1 + documents / (1 + documents with the string)).
        pad_to_max_tokens: encoded rows have `max_tokens` places. Default False.
        encoding: of the text. Default "utf-8".
        salt: an integer or two, to hash unknown strings with SipHash in place of FarmHash.

    >>> from treadle import keras
    >>> layer = keras.layers.StringLookup(vocabulary=["a", "b"])
    >>> layer(["b", "z", "a"]).numpy().tolist()
    [2, 0, 1]
    >>> keras.layers.StringLookup(vocabulary=["a", "b"], invert=True)([2, 0]).numpy().tolist()
    [b'b', b'[UNK]']
    """

    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: str | None = None,
                 oov_token: str | None = "[UNK]", vocabulary: Any = None, idf_weights: Any = None, invert: bool = False,
                 output_mode: str = "int", pad_to_max_tokens: bool = False, sparse: bool = False, encoding: str = "utf-8",
                 name: str | None = None, salt: Any = None, **kwargs: Any):
        self.encoding = encoding
        super().__init__(max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
                         vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode, sparse=sparse,
                         pad_to_max_tokens=pad_to_max_tokens, salt=salt, name=name, **kwargs)

    def _as_tokens(self, values: Any) -> list[bytes]:
        array = np.asarray(values)
        if array.dtype.kind == "U" or array.dtype == object:
            return [v.encode(self.encoding) if isinstance(v, str) else v for v in array.reshape(-1).tolist()]
        if array.size and array.dtype.kind != "S":
            raise tf.errors.DtypeError(f"`{type(self).__name__}` works on strings. Received: {values!r}.")
        return array.reshape(-1).tolist()

    def _shown(self, token: bytes) -> str:
        return token.decode(self.encoding)

    def _changed(self) -> None:
        self._table = {token: i for i, token in enumerate(self._tokens, self._token_start)}
        if self.mask_token is not None:
            self._table[self.mask_token.encode(self.encoding)] = 0 if self.output_mode == "int" else NOWHERE

    _table: dict[bytes, int] = {}

    def indices(self, tokens: Sequence[bytes]) -> np.ndarray:
        """The index of each string: int64."""
        if not self._table:
            self._changed()
        found = np.fromiter((self._table.get(t, -1) for t in tokens), np.int64, len(tokens))
        unknown = np.flatnonzero(found == -1)
        if not unknown.size:
            return found
        if self.num_oov_indices == 0:
            raise tf.errors.InvalidArgumentError(
                f"With `num_oov_indices=0` all strings are in the vocabulary. Received: "
                f"{sorted({self._shown(tokens[int(i)]) for i in unknown})[:10]}. Pass `num_oov_indices=1`, or add them.")
        found[unknown] = self._oov_start
        if self.num_oov_indices > 1:
            strange = np.empty(unknown.size, object)
            strange[:] = [tokens[int(i)] for i in unknown]
            found[unknown] += buckets(strange, self.num_oov_indices, self.salt)
        return found

    def on_host(self, *arrays: np.ndarray) -> np.ndarray:
        values, = arrays
        if self.invert:
            return self._inverted(values)
        if values.dtype != object:
            raise tf.errors.DtypeError(
                f"The layer {self.name!r} takes strings. Received: an array of dtype {values.dtype}. Integers have "
                "`IntegerLookup`.")
        found = self.indices(values.reshape(-1).tolist()).reshape(values.shape)
        if self.output_mode == "int":
            return found
        if self.output_mode == "one_hot" or found.ndim > 2:
            result = encoded(tf.constant(found), "count" if self.output_mode == "tf_idf" else self.output_mode,
                             self.depth, self.output_dtype).numpy()  # type: ignore[arg-type]
            return result * self._idf if self.output_mode == "tf_idf" else result
        rows = self.encoded_rows(list(found) if found.ndim == 2 else [found])
        return rows if found.ndim == 2 else rows[0]

    def encoded_rows(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Rows of indices as the output mode says: [rows, depth]."""
        result = encoded_rows(rows, "count" if self.output_mode == "tf_idf" else self.output_mode,
                              self.depth, tf.as_dtype(self.output_dtype).as_numpy_dtype)  # type: ignore[arg-type]
        return result * self._idf if self.output_mode == "tf_idf" else result

    def _inverted(self, values: np.ndarray) -> np.ndarray:
        tokens = self._as_tokens([*self.get_vocabulary(), self.oov_token or ""])
        places = values.astype(np.int64)
        places = np.where((places < 0) | (places >= len(tokens)), len(tokens) - 1, places)
        result = np.empty(places.shape, object)
        result.reshape(-1)[:] = [tokens[i] for i in places.reshape(-1)]
        return result

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"encoding": self.encoding}
