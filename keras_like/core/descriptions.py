"""Losses and metrics as dictionaries of plain values, in Keras' format, and back."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.resolve import TABLES


def describe(family: str, value: Any) -> Any:
    """An object of a family, or a function, as a dictionary; plain values as they are.

    >>> from treadle import keras
    >>> keras.losses.serialize(keras.losses.Hinge())["config"]
    {'name': 'hinge', 'reduction': 'sum_over_batch_size'}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [describe(family, v) for v in value]
    if isinstance(value, Mapping):
        return {k: describe(family, v) for k, v in value.items()}
    if hasattr(value, "get_config"):
        kind = type(value)
        built_in = TABLES.get(family, {}).get(kind.__name__) is kind
        return {"module": f"keras.{family}" if built_in else kind.__module__, "class_name": kind.__name__,
                "config": value.get_config(), "registered_name": None if built_in else kind.__name__}
    if callable(value) and hasattr(value, "__name__"):
        return {"module": "builtins", "class_name": "function", "config": value.__name__, "registered_name": "function"}
    raise tf.errors.InvalidArgumentError(
        f"Only plain values, functions and objects with `get_config` can be described. Received: {value!r}.")


def from_description(family: str, description: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object that `describe` described.

    Raises InvalidArgumentError for names that are neither in `custom_objects` nor built in.
    """
    if not isinstance(description, Mapping):
        return _found(family, description, custom_objects) if isinstance(description, str) else description
    kind = description["class_name"]
    config: Any = description.get("config")
    if kind == "function":
        return _found("functions", config, custom_objects)
    if kind in ("__tensor__", "__numpy__"):
        return np.array(config["value"], dtype=config.get("dtype"))
    found = _found(family, kind, custom_objects)
    if not inspect.isclass(found):
        return found
    parts = {key: from_description(family, part, custom_objects)
             if isinstance(part, Mapping) and "class_name" in part else part for key, part in (config or {}).items()}
    return found.from_config(parts)  # type: ignore[attr-defined]


def _found(family: str, name: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    for table in (custom_objects or {}, TABLES.get(family, {}), TABLES.get("losses", {})):
        if name in table:
            return table[name]
    raise tf.errors.InvalidArgumentError(
        f"There is no {family.removesuffix('s')} of that name. Received: {name!r}. Pass your own classes and functions in "
        "`custom_objects`.")
