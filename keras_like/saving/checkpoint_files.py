"""The files of checkpoints: a checkpoint is one HDF5 file; `checkpoint` in the same folder says which is the latest."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import Any

from treadle.keras_like.saving.atomic import open_regular, write_atomically
from treadle.keras_like.saving.errors import refuse

SUFFIX = ".h5"
_LARGEST_STATE = 1 << 20
_ADVICE = "Remove it, and give checkpoints by their paths."
_LINE = re.compile(r'^(?:(\w+_paths?): "((?:[^"\\]|\\.)*)"|(\w+_timestamps?): ([-+.\deE]+))$')


class CheckpointState:
    """Which checkpoints a folder has: paths without their suffix, the oldest first, and when each was saved."""

    def __init__(self, model_checkpoint_path: str, all_model_checkpoint_paths: Sequence[str],
                 all_model_checkpoint_timestamps: Sequence[float] = (), last_preserved_timestamp: float = 0.0):
        self.model_checkpoint_path = model_checkpoint_path
        self.all_model_checkpoint_paths = list(all_model_checkpoint_paths)
        self.all_model_checkpoint_timestamps = list(all_model_checkpoint_timestamps)
        self.last_preserved_timestamp = last_preserved_timestamp


def file_of(path: Any) -> str:
    """The file of a checkpoint, from its path with or without the suffix. Raises ModelFileError if it is TensorFlow's."""
    path = os.fspath(path)
    if os.path.isdir(path):
        raise refuse(path, "is a folder.", "For the newest checkpoint in it, use `tf.train.latest_checkpoint(folder)`.")
    if not path.endswith(SUFFIX):
        stem = re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path)
        if not os.path.exists(path + SUFFIX) and os.path.exists(stem + ".index"):
            raise refuse(stem, "is a checkpoint in TensorFlow's own format, which is not read here.",
                         "Load it with TensorFlow, and save the model's weights as `.weights.h5`.")
        path += SUFFIX
    return path


def write_state(directory: str, state: CheckpointState, name: str | None = None) -> None:
    """Write the file `checkpoint`, in TensorFlow's text form. Paths in the same folder are written without it."""
    def line(key: str, path: str) -> str:
        if os.path.dirname(os.path.abspath(path)) == os.path.abspath(directory):
            path = os.path.basename(path)
        quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{key}: "{quoted}"\n'

    text = line("model_checkpoint_path", state.model_checkpoint_path)
    text += "".join(line("all_model_checkpoint_paths", path) for path in state.all_model_checkpoint_paths)
    text += "".join(f"all_model_checkpoint_timestamps: {at!r}\n" for at in state.all_model_checkpoint_timestamps)
    text += f"last_preserved_timestamp: {state.last_preserved_timestamp!r}\n"
    write_atomically(os.path.join(directory, name or "checkpoint"), lambda file: file.write(text.encode()))


def get_checkpoint_state(checkpoint_dir: Any, latest_filename: str | None = None) -> CheckpointState | None:
    """What the file `checkpoint` in a folder says; None if there is none.

    Raises ModelFileError for what is no such file, and for names that lead out of the folder.
    """
    directory = os.fspath(checkpoint_dir)
    path = os.path.join(directory, latest_filename or "checkpoint")
    if not os.path.lexists(path):
        return None
    with open_regular(path) as file:
        content = file.read(_LARGEST_STATE + 1)
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise refuse(path, "is not text.") from None
    if len(content) > _LARGEST_STATE:
        raise refuse(path, f"is larger than {_LARGEST_STATE} bytes.")
    found: dict[str, list[Any]] = {}
    for line in lines:
        match = _LINE.match(line.strip())
        if not match:
            raise refuse(path, f"has a line that is not understood, {line[:80]!r}.", _ADVICE)
        if match[1]:
            found.setdefault(match[1], []).append(_path(path, directory, match[2]))
        else:
            found.setdefault(match[3], []).append(_number(path, match[4]))
    latest = found.get("model_checkpoint_path")
    if not latest:
        raise refuse(path, "names no checkpoint.", _ADVICE)
    return CheckpointState(latest[-1], found.get("all_model_checkpoint_paths", latest),
                           found.get("all_model_checkpoint_timestamps", ()), *found.get("last_preserved_timestamp", [])[:1])


def _path(source: str, directory: str, text: str) -> str:
    name = re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)
    path = os.path.normpath(os.path.join(directory, name))
    if os.path.dirname(os.path.abspath(path)) != os.path.abspath(directory):
        raise refuse(source, f"names a checkpoint outside its folder, {name!r}.", "Give that checkpoint by its path.")
    return os.path.join(directory, name)


def _number(source: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise refuse(source, f"has a number that is none, {text!r}.") from None


def update_checkpoint_state(directory: str, path: str) -> None:
    """Say that a checkpoint is the latest of a folder, and the only one that counts."""
    write_state(directory, CheckpointState(path, [path], [time.time()]))


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The path of the newest checkpoint in a folder, for `Checkpoint.restore`; None if there is none.

    >>> import treadle as tf, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> path = tf.train.Checkpoint(step=tf.Variable(3)).save(folder + "/ckpt")
    >>> tf.train.latest_checkpoint(folder) == path
    True
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    for path in [state.model_checkpoint_path, *state.all_model_checkpoint_paths[::-1]]:
        if os.path.exists(path + SUFFIX) or os.path.exists(path + ".index"):
            return path
    return None
