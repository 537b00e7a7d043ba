"""The functions of `tf.random`: those that draw from a stream with a state, and the `stateless_` ones.

A function without a prefix draws from the stream of its `seed=` (see `treadle.runtime.generator`); `stateless_f`
returns the same numbers for the same seed, a tensor of two integers, every time.
"""

from __future__ import annotations

from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.attributes import as_size
from treadle.ir.ops import random as ops
from treadle.ir.ops.arrays import stack
from treadle.runtime import sampling
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.generator import stream
from treadle.runtime.tensor import Tensor

# --- from a stream --------------------------------------------------------------------------------------------------


def uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dtypes.float32, seed: int | None = None,
            name: str | None = None) -> Tensor:
    """Numbers uniform over [minval, maxval).

    Args:
        shape: the shape of the result.
        minval: the lower end, included. Default 0. A tensor that broadcasts to `shape`, or a number.
        maxval: the upper end, excluded. Default 1 for floats; integers need it.
        dtype: float16, bfloat16, float32 (default), float64, or an integer dtype.
        seed: an integer; with the global seed it selects the stream to draw from.

    Raises:
        InvalidArgumentError: integers without `maxval`, or `minval` not below `maxval`.

    >>> import treadle as tf
    >>> tf.random.uniform([2, 3]).shape
    TensorShape([2, 3])
    """
    return sampling.uniform(stream(seed).next_key(), shape, minval, maxval, dtype)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32, seed: int | None = None,
           name: str | None = None) -> Tensor:
    """Normal numbers: mean + stddev * z. `mean` and `stddev` broadcast to `shape`; gradients flow to both.

    >>> import treadle as tf
    >>> tf.random.normal([2, 3], stddev=0.1).shape
    TensorShape([2, 3])
    """
    return sampling.normal(stream(seed).next_key(), shape, mean, stddev, dtype)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32,
                     seed: int | None = None, name: str | None = None) -> Tensor:
    """Normal numbers within two standard deviations of the mean.

    >>> import treadle as tf
    >>> bool(tf.reduce_max(tf.abs(tf.random.truncated_normal([100]))) <= 2)
    True
    """
    return sampling.truncated_normal(stream(seed).next_key(), shape, mean, stddev, dtype)


def gamma(shape: Any, alpha: Any, beta: Any = None, dtype: Any = dtypes.float32, seed: int | None = None,
          name: str | None = None) -> Tensor:
    """Gamma numbers of shape parameter `alpha` and rate `beta` (default 1): density ~ x^(alpha-1) e^(-beta x).

    The result has shape `shape` + broadcast(alpha, beta): `shape` numbers for each element of the parameters.
    Gradients flow to both parameters.

    >>> import treadle as tf
    >>> tf.random.gamma([10], alpha=[1.0, 2.0]).shape
    TensorShape([10, 2])
    """
    return sampling.gamma(stream(seed).next_key(), shape, alpha, beta, dtype, outer=True)


def poisson(shape: Any, lam: Any, dtype: Any = dtypes.float32, seed: int | None = None,
            name: str | None = None) -> Tensor:
    """Poisson numbers of rate `lam`; the result has shape `shape` + shape of `lam`.

    >>> import treadle as tf
    >>> tf.random.poisson([10], [0.5, 1.5]).shape
    TensorShape([10, 2])
    """
    return sampling.poisson(stream(seed).next_key(), shape, lam, dtype, outer=True)


def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: int | None = None,
                name: str | None = None) -> Tensor:
    """Class numbers drawn with the probabilities softmax(logits): logits [batch, classes] -> [batch, num_samples].

    `dtype` is int64 by default.

    >>> import treadle as tf
    >>> tf.random.categorical([[0.0, -1000.0]], 3).numpy().tolist()
    [[0, 0, 0]]
    """
    return ops.random_categorical(stream(seed).next_key(), logits, num_samples=num_samples,
                                  dtype=dtypes.int64 if dtype is None else dtype)


def shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """The rows of `value` (along its first axis) in random order.

    >>> import treadle as tf
    >>> sorted(tf.random.shuffle([3, 1, 2]).numpy().tolist())
    [1, 2, 3]
    """
    return sampling.shuffled(stream(seed).next_key(), value)


# --- from a seed of the user's own ----------------------------------------------------------------------------------


def stateless_uniform(shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dtypes.float32,
                      name: str | None = None, alg: Any = "auto_select") -> Tensor:
    """Numbers uniform over [minval, maxval), the same for the same `seed` (two integers).

    With an integer dtype and minval = maxval = None they cover the dtype's whole range.

    >>> import treadle as tf
    >>> a = tf.random.stateless_uniform([3], seed=[1, 2])
    >>> bool(tf.reduce_all(a == tf.random.stateless_uniform([3], seed=[1, 2])))
    True
    """
    return sampling.uniform(ops.stateless_key(seed), shape, minval, maxval, dtype)


def stateless_normal(shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32,
                     name: str | None = None, alg: Any = "auto_select") -> Tensor:
    """Normal numbers, the same for the same `seed` (two integers).

    >>> import treadle as tf
    >>> tf.random.stateless_normal([3], seed=[1, 2]).shape
    TensorShape([3])
    """
    return sampling.normal(ops.stateless_key(seed), shape, mean, stddev, dtype)


def stateless_truncated_normal(shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32,
                               name: str | None = None, alg: Any = "auto_select") -> Tensor:
    """Normal numbers within two standard deviations of the mean, the same for the same `seed` (two integers)."""
    return sampling.truncated_normal(ops.stateless_key(seed), shape, mean, stddev, dtype)


def stateless_gamma(shape: Any, seed: Any, alpha: Any, beta: Any = None, dtype: Any = dtypes.float32,
                    name: str | None = None) -> Tensor:
    """Gamma numbers, the same for the same `seed`. `shape` is the result's; the parameters broadcast to it."""
    return sampling.gamma(ops.stateless_key(seed), shape, alpha, beta, dtype, outer=False)


def stateless_poisson(shape: Any, seed: Any, lam: Any, dtype: Any = dtypes.int32, name: str | None = None) -> Tensor:
    """Poisson numbers, the same for the same `seed`. `shape` is the result's; `lam` broadcasts to it."""
    return sampling.poisson(ops.stateless_key(seed), shape, lam, dtype, outer=False)


def stateless_binomial(shape: Any, seed: Any, counts: Any, probs: Any, output_dtype: Any = dtypes.int32,
                       name: str | None = None) -> Tensor:
    """How many of `counts` trials of probability `probs` succeed, the same for the same `seed`."""
    return sampling.binomial(ops.stateless_key(seed), shape, counts, probs, output_dtype)


def stateless_categorical(logits: Any, num_samples: Any, seed: Any, dtype: Any = dtypes.int64,
                          name: str | None = None) -> Tensor:
    """Class numbers drawn with the probabilities softmax(logits), the same for the same `seed`."""
    return ops.random_categorical(ops.stateless_key(seed), logits, num_samples=num_samples, dtype=dtype)


def stateless_shuffle(value: Any, seed: Any, alg: Any = "auto_select", name: str | None = None) -> Tensor:
    """The rows of `value` in random order, the same for the same `seed`."""
    return sampling.shuffled(ops.stateless_key(seed), value)


# --- seeds from seeds -----------------------------------------------------------------------------------------------


def _as_seed(seed: Any) -> Tensor:
    seed = convert_to_tensor(seed, dtype_hint=dtypes.int32)
    if not seed.dtype.is_integer:
        raise errors.DtypeError(f"`seed` must be two integers. Received: a tensor of dtype {seed.dtype.name}.")
    return seed


def split(seed: Any, num: Any = 2, alg: Any = "auto_select") -> Tensor:
    """`num` new seeds from one, [num, 2] of the seed's dtype: use each for one `stateless_` function, and drop the old.

    >>> import treadle as tf
    >>> tf.random.split([1, 2], num=3).shape
    TensorShape([3, 2])
    """
    seed = _as_seed(seed)
    return ops.random_bits(ops.stateless_key(seed), shape=(as_size(num), 2), dtype=seed.dtype)


def fold_in(seed: Any, data: Any, alg: Any = "auto_select") -> Tensor:
    """A new seed from a seed and an integer (a step number, a replica's number), of the integer's dtype."""
    data = convert_to_tensor(data, dtype_hint=dtypes.int32)
    first = ops.random_bits(ops.stateless_key(_as_seed(seed)), shape=(), dtype=data.dtype)
    return stack([first, data], axis=0)


errors.shield(globals())
