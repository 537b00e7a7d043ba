"""Initializers: objects that make the first value of a weight from its shape.

An integer `seed` makes an initializer give the same values at every call. Without a seed the values come from the
stream that `tf.random.set_seed` starts, and differ from call to call. An object with a `next()` (a seed generator)
gives the seed of each call.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.attributes import as_shape
from treadle.ir.ops.arrays import broadcast_to, reshape
from treadle.ir.ops.decompositions import qr
from treadle.ir.ops.diagonals import matrix_diag_part
from treadle.ir.ops.elementwise import cast, multiply, sign
from treadle.ir.ops.linalg import eye
from treadle.ir.ops.random import stateless_key
from treadle.runtime import sampling
from treadle.runtime.composites.linalg import matrix_transpose
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.generator import as_seed, stream
from treadle.runtime.tensor import Tensor


class Initializer(ABC):
    """Makes a weight's first value: `initializer(shape, dtype)`. A new one defines `__call__` and its constructor.

    `get_config` returns the constructor's arguments, which are kept as attributes of the same names.
    """

    _config: tuple[str, ...] = ()

    @abstractmethod
    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """A tensor of the given shape; float32 by default."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal initializer."""
        return {name: getattr(self, name) for name in self._config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer that `get_config` describes."""
        return cls(**config)

    def clone(self) -> Initializer:
        """A new initializer with the same arguments."""
        return type(self).from_config(self.get_config())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def _dtype(dtype: Any) -> Any:
    return dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)


# --- constants ------------------------------------------------------------------------------------------------------


class Constant(Initializer):
    """`value` everywhere; a list or array of values must have the weight's shape, or broadcast to it.

    >>> import treadle as tf
    >>> tf.initializers.Constant(3.0)([2]).numpy().tolist()
    [3.0, 3.0]
    """

    _config = ("value",)

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        value = convert_to_tensor(self.value)
        return broadcast_to(cast(value, dtype=_dtype(dtype)), as_shape(shape))


class Zeros(Initializer):
    """0 everywhere."""

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        return Constant(0)(shape, dtype)


class Ones(Initializer):
    """1 everywhere."""

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        return Constant(1)(shape, dtype)


class Identity(Initializer):
    """`gain` times the identity matrix; the shape must have two sizes."""

    _config = ("gain",)

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        sizes = as_shape(shape)
        if len(sizes) != 2:
            raise errors.InvalidArgumentError(f"An identity matrix has two sizes. Received: shape={sizes}.")
        return multiply(eye(*sizes, dtype=_dtype(dtype)), self.gain)


# --- random ---------------------------------------------------------------------------------------------------------


class RandomInitializer(Initializer):
    """An initializer that draws from a distribution."""

    def __init__(self, seed: Any = None):
        if seed is not None and not hasattr(seed, "next"):
            as_seed(seed)
        self.seed = seed

    def _key(self) -> Tensor:
        if self.seed is None:
            return stream().next_key()
        if hasattr(self.seed, "next"):
            return stateless_key(self.seed.next())
        return stateless_key(convert_to_tensor([as_seed(self.seed), 0], dtypes.int64))


class RandomNormal(RandomInitializer):
    """Normal numbers.

    >>> import treadle as tf
    >>> tf.initializers.RandomNormal(stddev=0.1, seed=1)([2, 3]).shape
    TensorShape([2, 3])
    """

    _config = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        return sampling.normal(self._key(), shape, self.mean, self.stddev, _dtype(dtype))


class TruncatedNormal(RandomInitializer):
    """Normal numbers within two standard deviations of the mean."""

    _config = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        return sampling.truncated_normal(self._key(), shape, self.mean, self.stddev, _dtype(dtype))


class RandomUniform(RandomInitializer):
    """Numbers uniform over [minval, maxval)."""

    _config = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        return sampling.uniform(self._key(), shape, self.minval, self.maxval, _dtype(dtype))


# The standard deviation of a standard normal number cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Numbers of mean 0 and variance scale / n, so that a layer keeps the variance of what passes through it.

    Args:
        scale: a positive number. Default 1.
        mode: n is the number of inputs of a unit ("fan_in", the default), of outputs ("fan_out"), or the mean of both
            ("fan_avg"). The last two axes of the weight are inputs and outputs; those before count as their multiples.
        distribution: "truncated_normal" (default), "untruncated_normal" or "uniform".
        seed: see above.
    """

    _config: tuple[str, ...] = ("scale", "mode", "distribution", "seed")

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal",
                 seed: Any = None):
        super().__init__(seed)
        if not scale > 0:
            raise errors.InvalidArgumentError(f"`scale` must be positive. Received: scale={scale!r}.")
        distribution = {"normal": "truncated_normal"}.get(distribution, distribution)
        for name, value, allowed in (("mode", mode, ("fan_in", "fan_out", "fan_avg")),
                                     ("distribution", distribution,
                                      ("truncated_normal", "untruncated_normal", "uniform"))):
            if value not in allowed:
                raise errors.InvalidArgumentError(
                    f"`{name}` must be one of {', '.join(map(repr, allowed))}. Received: {name}={value!r}.")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        sizes = as_shape(shape)
        fan_in, fan_out = fans(sizes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return sampling.uniform(self._key(), sizes, -limit, limit, _dtype(dtype))
        if self.distribution == "untruncated_normal":
            return sampling.normal(self._key(), sizes, 0.0, stddev, _dtype(dtype))
        return sampling.truncated_normal(self._key(), sizes, 0.0, stddev / _TRUNCATED_STDDEV, _dtype(dtype))


def fans(shape: Sequence[Any]) -> tuple[Any, Any]:
    """How many inputs and outputs a unit has in a weight of this shape."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class GlorotUniform(VarianceScaling):
    """Uniform over [-l, l) with l = sqrt(6 / (inputs + outputs)).

    >>> import treadle as tf
    >>> tf.initializers.GlorotUniform(seed=1)([2, 3]).shape
    TensorShape([2, 3])
    """

    _config = ("seed",)

    def __init__(self, seed: Any = None):
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal numbers of standard deviation sqrt(2 / (inputs + outputs))."""

    _config = ("seed",)

    def __init__(self, seed: Any = None):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Uniform over [-l, l) with l = sqrt(6 / inputs)."""

    _config = ("seed",)

    def __init__(self, seed: Any = None):
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Truncated normal numbers of standard deviation sqrt(2 / inputs)."""

    _config = ("seed",)

    def __init__(self, seed: Any = None):
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Uniform over [-l, l) with l = sqrt(3 / inputs)."""

    _config = ("seed",)

    def __init__(self, seed: Any = None):
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Truncated normal numbers of standard deviation sqrt(1 / inputs)."""

    _config = ("seed",)

    def __init__(self, seed: Any = None):
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class Orthogonal(RandomInitializer):
    """`gain` times a random matrix with orthonormal rows or columns; axes before the last count as rows."""

    _config = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        sizes = as_shape(shape)
        if len(sizes) < 2:
            raise errors.InvalidArgumentError(f"An orthogonal weight has two or more axes. Received: shape={sizes}.")
        wanted = _dtype(dtype)
        wide = wanted if wanted.size >= 4 else dtypes.float32
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        drawn = sampling.normal(self._key(), (max(rows, columns), min(rows, columns)), 0.0, 1.0, wide)
        q, r = qr(drawn)
        q = multiply(q, sign(matrix_diag_part(r)))  # makes the distribution uniform
        if rows < columns:
            q = matrix_transpose(q)
        return cast(multiply(reshape(q, sizes), self.gain), dtype=wanted)


errors.shield(globals())
