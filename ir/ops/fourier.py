"""Fourier transforms over any of the axes. The gradients are the transforms' own adjoints.

A transform of n numbers is y[k] = sum over j of x[j] e^(-2 pi i j k / n); its inverse has the opposite sign and a
factor 1 / n.
"""

from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Axes, Bool, Int
from treadle.ir.op import op
from treadle.ir.ops.arrays import pad_with
from treadle.ir.ops.elementary import real
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.ops.rules import COMPLEX, FLOATS, as_operand, count_as_number, require
from treadle.ir.types import TensorType, product


def _infer(input: TensorType, *, axes: Any, inverse: bool) -> TensorType:
    require(input, COMPLEX, "input")
    return input


def _lower(xp: Any, x: Any, *, axes: Any, inverse: bool) -> Any:
    return (xp.fft.ifftn if inverse else xp.fft.fftn)(x, axes=axes)


def _count(x: Any, axes: Any) -> Any:
    return count_as_number(product([x.type.shape[a] for a in axes]), x.dtype)


def _vjp(g: Any, y: Any, x: Any, *, axes: Any, inverse: bool) -> Any:
    back = fourier(g, axes=axes, inverse=not inverse)
    return back / _count(x, axes) if inverse else back * _count(x, axes)


@op(infer=_infer, lower=_lower, vjp=(_vjp,))
def fourier(input, *, axes: Axes, inverse: Bool = False):
    """The Fourier transform of complex numbers over `axes`, or its inverse."""


# --- real numbers ---------------------------------------------------------------------------------------------------


def _real_infer(input: TensorType, *, axes: Any) -> TensorType:
    require(input, FLOATS[2:], "input")
    shape = list(input.shape)
    shape[axes[-1]] = dims.floordiv(shape[axes[-1]], 2) + 1
    return TensorType.of(_complex(input.dtype), shape)


def _complex(dtype: Any) -> Any:
    return dtypes.complex64 if dtype is dtypes.float32 else dtypes.complex128


def _last(x: Any, axes: Any, size: Any) -> Any:
    """`x` cut or padded with zeros to `size` along the last of the axes."""
    shape, axis = list(x.type.shape), axes[-1]
    have = shape[axis]
    if dims.is_known(have, size) and have > size:
        shape[axis] = size
        return strided_slice(x, (0,) * len(shape), tuple(shape), (1,) * len(shape))
    paddings = [0] * (2 * len(shape))
    paddings[2 * axis + 1] = size - have
    return pad_with(x, as_operand(0, x.dtype), paddings)


def _real_vjp(g: Any, y: Any, x: Any, *, axes: Any) -> Any:
    back = fourier(_last(g, axes, x.type.shape[axes[-1]]), axes=axes, inverse=True)
    return real(back) * _count(x, axes)


@op(infer=_real_infer, lower=lambda xp, x, *, axes: xp.fft.rfftn(x, axes=axes), vjp=(_real_vjp,))
def fourier_of_real(input, *, axes: Axes):
    """The Fourier transform of real numbers over `axes`: along the last of them the first n // 2 + 1, which say all."""


def _to_real_infer(input: TensorType, *, axes: Any, length: Any) -> TensorType:
    require(input, COMPLEX, "input")
    shape = list(input.shape)
    if dims.is_known(length, shape[axes[-1]]) and shape[axes[-1]] != length // 2 + 1:
        raise errors.InvalidArgumentError(
            f"A real signal of length {length} has {length // 2 + 1} frequencies. Received: {shape[axes[-1]]}.")
    shape[axes[-1]] = length
    return TensorType.of(input.dtype.real_dtype, shape)


def _to_real_lower(xp: Any, x: Any, *, axes: Any, length: int) -> Any:
    return xp.fft.irfftn(x, s=[*(x.shape[a] for a in axes[:-1]), length], axes=axes)


def _to_real_vjp(g: Any, y: Any, x: Any, *, axes: Any, length: Any) -> Any:
    if not dims.is_known(length):
        raise errors.UnimplementedError("The gradient of `irfft` needs a length that is known while tracing.")
    # All frequencies but the first and (of an even length) the last stand for their conjugates as well.
    weights = [1.0] + [2.0] * ((length - 1) // 2) + [1.0] * (length > 1 and length % 2 == 0)
    shape = [1] * x.type.rank
    shape[axes[-1]] = len(weights)
    scale = as_operand(np.array(weights, x.dtype.numpy).reshape(shape))
    return fourier_of_real(g, axes=axes) * scale / _count(y, axes)


@op(infer=_to_real_infer, lower=_to_real_lower, vjp=(_to_real_vjp,))
def fourier_to_real(input, *, axes: Axes, length: Int):
    """The inverse of `fourier_of_real`: real numbers, `length` of them along the last of the axes."""
