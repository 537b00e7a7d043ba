"""Objects as dictionaries of plain values, in the format of Keras' files, and back.

An object of a class is {"module", "class_name", "config", "registered_name"}; a built layer also has "build_config", a
compiled model "compile_config". What JSON has no word for - tensors, slices, bytes, functions - has class names of its own.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import bytecode
from treadle.keras_like.core.deferred import is_deferred, make_input
from treadle.keras_like.core.registry import (
    TABLES,
    built_in,
    built_in_function,
    customs,
    get_registered_name,
    get_registered_object,
    names_of_classes,
    names_of_functions,
    public_place,
    unknown_name,
)

DEEPEST = 100
FUNCTIONAL = "keras.src.models.functional"  # where files look for `Functional`, which has no other public place
_DATA = ("__tensor__", "__numpy__", "__bytes__", "__slice__", "__ellipsis__")
_PLAIN = (bool, int, float, str)


class _Context(threading.local):
    """What holds while something is described or made."""

    safe_mode: bool | None = None
    by_reference = False
    described: dict[int, tuple[Any, dict]] | None = None  # objects with a description so far, to note those met again
    made: dict[Any, Any] | None = None  # objects made so far, by the id that their description gives
    history: Callable[[Any], Any] | None = None  # of a symbolic tensor, while a graph is described
    tensor: Callable[[Any], Any] | None = None  # of a history, while a graph is made
    depth = 0


_context = _Context()
_safe_by_default = True


@contextmanager
def describing(**settings: Any) -> Iterator[None]:
    """Change what holds while something is described or made: `safe_mode`, `by_reference`, `history`, `tensor`."""
    before = {name: getattr(_context, name) for name in settings}
    vars(_context).update(settings)
    try:
        yield
    finally:
        vars(_context).update(before)


@contextmanager
def sharing() -> Iterator[None]:
    """Inside, a layer that is described twice is made once."""
    with describing(described={}, made={}):
        yield


def enable_unsafe_deserialization() -> None:
    """Let files run the Python bytecode of lambdas they hold, from now on. Only for files that you trust.

    Raises nothing; `load_model(..., safe_mode=False)` does the same for one file.
    """
    global _safe_by_default
    _safe_by_default = False


# --- describing -----------------------------------------------------------------------------------------------------


def describe(value: Any) -> Any:
    """An object, or a structure of objects and plain values, as plain values. Descriptions stay what they are.

    Raises InvalidArgumentError for what cannot be described.

    >>> from treadle import keras
    >>> keras.saving.serialize_keras_object(keras.regularizers.L1(0.5))
    {'module': 'keras.regularizers', 'class_name': 'L1', 'config': {'l1': 0.5}, 'registered_name': None}
    """
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        parts = [describe(v) for v in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, Mapping) and not hasattr(value, "get_config"):
        return {k: describe(v) for k, v in value.items()}
    special = _special(value)
    if special is not None:
        return special
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return _described_object(value)
    if callable(value) and hasattr(value, "__name__") and not inspect.isclass(value):
        return value if _context.by_reference else _described_function(value)
    if isinstance(value, _PLAIN):
        return next(kind for kind in _PLAIN if isinstance(value, kind))(value)
    raise tf.errors.InvalidArgumentError(
        f"Only plain values, arrays, functions and objects with `get_config()` can be saved. Received: {value!r} (of type "
        f"{type(value).__name__}). Give its class a `get_config()` that returns the constructor's arguments.")


def _special(value: Any) -> Any:
    """The description of what is neither plain nor an object of ours; None for others."""
    if is_deferred(value):
        history = _context.history(value) if _context.history is not None else None
        return _tagged("__keras_tensor__", shape=list(value.shape.as_list()), dtype=value.dtype.name, keras_history=history)
    if isinstance(value, tf.TensorShape):
        return value.as_list() if value.rank is not None else None
    if isinstance(value, tf.DType):
        return value.name
    if isinstance(value, np.dtype) or inspect.isclass(value) and issubclass(value, np.generic):
        return np.dtype(value).name
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return _tagged("__tensor__", value=value.numpy().tolist(), dtype=value.dtype.name)
    if isinstance(value, np.ndarray) and value.ndim:
        return _tagged("__numpy__", value=value.tolist(), dtype=value.dtype.name)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.item()
    if isinstance(value, bytes):
        return _tagged("__bytes__", value=value.decode("utf-8"))
    if isinstance(value, slice):
        return _tagged("__slice__", start=describe(value.start), stop=describe(value.stop), step=describe(value.step))
    return _tagged("__ellipsis__") if value is ... else None


def _tagged(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": config}


def _described_object(value: Any) -> dict[str, Any]:
    kind = type(value)
    config = value.get_config()
    if not isinstance(config, Mapping):
        raise tf.errors.InvalidArgumentError(
            f"`{kind.__name__}.get_config()` must return a dictionary. Received: {config!r}.")
    place = public_place(kind)
    module: str | None
    registered: str | None
    if place is not None:
        module, name, registered = *place, None
    else:
        module, name, registered = kind.__module__, kind.__name__, get_registered_name(kind)
        module = None if module == "__main__" else module
    found: dict[str, Any] = {"module": module, "class_name": name, "config": describe(config), "registered_name": registered}
    for key in ("build_config", "compile_config"):
        more = getattr(value, f"get_{key}", lambda: None)()
        if more is not None:
            found[key] = describe(more)
    if _context.described is not None and hasattr(value, "get_build_config"):
        known = _context.described.setdefault(id(value), (value, found))[1]
        if known is not found:
            known["shared_object_id"] = found["shared_object_id"] = id(value)
    return found


def _described_function(value: Any) -> dict[str, Any]:
    if value.__name__ == "<lambda>":
        warnings.warn("A lambda is saved as Python bytecode: it can be loaded with `safe_mode=False` only, by the same version "
                      "of Python. Use a named function.", stacklevel=2)
        code, defaults, closure = dumped = bytecode.dump(value)
        return _tagged("__lambda__", value=dumped, code=code, defaults=defaults, closure=closure)  # in Keras' two ways
    place = public_place(value)
    name = place[1] if place is not None else get_registered_name(value)
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def as_config(value: Any) -> Any:
    """A constructor's argument as `get_config` returns it: as `describe`, but built-in activations by name."""
    if callable(value) and hasattr(value, "__name__") and not inspect.isclass(value):
        place = public_place(value)
        if place is not None:
            return place[1]
    return describe(value)


# --- making ---------------------------------------------------------------------------------------------------------


def from_description(description: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool | None = None,
                     family: str | None = None) -> Any:
    """What `describe` described. No code is run, and nothing is imported, that the description names.

    Args:
        description: a description, or a structure of descriptions and plain values.
        custom_objects: your own classes and functions by name.
        safe_mode: False: lambdas may be made of the bytecode in the description. Default: the setting around, at first True.
        family: which objects it may be, as "initializers". Default: any.

    Raises InvalidArgumentError for names that are neither built in nor custom, and for what is no description.

    >>> from treadle import keras
    >>> keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(keras.losses.Hinge())).name
    'hinge'
    """
    if _context.depth > DEEPEST:
        raise tf.errors.InvalidArgumentError(f"Descriptions are nested at most {DEEPEST} deep. Received: one that is deeper.")
    safe_mode = _context.safe_mode if safe_mode is None or _context.safe_mode is False else safe_mode
    with customs(custom_objects), describing(depth=_context.depth + 1, safe_mode=safe_mode):
        return _made(description, family)


def _made(value: Any, family: str | None = None) -> Any:
    if isinstance(value, str) and family is not None:
        return _by_name(value, family)
    if not isinstance(value, (list, tuple, Mapping)):
        return value
    if _context.depth > DEEPEST:
        raise tf.errors.InvalidArgumentError(f"Descriptions are nested at most {DEEPEST} deep. Received: one that is deeper.")
    with describing(depth=_context.depth + 1):
        if not isinstance(value, Mapping):
            return [_made(v, family) for v in value]
        if "class_name" not in value or not ("config" in value or family is not None):
            return {k: _made(v, family) for k, v in value.items()}
        tag, config = value["class_name"], value.get("config")
        if tag == "function":
            return _function(config)
        if isinstance(tag, str) and tag.startswith("__"):
            return _made_special(tag, config if isinstance(config, Mapping) else {})
        return _made_object(value, family)


def _by_name(name: str, family: str) -> Any:
    found = get_registered_object(name)
    if found is None:
        found = TABLES.get(family, {}).get(name)
    if found is None:
        found = built_in_function(name)
    if found is None:
        raise unknown_name(family, name, TABLES.get(family, {}))
    return found() if inspect.isclass(found) else found


def _made_special(tag: str, config: Mapping[str, Any]) -> Any:
    if tag == "__keras_tensor__":
        if _context.tensor is not None and config.get("keras_history") is not None:
            return _context.tensor(config["keras_history"])
        return make_input(batch_shape=config.get("shape"), dtype=config.get("dtype"))
    if tag in ("__tensor__", "__numpy__"):
        dtype = tf.as_dtype(config.get("dtype") or "float32")
        array: Any = np.array(config.get("value"), dtype=object if dtype.name == "string" else dtype.as_numpy_dtype)
        return array if tag == "__numpy__" else tf.convert_to_tensor(array)
    if tag == "__bytes__":
        return str(config.get("value")).encode()
    if tag == "__ellipsis__":
        return ...
    if tag == "__slice__":
        return slice(*(_made(config.get(part)) for part in ("start", "stop", "step")))
    if tag == "__lambda__":
        if _context.safe_mode if _context.safe_mode is not None else _safe_by_default:
            raise tf.errors.InvalidArgumentError(
                "A lambda is described by Python bytecode, which could do anything, so it is not run. Received: a `Lambda` "
                "layer or another object with a lambda. If you trust the file, load it with `safe_mode=False`; better, save "
                "the model with a named function in its place.")
        return bytecode.load(config.get("value") or [config.get(part) for part in ("code", "defaults", "closure")])
    raise tf.errors.InvalidArgumentError(f"There is no object of this kind. Received: class_name={tag!r}.")


def _function(name: Any) -> Any:
    found = get_registered_object(name) if isinstance(name, str) else None
    if found is None and isinstance(name, str):
        found = built_in_function(name)
    if found is None:
        raise unknown_name("functions", name, names_of_functions())
    return found


def _made_object(description: Mapping[str, Any], family: str | None) -> Any:
    shared = description.get("shared_object_id")
    if shared is not None and _context.made is not None and shared in _context.made:
        return _context.made[shared]
    kind = _class(description, family)
    if not inspect.isclass(kind):
        return kind
    config = description.get("config")
    config = {} if config is None else config
    if not isinstance(config, Mapping):
        raise tf.errors.InvalidArgumentError(f"The configuration of a `{kind.__name__}` is a dictionary. Received: {config!r}.")
    if not hasattr(kind, "from_config"):
        raise tf.errors.InvalidArgumentError(f"`{kind.__name__}` has no `from_config`, so it cannot be loaded.")
    try:
        made = _from_config(kind, dict(config))
        if description.get("build_config") and not getattr(made, "built", True):
            made.build_from_config(_made(description["build_config"]))
        if description.get("compile_config"):
            made.compile_from_config(description["compile_config"])
    except Exception as error:
        # For the message about a file: which object it was.
        vars(error).setdefault("where", []).insert(0, f"{kind.__name__} {config.get('name', '')!r}")
        raise
    if shared is not None and _context.made is not None:
        _context.made[shared] = made
    return made


def _from_config(kind: Any, config: dict[str, Any]) -> Any:
    if public_place(kind) is not None:  # arguments that only newer versions of Keras know, and that are not used
        known = _parameters(kind)
        config = {k: _made(v) if isinstance(v, Mapping) and v.get("class_name") in _DATA else v for k, v in config.items()
                  if v is not None or k in known}
    try:
        return kind.from_config(config)
    except TypeError as error:
        if isinstance(error, tf.errors.DtypeError):
            raise
        raise tf.errors.InvalidArgumentError(
            f"A `{kind.__name__}` cannot be made from its configuration: {error}. Received: {config}. Objects that "
            "`get_config` returns must be made again in `from_config` (`keras.saving.deserialize_keras_object`).") from None


@functools.lru_cache(maxsize=1024)
def _parameters(kind: Any) -> set[str]:
    """The names of the arguments that a class's constructors take."""
    codes = (getattr(inspect.unwrap(vars(base).get("__init__", object)), "__code__", None) for base in kind.__mro__)
    return {name for code in codes if code is not None for name in code.co_varnames}


def _class(description: Mapping[str, Any], family: str | None) -> Any:
    """The class that a description names."""
    name, module = description["class_name"], description.get("module")
    if not isinstance(name, str) or not (module is None or isinstance(module, str)):
        raise tf.errors.InvalidArgumentError(f"A class is named by a string. Received: {name!r} in the module {module!r}.")
    found = get_registered_object(description.get("registered_name", name))
    if found is None and (module is None or public_place_of(module, name) is None):
        found = get_registered_object(name)
    if found is not None:
        return found
    if "module" not in description:  # names alone are those of a family
        table = TABLES.get(family, {}) if family is not None else {}
        found = table.get(name) or table.get(name.lower()) or (
            built_in(f"keras.{family}", name) if family is not None else None)
    elif module is not None:
        found = public_place_of(module, name)
    if found is None:
        known = TABLES.get(family or "", names_of_classes())
        raise unknown_name("classes" if family is None else family, f"{module}.{name}" if module else name, known)
    place = public_place(found)
    if family is not None and inspect.isclass(found) and place is not None and not _belongs(found, place[0], family):
        raise tf.errors.InvalidArgumentError(f"Expected one of the {family}. Received: a `{name}`, of {place[0]}.")
    return found


def public_place_of(module: str, name: str) -> Any:
    """The built-in class of a module and a name, or None."""
    found = built_in(module, name)
    return found if inspect.isclass(found) else None


def _belongs(kind: Any, place: str, family: str) -> bool:
    module = "keras.optimizers.schedules" if family == "schedules" else f"keras.{family}"
    return built_in(module, kind.__name__) is kind or place == module or family == "layers" and place in ("keras", FUNCTIONAL)
