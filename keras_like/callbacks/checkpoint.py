"""`ModelCheckpoint`: the model, or its weights, in a file every so often."""

from __future__ import annotations

import os
import warnings
from typing import Any, NoReturn

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback
from treadle.keras_like.callbacks.monitor import MonitorCallback


class EveryFewBatches:
    """Says after which batches something is due: after each `frequency` of them, counted through the epochs."""

    def __init__(self, frequency: int):
        self.frequency = frequency
        self._since = 0
        self._last: int | None = None

    def is_due(self, batch: int) -> bool:
        """Take note of a batch."""
        new_epoch = self._last is None or batch <= self._last
        self._since += batch + 1 if new_epoch else batch - (self._last or 0)
        self._last = batch
        if self._since < self.frequency:
            return False
        self._since = 0
        return True


def check_frequency(save_freq: Any) -> None:
    """Raise InvalidArgumentError unless it is "epoch" or a positive integer."""
    if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
        raise tf.errors.InvalidArgumentError(
            f"`save_freq` is 'epoch' or a positive number of batches. Received: {save_freq!r}.")


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, every epoch or every few batches.

    Saving is atomic: at any moment the file is the one before or the new one, and whole. A save every few batches stops the
    steps of an epoch after each batch, where one after each epoch lets many of them run in one program.

    Args:
        filepath: where to; ends in ".keras" (or ".h5"), or in ".weights.h5" for weights. It may name the epoch (from 1), the
            batch and metrics: "{epoch:02d}-{val_loss:.2f}.keras".
        monitor: the metric that says which model is the best. Default "val_loss".
        verbose: 1 prints what is done. Default 0.
        save_best_only: save only what is better than anything before. Default False.
        save_weights_only: save the weights (and the optimizer's state) in place of the model. Default False.
        mode: "min", "max", or "auto", which asks the metric.
        save_freq: "epoch", or a number of batches. Default "epoch".
        initial_value_threshold: what the metric must beat at first.

    >>> import os, tempfile
    >>> from treadle import keras
    >>> path = os.path.join(tempfile.mkdtemp(), "{epoch:02d}-{loss:.2f}.weights.h5")
    >>> saving = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    """

    def __init__(self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
                 save_weights_only: bool = False, mode: str = "auto", save_freq: Any = "epoch",
                 initial_value_threshold: float | None = None):
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        check_frequency(save_freq)
        self.save_freq = save_freq
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise tf.errors.InvalidArgumentError(
                f"The path of {'weights' if save_weights_only else 'a model'} must end in {' or '.join(endings)}. "
                f"Received: filepath={self.filepath!r}, save_weights_only={save_weights_only}.")
        self._every = EveryFewBatches(0 if save_freq == "epoch" else save_freq)
        self._epoch = 0

    def needs_batch(self, kind: str) -> bool:
        """To count them."""
        return kind == "train" and self.save_freq != "epoch"

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.save_freq != "epoch" and self._every.is_due(batch):
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: dict[str, Any]) -> None:
        path = self._path(epoch, logs)
        if not self._is_wanted(epoch, logs, path):
            return
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        self._print(epoch, f"finished saving model to {path}")

    def _path(self, epoch: int, logs: dict[str, Any]) -> str:
        try:
            return self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise tf.errors.NotFoundError(
                f"The path names {error}, which is not there. Received: filepath={self.filepath!r}. It may name epoch, "
                f"{', '.join(logs)}.") from None

    def _is_wanted(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        if not self.save_best_only:
            self._print(epoch, f"saving model to {path}")
            return True
        value = logs.get(self.monitor)
        if value is None or np.ndim(value) > 0:
            problem = "is not measured" if value is None else "is no scalar"
            warnings.warn(f"The model is saved though it may not be the best: {self.monitor!r} {problem}.", stacklevel=4)
            return True
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self.is_improvement(value, self.best):
            self._print(epoch, f"{self.monitor} did not improve from {before}")
            return False
        self._print(epoch, f"{self.monitor} improved from {before} to {value:.5f}, saving model to {path}")
        self.best = value
        return True

    def _print(self, epoch: int, text: str) -> None:
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: {text}")


class OrbaxCheckpoint(Callback):
    """Not available: Orbax checkpoints need another package, and a format that is not Keras' own.

    Use `ModelCheckpoint` (files that real Keras loads), `BackupAndRestore` (to go on with a run that was cut off), or
    `tf.train.CheckpointManager`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise tf.errors.UnimplementedError(
            "`OrbaxCheckpoint` is not available. Use `ModelCheckpoint` to keep models, or `BackupAndRestore` to go on with a "
            "run that was cut off.")
