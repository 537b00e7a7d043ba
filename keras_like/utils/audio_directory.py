"""`audio_dataset_from_directory`: folders of WAV files as a data set."""

from __future__ import annotations

import wave
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.utils.directories import dataset_from_directory


def audio_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int",
                                 class_names: Any = None, batch_size: int | None = 32, sampling_rate: int | None = None,
                                 output_sequence_length: int | None = None, ragged: bool = False, shuffle: bool = True,
                                 seed: int | None = None, validation_split: float | None = None, subset: str | None = None,
                                 follow_links: bool = False, verbose: bool = True) -> Any:
    """A data set of (sound, label) from the ".wav" files (16 bits) in a folder that has a folder for each class.

    Sounds are float32 [batch, samples, channels] in [-1, 1).

    Args:
        sampling_rate: the rate that all files have; others are an error. Default: any.
        output_sequence_length: sounds are cut or padded with 0 to so many samples. Default: those of a batch are padded to
            the longest.
        ragged: not offered.
        other arguments: see `text_dataset_from_directory`.
    """
    if ragged:
        raise tf.errors.UnimplementedError(
            "There are no ragged tensors. Received: ragged=True. Batches are padded to their longest sound.")
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise tf.errors.InvalidArgumentError(f"`sampling_rate` is a positive integer. Received: {sampling_rate!r}.")

    return dataset_from_directory(
        directory, lambda path: tf.constant(read_wav(path, sampling_rate, output_sequence_length)), (".wav",),
        2 if output_sequence_length is None else None, labels=labels, label_mode=label_mode,
        class_names=class_names, batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, verbose=verbose)


def read_wav(path: str, sampling_rate: int | None = None, length: int | None = None) -> np.ndarray:
    """The samples of a WAV file of 16 bits: float32 [samples, channels]."""
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise tf.errors.InvalidArgumentError(f"The file is no WAV file: {error}. Received: {path!r}.") from None
    if width != 2:
        raise tf.errors.InvalidArgumentError(f"Sounds have 16 bits a sample. Received: {8 * width} bits in {path!r}.")
    if sampling_rate is not None and rate != sampling_rate:
        raise tf.errors.UnimplementedError(
            f"Sounds are not resampled. Received: sampling_rate={sampling_rate}, and {path!r} has {rate}. Convert the files.")
    samples = np.frombuffer(data[:len(data) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    samples = samples.astype(np.float32) / 32768
    if length is None:
        return samples
    return np.pad(samples[:length], [(0, max(length - len(samples), 0)), (0, 0)])
