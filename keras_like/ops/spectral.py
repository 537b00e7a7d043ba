"""`keras.ops`: Fourier transforms, of complex numbers as pairs (real, imaginary)."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.math import extract_sequences
from treadle.keras_like.ops.numpy_shapes import pad
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import floating, tensor


def _complex(x: Any) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise tf.errors.InvalidArgumentError(f"A complex number is a pair (real, imaginary). Received: {x!r}.")
    real, imag = tensor(x[0]), tensor(x[1])
    if not real.dtype.is_floating or not imag.dtype.is_floating or real.shape.as_list() != imag.shape.as_list():
        raise tf.errors.InvalidArgumentError(
            f"Both parts of a complex number are floats of one shape. Received: {real.dtype.name} of shape {real.shape}, "
            f"{imag.dtype.name} of shape {imag.shape}.")
    return tf.complex(real, imag)


def _pair(x: Any) -> Any:
    return tf.math.real(x), tf.math.imag(x)


@operation
def fft(x: Any) -> Any:
    """The Fourier transform along the last axis of (real, imaginary), as such a pair."""
    return _pair(tf.signal.fft(_complex(x)))


@operation
def fft2(x: Any) -> Any:
    """The Fourier transform along the last two axes of (real, imaginary), as such a pair."""
    return _pair(tf.signal.fft2d(_complex(x)))


@operation
def ifft2(x: Any) -> Any:
    """The inverse of `fft2`."""
    return _pair(tf.signal.ifft2d(_complex(x)))


@operation
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """The Fourier transform of real numbers: n -> n // 2 + 1 frequencies, as a pair (real, imaginary).

    `fft_length`: x is cut, or filled with zeros, to that length first.

    >>> from treadle import keras
    >>> [part.numpy().tolist() for part in keras.ops.rfft([1.0, 1.0, 1.0, 1.0])]
    [[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return _pair(tf.signal.rfft(floating(x), None if fft_length is None else [fft_length]))


@operation
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`: a pair (real, imaginary) -> `fft_length` real numbers; default 2 * (frequencies - 1)."""
    return tf.signal.irfft(_complex(x), None if fft_length is None else [fft_length])


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """The window, in the middle of `fft_length` elements."""
    if fft_length < sequence_length:
        raise tf.errors.InvalidArgumentError(
            f"`fft_length` is at least `sequence_length`. Received: fft_length={fft_length}, "
            f"sequence_length={sequence_length}.")
    if window is None:
        return tf.ones([fft_length], dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise tf.errors.InvalidArgumentError(f"`window` is 'hann', 'hamming' or a vector. Received: {window!r}.")
        place = np.arange(sequence_length) * (2 * np.pi / sequence_length)
        lowest = {"hann": 0.5, "hamming": 0.54}[window]
        found = tf.constant(lowest - (1 - lowest) * np.cos(place), dtype)
    else:
        found = tensor(window, dtype)
    if found.shape.as_list() != [sequence_length]:
        raise tf.errors.InvalidArgumentError(
            f"A window has `sequence_length` elements. Received: shape {found.shape}, sequence_length={sequence_length}.")
    before = (fft_length - sequence_length) // 2
    return tf.pad(found, [[before, fft_length - sequence_length - before]])


@operation
def stft(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
         center: bool = True) -> Any:
    """The Fourier transforms of windows of x, as a pair (real, imaginary): [..., n] -> [..., windows, frequencies].

    Args:
        x: float32 or float64.
        sequence_length: the size of the window.
        sequence_stride: the step from window to window.
        fft_length: how many elements are transformed; at least `sequence_length`.
        window: "hann" (default), "hamming", a vector, or None.
        center: window i stands around element i * sequence_stride; x is mirrored at its ends.
    """
    x = tensor(x)
    if x.dtype.name not in ("float32", "float64"):
        raise tf.errors.DtypeError(f"`stft` takes float32 or float64. Received: {x.dtype.name}.")
    if center:
        x = pad(x, [(0, 0)] * (x.shape.rank - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    frames = extract_sequences(x, fft_length, sequence_stride)
    return _pair(tf.signal.rfft(frames * _window(window, sequence_length, fft_length, x.dtype)))


@operation
def istft(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None,
          window: Any = "hann", center: bool = True) -> Any:
    """The inverse of `stft`: the windows' inverse transforms, added where they overlap, over the windows' squared sum.

    `length`: that of the result. Default: all that the windows cover, without the mirrored ends if `center`.
    """
    frequencies = _complex(x)
    if frequencies.shape.rank < 2:
        raise tf.errors.InvalidArgumentError(f"`istft` takes [..., windows, frequencies]. Received: {frequencies.shape}.")
    parts = tf.signal.irfft(frequencies, [fft_length])
    shape = _window(window, sequence_length, fft_length, parts.dtype)
    total = tf.signal.overlap_and_add(parts * shape, sequence_stride)
    weight = tf.signal.overlap_and_add(tf.ones_like(parts) * shape * shape, sequence_stride)
    total = total / tf.where(weight > 1e-10, weight, tf.ones_like(weight))
    start = fft_length // 2 if center else 0
    whole = total.shape[-1]
    end = start + length if length is not None else whole - start
    return total[..., start:end]
