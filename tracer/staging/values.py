"""Values of Python variables after staged control flow: which tensors stand in them, and when there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.runtime import nest
from treadle.runtime.tensor import Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.staging.places import UNDEFINED

_NUMBERS = (bool, int, float, complex, np.generic)
_SIMPLE = (bool, int, float, complex, str, bytes, type(None))


class MaybeUndefined:
    """A variable that only some paths through staged code give a value. `defined` is a bool tensor (or a bool)."""

    __slots__ = ("name", "value", "defined")

    def __init__(self, name: str, value: Any, defined: Any):
        self.name, self.value, self.defined = name, value, defined


class Unavailable:
    """A variable whose value after staged code is not one thing: using it is an error that says why."""

    __slots__ = ("name", "reason", "where")

    def __init__(self, name: str, reason: str, where: Any):
        self.name, self.reason, self.where = name, reason, where

    def refuse(self) -> errors.StagingError:
        """The error to raise where it is used."""
        return errors.StagingError(
            f"`{shown(self.name)}` has no value that can be used here: {self.reason}, and that is decided only when the "
            f"compiled program runs (the control flow at {self.where}). Give it the same structure, dtype and shape on every "
            "path, or let a Python value decide.", see="no-single-value")


class Composite:
    """A Python object made of tensors that control flow carries as such. `leaves` and `with_leaves` take it apart."""

    def leaves(self) -> list[Any]:
        """The tensors."""
        raise NotImplementedError

    def with_leaves(self, leaves: Sequence[Any]) -> Any:
        """The same object with other tensors."""
        raise NotImplementedError

    def mismatch(self, other: Any) -> str | None:
        """Why another object of this kind cannot take its place, if it can't."""
        return None


class Mismatch(Exception):
    """Values that cannot be one variable's; the text says how they differ."""


class Slot:
    """Marks a tensor's place in a template."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def shown(name: str) -> str:
    """A variable's name as users know it."""
    return "the function's result" if name == ".treadle_result" else name


def is_tensor(value: Any) -> bool:
    """True for tensors and variables."""
    return isinstance(value, (Tensor, Variable))


def is_number(value: Any) -> bool:
    """True for what a tensor can be made of on the spot."""
    return isinstance(value, _NUMBERS) or isinstance(value, np.ndarray) and value.dtype != object


def same(a: Any, b: Any) -> bool:
    """True if two Python values are interchangeable."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, _SIMPLE):
        return a == b and repr(a) == repr(b)  # 0.0 and -0.0 are not the same
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (set, frozenset)):
        return a == b
    if callable(a) and getattr(a, "__code__", None) is not None:
        # A function defined in both: the same code over the same cells.
        return a.__code__ is b.__code__ and a.__closure__ == b.__closure__ and a.__defaults__ == b.__defaults__
    if hasattr(a, "__func__") and hasattr(a, "__self__"):
        return a.__func__ is b.__func__ and a.__self__ is b.__self__
    return False


def align(values: Sequence[Any], slots: list[list[Any]], name: str = "") -> Any:
    """The template that several values of one variable have in common; its `Slot`s stand for tensors, listed in `slots`.

    Raises Mismatch.
    """
    first = values[0]
    if all(v is first for v in values) or all(same(first, v) for v in values[1:]) and not is_tensor(first):
        return first
    if any(isinstance(v, Unavailable) for v in values):
        return next(v for v in values if isinstance(v, Unavailable))
    if any(v is UNDEFINED or isinstance(v, MaybeUndefined) for v in values):
        return _align_undefined(values, slots, name)
    if all(is_tensor(v) or is_number(v) for v in values):
        slots.append(list(values))
        return Slot(len(slots) - 1)
    if isinstance(first, Composite):
        for other in values[1:]:
            reason = "they are of different kinds" if type(other) is not type(first) else first.mismatch(other)
            if reason:
                raise Mismatch(reason)
        parts = [align(leaves, slots, name) for leaves in zip(*(v.leaves() for v in values))]
        return _Made(first, parts)
    children = [nest.children(v) for v in values]
    if any(c is None for c in children) or any(type(v) is not type(first) for v in values):
        raise Mismatch(" or ".join(dict.fromkeys(map(_kind, values))))
    if len({len(c) for c in children}) > 1:  # type: ignore[arg-type]
        raise Mismatch(" or ".join(f"a {type(first).__name__} of {len(c)}" for c in children))  # type: ignore[arg-type]
    if isinstance(first, dict) and any(v.keys() != first.keys() for v in values):
        raise Mismatch(" or ".join(f"a dict with the keys {list(v)}" for v in values))
    return nest.rebuild(first, [align(parts, slots, name) for parts in zip(*children)])  # type: ignore[arg-type]


class _Made:
    """A composite in a template."""

    def __init__(self, like: Composite, parts: list[Any]):
        self.like, self.parts = like, parts


def _align_undefined(values: Sequence[Any], slots: list[list[Any]], name: str) -> Any:
    known = [v.value if isinstance(v, MaybeUndefined) else v for v in values]
    defined = [False if v is UNDEFINED else v.defined if isinstance(v, MaybeUndefined) else True for v in values]
    present = [k for k in known if k is not UNDEFINED]
    template = align(known, slots, name) if len(present) == len(known) else _align_with_zeros(known, present, slots, name)
    if all(d is True for d in defined):
        return template
    slots.append(defined)
    return MaybeUndefined(name, template, Slot(len(slots) - 1))


class Zeros:
    """Stands for a value that is never used: zeros like those of the other branch."""

    __slots__ = ()


ZEROS = Zeros()


def _align_with_zeros(known: Sequence[Any], present: list[Any], slots: list[list[Any]], name: str) -> Any:
    """Align values of which some are missing: their tensors are zeros."""
    inner: list[list[Any]] = []
    if len(present) > 1:
        template = align(present, inner, name)
    else:
        single: list[Any] = []
        template = template_of(present[0], single, numbers=False)
        inner = [[v] for v in single]
    offset = len(slots)
    for found in inner:
        values = iter(found)
        slots.append([ZEROS if k is UNDEFINED else next(values) for k in known])
    return _shifted(template, offset)


def template_of(value: Any, slots: list[Any], numbers: bool) -> Any:
    """The template of one value; with `numbers`, Python numbers in it become slots too."""
    def visit(v: Any) -> Any:
        if is_tensor(v) or numbers and is_number(v):
            slots.append(v)
            return Slot(len(slots) - 1)
        if isinstance(v, Composite):
            return _Made(v, [visit(x) for x in v.leaves()])
        if isinstance(v, MaybeUndefined):
            return MaybeUndefined(v.name, visit(v.value), visit(v.defined))
        parts = nest.children(v)
        if parts is None:
            return v
        made = [visit(p) for p in parts]
        return v if all(m is p for m, p in zip(made, parts)) else nest.rebuild(v, made)
    return visit(value)


def pair(template: Any, now: Any) -> list[tuple[int, Any]]:
    """The values that stand in the places of the template's slots in another value. Raises Mismatch."""
    if isinstance(template, Slot):
        return [(template.index, now)]
    if isinstance(now, Unavailable):
        raise Mismatch(now.reason)
    if isinstance(template, MaybeUndefined):
        value, defined = (now.value, now.defined) if isinstance(now, MaybeUndefined) else (now, True)
        return [*pair(template.value, value), *pair(template.defined, defined)]
    if isinstance(now, MaybeUndefined):
        raise Mismatch("bound on some paths only")
    if isinstance(template, _Made):
        reason = "an object of another kind" if type(now) is not type(template.like) else template.like.mismatch(now)
        if reason:
            raise Mismatch(reason)
        return [p for part, leaf in zip(template.parts, now.leaves()) for p in pair(part, leaf)]
    parts = nest.children(template)
    if parts is None:
        if same(template, now):
            return []
        raise Mismatch(f"{_kind(template)} or {_kind(now)}")
    others = nest.children(now)
    if type(now) is not type(template) or others is None:
        raise Mismatch(f"a {type(template).__name__} or {_kind(now)}")
    if len(parts) != len(others):
        raise Mismatch(f"a {type(template).__name__} of {len(parts)} or of {len(others)}")
    if isinstance(template, dict) and template.keys() != now.keys():
        raise Mismatch(f"a dict with the keys {list(template)} or {list(now)}")
    return [p for part, other in zip(parts, others) for p in pair(part, other)]


def fill(template: Any, found: Callable[[int], Any]) -> Any:
    """The value of a template, `found(index)` in the place of each slot."""
    if isinstance(template, Slot):
        return found(template.index)
    if isinstance(template, MaybeUndefined):
        return MaybeUndefined(template.name, fill(template.value, found), fill(template.defined, found))
    if isinstance(template, _Made):
        return template.like.with_leaves([fill(p, found) for p in template.parts])
    parts = nest.children(template)
    if parts is None:
        return template
    made = [fill(p, found) for p in parts]
    return template if all(m is p for m, p in zip(made, parts)) else nest.rebuild(template, made)


def _shifted(template: Any, offset: int) -> Any:
    return fill(template, lambda index: Slot(index + offset))


def _kind(value: Any) -> str:
    if is_tensor(value):
        return f"a tensor of type {value.type}"
    if value is None or isinstance(value, (bool, int, float, str)):
        return f"{value!r}"
    return f"an object of type {type(value).__name__}"
