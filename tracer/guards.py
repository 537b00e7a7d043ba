"""Guards: the Python state that a trace reads, and what it changes of it.

While a trace runs, the front end reports what user code reads (globals, closure cells, attributes, items) and what it
is about to change. `settle` sorts this out when the trace is over: the readings become the trace's guards, and changes
that later calls would not make become warnings.
"""

from __future__ import annotations

import dis
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator
from enum import EnumMeta
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from treadle.ir import location
from treadle.ir.interpreter import state
from treadle.ir.location import Location
from treadle.runtime.tensor import SymbolicTensor
from treadle.tracer.frontend.convert import is_installed
from treadle.tracer.reads import MISSING, Expected, ExpectedBytes, ExpectedItems, Held, Read, is_number, is_simple, same, shown
from treadle.tracer.staging.places import UNDEFINED, Attribute, Cell, Contents, Item, Place
from treadle.tracer.staging.values import MaybeUndefined, Unavailable

_CONTAINERS = (list, dict, set, deque)
_VIEWS = {list: "{o}", deque: "{o}", set: "{o}", dict: "[*{o}, *{o}.values()]"}
_LARGEST_ARRAY = 64 * 1024  # bytes that are compared at each call


class Change:
    """A place that user code changed while tracing, and what it held before."""

    __slots__ = ("place", "before", "where")

    def __init__(self, place: Place, before: Any, where: Location | None):
        self.place, self.before, self.where = place, before, where


class Guards:
    """What a trace read and changed of Python's state.

    `once` are changes of what the trace had read: it is good for one call. `losses` are changes that later calls would
    not make, as pairs of the line and a message; `leaks` are tensors of the trace that were left outside.
    """

    def __init__(self) -> None:
        self.reads: dict[tuple, Read] = {}
        self.changes: dict[tuple, Change] = {}
        self.once: list[tuple[Location | None, str, list[Read]]] = []
        self.losses: dict[tuple[Location | None, str], None] = {}
        self.leaks: dict[tuple[Location | None, str], None] = {}
        self.has_containers = False  # among what was read
        self._assigned: dict[tuple, Read] = {}
        self._seen: dict[int, Any] = {}  # what was found outside, alive while tracing so that the ids stay its own

    # --- while tracing: readings ---

    def read(self, place: Cell, value: Any) -> None:
        """A closure cell was read."""
        self._note(place.key, place.cell, "{o}.cell_contents", None, value, f"`{place.name}`")

    def read_global(self, name: str, value: Any) -> None:
        """A global was read, by the frame two above."""
        self._read_name(sys._getframe(2).f_globals, name, value, f"the global `{name}`")

    def _read_name(self, names: dict[str, Any], name: str, value: Any, label: str) -> None:
        if isinstance(value, ModuleType) or name not in names:
            return
        self._note((Item, id(names), name), names, "{o}[{k}]", name, value, label)

    def read_attribute(self, owner: Any, name: str, value: Any) -> None:
        """An attribute was read; `value` is MISSING if there was none."""
        kind = type(owner)
        if kind is ModuleType:
            if _is_users_module(owner):
                self._read_name(vars(owner), name, value, f"`{owner.__name__}.{name}`")
            return
        own = getattr(owner, "__dict__", None)
        if own is None and not hasattr(kind, "__slots__") or is_simple(owner) or isinstance(owner, EnumMeta) or kind is super:
            return
        held_here = own is not None and name in own
        if not held_here and not is_simple(value) and not _is_users(owner, name):
            return
        source, label = f"{{o}}.{name}" if name.isidentifier() else "getattr({o}, {k})", f"`{_name_of(owner)}.{name}`"
        if value is MISSING:
            source = "getattr({o}, {k}, MISSING)"
        elif type(value) is MethodType and not held_here:
            if is_installed(getattr(getattr(value.__func__, "__code__", None), "co_filename", __file__)):
                return
            source, value = f"{source}.__func__", value.__func__
        elif not held_here and (isinstance(value, BuiltinFunctionType) or getattr(value, "__self__", None) is owner):
            return
        self._note((Attribute, id(owner), name), owner, source, name, value, label)

    def read_item(self, container: Any, index: Any, value: Any) -> None:
        """An item of a list or dict, or an environment variable, was read; `value` is MISSING if there was none."""
        if not is_simple(index) or isinstance(index, slice):
            if isinstance(container, _CONTAINERS):
                self.read_contents(container)
            return
        source = "{o}.get({k}, MISSING)" if value is MISSING else "{o}[{k}]"
        label = f"the item {index!r} of a {type(container).__name__}" if container is not os.environ else (
            f"the environment variable {index}")
        self._note(("item", id(container), type(index), index), container, source, index, value, label)

    def read_membership(self, container: Any, key: Any, found: bool) -> None:
        """`key in container` was asked."""
        if (isinstance(container, (dict, set)) or container is os.environ) and is_simple(key):
            self._note(("in", id(container), type(key), key), container, "{k} in {o}", key, found,
                       f"whether {key!r} is in a {type(container).__name__}")
        else:
            self.read_contents(container)

    def read_contents(self, container: Any) -> None:
        """All of a container was read; or an iterator, which cannot be put back."""
        if isinstance(container, _CONTAINERS):
            kind = next(k for k in _CONTAINERS if isinstance(container, k))
            items = [*container, *container.values()] if isinstance(container, dict) else list(container)
            self._note(("contents", id(container)), container, _VIEWS[kind], None, items, f"a {type(container).__name__}")
            for item in items:
                self._seen[id(item)] = item
        elif isinstance(container, Iterator) and self.is_from_outside(container):
            self.lost("An iterator from outside the function is advanced while tracing only; later calls see the same item "
                      f"again. Received: {shown(container)}. Iterate outside and pass the item as an argument.")

    def read_arguments(self, args: tuple, kwargs: dict[str, Any]) -> None:
        """A function that is not converted is called: it may read all of what it gets."""
        if self.has_containers:
            for value in (*args, *kwargs.values()):
                self._read_deeply(value, 3)

    def _read_deeply(self, value: Any, depth: int) -> None:
        if isinstance(value, (*_CONTAINERS, tuple)):
            if not isinstance(value, tuple):
                self.read_contents(value)
            for item in value.values() if isinstance(value, dict) else value if depth else ():
                self._read_deeply(item, depth - 1)

    def read_function(self, function: FunctionType) -> None:
        """A user's function was called: its code and defaults count."""
        name = function.__qualname__
        self._note(("code", id(function)), function, "{o}.__code__", None, function.__code__, f"the code of `{name}`")
        if function.__defaults__:
            self._note(("defaults", id(function)), function, "{o}.__defaults__", None, function.__defaults__,
                       f"the default arguments of `{name}`")

    def read_call(self, owner: Any) -> None:
        """A user's object was called: its class decides what runs."""
        self._note(("call", id(owner)), owner, "type({o}).__call__", None, type(owner).__call__,
                   f"what a call of a {type(owner).__name__} does")

    def read_code(self, function: FunctionType) -> None:
        """A function that runs as it is: the globals and cells that its code names are all that is seen of it."""
        if is_installed(function.__code__.co_filename):
            return
        names = function.__globals__
        for instruction in dis.get_instructions(function):
            if instruction.opname == "LOAD_GLOBAL" and instruction.argval in names:
                self._read_name(names, instruction.argval, names[instruction.argval], f"the global `{instruction.argval}`")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            value = Cell(name, cell).get()
            if value is not UNDEFINED:
                self.read(Cell(name, cell), value)

    def _note(self, key: tuple, owner: Any, source: str, constant: Any, value: Any, label: str) -> None:
        if key in self.reads or key in self.changes or self._is_made(owner) or isinstance(
                value, (SymbolicTensor, MaybeUndefined, Unavailable)):
            return
        if (Contents, id(owner)) in self.changes and key[0] in ("item", "in", "contents"):
            return
        self._seen[id(owner)] = owner
        self._seen[id(value)] = value
        self.has_containers |= isinstance(value, _CONTAINERS)
        expected = ExpectedItems(value) if key[0] == "contents" else Expected(value)
        self.reads[key] = Read(key, Held(owner), source, constant, expected, label, location.user_location())
        if isinstance(value, np.ndarray):
            self._read_array(value, label)

    def _read_array(self, array: np.ndarray, label: str) -> None:
        """A NumPy array: small ones are compared at each call, unless nobody can write to them."""
        if not array.flags.writeable or ("array", id(array)) in self.reads:
            return
        if array.nbytes <= _LARGEST_ARRAY:
            self.reads["array", id(array)] = Read(("array", id(array)), Held(array), "{o}", None, ExpectedBytes(array),
                                                  f"the array {label}", location.user_location())
        else:
            self.lost(f"A NumPy array of {array.nbytes:,} bytes is read while tracing only; if it is written to later, "
                      f"compiled calls will not see it. Received: {label}, of shape {array.shape}. Pass it as an argument, "
                      "make it a tensor or a variable, or forbid writing with `array.setflags(write=False)`.")

    def _is_made(self, value: Any) -> bool:
        """True for objects made in this trace: nothing outside depends on them yet."""
        trace: Any = state.interpreter
        while getattr(trace, "guards", None) is self:
            if id(value) in trace.made:
                return True
            trace = trace.outer
        return False

    def is_from_outside(self, value: Any) -> bool:
        """True for an object that was there before the trace, as far as is known."""
        return id(value) in self._seen and not self._is_made(value)

    def include(self, other: Guards) -> None:
        """Take over what a trace inside this one read and changed."""
        for key, read in other.reads.items():
            owner = read.owner.get()
            if key not in self.reads and key not in self.changes and owner is not None and not self._is_made(owner) and (
                    Contents, id(owner)) not in self.changes:
                self.reads[key] = read
        self.once += other.once

    # --- while tracing: changes ---

    def changed(self, place: Place, made: dict[int, Any]) -> None:
        """User code is about to change a place. `made` are the objects made while tracing."""
        owner = getattr(place, "owner", getattr(place, "container", None))
        if place.key not in self.changes and id(owner) not in made and not self._is_made(owner):
            self.changes[place.key] = Change(place, place.get(), location.user_location())

    def wrote(self, container: Any) -> None:
        """User code is about to change something that cannot be put back: an array or a deque."""
        if self.is_from_outside(container):
            self.lost(f"A {type(container).__name__} from outside the function is changed while tracing only; later calls do "
                      "not change it. Return the new value, or keep it in a `tf.Variable`.")

    def lost(self, message: str) -> None:
        """Something that later calls would not do as the first one did."""
        self.losses[location.user_location(), message] = None

    # --- when the trace is over ---

    def settle(self) -> None:
        """Keep the readings that can be checked, and judge the changes. Nothing that could die is kept alive."""
        self._seen.clear()
        changes = [c for c in self.changes.values()]
        self._forget_the_unreachable(changes)
        failing = {key: read for key, read in self.reads.items() if not self._is_stable(key, read)}
        for change in changes:
            self._judge(change, [r for r in failing.values() if _concerns(change.place, r)])
        for key, read in failing.items():
            if self.reads.pop(key) is read and not any(_concerns(c.place, read) for c in changes) and _is_steady(read):
                self.once.append((read.where, f"{read.label} is read here and changed while tracing, by code that is not "
                                  "converted; later calls do not change it.", [read]))
        self.reads.update(self._assigned)
        self.changes.clear()
        for read in self.reads.values():
            read.owner.let_go()
            read.expected.let_go()

    def _forget_the_unreachable(self, changes: list[Change]) -> None:
        """Drop what concerns objects that died with the trace, or that only this trace still knows."""
        for read in self.reads.values():
            read.owner.let_go()
            read.expected.let_go()
        ours = Counter[int]()
        for change in changes:
            owner = getattr(change.place, "owner", getattr(change.place, "container", None))
            ours[id(owner)] += 1
        for read in self.reads.values():
            for held in (read.owner, getattr(read.expected, "held", None)):
                if held is not None and held.strong is not None:
                    ours[held.key] += 1
            for item in getattr(read.expected, "items", ()):
                ours[item.held.key] += item.held.strong is not None
        unreachable = set()
        for read in list(self.reads.values()):
            owner = read.owner.strong
            if owner is None:
                owner = read.owner.get()
                if owner is None:
                    del self.reads[read.key]
            elif isinstance(owner, _CONTAINERS) and sys.getrefcount(owner) - 2 <= ours[id(owner)]:
                unreachable.add(id(owner))
            del owner
        for key in [k for k, r in self.reads.items() if r.owner.key in unreachable]:
            del self.reads[key]
        for change in list(changes):
            owner = getattr(change.place, "owner", getattr(change.place, "container", None))
            if owner is not None and sys.getrefcount(owner) - 2 <= ours[id(owner)]:
                changes.remove(change)
            del owner

    def _is_stable(self, key: tuple, read: Read) -> bool:
        """Whether a reading gives the same again; if each makes a new object, whether they are equal."""
        try:
            now, again = read.again(), read.again()
            before = read.expected.held.get() if key[0] != "contents" and key[0] != "array" else None
            if before is None or now is again:
                return read.expected.holds(now)
            read.expected.by_value = read.expected.simple and same(before, now)
            return read.expected.by_value
        except Exception:
            return False

    def _judge(self, change: Change, failing: list[Read]) -> None:
        """What a change means for later calls, which will not make it."""
        place, before, now = change.place, change.before, change.place.get()
        what = f"`{place.name}`" if not isinstance(place, Contents) else place.name
        lost = "is changed while tracing only; later calls do not change it."
        if isinstance(place, Contents):
            values = [*now, *(now.values() if isinstance(now, dict) else ())]
            if len(now) == len(before) and all(map(same, values, [
                    *before, *(before.values() if isinstance(before, dict) else ())])):
                return
        else:
            values = [now]
            if same(before, now):
                return
        if any(isinstance(v, (SymbolicTensor, MaybeUndefined, Unavailable)) for v in values):
            self.leaks[change.where, f"{what} from outside the function is left with a tensor of the trace, which has no value "
                        "after it. Return the tensor, or assign it to a `tf.Variable`."] = None
        elif is_number(before) and is_number(now):
            self.losses[change.where, f"{what} {lost} It went from {before!r} to {now!r}. To count calls, use a "
                        "`tf.Variable` and `assign_add`."] = None
        elif failing:
            self.once.append((change.where, f"{what} is read and changed while tracing, once for each trace; later calls do "
                              "not change it. Keep it in a `tf.Variable`, or change it outside the function.", failing))
        elif not isinstance(place, Contents) and is_simple(now) and now is not UNDEFINED:
            self._expect(place, now, change.where)
        else:
            self.losses[change.where, f"{what} from outside the function {lost} Return the value, or keep it in a "
                        "`tf.Variable`."] = None

    def _expect(self, place: Place, value: Any, where: Location | None) -> None:
        """The trace assigned a plain value: as long as that is there, doing it again changes nothing."""
        owner: Any
        if isinstance(place, Cell):
            owner, source, constant = place.cell, "{o}.cell_contents", None
        elif isinstance(place, Item):
            owner, source, constant = place.names, "{o}[{k}]", place.name
        else:
            owner, source, constant = place.owner, "getattr({o}, {k}, MISSING)", place.name  # type: ignore[attr-defined]
        self._assigned[place.key] = Read(place.key, Held(owner), source, constant, Expected(value), f"`{place.name}`", where,
                                          assigned=True)


def _is_steady(read: Read) -> bool:
    """Whether a reading gives the same thing twice."""
    try:
        return same(read.again(), read.again())
    except Exception:
        return False


def _concerns(place: Place, read: Read) -> bool:
    """Whether changing the place can have changed what was read."""
    if isinstance(place, Contents):
        return read.key[0] in ("item", "in", "contents") and read.key[1] == place.key[1]
    return read.key[:3] == place.key


def _name_of(owner: Any) -> str:
    return owner.__qualname__ if isinstance(owner, type) else type(owner).__qualname__


def _is_users_module(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and not is_installed(file)


def _is_users(owner: Any, name: str) -> bool:
    """Whether what an attribute gives is the user's doing, not that of an installed package, Python's or treadle's."""
    kind = owner if isinstance(owner, type) else type(owner)
    module = sys.modules.get(kind.__module__)
    if module is not None and module.__name__ != "__main__" and not _is_users_module(module):
        return False
    found = getattr(kind, name, None)
    return not isinstance(found, property) or not is_installed(found.fget.__code__.co_filename)  # type: ignore[union-attr]
