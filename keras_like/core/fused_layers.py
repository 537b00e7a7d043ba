"""An eager call of a built-in layer or model as one compiled program, with what a tape needs of it.

Nobody looks between the ops of such a call: the layer and all inside it are built in, and were given no functions from
elsewhere. A call is traced and compiled once it has been made often enough in the same way; until then, and wherever
something unusual is there (masks, losses that the call adds, strings), it runs op by op. Layers inside a layer of the
user's are calls of their own: between them the user may look.

A program holds the layers' attributes as constants. To set one on any of the layers is to forget the program.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.fused import holds_our_code_only
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.state import CallState, autocast_dtype, current_call, inherited_training
from treadle.keras_like.core.tracking import BOOKKEEPING, mask_of

SIGHTS = 16  # calls op by op before a program is made; for models of many layers, which take longer to compile, more:
_SIGHTS_A_LAYER = 2
_MOST_PROGRAMS = 64  # for one layer
_BY_VALUE = (bool, int, float, str, type(None))


class Unfit(Exception):
    """Raised while a call is traced that must run op by op."""


class _Now(threading.local):
    inside = False  # a call that will have a program of its own runs op by op


_now = _Now()


class Programs:
    """The programs of one layer's calls, by what the arguments are like."""

    def __init__(self, layer: Any):
        layers = list(layer._flatten_layers())
        self.fits = all(map(_is_ours, layers))
        self.sights_needed = max(SIGHTS, _SIGHTS_A_LAYER * len(layers))
        self.known: dict[tuple, Callable | None] = {}  # None: only op by op
        self.sights: dict[tuple, int] = {}
        self.states = [vars(one) for one in layers]
        self.methods = [(kind, kind.call) for kind in {type(one): None for one in layers}]
        if self.fits:
            for state in self.states:
                state.setdefault("_watchers", Watchers()).owners.add(layer)

    def __deepcopy__(self, memo: Any) -> None:
        """A copy of the layer has none."""

    def __reduce__(self) -> Any:
        return type(None), ()


class Watchers:
    """The layers whose programs hold what this one's attributes say."""

    def __init__(self) -> None:
        self.owners: weakref.WeakSet = weakref.WeakSet()

    def forget(self) -> None:
        """Their programs are no longer right."""
        for owner in list(self.owners):
            vars(owner).pop("_call_programs", None)
        self.owners.clear()

    def __deepcopy__(self, memo: Any) -> Watchers:
        return Watchers()

    def __reduce__(self) -> Any:
        return Watchers, ()


def call(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What `layer._run(args, kwargs)` returns, by a program if there is one for calls like this."""
    if _now.inside or not tf.executing_eagerly() or not tf.config.eager_calls_are_fused():
        return layer._run(args, kwargs)
    attributes = vars(layer)
    programs = attributes.get("_call_programs")
    if programs is None:
        if not layer._built:
            return layer._run(args, kwargs)
        programs = attributes["_call_programs"] = Programs(layer)
    for kind, method in programs.methods:
        if kind.call is not method:  # a class was given another method meanwhile
            del attributes["_call_programs"]
            return layer._run(args, kwargs)
    if not programs.fits:
        return layer._run(args, kwargs)
    tensors: list[Any] = []
    key: list[Any] = [floatx(), epsilon(), inherited_training(), autocast_dtype(), current_call() is None]
    if not (_note(args, key, tensors) and (not kwargs or _note(kwargs, key, tensors)) and type(key[2]) in _BY_VALUE):
        return layer._run(args, kwargs)
    found = tuple(key)
    program = programs.known.get(found, ...)
    if program is None:
        return layer._run(args, kwargs)
    if program is ...:
        count = programs.sights.get(found, 0)
        if count < programs.sights_needed:
            if len(programs.sights) >= _MOST_PROGRAMS:
                programs.sights.clear()
            programs.sights[found] = count + 1
            return _alone(layer, args, kwargs)
        if len(programs.known) >= _MOST_PROGRAMS:
            programs.known.clear()
        program = programs.known[found] = _program(layer, programs, args, kwargs)
    try:
        result = program(tensors)
    except Exception:
        result = _alone(layer, args, kwargs)  # raises what it should
        programs.known[found] = None
        return result
    number = CallState(layer).round
    for state in programs.states:
        state["_round"] = number
    return result


def _alone(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Op by op, with the layers inside as well."""
    _now.inside = True
    try:
        return layer._run(args, kwargs)
    finally:
        _now.inside = False


def _note(value: Any, key: list[Any], tensors: list[Any]) -> bool:
    """Append a structure of arguments to the key, and its tensors to theirs. False if it does not fit."""
    if isinstance(value, tf.Tensor):
        tensors.append(value)
        key.append(value.type)
        return mask_of(value) is None and not value.type.dtype.is_string
    kind = type(value)
    key.append(kind)
    if kind is tuple or kind is list:
        key.append(len(value))
        return all([_note(part, key, tensors) for part in value])
    if kind is dict:
        key.append(tuple(value))
        return all([_note(part, key, tensors) for part in value.values()])
    key.append(value if kind is not float else value.hex())
    return kind in _BY_VALUE


def _is_ours(layer: Any) -> bool:
    """True for a built-in layer that was given no functions from elsewhere."""
    if not layer._fuses or not holds_our_code_only([type(layer), type(layer).call]):
        return False
    attributes = {name: value for name, value in vars(layer).items() if name not in BOOKKEEPING}
    noted = [(d.owner, d.arguments) for d in attributes.pop("_order", ())]  # what a functional model does
    return holds_our_code_only([attributes, noted])


def _program(layer: Any, programs: Programs, args: tuple, kwargs: dict[str, Any]) -> Callable:
    """The call as a compiled function of the list of its tensors."""
    leaves = tf.nest.flatten((args, kwargs))
    places = [isinstance(leaf, tf.Tensor) for leaf in leaves]
    template = tf.nest.map_structure(lambda leaf: None if isinstance(leaf, tf.Tensor) else leaf, (args, kwargs))
    constants = [None if there else leaf for there, leaf in zip(places, leaves)]
    reference = weakref.ref(layer)
    inside = programs.states

    def run(tensors: list[Any]) -> Any:
        owner, given = reference(), iter(tensors)
        filled, named = tf.nest.pack_sequence_as(template, [next(given) if t else c for t, c in zip(places, constants)])
        result = owner._run(filled, named)  # type: ignore[union-attr]
        number = vars(owner)["_round"]
        added = [state for state in inside if state["_losses"] and state.get("_losses_round", 0) >= number]
        for state in added:
            state["_losses"] = []
        if added or any(mask_of(leaf) is not None for leaf in tf.nest.flatten(result)):
            raise Unfit
        return result

    run.__name__ = layer.name
    return tf.function(run, autograph=False)
