"""`tf.train.Checkpoint`: the values of all variables that objects hold, in one file."""

from __future__ import annotations

import os
from typing import Any

import treadle as tf
from treadle.keras_like.saving import checkpoint_graph as graph
from treadle.keras_like.saving.checkpoint_files import SUFFIX, file_of, update_checkpoint_state
from treadle.keras_like.saving.checkpoint_restoring import Restoration, described
from treadle.keras_like.saving.tensors import write_tensors

_COUNTER = "save_counter"


class Checkpoint(graph.Node):
    """Saves and restores what its objects hold: variables, modules, layers, models, optimizers, metrics, random generators,
    iterators of data sets, and lists and dicts of them.

    Args:
        root: an object whose own parts are the checkpoint's.
        **kwargs: objects by name; they are attributes too.

    Variables are found again by the names of the attributes, keys and places that lead to them, so a checkpoint can be
    restored into other objects that are made alike, and into part of them. Layers and optimizers that are not built yet get
    their values when they are. Of an iterator the number of elements taken is kept; restoring takes that many. A
    checkpoint is one HDF5 file, written as a whole or not at all; TensorFlow's own checkpoints are not read.

    >>> import treadle as tf, tempfile
    >>> step = tf.Variable(1)
    >>> checkpoint = tf.train.Checkpoint(step=step, model=tf.keras.Sequential([tf.keras.layers.Dense(2)]))
    >>> path = checkpoint.save(tempfile.mkdtemp() + "/ckpt")
    >>> _ = step.assign(7)
    >>> _ = checkpoint.restore(path).assert_consumed()
    >>> step.numpy(), path[-6:]
    (np.int32(1), 'ckpt-1')
    """

    def __init__(self, root: Any = None, **kwargs: Any):
        self._restorations: list[Restoration] = []
        self._counter: Any = None
        if root is not None and graph.parts_of(root) is None:
            raise _not_trackable("root", root)
        self._root = root
        for name, value in kwargs.items():
            if graph.parts_of(value) is None:
                raise _not_trackable(name, value)
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if not name.startswith("_"):
            for restoration in self._restorations:
                restoration.restore(value, graph.escaped(name))

    def parts(self) -> dict[str, Any]:
        """The objects by name."""
        own = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        counter = {} if self._counter is None else {_COUNTER: self._counter}
        return {**(graph.parts_of(self._root) or {}), **own, **counter}

    @property
    def save_counter(self) -> Any:
        """A variable: how often `save` was called. It is saved too."""
        if self._counter is None:
            with tf.init_scope():
                self._counter = tf.Variable(0, dtype="int64", trainable=False, name=_COUNTER)
        return self._counter

    # --- saving ---

    @tf.debugging.filter_traceback
    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Write a checkpoint to `file_prefix`, without numbering. Returns that path, for `read`."""
        prefix = os.fspath(file_prefix)
        os.makedirs(os.path.dirname(os.path.abspath(prefix)), exist_ok=True)
        write_tensors(prefix + SUFFIX, described(self))
        return prefix

    @tf.debugging.filter_traceback
    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Write a checkpoint to `file_prefix-N`, N being `save_counter`, and say in the file `checkpoint` of that folder that
        it is the latest. Returns the path, for `restore`."""
        path = self._save_numbered(file_prefix)
        update_checkpoint_state(os.path.dirname(path) or ".", path)
        return path

    def _save_numbered(self, file_prefix: Any, number: int | None = None) -> str:
        before = int(self.save_counter)
        self.save_counter.assign_add(1)
        try:
            return self.write(f"{os.fspath(file_prefix)}-{before + 1 if number is None else number}")
        except BaseException:
            self.save_counter.assign(before)
            raise

    # --- restoring ---

    @tf.debugging.filter_traceback
    def read(self, save_path: Any, options: Any = None) -> LoadStatus:
        """Restore what `write` wrote. Returns a status with `assert_consumed` and the like.

        Raises ModelFileError if the file is damaged or is no checkpoint, or has a tensor of another shape or dtype; no variable
        is changed then.
        """
        restoration = Restoration(file_of(save_path))
        restoration.restore(self)
        self._restorations.append(restoration)
        return LoadStatus(self, restoration)

    @tf.debugging.filter_traceback
    def restore(self, save_path: Any, options: Any = None) -> LoadStatus:
        """Restore what `save` wrote, `save_counter` too. With None (no checkpoint yet) nothing happens."""
        if save_path is None:
            return LoadStatus(self, None)
        self.save_counter  # noqa: B018  # made, so that it is restored
        return self.read(save_path)


class LoadStatus:
    """What became of a checkpoint's values. Its methods return itself; all look at the objects as they are now."""

    def __init__(self, checkpoint: Checkpoint, restoration: Restoration | None):
        self._checkpoint, self._restoration = checkpoint, restoration

    @tf.debugging.filter_traceback
    def assert_consumed(self) -> LoadStatus:
        """AssertionError unless each value of the checkpoint went into a variable, and each variable got one."""
        restoration = self._needed()
        left = [path for path in restoration.left() if path != _COUNTER or self._checkpoint._counter is not None]
        if left:
            raise AssertionError(f"{len(left)} values of {restoration.source!r} were not used, the first: {left[:5]}.")
        return self.assert_existing_objects_matched()

    @tf.debugging.filter_traceback
    def assert_existing_objects_matched(self) -> LoadStatus:
        """AssertionError unless each variable there is got a value."""
        restoration = self._needed()
        missing = restoration.missing(self._checkpoint)
        if missing:
            raise AssertionError(f"{restoration.source!r} has no value for {len(missing)} variables, the first: {missing[:5]}.")
        return self

    @tf.debugging.filter_traceback
    def assert_nontrivial_match(self) -> LoadStatus:
        """AssertionError if no variable got a value."""
        if not self._needed().count:
            raise AssertionError(f"Nothing in {self._needed().source!r} fits the objects of this checkpoint.")
        return self

    def expect_partial(self) -> LoadStatus:
        """Say that part of the checkpoint is enough. (Nothing is said about the rest in any case.)"""
        return self

    def initialize_or_restore(self, session: Any = None) -> None:
        """Nothing: variables have values from the start."""

    def run_restore_ops(self, session: Any = None) -> None:
        """Nothing: values were restored already."""

    def _needed(self) -> Restoration:
        if self._restoration is None:
            raise AssertionError("No checkpoint was given to `restore`. Received: None.")
        return self._restoration


def _not_trackable(name: str, value: Any) -> Exception:
    return tf.errors.DtypeError(
        f"A checkpoint holds variables and objects that hold variables. Received: {name}={value!r}. A number that changes "
        "can be kept as a `tf.Variable`.")
