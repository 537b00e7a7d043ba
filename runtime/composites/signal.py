"""`tf.signal`: Fourier and cosine transforms, windows, frames, short-time transforms, the mel scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import as_axis, as_shape, as_size
from treadle.ir.interpreter import interpreting
from treadle.ir.ops import fourier as ops
from treadle.ir.ops.arrays import expand_dims, iota, pad_with, roll
from treadle.ir.ops.indexing import gather_rows, scatter_rows_add, strided_slice
from treadle.runtime.composites.linalg import tensordot
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.eager import EAGER
from treadle.runtime.tensor import Tensor

# --- Fourier transforms ---------------------------------------------------------------------------------------------


def _complex(x: Any) -> Tensor:
    x = convert_to_tensor(x)
    if not x.dtype.is_complex:
        raise errors.DtypeError(
            f"Expected complex numbers. Received: dtype {x.dtype.name}. Use `tf.cast(x, tf.complex64)`, or `rfft`.")
    return x


def _last_axes(x: Tensor, count: int) -> tuple[int, ...]:
    if x.type.rank < count:
        raise errors.InvalidArgumentError(f"Expected a tensor of rank {count} or more. Received: shape {x.shape}.")
    return tuple(range(x.type.rank - count, x.type.rank))


def _transform(count: int, inverse: bool, doc: str) -> Callable[..., Tensor]:
    def transform(input: Any, name: str | None = None) -> Tensor:
        x = _complex(input)
        return ops.fourier(x, axes=_last_axes(x, count), inverse=inverse)
    transform.__doc__ = doc
    transform.__name__ = transform.__qualname__ = ("i" if inverse else "") + "fft" + ("" if count == 1 else f"{count}d")
    return transform


fft = _transform(1, False, "The Fourier transform of complex numbers over the last axis.")
ifft = _transform(1, True, "The inverse Fourier transform over the last axis.")
fft2d = _transform(2, False, "The Fourier transform of complex numbers over the last two axes.")
ifft2d = _transform(2, True, "The inverse Fourier transform over the last two axes.")
fft3d = _transform(3, False, "The Fourier transform of complex numbers over the last three axes.")
ifft3d = _transform(3, True, "The inverse Fourier transform over the last three axes.")


def _resized(x: Tensor, axes: Sequence[int], sizes: Sequence[Any]) -> Tensor:
    """Cut or padded with zeros to the given sizes."""
    shape, paddings = list(x.type.shape), [0] * (2 * x.type.rank)
    for axis, size in zip(axes, sizes):
        have = shape[axis]
        if not dims.is_known(have, size):
            if have != size:
                raise errors.InvalidArgumentError(
                    f"A size that is not known while tracing can't be changed to `fft_length`. Received: {have}, {size}.")
            continue
        paddings[2 * axis + 1] = max(size - have, 0)
        shape[axis] = min(have, size)
    if tuple(shape) != x.type.shape:
        x = strided_slice(x, (0,) * len(shape), tuple(shape), (1,) * len(shape))
    return pad_with(x, convert_to_tensor(0, x.dtype), paddings) if any(paddings) else x


def _rfft(input: Any, fft_length: Any, count: int) -> Tensor:
    x = convert_to_tensor(input)
    axes = _last_axes(x, count)
    sizes = [x.type.shape[a] for a in axes] if fft_length is None else as_shape(fft_length)
    return ops.fourier_of_real(_resized(x, axes, sizes), axes=axes)


def _irfft(input: Any, fft_length: Any, count: int) -> Tensor:
    x = _complex(input)
    axes = _last_axes(x, count)
    if fft_length is None:
        sizes = (*[x.type.shape[a] for a in axes[:-1]], 2 * (x.type.shape[axes[-1]] - 1))
    else:
        sizes = as_shape(fft_length)
    x = _resized(x, axes, (*sizes[:-1], dims.floordiv(sizes[-1], 2) + 1))
    return ops.fourier_to_real(x, axes=axes, length=sizes[-1])


def rfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The Fourier transform of real numbers over the last axis: n numbers give n // 2 + 1 complex ones.

    `fft_length`, a list of one integer, cuts or pads the axis first.

    >>> import treadle as tf
    >>> tf.signal.rfft([1.0, 1.0, 1.0, 1.0]).numpy().tolist()
    [(4+0j), 0j, 0j]
    """
    return _rfft(input_tensor, fft_length, 1)


def irfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The inverse of `rfft`; `fft_length` (a list of one integer) is 2 * (frequencies - 1) by default."""
    return _irfft(input_tensor, fft_length, 1)


def rfft2d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The Fourier transform of real numbers over the last two axes."""
    return _rfft(input_tensor, fft_length, 2)


def irfft2d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The inverse of `rfft2d`."""
    return _irfft(input_tensor, fft_length, 2)


def rfft3d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The Fourier transform of real numbers over the last three axes."""
    return _rfft(input_tensor, fft_length, 3)


def irfft3d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Tensor:
    """The inverse of `rfft3d`."""
    return _irfft(input_tensor, fft_length, 3)


def _shifted(x: Any, axes: Any, sign: int) -> Tensor:
    x = convert_to_tensor(x)
    chosen = list(range(x.type.rank)) if axes is None else [as_axis(a, x.type.rank) for a in as_shape(axes)]
    for axis in chosen:
        size = x.type.shape[axis]
        by = dims.floordiv(size, 2) if sign > 0 else -dims.floordiv(size, 2)
        if not dims.is_known(size):
            raise errors.UnimplementedError("`fftshift` needs sizes that are known while tracing.")
        x = roll(x, [by], axis=[axis])
    return x


def fftshift(x: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """The frequency 0 moved to the middle of each of the axes (all by default).

    >>> import treadle as tf
    >>> tf.signal.fftshift([0, 1, -1]).numpy().tolist()
    [-1, 0, 1]
    """
    return _shifted(x, axes, 1)


def ifftshift(x: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _shifted(x, axes, -1)


# --- cosine transforms ----------------------------------------------------------------------------------------------


def _cosines(kind: int, n: int, norm: str | None) -> np.ndarray:
    """The matrix of the cosine transform of type 1 to 4: [inputs, outputs]."""
    j, k = np.arange(n)[:, None], np.arange(n)[None, :]
    if kind == 1:
        return np.where((j == 0) | (j == n - 1), 1.0, 2.0) * np.cos(np.pi * j * k / (n - 1))
    if kind == 2:
        matrix = 2 * np.cos(np.pi * (2 * j + 1) * k / (2 * n))
        return matrix * np.where(k == 0, np.sqrt(0.25 / n), np.sqrt(0.5 / n)) if norm else matrix
    if kind == 3:
        matrix = np.where(j == 0, 1.0, 2.0) * np.cos(np.pi * j * (2 * k + 1) / (2 * n))
        return matrix * np.where(j == 0, np.sqrt(1 / n), np.sqrt(0.5 / n)) if norm else matrix
    matrix = 2 * np.cos(np.pi * (2 * j + 1) * (2 * k + 1) / (4 * n))
    return matrix * np.sqrt(0.5 / n) if norm else matrix


def dct(input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: str | None = None,
        name: str | None = None) -> Tensor:
    """The cosine transform of type 1 to 4 over the last axis, as a product with the matrix of cosines.

    Args:
        input: float32 or float64.
        type: 1, 2 (default), 3 or 4.
        n: cut or pad the axis to this length first.
        axis: -1.
        norm: None, or "ortho" for an orthogonal matrix.

    >>> import treadle as tf
    >>> [round(float(v), 3) for v in tf.signal.dct([1.0, 1.0], norm="ortho")]
    [1.414, 0.0]
    """
    x = convert_to_tensor(input)
    if type not in (1, 2, 3, 4) or norm not in (None, "ortho") or (type == 1 and norm) or axis != -1:
        raise errors.InvalidArgumentError(
            f"A cosine transform has type 1 to 4, norm None or 'ortho' (not type 1), axis -1. Received: type={type!r}, "
            f"norm={norm!r}, axis={axis!r}.")
    if n is not None:
        x = _resized(x, [x.type.rank - 1], [as_size(n)])
    size = x.type.shape[-1]
    if not dims.is_known(size) or (type == 1 and size < 2):
        raise errors.InvalidArgumentError(f"The last axis must have a known size (2 or more for type 1). Received: {size}.")
    return tensordot(x, convert_to_tensor(_cosines(type, size, norm), x.dtype), 1)


def idct(input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: str | None = None,
         name: str | None = None) -> Tensor:
    """The inverse of `dct`, but for a factor 1 / (2 n) (type 1: 1 / (2 (n - 1))) where `norm` is None."""
    return dct(input, {1: 1, 2: 3, 3: 2, 4: 4}.get(type, type), n, axis, norm)


# --- windows --------------------------------------------------------------------------------------------------------


def _raised_cosine(window_length: Any, periodic: bool, dtype: Any, a: float, b: float) -> Tensor:
    n = as_size(window_length)
    if not isinstance(n, int) or n < 0:
        raise errors.InvalidArgumentError(f"`window_length` must be known and not negative. Received: {window_length!r}.")
    if n == 1:
        return convert_to_tensor(np.ones(1), dtype)
    # As in TensorFlow, `periodic` makes no difference to an odd length.
    period = n + (1 if periodic and n % 2 == 0 else 0) - 1
    return convert_to_tensor(a - b * np.cos(2 * np.pi * np.arange(n) / max(period, 1)), dtype)


def hann_window(window_length: Any, periodic: Any = True, dtype: Any = dtypes.float32,
                name: str | None = None) -> Tensor:
    """0.5 - 0.5 cos(2 pi k / n).

    >>> import treadle as tf
    >>> tf.signal.hann_window(4).numpy().tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return _raised_cosine(window_length, bool(periodic), dtype, 0.5, 0.5)


def hamming_window(window_length: Any, periodic: Any = True, dtype: Any = dtypes.float32,
                   name: str | None = None) -> Tensor:
    """0.54 - 0.46 cos(2 pi k / n)."""
    return _raised_cosine(window_length, bool(periodic), dtype, 0.54, 0.46)


def vorbis_window(window_length: Any, dtype: Any = dtypes.float32, name: str | None = None) -> Tensor:
    """sin(pi / 2 sin^2(pi (k + 1/2) / n))."""
    n = as_size(window_length)
    return convert_to_tensor(np.sin(np.pi / 2 * np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2), dtype)


def kaiser_window(window_length: Any, beta: float = 12.0, dtype: Any = dtypes.float32,
                  name: str | None = None) -> Tensor:
    """I0(beta sqrt(1 - (2 k / (n - 1) - 1)^2)) / I0(beta)."""
    return convert_to_tensor(np.kaiser(as_size(window_length), float(beta)), dtype)


# --- frames ---------------------------------------------------------------------------------------------------------


def _places(frames: Any, length: int, step: int) -> Tensor:
    """Where each element of each frame stands in the signal: [frames, length]."""
    return expand_dims(iota(frames), axis=1) * step + expand_dims(iota(length), axis=0)


def frame(signal: Any, frame_length: Any, frame_step: Any, pad_end: bool = False, pad_value: Any = 0, axis: int = -1,
          name: str | None = None) -> Tensor:
    """Overlapping frames of a signal: `axis` of size n becomes two, of the frames' number and length.

    There are 1 + (n - frame_length) // frame_step frames; with `pad_end` one for each step, the last ones padded.

    >>> import treadle as tf
    >>> tf.signal.frame([1, 2, 3, 4], frame_length=2, frame_step=1).numpy().tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    x = convert_to_tensor(signal)
    at, length, step = as_axis(axis, x.type.rank), as_size(frame_length), as_size(frame_step)
    n = x.type.shape[at]
    if pad_end:
        frames = dims.floordiv(n + step - 1, step)
        missing = (frames - 1) * step + length - n
        if not dims.is_known(missing) or missing > 0:
            paddings = [0] * (2 * x.type.rank)
            paddings[2 * at + 1] = missing
            x = pad_with(x, convert_to_tensor(pad_value, x.dtype), paddings)
    else:
        frames = dims.floordiv(n - length, step) + 1
        frames = max(frames, 0) if isinstance(frames, int) else frames
    return gather_rows(x, _places(frames, length, step), axis=at)


def overlap_and_add(signal: Any, frame_step: Any, name: str | None = None) -> Tensor:
    """The sum of overlapping frames: [..., frames, frame_length] -> [..., (frames - 1) * step + frame_length].

    >>> import treadle as tf
    >>> tf.signal.overlap_and_add([[1.0, 1.0], [1.0, 1.0]], 1).numpy().tolist()
    [1.0, 2.0, 1.0]
    """
    x = convert_to_tensor(signal)
    step = as_size(frame_step)
    *batch, frames, length = x.type.shape
    return scatter_rows_add(x, _places(frames, length, step), shape=(*batch, (frames - 1) * step + length),
                            axis=len(batch))


def _fft_length(frame_length: int, fft_length: Any) -> int:
    return 2 ** max(int(frame_length - 1).bit_length(), 0) if fft_length is None else as_size(fft_length)


def stft(signals: Any, frame_length: Any, frame_step: Any, fft_length: Any = None,
         window_fn: Callable | None = hann_window, pad_end: bool = False, name: str | None = None) -> Tensor:
    """The short-time Fourier transform: [..., n] -> [..., frames, fft_length // 2 + 1], complex.

    `fft_length` is by default the smallest power of two that holds a frame; `window_fn(frame_length, dtype=)` makes
    the window, None is no window.

    >>> import treadle as tf
    >>> tf.signal.stft(tf.ones([100]), frame_length=16, frame_step=8).shape
    TensorShape([11, 9])
    """
    x, length = convert_to_tensor(signals), as_size(frame_length)
    framed = frame(x, length, frame_step, pad_end)
    if window_fn is not None:
        framed = framed * window_fn(length, dtype=x.dtype)
    return rfft(framed, [_fft_length(length, fft_length)])


def inverse_stft(stfts: Any, frame_length: Any, frame_step: Any, fft_length: Any = None,
                 window_fn: Callable | None = hann_window, name: str | None = None) -> Tensor:
    """The inverse of `stft`, exact where `window_fn` is `inverse_stft_window_fn(frame_step, <the forward window>)`."""
    x, length = _complex(stfts), as_size(frame_length)
    whole = irfft(x, [_fft_length(length, fft_length)])
    framed = _resized(whole, [whole.type.rank - 1], [length])
    if window_fn is not None:
        framed = framed * window_fn(length, dtype=framed.dtype)
    return overlap_and_add(framed, frame_step)


def inverse_stft_window_fn(frame_step: Any, forward_window_fn: Callable = hann_window,
                           name: str | None = None) -> Callable:
    """The window for `inverse_stft` that undoes the forward one: window / (sum of the squares of its overlaps)."""
    step = as_size(frame_step)

    def inverse_window(frame_length: Any, dtype: Any) -> Tensor:
        length = as_size(frame_length)
        with interpreting(EAGER):  # a constant, in a trace too
            window = np.asarray(forward_window_fn(length, dtype=dtype), np.float64)
        overlaps = -(-length // step)
        squares = np.pad(window**2, (0, overlaps * step - length)).reshape(overlaps, step).sum(0)
        return convert_to_tensor(window / np.tile(squares, overlaps)[:length], dtypes.as_dtype(dtype))

    return inverse_window


# --- the mel scale --------------------------------------------------------------------------------------------------


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)


def linear_to_mel_weight_matrix(num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sample_rate: Any = 8000,
                                lower_edge_hertz: float = 125.0, upper_edge_hertz: float = 3800.0,
                                dtype: Any = dtypes.float32, name: str | None = None) -> Tensor:
    """Triangles on the mel scale, 1127 ln(1 + hertz / 700): [num_spectrogram_bins, num_mel_bins].

    A spectrogram [..., num_spectrogram_bins] times the matrix is one of mel bins. The bin of frequency 0 is left out.
    """
    if not 0 <= lower_edge_hertz < upper_edge_hertz <= float(sample_rate) / 2 or num_mel_bins < 1:
        raise errors.InvalidArgumentError(
            f"Expected 0 <= lower edge < upper edge <= sample_rate / 2 and at least one bin. Received: "
            f"lower_edge_hertz={lower_edge_hertz}, upper_edge_hertz={upper_edge_hertz}, sample_rate={sample_rate}, "
            f"num_mel_bins={num_mel_bins}.")
    bins = _mel(np.linspace(0.0, float(sample_rate) / 2, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((bins - low) / (center - low), (high - bins) / (high - center)))
    return convert_to_tensor(np.pad(weights, [(1, 0), (0, 0)]), dtype)


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any, name: str | None = None) -> Tensor:
    """The cosine transform of log mel spectrograms over the last axis, divided by sqrt(2 * bins)."""
    x = convert_to_tensor(log_mel_spectrograms)
    return dct(x) * float(1 / np.sqrt(2.0 * x.type.shape[-1]))


errors.shield(globals())
