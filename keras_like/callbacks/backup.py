"""`BackupAndRestore`: a run that was cut off goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback
from treadle.keras_like.callbacks.checkpoint import EveryFewBatches, check_frequency
from treadle.keras_like.core import tracking
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.data.resuming import random_state, set_random_state
from treadle.keras_like.saving.errors import ModelFileError, refuse
from treadle.keras_like.saving.tensors import read_tensors, write_tensors

_FORMAT = 1


class BackupAndRestore(Callback):
    """Keep the state of training in a folder; when the same script runs again after it was cut off, `fit` goes on there.

    The run then ends with the same numbers, to the last bit, as one that nobody cut off. Kept are the weights, the
    optimizer, the metrics, the epoch and the batch, the order of shuffled data (arrays, and a `tf.data.Dataset`), and all
    random numbers: seed generators and `tf.random.Generator`s of layers, the streams of `tf.random`, NumPy's and Python's.
    Not kept: what other callbacks count (`EarlyStopping` begins anew), and where a generator of yours is: it begins anew,
    and the batches of this epoch that were trained on are skipped.

    One file is written, atomically: whatever moment the run is killed at, the last backup or the new one is there. Put this
    callback last, so that what others do at the end of an epoch is in the backup. A backup every few batches stops the
    steps of an epoch after each batch, where one after each epoch lets many of them run in one program.

    Args:
        backup_dir: a folder for this run alone.
        save_freq: "epoch", or a number of batches. Default "epoch".
        double_checkpoint: keep the backup before the last too, for when the last one is damaged. Default False.
        delete_checkpoint: remove the backup when training has ended. Default True.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from treadle import keras
    >>> folder = tempfile.mkdtemp()
    >>> def train(epochs):
    ...     model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    ...     model.compile("sgd", "mse")
    ...     backup = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
    ...     return model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=epochs, verbose=0, callbacks=[backup]).epoch
    >>> train(2), train(5)
    ([0, 1], [2, 3, 4])
    """

    def __init__(self, backup_dir: Any, save_freq: Any = "epoch", double_checkpoint: bool = False,
                 delete_checkpoint: bool = True):
        super().__init__()
        if not backup_dir:
            raise tf.errors.InvalidArgumentError(f"`backup_dir` is the path of a folder. Received: {backup_dir!r}.")
        check_frequency(save_freq)
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._latest = os.path.join(self.backup_dir, "training_state.h5")
        self._previous = os.path.join(self.backup_dir, "training_state.previous.h5")
        self._every = EveryFewBatches(0 if save_freq == "epoch" else save_freq)
        self._epoch = 0

    def needs_batch(self, kind: str) -> bool:
        """To count them."""
        return kind == "train" and self.save_freq != "epoch"

    # --- when ---

    def on_train_begin(self, logs: Any = None) -> None:
        self.model._fit_data.keep_place()
        found = self._read()
        if found is not None:
            self._restore(*found)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.save_freq != "epoch" and self._every.is_due(batch):
            self._save(self._epoch, batch + 1, self.model._fit_data.state(batch + 1))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0, self.model._fit_data.state())

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint:
            for path in (self._latest, self._previous):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            with contextlib.suppress(OSError):  # there is something else in it
                os.rmdir(self.backup_dir)

    # --- writing ---

    def _save(self, epoch: int, batch: int, data: dict[str, Any]) -> None:
        """Write the state from which batch `batch` of `epoch` comes next."""
        described = {"format": _FORMAT, "epoch": epoch, "batch": batch, "data": data, "since": self._every._since,
                     "random": random_state()}
        tree: dict[str, Any] = {"description": np.frombuffer(json.dumps(described).encode(), np.uint8)}
        for kind, variables in _variables(self.model).items():
            tree[kind] = {str(i): v.numpy() for i, v in enumerate(variables)}
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self._latest):
            os.replace(self._latest, self._previous)
        write_tensors(self._latest, tree)

    # --- reading ---

    def _read(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The description and the tensors of the last backup that is whole; None if there is no backup."""
        paths = [p for p in (self._latest, self._previous) if os.path.exists(p)]
        for i, path in enumerate(paths):
            try:
                tree = read_tensors(path)
                described = json.loads(tree["description"].tobytes())
                if described["format"] != _FORMAT:
                    raise refuse(path, f"is a backup in another format, {described['format']}.")
                return described, tree
            except (ModelFileError, KeyError, TypeError, AttributeError, ValueError) as error:
                if i + 1 < len(paths):
                    warnings.warn(f"The last backup is damaged, the one before is taken: {error}", stacklevel=2)
                elif isinstance(error, ModelFileError):
                    raise
                else:
                    raise refuse(path, "is no backup of training.", "Remove it to begin anew.") from None
        return None

    def _restore(self, described: dict[str, Any], tree: dict[str, Any]) -> None:
        model = self.model
        model._make_variables()
        pairs = []
        for kind, variables in _variables(model).items():
            values = tree.get(kind, {})
            if len(values) != len(variables):
                raise self._other_model(f"{len(values)} {kind}, the model has {len(variables)}")
            for i, variable in enumerate(variables):
                value = values.get(str(i))
                expected = tuple(variable.shape), variable.dtype.name
                if value is None or (value.shape, value.dtype.name) != expected:
                    raise self._other_model(f"another shape or dtype for {getattr(variable, 'path', variable.name)!r}")
                pairs.append((variable, value))
        for variable, value in pairs:
            variable.assign(value)
        model._fit_data.restore(described["data"])
        self._every._since = described["since"]
        self._every._last = described["batch"] - 1 if described["batch"] else None
        set_random_state(described["random"])
        model._initial_epoch, model._initial_batch = described["epoch"], described["batch"]

    def _other_model(self, difference: str) -> ModelFileError:
        return refuse(self._latest, f"is a backup of another model: it has {difference}.",
                      "Remove it to begin anew, or give each run its own `backup_dir`.")


# --- what the state is --------------------------------------------------------------------------------------------------


def _variables(model: Any) -> dict[str, list[Any]]:
    """All variables that training changes, by kind."""
    layers = list(tracking.layers_in(model, Layer))
    random_numbers = [g.state for layer in layers for g in tracking.seed_generators(layer)]
    random_numbers += [g.state for layer in layers for g in tracking.children(layer, tf.random.Generator)]
    states = [v for layer in layers for v in tf.nest.flatten(getattr(layer, "states", None)) if isinstance(v, tf.Variable)]
    found = {"weights": model.weights, "optimizer": [] if model.optimizer is None else model.optimizer.variables,
             "metrics": [v for metric in model.metrics for v in metric.variables], "seeds": random_numbers,
             "states": states}
    seen: set[int] = set()
    return {kind: [v for v in variables if id(v) not in seen and not seen.add(id(v))]  # type: ignore[func-returns-value]
            for kind, variables in found.items()}
