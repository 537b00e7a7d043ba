"""What names stand for: built-in classes and functions by their public names, custom ones by those they are registered under.

Nothing else can be named by a configuration: a file makes objects of these classes, and imports nothing.
"""

from __future__ import annotations

import difflib
import inspect
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import treadle as tf

# family -> name -> what it stands for where users give a string; filled by the families' own modules
TABLES: dict[str, dict[str, Any]] = {}
_built_in: dict[str, Any] = {}  # "keras.layers.Dense" -> Dense
_places: dict[int, tuple[str, str]] = {}  # id(Dense) -> ("keras.layers", "Dense")
_fixed: set[int] = set()  # those whose place is not that of a front door
_registered: dict[str, Any] = {}  # "package>name" -> object
_registered_names: dict[int, tuple[Any, str]] = {}


class _Scope(threading.local):
    objects: Mapping[str, Any] = {}


_scope = _Scope()


# --- built-in objects -----------------------------------------------------------------------------------------------


def named(family: str, **objects: Any) -> None:
    """Give the objects of a family the names by which users may ask for them: `activation="relu"`."""
    TABLES.setdefault(family, {}).update(objects)


def publish(module: str) -> None:
    """Make known what a front door holds: `publish(__name__)` at its end. Its `__all__` says what."""
    names = vars(sys.modules[module])
    for name in names["__all__"]:
        if callable(names[name]):
            _publish(module.removeprefix("treadle."), name, names[name])


def _publish(place: str, name: str, value: Any) -> None:
    """Of several public names, files hold the class's or function's own, in the outermost module."""
    _built_in[f"{place}.{name}"] = value
    known = _places.get(id(value))
    if id(value) not in _fixed and (known is None or (name == value.__name__, -len(place)) > (
            known[1] == value.__name__, -len(known[0]))):
        _places[id(value)] = (place, name)


def publish_as(place: str, name: str, value: Any) -> None:
    """Make a class known by a name that no front door has, but files do."""
    _built_in[f"{place}.{name}"] = value
    _places[id(value)] = (place, name)
    _fixed.add(id(value))


def public_place(value: Any) -> tuple[str, str] | None:
    """(module, name) of a built-in class or function; None for others."""
    return _places.get(id(value))


def built_in(module: str, name: str) -> Any:
    """The built-in object of a public name, or None. Older modules of the same classes ("keras.src.layers...") will do."""
    found = _built_in.get(f"{module}.{name}")
    if found is None and module.partition(".")[0] in ("keras", "tf_keras", "treadle"):
        parts = set(module.split("."))
        for place in ("layers", "models", "metrics", "losses", "optimizers", "initializers", "regularizers", "constraints"):
            if found is None and (place in parts or place == "models" and "engine" in parts):
                found = _built_in.get(f"keras.{place}.{name}") or _built_in.get(f"keras.{name}")
    return found


def built_in_function(name: str) -> Any:
    """The built-in activation, loss, metric or op of a name, or None."""
    for family in ("activations", "losses", "metrics", "functions"):
        found = TABLES.get(family, {}).get(name)
        if found is not None and not inspect.isclass(found):
            return found
    return _built_in.get(f"keras.ops.{name}")


def names_of_classes() -> list[str]:
    """The names of all built-in classes, and of the custom ones."""
    found = {key.rpartition(".")[2] for key, value in _built_in.items() if inspect.isclass(value)}
    return sorted(found | set(_registered) | set(_scope.objects))


def names_of_functions() -> list[str]:
    """The names of all built-in activations, losses and metrics, and of the custom functions."""
    found = {n for f in ("activations", "losses", "metrics") for n, v in TABLES.get(f, {}).items() if not inspect.isclass(v)}
    return sorted(found | set(_registered) | set(_scope.objects))


_ONE = {"losses": "loss", "classes": "class", "schedules": "learning rate schedule"}


def unknown_name(family: str, name: Any, known: Iterable[str]) -> tf.errors.InvalidArgumentError:
    """The error for a name that stands for nothing in a family."""
    name = str(name)[:200]
    near = difflib.get_close_matches(name.rpartition(".")[2], sorted(known), n=3)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    return tf.errors.InvalidArgumentError(
        f"There is no {_ONE.get(family, family.removesuffix('s'))} of that name. Received: {name!r}. {hint}Your own classes "
        "and functions are found if they are passed in `custom_objects`, or decorated with "
        "`@keras.saving.register_keras_serializable()`.")


# --- custom objects -------------------------------------------------------------------------------------------------


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """A decorator that makes a class or function loadable by its name, "package>name", without `custom_objects`.

    Args:
        package: the first part of the name. Default "Custom".
        name: the second part. Default: the class's or function's own.

    Raises InvalidArgumentError for a class without `get_config`.

    >>> from treadle import keras
    >>> @keras.saving.register_keras_serializable("mine")
    ... class Doubled(keras.layers.Layer):
    ...     def call(self, x):
    ...         return 2 * x
    >>> keras.layers.serialize(Doubled())["registered_name"]
    'mine>Doubled'
    """

    def register(value: Any) -> Any:
        if inspect.isclass(value) and not hasattr(value, "get_config"):
            raise tf.errors.InvalidArgumentError(
                f"A class that is to be saved defines `get_config()`. Received: {value.__name__}.")
        full = f"{package}>{name or value.__name__}"
        _registered[full] = value
        _registered_names[id(value)] = (value, full)
        return value

    return register


def get_registered_name(obj: Any) -> str:
    """The name that a class or function is registered under; its own if it is not registered.

    >>> from treadle import keras
    >>> keras.saving.get_registered_name(keras.layers.Dense)
    'Dense'
    """
    value, name = _registered_names.get(id(obj), (None, ""))
    return name if value is obj else obj.__name__


def get_registered_object(name: Any, custom_objects: Mapping[str, Any] | None = None,
                          module_objects: Mapping[str, Any] | None = None) -> Any:
    """What is registered under a name, or passed in `custom_objects` or an open `custom_object_scope`; else None.

    >>> from treadle import keras
    >>> keras.saving.get_registered_object("mine>Nothing") is None
    True
    """
    for table in (_scope.objects, _registered, custom_objects, module_objects):
        if table and name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions by name, as they are: changes hold for all that follows.

    >>> from treadle import keras
    >>> isinstance(keras.saving.get_custom_objects(), dict)
    True
    """
    return _registered


class CustomObjectScope:
    """A context in which names stand for your own classes and functions. `keras.saving.custom_object_scope` is the same.

    >>> from treadle import keras
    >>> def twice(x):
    ...     return 2 * x
    >>> with keras.saving.custom_object_scope({"twice": twice}):
    ...     layer = keras.layers.Activation("twice")
    >>> float(layer(3.0))
    6.0
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None = None, *more: Mapping[str, Any]):
        self.custom_objects = {k: v for given in (custom_objects, *more) for k, v in (given or {}).items()}
        self._before: list[Mapping[str, Any]] = []

    def __enter__(self) -> CustomObjectScope:
        self._before.append(_scope.objects)
        _scope.objects = {**_scope.objects, **self.custom_objects}
        return self

    def __exit__(self, *details: Any) -> None:
        _scope.objects = self._before.pop()


custom_object_scope = CustomObjectScope


@contextmanager
def customs(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """`custom_object_scope`, for what may be None."""
    with CustomObjectScope(custom_objects):
        yield
