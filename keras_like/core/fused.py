"""Eager calls of built-in objects, each as one compiled program: nobody looks between the ops inside.

A method is traced and compiled once it has been called `SIGHTS` times on arguments of the same types: compiling takes
longer than a few calls op by op. `tf.config.fuse_eager_calls(False)` switches it off.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.state import current_call
from treadle.keras_like.core.tracking import mask_of

SIGHTS = 16
_MOST_PROGRAMS = 64  # for one object
_OURS = "treadle."


class Fusing:
    """Base of objects with `fused` methods. To set an attribute is to forget the programs, which hold it as a constant."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        vars(self).pop("_fused", None)


class _Programs:
    """The programs of one object's methods, by method and the arguments' types, and how often each call has been seen."""

    def __init__(self, owner: Any = None):
        self.fits = owner is not None and _runs_our_code_only(owner)
        self.running = False  # op by op: what a method calls is not to be counted by itself
        self.known: dict[tuple, Callable | None] = {}  # None: only op by op
        self.sights: dict[tuple, int] = {}

    def __deepcopy__(self, memo: Any) -> _Programs:
        return _Programs()

    def __reduce__(self) -> Any:
        return _Programs, ()


def fused(method: Callable) -> Callable:
    """The method of a built-in class, which runs as one program when it is called eagerly again and again.

    Not when arguments are Python values or have masks, inside a layer's call, and for objects that were given functions
    from elsewhere. An error is raised by the method itself, op by op: a program that fails has changed nothing.
    """
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not tf.executing_eagerly() or not tf.config.eager_calls_are_fused() or current_call() is not None:
            return method(self, *args, **kwargs)
        programs = vars(self).get("_fused")
        if programs is None:
            programs = vars(self)["_fused"] = _Programs(self)
        if not programs.fits or programs.running:
            return method(self, *args, **kwargs)
        tensors: list[Any] = []
        key = (method, floatx(), epsilon(), *_structure(args, kwargs, tensors))
        if None in key or programs.known.get(key, ...) is None:
            return method(self, *args, **kwargs)
        program = programs.known.get(key)
        if program is None:
            count = programs.sights.get(key, 0)
            if count < SIGHTS:
                if len(programs.sights) >= _MOST_PROGRAMS:
                    programs.sights.clear()
                programs.sights[key] = count + 1
                programs.running = True
                try:
                    return method(self, *args, **kwargs)
                finally:
                    programs.running = False
            program = _program(method, self, args, kwargs)
        try:
            result = program(tensors)
        except Exception:
            result = method(self, *args, **kwargs)  # raises what it should
            program = None
        if len(programs.known) >= _MOST_PROGRAMS:
            programs.known.clear()
        programs.known[key] = program
        return result

    return call


def _structure(args: tuple, kwargs: dict[str, Any], tensors: list[Any]) -> Iterator[Any]:
    """The parts of a call's key, None among them if it does not fit; `tensors` receives the tensors and arrays."""
    for name, value in (*enumerate(args), *kwargs.items()):
        yield name
        if value is None:
            yield "none"
        elif isinstance(value, tf.Tensor):
            tensors.append(value)
            yield value.type if mask_of(value) is None else None
        elif type(value) is np.ndarray and value.dtype.kind in "biuf":
            tensors.append(value)
            yield value.dtype, value.shape
        else:
            yield None


def _program(method: Callable, owner: Any, args: tuple, kwargs: dict[str, Any]) -> Callable:
    """The method as a compiled function of the list of its tensors."""
    present = [value is not None for value in args], {name: value is not None for name, value in kwargs.items()}
    reference = weakref.ref(owner)

    def run(tensors: list[Any]) -> Any:
        given = iter(tensors)
        return method(reference(), *[next(given) if there else None for there in present[0]],
                      **{name: next(given) if there else None for name, there in present[1].items()})

    run.__name__ = method.__name__
    return tf.function(run, autograph=False)


def _runs_our_code_only(owner: Any) -> bool:
    """True for an object of a built-in class that was given no functions or objects from elsewhere."""
    return holds_our_code_only(type(owner)) and holds_our_code_only(vars(owner))


def holds_our_code_only(value: Any) -> bool:
    """True if all functions and classes in a structure are the library's."""
    return all(str(getattr(part, "__module__", "")).startswith(_OURS) for part in _parts(value) if callable(part))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _parts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _parts(part)
    else:
        yield value
