"""Looking into checkpoints without objects: `tf.train.load_checkpoint`, `list_variables`, `load_variable`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.saving.checkpoint_files import file_of, latest_checkpoint
from treadle.keras_like.saving.checkpoint_restoring import Restoration
from treadle.keras_like.saving.errors import refuse

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # what TensorFlow ends the names of values with


class CheckpointReader:
    """The values in a checkpoint by name: the path to the variable, with TensorFlow's ending or without."""

    def __init__(self, path: str):
        self._restoration = Restoration(path)

    def get_tensor(self, tensor_str: str) -> np.ndarray:
        """A value. Raises NotFoundError if there is none of that name."""
        name = tensor_str.removesuffix(VALUE)
        if name not in self._restoration._left:
            raise tf.errors.NotFoundError(
                f"{self._restoration.source!r} has no value of that name. Received: {tensor_str!r}. Names: "
                f"{self._restoration.left()[:20]}.")
        return self._restoration._left[name].copy()

    def has_tensor(self, tensor_str: str) -> bool:
        """True if there is a value of that name."""
        return tensor_str.removesuffix(VALUE) in self._restoration._left

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """All names, with the shapes."""
        return {name + VALUE: list(array.shape) for name, array in self._restoration._left.items()}

    def get_variable_to_dtype_map(self) -> dict[str, Any]:
        """All names, with the dtypes."""
        return {name + VALUE: tf.as_dtype(array.dtype.name) for name, array in self._restoration._left.items()}


@tf.debugging.filter_traceback
def load_checkpoint(ckpt_dir_or_file: Any) -> CheckpointReader:
    """A reader of a checkpoint: a path, or a folder for the newest in it.

    >>> import treadle as tf, tempfile
    >>> path = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).save(tempfile.mkdtemp() + "/ckpt")
    >>> tf.train.load_checkpoint(path).get_tensor("v").tolist()
    [1.0, 2.0]
    """
    path = os.fspath(ckpt_dir_or_file)
    if os.path.isdir(path):
        latest = latest_checkpoint(path)
        if latest is None:
            raise refuse(path, "is a folder without a checkpoint.", "Check the path.")
        path = latest
    return CheckpointReader(file_of(path))


@tf.debugging.filter_traceback
def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """Names and shapes of the values in a checkpoint.

    >>> import treadle as tf, tempfile
    >>> path = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(tempfile.mkdtemp() + "/ckpt")
    >>> tf.train.list_variables(path)
    [('v/.ATTRIBUTES/VARIABLE_VALUE', [2])]
    """
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


@tf.debugging.filter_traceback
def load_variable(ckpt_dir_or_file: Any, name: str) -> np.ndarray:
    """One value of a checkpoint.

    >>> import treadle as tf, tempfile
    >>> path = tf.train.Checkpoint(v=tf.Variable(3)).write(tempfile.mkdtemp() + "/ckpt")
    >>> int(tf.train.load_variable(path, "v"))
    3
    """
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name)
