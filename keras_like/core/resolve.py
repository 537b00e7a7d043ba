"""Names of built-in objects: `activation="relu"`, `kernel_initializer="ones"`, `loss="mse"`; each family keeps its table."""

from __future__ import annotations

import inspect
from typing import Any

import treadle as tf

# family -> name -> what it stands for; filled by the families' own modules
TABLES: dict[str, dict[str, Any]] = {}


def named(family: str, **objects: Any) -> None:
    """Give the objects of a family their names."""
    TABLES.setdefault(family, {}).update(objects)


def resolve(family: str, identifier: Any) -> Any:
    """The object that a name, a configuration or an object stands for; None for None.

    Raises InvalidArgumentError for a name that the family does not have.
    """
    if identifier is None:
        return None
    table = TABLES.get(family, {})
    if isinstance(identifier, str):
        found = table.get(identifier)
        if found is None:
            raise tf.errors.InvalidArgumentError(
                f"There is no {family.removesuffix('s')} of that name. Received: {identifier!r}. "
                f"Names: {', '.join(sorted(table))}.")
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        kind = resolve_class(family, identifier.get("class_name"))
        if not inspect.isclass(kind):
            return kind
        return kind.from_config(identifier.get("config") or {})  # type: ignore[attr-defined]
    return identifier() if inspect.isclass(identifier) else identifier


def resolve_class(family: str, name: Any) -> Any:
    """The class (or function) of a name."""
    found = TABLES.get(family, {}).get(name)
    if found is None:
        raise tf.errors.InvalidArgumentError(f"There is no {family.removesuffix('s')} called {name!r}.")
    return found


