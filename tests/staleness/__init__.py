"""The table of staleness: Python state that changes between the calls of one compiled function.

A program is a generator. Its first `yield` gives the function; after each `yield` the function is called, with the
tensor 2.0 or with what was yielded, and between two yields the program changes something:

    @right
    def global_int():
        global LEVEL
        LEVEL = 1
        yield lambda x: x * LEVEL
        LEVEL = 2
        yield

The whole program runs twice, eagerly and compiled, and the results must agree at every call. `@right` accepts nothing
else, not even a warning. `@right_or_loud` also accepts a warning or an exception that names the program's line, given
no later than the first result that is wrong. Where the first `yield` is `(function, look)`, `look()` is compared
after every call as well: what a program does to lists and attributes counts like its result.

`@quiet` programs must neither retrace nor warn: they yield once, and the function is called five times.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

RIGHT: dict[str, Callable] = {}
RIGHT_OR_LOUD: dict[str, Callable] = {}
QUIET: dict[str, Callable] = {}


def _into(table: dict[str, Callable]) -> Callable:
    def register(program: Callable) -> Callable:
        name = f"{program.__module__.rpartition('.')[2]}-{program.__name__}"
        assert name not in table, f"two programs are called {name}"
        table[name] = program
        return program
    return register


right = _into(RIGHT)
right_or_loud = _into(RIGHT_OR_LOUD)
quiet = _into(QUIET)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
