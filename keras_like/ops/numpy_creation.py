"""`keras.ops`: tensors from numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, promoted, result_type, tensor


@operation
def array(x: Any, dtype: Any = None) -> Any:
    """`x` as a tensor.

    >>> from treadle import keras
    >>> keras.ops.array([1, 2], dtype="float32").numpy().tolist()
    [1.0, 2.0]
    """
    return tf.identity(tensor(x, dtype))


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros, of `floatx()` if no dtype is given."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones, of `floatx()` if no dtype is given."""
    return full(shape, 1, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of the shape, filled with a value (which is broadcast). Default dtype: `floatx()`."""
    return tf.broadcast_to(tensor(fill_value, dtype or floatx()), (shape,) if isinstance(shape, int) else shape)


empty = zeros


@operation
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape of x."""
    return tensor(tf.zeros_like(tensor(x)), dtype)


@operation
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of the shape of x."""
    return tensor(tf.ones_like(tensor(x)), dtype)


@operation
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of the shape of x, filled with a value."""
    zeros = zeros_like(x, dtype)
    value = tensor(fill_value, zeros.dtype)
    return tf.logical_or(zeros, value) if zeros.dtype.is_bool else zeros + value


empty_like = zeros_like


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on the k-th diagonal of [N, M], else zeros.

    >>> from treadle import keras
    >>> keras.ops.eye(2, 3, k=1).numpy().tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    rows, columns = _places(N, M)
    return tf.cast(tf.equal(columns - rows, k), dtype or floatx())


def identity(n: int, dtype: Any = None) -> Any:
    """The identity matrix."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones at and below the k-th diagonal of [N, M], else zeros."""
    rows, columns = _places(N, M)
    return tf.cast(columns - rows <= k, dtype or floatx())


def _places(rows: int, columns: int | None) -> tuple[Any, Any]:
    return tf.range(rows)[:, None], tf.range(rows if columns is None else columns)[None, :]


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """start, start + step ... up to, but not including, `stop`; from 0 if only one number is given.

    >>> from treadle import keras
    >>> keras.ops.arange(3).numpy().tolist(), keras.ops.arange(1, 2, 0.5).numpy().tolist()
    ([0, 1, 2], [1.0, 1.5])
    """
    step = 1 if step is None else step
    start, stop = (0, start) if stop is None else (start, stop)
    kinds = [getattr(v, "dtype", type(v)) for v in (start, stop, step)]
    found = tf.as_dtype(dtype or result_type(*(k for k in kinds)))
    inner = found if found.is_integer or found.size > 2 else tf.float32
    if all(isinstance(v, (int, float, np.number)) for v in (start, stop, step)):
        return tf.cast(tf.constant(np.arange(start, stop, step).astype(inner.as_numpy_dtype)), found)
    start, stop, step = (v if isinstance(v, int) and inner.is_integer else tensor(v, inner) for v in (start, stop, step))
    return tf.cast(tf.range(start, stop, step), found)


@operation
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0) -> Any:
    """`num` numbers at equal distances from start to stop (without stop if not `endpoint`), along a new axis.

    With `retstep`, a pair: the numbers and their distance.
    """
    a, b = promoted(start, stop, floating=True)
    steps = num - 1 if endpoint else num
    step = (b - a) / steps if steps > 0 else tf.constant(math.nan, a.dtype) * (b - a)
    base = tf.broadcast_to(a, tf.shape(step))
    count = tf.reshape(tf.range(num, dtype=a.dtype), [num] + [1] * step.shape.rank)
    found = base[None] + count * (step if steps > 0 else tf.zeros_like(step))
    if endpoint and num > 1:
        found = tf.concat([found[:-1], tf.broadcast_to(b, tf.shape(step))[None]], axis=0)
    if axis != 0:
        order = list(range(1, found.shape.rank))
        order.insert(axis % found.shape.rank, 0)
        found = tf.transpose(found, order)
    if dtype is not None:
        kind = tf.as_dtype(dtype)
        found = tf.cast(tf.floor(found) if kind.is_integer else found, kind)
    return (found, step) if retstep else found


@operation
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None,
             axis: int = 0) -> Any:
    """`base` to the powers of `linspace(start, stop)`."""
    powers = linspace(start, stop, num, endpoint, axis=axis)
    return tensor(tf.pow(tensor(base, powers.dtype), powers), dtype)


@operation
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers from start to stop, each the same multiple of the one before. Both ends have the same sign."""
    a, b = promoted(start, stop, floating=True)
    sign = tf.sign(a)
    powers = linspace(tf.math.log(tf.abs(a)), tf.math.log(tf.abs(b)), num, endpoint, axis=axis)
    signs = tf.broadcast_to(sign, tf.shape(a + b))
    signs = tf.expand_dims(signs, axis if axis >= 0 else axis)
    found = signs * tf.exp(powers)
    ends = [tf.expand_dims(tf.broadcast_to(v, tf.shape(a + b)), axis) for v in (a, b)]
    place = tf.reshape(tf.range(num), [num if i == axis % found.shape.rank else 1 for i in range(found.shape.rank)])
    found = tf.where(tf.equal(place, 0), ends[0], found)
    if endpoint:
        found = tf.where(tf.equal(place, num - 1), ends[1], found)
    return tensor(found, dtype)


@operation
def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """Grids of coordinates: for each vector, a tensor whose elements change along that vector's axis only."""
    if indexing not in ("xy", "ij"):
        raise tf.errors.InvalidArgumentError(f"`indexing` is 'xy' or 'ij'. Received: indexing={indexing!r}.")
    return list(tf.meshgrid(*(tf.reshape(tensor(v), [-1]) for v in x), indexing=indexing))


@operation
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of a vector: columns x^(N-1) ... x^0, in the other order if `increasing`."""
    x = tensor(x)
    count = x.shape[0] if N is None else N
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    columns = [tf.ones_like(x)]
    for _ in range(1, count):
        columns.append(columns[-1] * x)
    return tf.stack([columns[p] for p in powers], axis=1)


# --- windows ----------------------------------------------------------------------------------------------------------


def _cosines(x: Any, *weights: float) -> Any:
    """sum of (-1)^k weights[k] cos(2 pi k n / (size - 1)) over n of a window of x elements."""
    size = int(x)
    place = np.arange(size) * (2 * np.pi / max(size - 1, 1))
    values = sum(((-1) ** k * w * np.cos(k * place) for k, w in enumerate(weights)), np.zeros(size))
    return tf.constant(np.ones(size) if size == 1 else values, floatx())


def hanning(x: Any) -> Any:
    """The Hann window of x elements: 0.5 - 0.5 cos(2 pi n / (x - 1)).

    >>> from treadle import keras
    >>> keras.ops.hanning(3).numpy().tolist()
    [0.0, 1.0, 0.0]
    """
    return _cosines(x, 0.5, 0.5)


def hamming(x: Any) -> Any:
    """The Hamming window of x elements: 0.54 - 0.46 cos(2 pi n / (x - 1))."""
    return _cosines(x, 0.54, 0.46)


def blackman(x: Any) -> Any:
    """The Blackman window of x elements: 0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1))."""
    return _cosines(x, 0.42, 0.5, 0.08)


def bartlett(x: Any) -> Any:
    """The triangular window of x elements: 1 - |2 n / (x - 1) - 1|."""
    return tf.constant(np.bartlett(int(x)), floatx())


def kaiser(x: Any, beta: Any) -> Any:
    """The Kaiser window of x elements: I0(beta sqrt(1 - (2 n / (x - 1) - 1)^2)) / I0(beta)."""
    size = int(x)
    if size == 1:
        return tf.constant([1.0], floatx())
    shape = floating(beta)
    place = tf.constant(np.sqrt(np.maximum(1 - (2 * np.arange(size) / max(size - 1, 1) - 1) ** 2, 0.0)), shape.dtype)
    return tensor(tf.math.bessel_i0(shape * place) / tf.math.bessel_i0(shape), floatx())
