"""Windows of signals by name, and the `STFT` initializer: the short-time Fourier transform as a convolution's kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.resolve import named

# name -> the symmetric window of a length
WINDOWS: dict[str, Callable[[int], np.ndarray]] = {
    "hann": np.hanning, "hanning": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "bartlett": np.bartlett,
    "boxcar": np.ones, "rectangular": np.ones, "ones": np.ones}


def window_values(window: Any, length: int, periodic: bool) -> np.ndarray:
    """A window by name, or as it is: float64 [length]. Raises InvalidArgumentError for an unknown name or another length."""
    if isinstance(window, str):
        if window not in WINDOWS:
            raise tf.errors.InvalidArgumentError(
                f"`window` is one of {', '.join(WINDOWS)}, or an array. Received: window={window!r}.")
        # A periodic window is a symmetric one without its last value.
        return WINDOWS[window](length + 1)[:-1] if periodic and length > 1 else WINDOWS[window](length)
    values = np.asarray(window, np.float64)
    if values.shape != (length,):
        raise tf.errors.InvalidArgumentError(f"`window` has {length} values. Received: shape {values.shape}.")
    return values


class STFT(tf.initializers.Initializer):
    """kernel[t, 0, k] = window[t] cos(-2 pi t k / n) / scale, for k = 0 ... n / 2; or sin for the imaginary side.

    Args:
        side: "real" (default) or "imag".
        window: a name ("hann" by default), an array, or None.
        scaling: "density" (default): scale = sqrt(sum window**2); "spectrum": scale = sum |window|; None: 1.
        periodic: whether the window is. Default False.

    >>> from treadle import keras
    >>> keras.initializers.STFT("real", window=None)((2, 1, 2)).numpy().round(3)[:, 0].tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """

    _config = ("side", "window", "scaling", "periodic")

    def __init__(self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False):
        if side not in ("real", "imag") or scaling not in (None, "density", "spectrum"):
            raise tf.errors.InvalidArgumentError(
                "`side` is 'real' or 'imag', and `scaling` 'density', 'spectrum' or None. Received: "
                f"side={side!r}, scaling={scaling!r}.")
        if isinstance(window, str):
            window_values(window, 1, periodic)
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        length, channels, bins = (int(s) for s in shape)
        angles = -2.0 * np.pi * np.arange(length)[:, None, None] * np.arange(bins)[None, None, :] / (2 * (bins - 1))
        kernel = np.cos(angles) if self.side == "real" else np.sin(angles)
        if self.window is not None:
            window = window_values(self.window, length, self.periodic)
            scale = {"density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window)), None: 1.0}[self.scaling]
            kernel = kernel * window[:, None, None] / scale
        kernel = np.broadcast_to(kernel, (length, channels, bins))
        return tf.cast(tf.constant(np.ascontiguousarray(kernel), "float64"), dtype or "float32")


named("initializers", STFT=STFT, stft=STFT, STFTInitializer=STFT)
