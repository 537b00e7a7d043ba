"""`MelSpectrogram`: sound as energies of frequency bands that are spaced as we hear them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.variable import account_for
from treadle.keras_like.core.windows import window_values
from treadle.keras_like.layers.data_layer import DataLayer

_ARGUMENTS = ("fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq",
              "max_freq", "power_to_db", "top_db", "mag_exp", "min_power", "ref_power")


class MelSpectrogram(DataLayer):
    """|STFT|**mag_exp in bands of the mel scale, in decibels: [..., samples] -> [..., num_mel_bins, time].

    Args:
        fft_length: size of the Fourier transform. Default 2048.
        sequence_stride: samples from one frame to the next. Default 512.
        sequence_length: samples of a frame, at most `fft_length`, which is the default.
        window: a name, or an array of `sequence_length` values. Default "hann".
        sampling_rate: samples a second. Default 16000.
        num_mel_bins, min_freq, max_freq: how many bands, from which to which frequency in Hz. Default 128, 20, half the
            sampling rate.
        power_to_db: decibels relative to `ref_power` (1), at least `min_power` (1e-10), and at most `top_db` (80) below the
            largest. Default True.
        mag_exp: 1 for magnitude, 2 (default) for power.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.MelSpectrogram(num_mel_bins=64, fft_length=256, sequence_stride=128)(tf.ones([2, 1024])).shape
    TensorShape([2, 64, 9])
    """

    def __init__(self, fft_length: int = 2048, sequence_stride: int = 512, sequence_length: int | None = None,
                 window: Any = "hann", sampling_rate: int = 16000, num_mel_bins: int = 128, min_freq: float = 20.0,
                 max_freq: float | None = None, power_to_db: bool = True, top_db: float = 80.0, mag_exp: float = 2.0,
                 min_power: float = 1e-10, ref_power: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        sequence_length = sequence_length or fft_length
        if fft_length < sequence_length:
            raise tf.errors.InvalidArgumentError(
                f"`fft_length` is not less than `sequence_length`. Received: fft_length={fft_length}, "
                f"sequence_length={sequence_length}.")
        max_freq = max_freq or int(sampling_rate / 2)
        given = locals()
        self._keep({name: given[name] for name in _ARGUMENTS})

    def call(self, inputs: Any) -> Any:
        x = tf.cast(inputs, self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32")
        half = self.fft_length // 2
        x = tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[half, half]], mode="REFLECT")
        left = (self.fft_length - self.sequence_length) // 2
        window = np.zeros(self.fft_length)
        window[left:left + self.sequence_length] = window_values(self.window, self.sequence_length, True)
        frames = tf.signal.frame(x, self.fft_length, self.sequence_stride) * tf.constant(window, x.dtype)
        energy = tf.pow(tf.abs(tf.signal.rfft(frames)), self.mag_exp)
        matrix = self.linear_to_mel_weight_matrix(self.num_mel_bins, half + 1, self.sampling_rate, self.min_freq,
                                                  self.max_freq)
        outputs = tf.tensordot(energy, tf.cast(matrix, energy.dtype), axes=1)
        if self.power_to_db:
            outputs = self._decibels(outputs)
        rank = len(outputs.shape)
        return tf.cast(tf.transpose(outputs, [*range(rank - 2), rank - 1, rank - 2]), self.compute_dtype)

    def _decibels(self, power: Any) -> Any:
        found = 10.0 / math.log(10.0) * tf.math.log(tf.maximum(power, self.min_power))
        found = found - 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
        return tf.maximum(found, tf.reduce_max(found) - self.top_db)

    def linear_to_mel_weight_matrix(self, num_mel_bins: int = 20, num_spectrogram_bins: int = 129, sampling_rate: float = 8000,
                                    lower_edge_hertz: float = 125.0, upper_edge_hertz: float = 3800.0,
                                    dtype: Any = "float32") -> Any:
        """The weight of each frequency in each band, a triangle: [num_spectrogram_bins, num_mel_bins]."""
        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log(1.0 + np.asarray(hertz, np.float64) / 700.0)

        account_for("table of bands", (num_spectrogram_bins, num_mel_bins), 40)
        bins = mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins))[1:, None]  # without the constant part
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
        weights = np.maximum(0.0, np.minimum((bins - lower) / (center - lower), (upper - bins) / (upper - center)))
        return tf.cast(tf.constant(np.pad(weights, [[1, 0], [0, 0]]), "float64"), dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        samples = input_shape[-1]
        extra = self.fft_length // 2 * 2 - self.fft_length
        time = None if samples is None else (samples + extra) // self.sequence_stride + 1
        return (*input_shape[:-1], self.num_mel_bins, time)
