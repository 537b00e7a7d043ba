"""Where users' code and the library's meet: methods that users override, and exceptions that leave the library."""

from __future__ import annotations

from functools import wraps
from types import FunctionType
from typing import Any

import treadle as tf

_OURS = "treadle.keras_like."


def convert_overrides(kind: type, names: tuple[str, ...]) -> None:
    """Have a user's class stage the `if` and `while` on tensors in methods that the library calls. For `__init_subclass__`."""
    if not kind.__module__.startswith(_OURS):
        for name in names:
            if isinstance(vars(kind).get(name), FunctionType):
                setattr(kind, name, _converting(vars(kind)[name]))


def _converting(method: Any) -> Any:
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return tf.autograph.tf_convert(method)(self, *args, **kwargs)

    return call


def shield(kind: type) -> None:
    """Have the public methods of a class of ours raise without the library's frames in the traceback. For `__init_subclass__`.

    `call` is left out: it is called by `__call__`, which does so for it.
    """
    if kind.__module__.startswith(_OURS):
        for name, method in list(vars(kind).items()):
            if isinstance(method, FunctionType) and name != "call" and (
                    not name.startswith("_") or name in ("__init__", "__call__")):
                setattr(kind, name, tf.debugging.filter_traceback(method))


def shield_functions(module: dict[str, Any]) -> None:
    """The same for the public functions of a module, given its `globals()`."""
    for name, function in list(module.items()):
        if isinstance(function, FunctionType) and function.__module__ == module["__name__"] and not name.startswith("_"):
            module[name] = tf.debugging.filter_traceback(function)
