"""Objects by their names: `activation="relu"`, `kernel_initializer="ones"`, `loss="mse"`; also by configurations."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from treadle.keras_like.core.descriptions import from_description
from treadle.keras_like.core.registry import TABLES, get_registered_object, named, unknown_name

__all__ = ["TABLES", "named", "resolve", "resolve_class"]


def resolve(family: str, identifier: Any) -> Any:
    """The object that a name, a configuration or an object stands for; None for None.

    Raises InvalidArgumentError for a name that the family does not have.
    """
    if isinstance(identifier, str):
        found = get_registered_object(identifier)
        if found is None:
            found = resolve_class(family, identifier)
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, Mapping):
        return from_description(identifier, family=family)
    return identifier() if inspect.isclass(identifier) else identifier


def resolve_class(family: str, name: str) -> Any:
    """The built-in class or function that a name stands for."""
    found = TABLES.get(family, {}).get(name)
    if found is None:
        raise unknown_name(family, name, TABLES.get(family, {}))
    return found
