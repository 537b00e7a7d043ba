"""Optimizers and schedules as dictionaries, and back."""

from __future__ import annotations

import inspect
from typing import Any

import treadle as tf
from treadle.keras_like.core.resolve import TABLES, resolve_class


def serialize(value: Any, module: str) -> dict[str, Any]:
    """The dictionary of an object, in Keras' form. `module` is the public module of built-in ones.

    Of a function there is only the name: reading it back takes `custom_objects`.
    """
    if not hasattr(value, "get_config"):
        name = getattr(value, "__name__", type(value).__name__)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}
    kind = type(value)
    built_in = kind.__module__.startswith("treadle.keras_like.")
    return {"module": module if built_in else kind.__module__, "class_name": kind.__name__, "config": value.get_config(),
            "registered_name": None if built_in else kind.__name__}


def deserialize(config: dict[str, Any], family: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """The object of a dictionary. `custom_objects`: names of classes and functions that are not built in.

    Raises InvalidArgumentError for a name that is neither built in nor in `custom_objects`.
    """
    name = config.get("class_name")
    custom = custom_objects or {}
    if name == "function":
        if config["config"] not in custom:
            raise tf.errors.InvalidArgumentError(
                f"The function {config['config']!r} is known by name only. Pass it: "
                f"`custom_objects={{{config['config']!r}: ...}}`.")
        return custom[config["config"]]
    if name in custom:
        kind = custom[name]
    else:
        kind = resolve_class(family, str(name).lower() if str(name).lower() in TABLES[family] else name)
    arguments = dict(config.get("config") or {})
    if custom and "custom_objects" in inspect.signature(kind.from_config).parameters:
        return kind.from_config(arguments, custom_objects=custom)
    return kind.from_config(arguments)
