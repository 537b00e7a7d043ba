"""`STFTSpectrogram`: the short-time Fourier transform as a convolution with weights."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.core.warning import warn
from treadle.keras_like.core.windows import STFT, window_values
from treadle.keras_like.layers.built_in import BuiltIn

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(BuiltIn):
    """The spectrum of each frame of a signal: [batch, samples, channels] -> [batch, time, channels * frequencies].

    Args:
        mode: "log" (default), "magnitude", "psd" (power of both sides), "real", "imag", "angle", or "stft": the real parts,
            then the imaginary ones.
        frame_length: samples of a frame. Default 256.
        frame_step: samples from one frame to the next. Default: half a frame.
        fft_length: size of the transform, which gives fft_length / 2 + 1 frequencies. Default: the next power of two.
        window: a name ("hann" by default), an array or None. `periodic`: whether it is. Default False.
        scaling: "density" (default), "spectrum" or None; see `keras.initializers.STFT`.
        padding: "valid" (default) or "same".
        expand_dims: give channels an axis of their own: [batch, time, frequencies, channels].
        data_format: "channels_last" or "channels_first" ([batch, channels, samples] -> [batch, channels * frequencies, time]).

    The weights are the transform's at first, and trained like others.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.STFTSpectrogram(frame_length=32)(tf.ones([2, 128, 1])).shape
    TensorShape([2, 7, 17])
    """

    input_spec = InputSpec(ndim=3)

    def __init__(self, mode: str = "log", frame_length: int = 256, frame_step: int | None = None,
                 fft_length: int | None = None, window: Any = "hann", periodic: bool = False, scaling: str | None = "density",
                 padding: str = "valid", expand_dims: bool = False, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        wrong = (
            "`frame_step` is at least 1, and at most `frame_length`" if frame_step is not None and not (
                1 <= frame_step <= frame_length) else
            "`fft_length` is not less than `frame_length`" if fft_length is not None and fft_length < frame_length else
            f"`mode` is one of {', '.join(_MODES)}" if mode not in _MODES else
            "`scaling` is 'density', 'spectrum' or None" if scaling not in (None, "density", "spectrum") else
            "`padding` is 'valid' or 'same'" if padding not in ("valid", "same") else None)
        if wrong:
            raise tf.errors.InvalidArgumentError(
                f"{wrong}. Received: mode={mode!r}, frame_length={frame_length}, frame_step={frame_step}, "
                f"fft_length={fft_length}, scaling={scaling!r}, padding={padding!r}.")
        if fft_length is not None and fft_length & (fft_length - 1):
            warn(f"An `fft_length` that is a power of two is quicker. Received: {fft_length}.")
        if isinstance(window, str):
            window_values(window, 1, periodic)
        self._keep({"mode": mode, "frame_length": frame_length, "frame_step": frame_step, "fft_length": fft_length,
                    "window": window, "periodic": periodic, "scaling": scaling, "padding": padding,
                    "expand_dims": expand_dims, "data_format": as_data_format(data_format)})
        self._step = frame_step or frame_length // 2
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1

    def build(self, input_shape: Any) -> None:
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                kernel = self.add_weight(name=f"{side}_kernel", shape=(self.frame_length, 1, self._bins),
                                         initializer=STFT(side, self.window, self.scaling, self.periodic))
                setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: Any) -> Any:
        if not inputs.dtype.is_floating:
            raise tf.errors.DtypeError(f"A signal is of floating-point numbers. Received: dtype {inputs.dtype.name}.")
        channels_first = self.data_format == "channels_first"
        x = inputs if channels_first else tf.transpose(inputs, [0, 2, 1])  # [batch, channels, samples]
        channels = x.shape[1]
        rows = tf.reshape(x, [-1, tf.shape(x)[2], 1])

        def side(kernel: Any) -> Any:
            """[batch, channels, time, frequencies]"""
            y = tf.nn.conv1d(rows, tf.cast(kernel, x.dtype), self._step, self.padding.upper())
            return tf.reshape(y, [-1, channels, tf.shape(y)[1], self._bins])

        real = side(self.real_kernel) if self.mode != "imag" else None
        imag = side(self.imag_kernel) if self.mode != "real" else None
        y = self._combined(real, imag)
        if self.expand_dims:
            return y if channels_first else tf.transpose(y, [0, 2, 3, 1])
        bins = channels * y.shape[3]
        if channels_first:
            return tf.reshape(tf.transpose(y, [0, 1, 3, 2]), [-1, bins, tf.shape(y)[2]])
        return tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [-1, tf.shape(y)[2], bins])

    def _combined(self, real: Any, imag: Any) -> Any:
        if self.mode in ("real", "imag"):
            return real if self.mode == "real" else imag
        if self.mode == "angle":
            return tf.atan2(imag, real)
        if self.mode == "stft":
            return tf.concat([real, imag], axis=3)
        power = tf.square(real) + tf.square(imag)
        if self.mode == "psd":  # the frequencies between the first and the last stand for two
            return power + tf.pad(power[..., 1:-1], [[0, 0], [0, 0], [0, 0], [1, 1]])
        magnitude = tf.sqrt(tf.maximum(power, epsilon()))
        return magnitude if self.mode == "magnitude" else tf.math.log(tf.maximum(magnitude, epsilon()))

    def compute_output_shape(self, input_shape: Any) -> Any:
        first = self.data_format == "channels_first"
        batch, samples, channels = input_shape if not first else (input_shape[0], input_shape[2], input_shape[1])
        length = 1 if self.padding == "same" else self.frame_length
        time = None if samples is None else (samples - length) // self._step + 1
        bins = self._bins * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return (batch, channels, time, bins) if first else (batch, time, bins, channels)
        return (batch, bins * channels, time) if first else (batch, time, bins * channels)
