"""`Hashing`: strings and integers as numbers of bins, by their hash."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.layers.category_encoding import MODES, check_mode, encoded, encoded_shape, refuse_sparse
from treadle.keras_like.layers.data_layer import HostLayer


def as_salt(salt: Any) -> list[int] | None:
    """A salt as the two numbers of a key."""
    if salt is None:
        return None
    if isinstance(salt, (int, np.integer)) and not isinstance(salt, bool):
        return [int(salt)] * 2
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    raise tf.errors.InvalidArgumentError(f"`salt` is an integer or a pair of integers. Received: salt={salt!r}.")


def buckets(values: np.ndarray, count: int, salt: list[int] | None) -> np.ndarray:
    """The bin of each string or number (as the text of the integer), in [0, count)."""
    if values.dtype.kind == "f":
        values = values.astype(np.int64)
    flat, places = (values.reshape(-1), None) if values.dtype == object else np.unique(values, return_inverse=True)
    text = tf.strings.as_string(tf.constant(flat))
    if salt is None:
        found = tf.strings.to_hash_bucket_fast(text, count).numpy()
    else:
        found = tf.strings.to_hash_bucket_strong(text, count, key=salt).numpy()
    return (found if places is None else found[places]).reshape(values.shape)


class Hashing(HostLayer):
    """FarmHash64(input) mod num_bins, or SipHash64 with a salt: the same numbers as Keras gives. Integers count as their text.

    Args:
        num_bins: how many bins, that of `mask_value` included.
        mask_value: an input that goes to bin 0, where nothing else goes then. Default: none.
        salt: an integer or two, for a hash of their own. Default: none.
        output_mode: "int" (default, int64), "one_hot", "multi_hot" or "count", as `CategoryEncoding` has them.
        sparse: not offered.

    Strings are hashed on the host: map the layer over the data set, or call it before training.

    >>> from treadle import keras
    >>> keras.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"]]).numpy().tolist()
    [[1], [0], [1]]
    """

    def __init__(self, num_bins: int, mask_value: Any = None, salt: Any = None, output_mode: str = "int", sparse: bool = False,
                 **kwargs: Any):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else None
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise tf.errors.InvalidArgumentError(f"`num_bins` is 1 or more. Received: num_bins={num_bins}.")
        refuse_sparse(self, sparse=sparse)
        self.output_mode = check_mode(output_mode, ("int", *MODES))
        if self.output_mode == "int" and self.dtype_policy.name not in ("int32", "int64"):
            raise tf.errors.InvalidArgumentError(
                f"With output_mode='int', `dtype` is int32 or int64. Received: dtype={self.dtype_policy.name!r}.")
        self.num_bins, self.mask_value, self.salt, self.sparse = num_bins, mask_value, as_salt(salt), False

    @property
    def output_dtype(self) -> str:
        return self.compute_dtype

    def on_host(self, *arrays: np.ndarray) -> np.ndarray:
        values, = arrays
        if self.mask_value is None or self.num_bins == 1:
            bins = buckets(values, self.num_bins, self.salt)
        else:
            masked = values == (self.mask_value.encode() if isinstance(self.mask_value, str) else self.mask_value)
            bins = np.where(masked, 0, buckets(values, self.num_bins - 1, self.salt) + 1)
        return np.asarray(encoded(tf.constant(bins), self.output_mode, self.num_bins, self.compute_dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)


class HashedCrossing(HostLayer):
    """The bin of several features together: hash((a, b, ...)) mod num_bins, as Keras computes it.

    Args:
        num_bins: how many bins.
        output_mode: "int" (default, int64) or "one_hot".
        sparse: not offered.

    Call argument: a list of strings or integers of one shape: [], [batch] or [batch, 1].

    >>> import numpy as np
    >>> from treadle import keras
    >>> layer = keras.layers.HashedCrossing(num_bins=5)
    >>> layer((np.array(["A", "B", "A"]), np.array([101, 101, 102]))).numpy().tolist()
    [1, 4, 3]
    """

    def __init__(self, num_bins: int, output_mode: str = "int", sparse: bool = False, name: str | None = None,
                 dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype="int64" if output_mode == "int" and dtype is None else dtype, **kwargs)
        if num_bins is None or num_bins <= 0:
            raise tf.errors.InvalidArgumentError(f"`num_bins` is 1 or more. Received: num_bins={num_bins}.")
        refuse_sparse(self, sparse=sparse)
        self.num_bins, self.output_mode, self.sparse = num_bins, check_mode(output_mode, ("int", "one_hot")), False

    @property
    def output_dtype(self) -> str:
        return self.compute_dtype

    def arranged(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise tf.errors.InvalidArgumentError(f"A crossing takes a list of two inputs or more. Received: {inputs!r}.")
        given = [super(HashedCrossing, self).arranged(x) for x in inputs]
        shapes = {tuple(x.shape) for x in given}
        shape = next(iter(shapes))
        if len(shapes) > 1 or len(shape) > 2 or len(shape) == 2 and shape[1] != 1:
            raise tf.errors.InvalidArgumentError(
                f"The inputs of a crossing have one shape: (), (batch,) or (batch, 1). Received: {sorted(shapes)}.")
        if not all(x.dtype.is_integer or x.dtype == tf.string for x in given):
            raise tf.errors.DtypeError(
                f"The inputs of a crossing are integers or strings. Received: dtypes {[x.dtype.name for x in given]}.")
        return given

    def on_host(self, *arrays: np.ndarray) -> np.ndarray:
        bins = tf.strings.cross_hashed([tf.constant(a) for a in arrays], self.num_bins)
        return np.asarray(encoded(bins, self.output_mode, self.num_bins, self.compute_dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)
