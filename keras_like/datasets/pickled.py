"""Reading the data sets whose official files are pickled (IMDB, Reuters, CIFAR), without letting the file choose what runs.

The unpickler knows three names: NumPy's array, its dtype, and the function that makes an empty array. They stand for classes
of this file, which build arrays of numbers, or of lists of numbers, from checked parts; nothing of NumPy's own unpickling
runs. Any other name in the file is refused.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import treadle as tf

_KINDS = "biufO"


def _text(value: Any) -> str:
    """Python 2 wrote some strings as bytes."""
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


class _DType:
    """A dtype of a pickle: its name, then its byte order."""

    def __init__(self, name: Any, *flags: Any):
        self.dtype = np.dtype(_text(name))
        if self.dtype.kind not in _KINDS:
            raise pickle.UnpicklingError(f"arrays of {self.dtype} do not belong into a data set")

    def __setstate__(self, state: Any) -> None:
        order = _text(state[1])
        if order in "<>":
            self.dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]


class _Array:
    """An array of a pickle: made empty, then given its shape, dtype and content."""

    def __init__(self, *empty: Any):
        self.array = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, columns_first, content = state
        if dtype.dtype.kind != "O":
            self.array = np.frombuffer(content, dtype.dtype).reshape(shape, order="F" if columns_first else "C").copy()
            return
        if len(shape) != 1 or len(content) != shape[0] or not all(isinstance(row, list) for row in content):
            raise pickle.UnpicklingError("an array of objects must be an array of lists here")
        self.array = np.empty(shape, object)
        self.array[:] = [np.asarray(row, np.int64).tolist() for row in content]  # numbers, or it fails


_NAMES = {("numpy", "ndarray"): _Array, ("numpy", "dtype"): _DType, ("numpy.core.multiarray", "_reconstruct"): _Array,
          ("numpy._core.multiarray", "_reconstruct"): _Array}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for `{module}.{name}`, which has no place in a data set")
        return _NAMES[module, name]


def load(stream: io.BufferedIOBase | io.BytesIO, what: str, encoding: str = "ASCII") -> Any:
    """What a pickle holds: arrays, lists, dicts, strings and numbers.

    Raises:
        InvalidArgumentError: it holds, or asks for, anything else; or it is damaged.
    """
    try:
        return _plain(_Unpickler(stream, encoding=encoding).load())
    except Exception as error:
        raise tf.errors.InvalidArgumentError(
            f"{what} was not read: {error}. Received: a file that is damaged or was made to do harm. Delete it, so that it "
            "is downloaded anew.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {_text(k): _plain(v) for k, v in value.items()}
    return value


def load_npz(path: Path, *names: str) -> list[np.ndarray]:
    """Some arrays of an .npz file, pickled ones too."""
    try:
        with zipfile.ZipFile(path) as archive:
            contents = [archive.read(f"{name}.npy") for name in names]
    except (zipfile.BadZipFile, KeyError) as error:
        raise tf.errors.InvalidArgumentError(
            f"{path} does not hold the arrays {', '.join(names)}: {error}. Received: another file, or a damaged one.") from None
    return [_npy(io.BytesIO(content), f"{path} ({name})") for name, content in zip(names, contents)]


def _npy(stream: io.BytesIO, what: str) -> np.ndarray:
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
    _, _, dtype = header(stream)
    if dtype.hasobject:
        return load(stream, what)
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)
