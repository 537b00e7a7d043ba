"""Loading what was exported."""

from __future__ import annotations

import functools
import io
import json
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import treadle as tf
from treadle.keras_like.saving.archive import Archive, read_archive
from treadle.keras_like.saving.errors import ModelFileError, refuse
from treadle.keras_like.saving.export_archive import ENDPOINT_NAME, FORMAT, VERSION
from treadle.keras_like.saving.jax_export import jax_export


class Exported:
    """Exported functions: an attribute for each endpoint. They take and return tensors; each keeps its own `jax.export`
    object in the attribute `exported`."""

    def __init__(self, functions: dict[str, Callable]):
        self._functions = functions
        vars(self).update(functions)

    @property
    def endpoints(self) -> list[str]:
        """The names."""
        return list(self._functions)

    def __call__(self, *args: Any) -> Any:
        """Call the only endpoint, or `serve`."""
        if "serve" not in self._functions and len(self._functions) != 1:
            raise tf.errors.InvalidArgumentError(f"There are several endpoints; call one of them: {self.endpoints}.")
        return self._functions.get("serve", next(iter(self._functions.values())))(*args)


@tf.debugging.filter_traceback
def load(filepath: Any) -> Exported:
    """Load what `Model.export` or `ExportArchive.write_out` wrote. Works for any platform it was exported for.

    An exported file is a program, run by XLA: it cannot reach beyond the tensors it is given, but its bytes go to XLA's
    parser, so load files from sources that you trust.

    Raises ModelFileError if the file is not as it should be.

    >>> import treadle as tf, tempfile
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> path = tempfile.mkdtemp() + "/model.export"
    >>> model.export(path, verbose=False)
    >>> bool(tf.reduce_all(keras.export.load(path)(tf.ones([4, 3])) == model(tf.ones([4, 3]))))
    True
    """
    with read_archive(filepath) as archive:
        described = _description(filepath, archive)
        weights: dict[int, Any] = {}
        functions = {}
        for name, endpoint in described["endpoints"].items():
            for place in endpoint["weights"]:
                if place not in weights:
                    weights[place] = _weight(filepath, archive, place, described["weights"][place])
            functions[name] = _function(filepath, archive, name, [weights[place] for place in endpoint["weights"]])
    return Exported(functions)


def _description(source: Any, archive: Archive) -> dict[str, Any]:
    if "export.json" not in archive:
        raise refuse(source, "is no exported program: it has no `export.json`.",
                     "Models are loaded by `keras.models.load_model`.")
    try:
        found = json.loads(archive["export.json"])
        if found["format"] != FORMAT or found["version"] != VERSION:
            raise refuse(source, f"has the format {found['format']!r}, version {found['version']!r}; this version of treadle "
                         f"reads {FORMAT!r}, version {VERSION}.", "Update treadle.")
        weights = [(list(map(int, w["shape"])), tf.as_dtype(w["dtype"])) for w in found["weights"]]
        for name, endpoint in found["endpoints"].items():
            if not ENDPOINT_NAME.fullmatch(name):
                raise refuse(source, f"has an endpoint with a name that is not allowed, {name!r}.")
            if not all(isinstance(place, int) and 0 <= place < len(weights) for place in endpoint["weights"]):
                raise refuse(source, f"has an endpoint, {name!r}, of weights that are not there.")
        return found
    except ModelFileError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refuse(source, f"has a damaged `export.json`: {type(error).__name__}: {error}.") from None


def _weight(source: Any, archive: Archive, place: int, described: dict[str, Any]) -> Any:
    """A weight as an array. Its sizes are checked against its bytes before anything is made."""
    name = f"weights/{place}.npy"
    if name not in archive:
        raise refuse(source, f"lacks its member {name!r}.")
    shape, dtype = tuple(described["shape"]), np.dtype(tf.as_dtype(described["dtype"]).as_numpy_dtype)
    content = archive[name]
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        found, fortran, kind = read(file)
    except Exception as error:  # whatever a damaged header makes Python's parser raise
        raise refuse(source, f"has a damaged member, {name!r}: {error}.") from None
    start, size = file.tell(), math.prod(found) * dtype.itemsize
    if found != shape or kind.hasobject or kind.itemsize != dtype.itemsize or len(content) - start != size:
        raise refuse(source, f"has a member, {name!r}, that is not the array of shape {shape} and dtype {dtype.name} that "
                     "`export.json` says.")
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(found, order="F" if fortran else "C")


def _function(source: Any, archive: Archive, name: str, weights: list[Any]) -> Callable:
    member = f"{name}.jax"
    if member not in archive:
        raise refuse(source, f"lacks its member {member!r}.")
    try:
        exported = jax_export().deserialize(bytearray(archive[member]))
    except ImportError:
        raise tf.errors.UnimplementedError(
            "Exported programs need the package `flatbuffers`. Install it with `pip install treadle[export]`.") from None
    except Exception as error:  # whatever bytes that are no program make the parsers raise
        raise refuse(source, f"has a damaged member, {member!r}, or one that this JAX ({jax.__version__}) does not read: "
                     f"{error}.", "Export it again.") from None
    run = functools.partial(exported.call, weights)

    @tf.debugging.filter_traceback
    def call(*args: Any) -> Any:
        return tf.jax_call(run, *args)

    call.__name__ = call.__qualname__ = name
    call.exported = exported  # type: ignore[attr-defined]
    return call
