"""The check that a trace's readings of Python's state still hold, as one generated function.

    def holds():
        t0 = o0.cell_contents
        if t0 is None or t0 is not v1(): return False
        t1 = t0.rate
        if t1 is not v2: return False
        return True

A value that was read is where the next readings start from (`t0.rate`): so paths like `self.cfg.rate` cost one step each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import call, is_
from typing import Any

from treadle.tracer.reads import MISSING, Expected, Read, same


class Check:
    """The check of some readings. `quick` is the generated function; it compares by identity first."""

    __slots__ = ("reads", "quick")

    def __init__(self, reads: Sequence[Read]):
        self.reads = list(reads)
        self.quick: Callable[[], bool] = _compiled(self.reads)

    def failing(self) -> Read | None:
        """The first reading that no longer holds. Where other objects are equal to the old ones, `quick` expects them now."""
        if self.quick():
            return None
        for read in self.reads:
            if not read.holds():
                return read
        self.quick = _compiled(self.reads)
        return None


def _compiled(reads: Sequence[Read]) -> Callable[[], bool]:
    names: dict[str, Any] = {"MISSING": MISSING, "same": same, "call": call, "is_": is_}

    def constant(value: Any) -> str:
        if value is None or value is True or value is False:
            return repr(value)
        name = f"v{len(names)}"
        names[name] = value
        return name

    def key(value: Any) -> str:
        return repr(value) if type(value) in (str, int) else constant(value)

    # By the object that the path starts from. If that one is gone, so is what the readings are about.
    groups: dict[int, list[str]] = {}
    local: dict[int, tuple[str, int]] = {}  # id -> (the local variable that holds the object, the group)
    count = 0
    for read in reads:
        owner = read.owner.get()
        if owner is None:
            continue
        if id(owner) not in local:
            local[id(owner)] = f"o{len(local)}", id(owner)
            held = read.owner.reference
            groups[id(owner)] = [f"{local[id(owner)][0]} = {constant(owner) if held is None else constant(held) + '()'}"]
        name, group = local[id(owner)]
        found = read.source.format(o=name, k=key(read.constant) if "{k}" in read.source else "")
        here = f"t{count}"
        count += 1
        groups[group] += [f"{here} = {found}", f"if {read.expected.fails(here, constant)}: return False"]
        if type(read.expected) is Expected and not read.expected.simple:
            local.setdefault(id(read.expected.held.get()), (here, group))
    lines = ["def holds():", "    try:"]
    for first, *rest in groups.values():
        root = first.split(" ")[0]
        lines += [f"        {first}", f"        if {root} is not None:", *(f"            {line}" for line in rest)]
    lines += ["        return True", "    except Exception:", "        return False"]
    exec(compile("\n".join(lines), __file__, "exec"), names)
    return names["holds"]
