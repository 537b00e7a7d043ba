"""`tf.train.CheckpointManager`: the newest checkpoints of a folder."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.saving.checkpoint import Checkpoint
from treadle.keras_like.saving.checkpoint_files import SUFFIX, CheckpointState, get_checkpoint_state, write_state


class CheckpointManager:
    """Keeps the newest checkpoints of a folder and removes older ones.

    Args:
        checkpoint: the `Checkpoint`.
        directory: the folder; made when the first checkpoint is saved.
        max_to_keep: how many are kept; None for all.
        keep_checkpoint_every_n_hours: of those that would be removed, one in so many hours is kept for good.
        checkpoint_name: what the files' names begin with.
        step_counter: a variable; needed for `checkpoint_interval`.
        checkpoint_interval: `save` does nothing until the counter has moved by so much.
        init_fn: called by `restore_or_initialize` if there is no checkpoint.

    >>> import treadle as tf, tempfile
    >>> manager = tf.train.CheckpointManager(tf.train.Checkpoint(v=tf.Variable(1)), tempfile.mkdtemp(), max_to_keep=2)
    >>> for _ in range(3):
    ...     _ = manager.save()
    >>> [path[-6:] for path in manager.checkpoints], manager.latest_checkpoint[-6:]
    (['ckpt-2', 'ckpt-3'], 'ckpt-3')
    """

    @tf.debugging.filter_traceback
    def __init__(self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None,
                 keep_checkpoint_every_n_hours: float | None = None, checkpoint_name: str = "ckpt", step_counter: Any = None,
                 checkpoint_interval: int | None = None, init_fn: Callable[[], Any] | None = None):
        if max_to_keep is not None and max_to_keep <= 0:
            raise tf.errors.InvalidArgumentError(f"`max_to_keep` must be a positive number or None. Received: {max_to_keep!r}.")
        if checkpoint_interval is not None and step_counter is None:
            raise tf.errors.InvalidArgumentError("`checkpoint_interval` needs `step_counter`. Received: step_counter=None.")
        self.checkpoint, self.checkpoint_interval = checkpoint, checkpoint_interval
        self._directory, self._name = os.fspath(directory), checkpoint_name
        self._max_to_keep, self._hours = max_to_keep, keep_checkpoint_every_n_hours
        self._step_counter, self._init_fn = step_counter, init_fn
        self._last_step: int | None = None
        state = get_checkpoint_state(self._directory) if os.path.isdir(self._directory) else None
        paths = [] if state is None else state.all_model_checkpoint_paths
        times = [] if state is None else state.all_model_checkpoint_timestamps
        if len(times) != len(paths):
            times = [time.time()] * len(paths)
        self._saved = {path: at for path, at in zip(paths, times) if os.path.exists(path + SUFFIX)}
        self._preserved = time.time() if state is None else state.last_preserved_timestamp

    @property
    def directory(self) -> str:
        """The folder."""
        return self._directory

    @property
    def latest_checkpoint(self) -> str | None:
        """The path of the newest checkpoint, or None."""
        return next(reversed(self._saved), None)

    @property
    def checkpoints(self) -> list[str]:
        """The paths of the checkpoints that are kept, the oldest first. (Those kept for good are not among them.)"""
        return list(self._saved)

    @tf.debugging.filter_traceback
    def save(self, checkpoint_number: Any = None, check_interval: bool = True, options: Any = None) -> str | None:
        """Save a checkpoint and remove those that are too many. Returns its path; None if it is not yet time for one."""
        step = None if self._step_counter is None else int(self._step_counter)
        if check_interval and self.checkpoint_interval is not None and step is not None and (
                self._last_step is not None and step < self._last_step + self.checkpoint_interval):
            return None
        number = None if checkpoint_number is None else int(checkpoint_number)
        path = self.checkpoint._save_numbered(os.path.join(self._directory, self._name), number)
        self._last_step = step
        self._saved.pop(path, None)
        self._saved[path] = time.time()
        removed = self._superfluous()
        # First the list and then the files: at no moment does the list's latest not exist.
        write_state(self._directory, CheckpointState(path, list(self._saved), list(self._saved.values()), self._preserved))
        for old in removed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(old + SUFFIX)
        return path

    def _superfluous(self) -> list[str]:
        removed = []
        while self._max_to_keep is not None and len(self._saved) > self._max_to_keep:
            path = next(iter(self._saved))
            at = self._saved.pop(path)
            if self._hours is not None and at - self._hours * 3600 >= self._preserved:
                self._preserved = at
            else:
                removed.append(path)
        return removed

    @tf.debugging.filter_traceback
    def restore_or_initialize(self) -> str | None:
        """Restore the newest checkpoint and return its path; if there is none, call `init_fn` and return None."""
        latest = self.latest_checkpoint
        if latest is not None:
            self.checkpoint.restore(latest)
            if self._step_counter is not None:
                self._last_step = int(self._step_counter)
        elif self._init_fn is not None:
            self._init_fn()
        return latest

    def sync(self) -> None:
        """Nothing: checkpoints are on the disk when `save` returns."""
