"""Optimizers by name and by configuration."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.optimizers.base import Optimizer


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer as a dictionary.

    >>> from treadle import keras
    >>> keras.optimizers.serialize(keras.optimizers.SGD())["class_name"]
    'SGD'
    """
    return describe(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer of a dictionary; upper and lower case do not matter for the names of built-in ones."""
    return from_description(config, custom_objects, family="optimizers")


def get(identifier: Any) -> Any:
    """An optimizer by name (with defaults), by configuration, or as it is.

    >>> from treadle import keras
    >>> keras.optimizers.get("adam").beta_1
    0.9
    """
    if isinstance(identifier, str):
        identifier = {"class_name": identifier, "config": {}}
    found = deserialize(identifier) if isinstance(identifier, dict) else identifier
    if found is not None and not isinstance(found, Optimizer):
        raise tf.errors.InvalidArgumentError(
            f"An optimizer is given by name, by configuration, or as it is. Received: {identifier!r}.")
    return found
