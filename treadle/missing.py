"""The answer to a public name that is not there: what takes its place, or the name that was meant."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import NoReturn

_RECORDS = "`tf.data.Dataset.from_tensor_slices` and `from_generator` take arrays and generators of any reader"
_ROWS = "pad the rows (`Dataset.padded_batch`, `tf.keras.utils.pad_sequences`) and mask them (`tf.sequence_mask`)"
_VERSION_1 = "nothing, it is TensorFlow 1's; call the operations, and decorate what to compile with `@tf.function`"
_HASHES = "`tf.keras.layers.StringLookup`, `IntegerLookup` and `Hashing` look values up"

# See "What is missing" in docs/migrating.md.
INSTEAD = {
    "tf.RaggedTensor": _ROWS,
    "tf.RaggedTensorSpec": _ROWS,
    "tf.Session": _VERSION_1,
    "tf.SparseTensor": _ROWS,
    "tf.compat": _VERSION_1,
    "tf.data.TFRecordDataset": _RECORDS,
    "tf.estimator": "a `tf.keras.Model` with `fit`, `evaluate` and `predict`",
    "tf.experimental": "functions of `tf` and `tf.math` for `tf.experimental.numpy`",
    "tf.feature_column": "`tf.keras.utils.FeatureSpace` and the preprocessing layers",
    "tf.global_variables_initializer": _VERSION_1,
    "tf.graph_util": "`tf.function(f).get_concrete_function(...).graph` shows and prints a graph",
    "tf.io.FixedLenFeature": _RECORDS,
    "tf.io.TFRecordWriter": _RECORDS,
    "tf.io.parse_example": _RECORDS,
    "tf.io.parse_single_example": _RECORDS,
    "tf.keras.applications": "`load_weights` reads the files of Keras' pretrained models into the same layers",
    "tf.lite": "`model.export(path)` writes StableHLO, which other tools read",
    "tf.lookup": _HASHES,
    "tf.placeholder": _VERSION_1,
    "tf.ragged": _ROWS,
    "tf.raw_ops": "the functions of `tf`, `tf.math` and `tf.nn`",
    "tf.saved_model": "`model.save`, `model.export`, or `tf.train.Checkpoint` for any variables",
    "tf.sparse": _ROWS,
    "tf.summary": "`tf.keras.callbacks.TensorBoard` writes logs during `fit`",
    "tf.test": "`numpy.testing` and pytest take tensors",
    "tf.tpu": "`tf.distribute`, for the devices of one machine",
    "tf.train.Example": _RECORDS,
}


def answer(package: str) -> None:
    """Have the package and the public modules in it answer for the names that they lack."""
    for path, module in _public_modules("tf", sys.modules[package], set()):
        module.__getattr__ = partial(_refuse, path, module)  # type: ignore[method-assign]


def _public_modules(path: str, module: ModuleType, seen: set[int]) -> Iterator[tuple[str, ModuleType]]:
    seen.add(id(module))
    yield path, module
    for name in module.__all__:
        found = getattr(module, name)
        if isinstance(found, ModuleType) and hasattr(found, "__all__") and id(found) not in seen:
            yield from _public_modules(f"{path}.{name}", found, seen)


def _refuse(path: str, module: ModuleType, name: str) -> NoReturn:
    whole = f"{path}.{name}"
    if whole in INSTEAD:
        text = f"treadle has no `{whole}`. In its place: {INSTEAD[whole]}."
    else:
        near = [] if name.startswith("__") else difflib.get_close_matches(name, module.__all__, 1, 0.8)
        text = f"`{path}` has no `{name}`." + (f" Did you mean `{path}.{near[0]}`?" if near else "")
    raise AttributeError(text, name=name, obj=None)
