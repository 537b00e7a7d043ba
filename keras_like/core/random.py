"""`keras.random`: random numbers from a seed, and `SeedGenerator`, which gives another seed at each call.

`seed` is an integer (the same numbers at every call), a `SeedGenerator` (other numbers at every call), or None: a
seed from the stream that `tf.random.set_seed` starts. All work eagerly and in compiled functions, with equal numbers.
"""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.variable import Variable

_LARGEST_DEFAULT_SEED = 10**9


class SeedGenerator:
    """A sequence of seeds. Its state is a variable, so that compiled functions go on with it and files can hold it.

    Args:
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        name: default: numbered.

    >>> from treadle import keras
    >>> seeds = keras.random.SeedGenerator(42)
    >>> [seeds.next().numpy().tolist() for _ in range(2)]
    [[42, 0], [42, 1]]
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise tf.errors.DtypeError(f"`SeedGenerator` has no argument {next(iter(kwargs))!r}.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise tf.errors.InvalidArgumentError(f"`seed` must be an integer. Received: seed={seed!r}.")
        self.name = name or auto_name(type(self).__name__)
        self._initial_seed = seed
        with tf.init_scope():
            if seed is None:
                seed = int(tf.random.uniform([], 1, _LARGEST_DEFAULT_SEED, dtype="int32").numpy())
            self.state = Variable([seed % 2**32, 0], dtype="uint32", trainable=False, name="seed_generator_state",
                                  aggregation="stream_0")
        self.state.path = f"{self.name}/seed_generator_state"

    def next(self, ordered: bool = True) -> Any:
        """The next seed, two integers; the state moves on. `ordered` is accepted for compatibility."""
        seed = tf.identity(self.state)
        self.state.assign(seed + tf.constant([0, 1], dtype="uint32"))
        return seed

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator that starts where that of the configuration started."""
        return cls(**config)


def draw_seed(seed: Any) -> Any:
    """The seed of one draw, i64[2], from an integer, a `SeedGenerator` or None."""
    if isinstance(seed, SeedGenerator):
        return tf.cast(seed.next(), "int64")
    if seed is None:
        return tf.random.uniform([2], -2**62, 2**62, dtype="int64")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise tf.errors.InvalidArgumentError(
            f"`seed` is an integer, a `keras.random.SeedGenerator` or None. Received: seed={seed!r}.")
    return tf.constant([seed % 2**32, 0], dtype="int64")


def _floating(dtype: Any) -> Any:
    found = tf.as_dtype(dtype or floatx())
    if not found.is_floating:
        raise tf.errors.InvalidArgumentError(f"The dtype must be a floating one. Received: dtype={found.name}.")
    return found


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """mean + stddev * z with z standard normal.

    >>> from treadle import keras
    >>> keras.random.normal((2, 3), seed=1).shape
    TensorShape([2, 3])
    """
    return tf.random.stateless_normal(shape, draw_seed(seed), mean, stddev, _floating(dtype))


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers within two standard deviations of the mean."""
    return tf.random.stateless_truncated_normal(shape, draw_seed(seed), mean, stddev, _floating(dtype))


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers uniform over [minval, maxval)."""
    return tf.random.stateless_uniform(shape, draw_seed(seed), minval, maxval, _floating(dtype))


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers uniform over minval to maxval - 1."""
    if not tf.as_dtype(dtype).is_integer:
        raise tf.errors.InvalidArgumentError(f"The dtype must be an integer one. Received: dtype={dtype}.")
    return tf.random.stateless_uniform(shape, draw_seed(seed), minval, maxval, dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """num_samples classes for each row of logits [batch, classes], class i with probability softmax(logits)[i]."""
    logits = tf.convert_to_tensor(logits)
    if logits.shape.rank != 2:
        raise tf.errors.InvalidArgumentError(f"`logits` has the shape [batch, classes]. Received: shape {logits.shape}.")
    return tf.random.stateless_categorical(logits, num_samples, draw_seed(seed), dtype)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each element 0 with probability `rate`, else inputs / (1 - rate).

    `noise_shape`: where it is 1, all elements along that axis are dropped or kept together; None stands for the input's.
    """
    x = tf.convert_to_tensor(inputs)
    if rate >= 1:
        return tf.zeros_like(x)
    kept = tf.random.stateless_uniform(noise_sizes(x, noise_shape), draw_seed(seed), dtype="float32") >= rate
    return tf.where(kept, x / (1 - rate), tf.zeros_like(x))


def noise_sizes(x: Any, noise_shape: Any) -> Any:
    """The shape of a noise tensor: that of `x`, or `noise_shape` with the sizes of `x` in place of None."""
    shape = tf.shape(x)
    if noise_shape is None:
        return shape
    if len(noise_shape) != x.shape.rank:
        raise tf.errors.InvalidArgumentError(
            f"`noise_shape` has a size for each axis of the input. Received: noise_shape={tuple(noise_shape)} for an input of "
            f"shape {x.shape}.")
    return [shape[i] if n is None else n for i, n in enumerate(noise_shape)]


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The elements of `x` in a random order along `axis`."""
    x = tf.convert_to_tensor(x)
    order = tf.random.stateless_shuffle(tf.range(tf.shape(x)[axis]), draw_seed(seed))
    return tf.gather(x, order, axis=axis)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Gamma numbers of shape parameter `alpha`: density ~ x^(alpha - 1) e^-x."""
    return tf.random.stateless_gamma(shape, draw_seed(seed), alpha, dtype=_floating(dtype))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """How many of `counts` trials succeed, each with probability `probabilities`."""
    found = tf.random.stateless_binomial(shape, draw_seed(seed), tf.cast(counts, "float32"),
                                         tf.cast(probabilities, "float32"), "int32")
    return tf.cast(found, _floating(dtype))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Beta numbers: density ~ x^(alpha - 1) (1 - x)^(beta - 1); the share of one gamma number in the sum of two."""
    kind, first = _floating(dtype), draw_seed(seed)
    a = tf.random.stateless_gamma(shape, first, alpha, dtype=kind)
    b = tf.random.stateless_gamma(shape, first + tf.constant([0, 2**32], dtype="int64"), beta, dtype=kind)
    return a / (a + b)


shield_functions(globals())
