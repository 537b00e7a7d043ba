"""Whose time it was: kernels that ran, traced back to the operations, source lines and layers they carry out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from treadle.ir.graph import Operation
from treadle.ir.location import Location
from treadle.ir.op import REGISTRY
from treadle.lowering import labels
from treadle.lowering.executable import EXECUTABLES, Executable
from treadle.lowering.labels import Kernel
from treadle.runtime.profiling.events import Ran, shares


class Work(NamedTuple):
    """What one kernel of one program did, all its calls together.

    `operations` are those it carries out, the one it is for first. `seconds` is its part of the clock's time.
    """

    program: str
    kernel: str
    operations: tuple[Operation, ...]
    seconds: float
    calls: int
    bytes: int  # of one call
    is_known: bool  # one of treadle's compiled functions
    copied: str  # the name of the program's input, where it copies one

    @property
    def location(self) -> Location | None:
        """Where the operation it is for was made; for a gradient's, the one that is differentiated."""
        return origin(self.operations[0]) if self.operations else None

    @property
    def is_gradient(self) -> bool:
        """True if it computes a gradient."""
        where = self.operations[0].location if self.operations else None
        return where is not None and where.forward is not None

    @property
    def layer(self) -> str:
        """The layers (or `name_scope`s) around that operation: "model/dense"; empty outside of any."""
        where = self.location
        return "" if where is None else where.scope

    @property
    def elsewhere(self) -> str:
        """What it is that has no source line."""
        if self.operations:
            return "(treadle's own: checks, loops)"
        return f"({self.what})" if not self.is_known else "(copies by XLA)" if self._is_copy else "(XLA's own)"

    @property
    def _is_copy(self) -> bool:
        return self.kernel.startswith("copy")

    @property
    def what(self) -> str:
        """The operation's name, or what else the kernel is."""
        if self.operations:
            return f"{self.operations[0].op.name}, gradient" if self.is_gradient else self.operations[0].op.name
        if self.is_known:
            return f"copy of {self.copied}, by XLA" if self.copied else "copy by XLA" if self._is_copy else "XLA's own"
        name = self.program
        return f"{name}, eager" if name in REGISTRY else f"{name}, not treadle's"


def origin(operation: Operation) -> Location | None:
    """The line that asked for an operation, or for the one whose gradient it belongs to."""
    where = operation.location
    while where is not None and where.forward is not None:
        where = where.forward
    return where


def works(ran: Sequence[Ran]) -> tuple[list[Work], list[str]]:
    """The work of kernels that ran, the longest first; and for each of `ran` its program's name."""
    programs = _programs(ran)
    seconds: dict[tuple[str, int, str], float] = defaultdict(float)
    calls: Counter[tuple[str, int, str]] = Counter()
    for one, share in zip(ran, shares(ran)):
        key = one.module, one.program, one.kernel
        seconds[key] += share * 1e-9
        calls[key] += 1
    found = []
    for (module, program, kernel), time in seconds.items():
        executable = programs[module, program]
        known: Kernel | None = None
        if executable is not None:
            known = labels.kernels(executable).get(kernel)
        found.append(Work(_name(module), kernel, known.operations if known else (), time, calls[module, program, kernel],
                          known.bytes if known else 0, known is not None, known.copied if known else ""))
    return sorted(found, key=lambda w: -w.seconds), [_name(r.module) for r in ran]


def _name(module: str) -> str:
    return module.removeprefix("jit_")


def _programs(ran: Iterable[Ran]) -> dict[tuple[str, int], Executable | None]:
    """The executable of each program that ran: that of its name which has kernels of all the names that ran."""
    names: dict[tuple[str, int], set[str]] = defaultdict(set)
    for one in ran:
        names[one.module, one.program].add(one.kernel)
    modules: dict[str, list[tuple[Executable, set[str]]]] = defaultdict(list)
    wanted = {module for module, _ in names}
    for executable in list(EXECUTABLES):
        name = labels.module_name(executable)
        if name in wanted:
            modules[name].append((executable, labels.instruction_names(executable)))
    found: dict[tuple[str, int], Executable | None] = {}
    for (module, program), kernels in names.items():
        fitting = [e for e, known in modules[module] if kernels <= known]
        exact = [e for e in fitting if len(fitting) > 1 and labels.program_id(e) == program]
        best = exact or fitting
        found[module, program] = best[-1] if best else None
    return found
