"""Layers as dictionaries, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from treadle.keras_like.core.descriptions import describe, from_description


def serialize(layer: Any) -> dict[str, Any]:
    """A layer, without the values of its weights, as a dictionary of plain values.

    >>> from treadle import keras
    >>> description = keras.layers.serialize(keras.layers.Dense(3))
    >>> description["module"], description["class_name"], description["config"]["units"]
    ('keras.layers', 'Dense', 3)
    """
    return describe(layer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The layer that `serialize` described. `custom_objects`: your own classes and functions by name.

    Raises InvalidArgumentError for a class that is neither built in nor custom, and for arguments that it does not take.

    >>> from treadle import keras
    >>> keras.layers.deserialize(keras.layers.serialize(keras.layers.Dense(3))).units
    3
    """
    return from_description(config, custom_objects, family="layers")
