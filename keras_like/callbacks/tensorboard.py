"""`TensorBoard`: metrics, weights and the model's graph as event files."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jax import profiler

import treadle as tf
from treadle.keras_like.callbacks import event_file
from treadle.keras_like.callbacks.callback import Callback
from treadle.keras_like.callbacks.event_file import EventFile
from treadle.keras_like.callbacks.learning_rate import learning_rates
from treadle.keras_like.layers.embedding import Embedding
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.sequential import Sequential


class TensorBoard(Callback):
    """Write what `tensorboard --logdir log_dir` shows. The files are treadle's own work: no other package is needed.

    Scalars: `epoch_<metric>` after each epoch, of training in `log_dir/train`, of validation in `log_dir/validation`;
    `evaluation_<metric>_vs_iterations` after each evaluation; `batch_<metric>` where `update_freq` asks for it.

    Args:
        log_dir: the folder. Default "logs".
        histogram_freq: write histograms of the weights every so many epochs. 0 (default): never.
        write_graph: write the graph of layers of a Sequential or functional model. Default True.
        write_images: with the histograms, also the weights as images. Default False.
        write_steps_per_second: also write how many steps a second were made. Default False.
        update_freq: "epoch" (default), "batch", or a number of batches after which to write. Other than "epoch" makes
            each batch wait for its metrics.
        profile_batch: a batch (counted from 1), or the first and the last of a range, to profile: see `tf.profile`, whose
            `trace.json.gz` is in `log_dir/train`, and the files that TensorBoard shows in `plugins/profile` there. 0
            (default): none. A profiler that fails is no error.
        embeddings_freq: write the matrices of the `Embedding` layers for the projector, every so many epochs. Default 0.
        embeddings_metadata: a file of labels for them, or a dict of files by the layers' names.

    >>> import tempfile
    >>> from treadle import keras
    >>> board = keras.callbacks.TensorBoard(tempfile.mkdtemp(), update_freq=100)
    """

    def __init__(self, log_dir: Any = "logs", histogram_freq: int = 0, write_graph: bool = True, write_images: bool = False,
                 write_steps_per_second: bool = False, update_freq: Any = "epoch", profile_batch: Any = 0,
                 embeddings_freq: int = 0, embeddings_metadata: Any = None):
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        if self.update_freq != "epoch" and not (isinstance(self.update_freq, int) and self.update_freq > 0):
            raise tf.errors.InvalidArgumentError(
                f"`update_freq` is 'epoch', 'batch' or a positive integer. Received: {update_freq!r}.")
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._first_profiled, self._last_profiled = _profiled(profile_batch)
        self._profiling = False
        self._profile: Any = None
        self._files = {name: EventFile(Path(self.log_dir, name)) for name in ("train", "validation")}
        self._batches = 0
        self._batch_started = self._epoch_started = 0.0
        self._epoch_iterations = 0

    def needs_batch(self, kind: str) -> bool:
        """To write metrics of batches, or to profile."""
        return kind == "train" and (self.update_freq != "epoch" or self._first_profiled > 0)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.write_graph and isinstance(model, (Functional, Sequential)):
            try:
                description = model.to_json()
            except Exception as error:  # a model that cannot be described can still be trained
                warnings.warn(f"The model's graph is not written for TensorBoard: {error}", stacklevel=2)
            else:
                self._files["train"].add(event_file.keras_graph("keras", description), 0)
        if self.embeddings_freq:
            self._write_projector()

    # --- scalars ---

    def _write(self, where: str, values: Mapping[str, Any], step: int) -> None:
        for tag, value in values.items():
            if np.ndim(value) == 0:
                self._files[where].add(event_file.scalar(tag, float(value)), step)

    def on_train_begin(self, logs: Any = None) -> None:
        self._batches = 0

    def on_train_end(self, logs: Any = None) -> None:
        self._stop_profiler()
        for file in self._files.values():
            file.close()

    def on_test_end(self, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        if optimizer is not None:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
            self._write("validation", values, int(optimizer.iterations))
            self._files["validation"].flush()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        self._batch_started = time.time()
        if self._batches == self._first_profiled:
            self._start_profiler()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.update_freq != "epoch" and self._batches % self.update_freq == 0:
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                values["batch_steps_per_second"] = 1.0 / max(time.time() - self._batch_started, 1e-9)
            self._write("train", values, self._batches)
        if self._batches >= self._last_profiled:
            self._stop_profiler()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch_started = time.time()
        if self.write_steps_per_second:
            self._epoch_iterations = int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        train = {f"epoch_{n}": v for n, v in logs.items() if not n.startswith("val_")}
        if logs and self.model.optimizer is not None:
            train.update((f"epoch_{n}", v) for n, v in learning_rates(self.model).items())
            if self.write_steps_per_second:
                steps = int(self.model.optimizer.iterations) - self._epoch_iterations
                train["epoch_steps_per_second"] = steps / max(time.time() - self._epoch_started, 1e-9)
        self._write("train", train, epoch)
        self._write("validation", {f"epoch_{n[4:]}": v for n, v in logs.items() if n.startswith("val_")}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        for file in self._files.values():
            file.flush()

    # --- weights ---

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                values = np.asarray(weight.numpy(), np.float64)
                self._files["train"].add(event_file.histogram(f"{weight.path}/histogram", values), epoch)
                pixels = _as_images(values) if self.write_images else None
                if pixels is not None:
                    self._files["train"].add(event_file.images(f"{weight.path}/image", pixels), epoch)

    def _embeddings(self) -> list[Any]:
        return [layer for layer in self.model.layers if isinstance(layer, Embedding)]

    def _write_projector(self) -> None:
        """Tell the projector where the matrices and their labels are."""
        names = [layer.name for layer in self._embeddings()]
        given = self.embeddings_metadata
        files = {n: given for n in names} if isinstance(given, str) else dict(given or {})
        unknown = [n for n in files if n not in names]
        if unknown:
            raise tf.errors.InvalidArgumentError(
                f"`embeddings_metadata` names layers that are no `Embedding` of the model. Received: {unknown}. "
                f"Embeddings: {names}.")
        text = ""
        for name in names:
            label = f'  metadata_path: "{files[name]}"\n' if name in files else ""
            text += f'embeddings {{\n  tensor_name: "{name}"\n{label}  tensor_path: "{_matrix_path(name)}"\n}}\n'
        Path(self.log_dir).mkdir(parents=True, exist_ok=True)
        Path(self.log_dir, "projector_config.pbtxt").write_text(text)

    def _write_embeddings(self) -> None:
        for layer in self._embeddings():
            path = Path(self.log_dir, _matrix_path(layer.name))
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(path, layer.get_weights()[0], delimiter="\t", fmt="%.7g")

    # --- profiling ---

    def _start_profiler(self) -> None:
        try:
            folder = str(Path(self.log_dir, "train"))
            if hasattr(profiler, "ProfileData"):
                self._profile = tf.profile(folder)
                self._profile.__enter__()
            else:  # an older JAX
                profiler.start_trace(folder)
            self._profiling = True
        except Exception as error:  # profiling must not end training
            logging.getLogger("treadle").error("The profiler did not start: %s", error)

    def _stop_profiler(self) -> None:
        if self._profiling:
            self._profiling = False
            try:
                if self._profile is not None:
                    self._profile.__exit__()
                else:
                    profiler.stop_trace()
            except Exception as error:
                logging.getLogger("treadle").error("The profiler did not stop: %s", error)


def _matrix_path(name: str) -> str:
    return f"train/{name.replace('/', '_')}.tsv"


def _profiled(given: Any) -> tuple[int, int]:
    """The first and the last batch to profile."""
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, (tuple, list)) else [given]
    try:
        first, last = int(parts[0]), int(parts[-1])
    except (TypeError, ValueError, IndexError):
        first = last = -1
    if first < 0 or last < first or len(parts) > 2:
        raise tf.errors.InvalidArgumentError(
            "`profile_batch` is a batch, counted from 1, or the first and the last of a range, or 0 for none. "
            f"Received: {given!r}.")
    return first, last


def _as_images(values: np.ndarray) -> np.ndarray | None:
    """A weight as images [count, height, width, 1]; None for those of more than three axes."""
    values = np.squeeze(values)
    if values.ndim == 1:
        return values.reshape(1, -1, 1, 1)
    if values.ndim == 2:
        return (values.T if values.shape[0] > values.shape[1] else values)[None, :, :, None]
    if values.ndim == 3:
        return np.moveaxis(values, 2, 0)[..., None]
    return None
