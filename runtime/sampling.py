"""Numbers of a distribution from a key: what `tf.random`, its stateless functions and `Generator` share."""

from __future__ import annotations

from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.attributes import as_shape
from treadle.ir.ops import random as ops
from treadle.ir.ops.elementwise import cast, maximum
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.rules import broadcast_shapes
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import EagerTensor, Tensor


def _parameters(dtype: Any, *values: Any) -> list[Tensor]:
    wanted = dtypes.as_dtype(dtype)
    return [convert_to_tensor(v, wanted) for v in values]


def normal(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any) -> Tensor:
    """mean + stddev * z with z standard normal."""
    return ops.random_normal(key, *_parameters(dtype, mean, stddev), shape=shape)


def truncated_normal(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any) -> Tensor:
    """mean + stddev * z with z standard normal, drawn again until |z| < 2."""
    return ops.random_truncated_normal(key, *_parameters(dtype, mean, stddev), shape=shape)


def uniform(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any) -> Tensor:
    """Uniform over [minval, maxval)."""
    wanted = dtypes.as_dtype(dtype)
    if wanted.is_integer:
        return _uniform_int(key, shape, minval, maxval, wanted)
    minval, maxval = _parameters(wanted, 0 if minval is None else minval, 1 if maxval is None else maxval)
    return ops.random_uniform(key, minval, maxval, shape=shape)


def _uniform_int(key: Any, shape: Any, minval: Any, maxval: Any, wanted: Any) -> Tensor:
    if minval is None and maxval is None:
        return ops.random_bits(key, shape=shape, dtype=wanted)
    if maxval is None:
        raise errors.InvalidArgumentError(
            f"`maxval` must be given for integers. Received: maxval=None with dtype {wanted.name}.")
    minval, maxval = _parameters(wanted, 0 if minval is None else minval, maxval)
    if isinstance(minval, EagerTensor) and isinstance(maxval, EagerTensor) and not (minval.known < maxval.known).all():
        raise errors.InvalidArgumentError(
            f"`minval` must be smaller than `maxval`. Received: minval={minval.known}, maxval={maxval.known}.")
    return ops.random_int(key, minval, maxval, shape=shape)


def gamma(key: Any, shape: Any, alpha: Any, beta: Any, dtype: Any, outer: bool) -> Tensor:
    """Gamma numbers; `outer`: `shape` numbers for each element of the parameters, else `shape` is the result's."""
    alpha, beta = _parameters(dtype, alpha, 1 if beta is None else beta)
    full = as_shape(shape)
    if outer:
        full = (*full, *broadcast_shapes(alpha.type.shape, beta.type.shape))
    # TensorFlow, too, keeps the smallest positive number in place of 0, where the density's logarithm is infinite.
    smallest = convert_to_tensor(_smallest_normal(alpha.dtype), alpha.dtype)
    return maximum(smallest, ops.random_gamma(key, alpha, shape=full) / beta)


def _smallest_normal(dtype: Any) -> float:
    return {"float16": 2.0**-14, "float64": 2.0**-1022}.get(dtype.name, 2.0**-126)


def poisson(key: Any, shape: Any, lam: Any, dtype: Any, outer: bool) -> Tensor:
    """Poisson numbers; `outer` as for `gamma`."""
    lam = convert_to_tensor(lam, dtype_hint=dtypes.float32)
    lam = lam if lam.dtype.is_floating else cast(lam, dtype=dtypes.float64)
    full = as_shape(shape)
    return cast(ops.random_poisson(key, lam, shape=(*full, *lam.type.shape) if outer else full), dtype=dtype)


def binomial(key: Any, shape: Any, counts: Any, probs: Any, dtype: Any) -> Tensor:
    """Numbers of successes."""
    probs = convert_to_tensor(probs, dtype_hint=dtypes.float32)
    wide = dtypes.float64 if probs.dtype is dtypes.float64 else dtypes.float32
    counts = cast(convert_to_tensor(counts, dtype_hint=probs.dtype), dtype=wide)
    return cast(ops.random_binomial(key, counts, cast(probs, dtype=wide), shape=shape), dtype=dtype)


def shuffled(key: Any, value: Any) -> Tensor:
    """The rows of `value` in random order."""
    value = convert_to_tensor(value)
    if not value.type.shape:
        raise errors.InvalidArgumentError(f"A scalar has no rows to shuffle. Received: {value!r}.")
    return gather_rows(value, ops.random_permutation(key, size=value.type.shape[0]), axis=0)


errors.shield(globals())
