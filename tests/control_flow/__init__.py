"""The table of Python control flow: each `programs_*.py` here holds small programs, and `test_control_flow.py` runs them.

A program is a function with its calls beside it. It is run eagerly, as plain Python, and compiled:

    @program(2.0, -2.0, grad=2)
    def if_else(x):
        if x > 0:
            y = x * 2.0
        else:
            y = -x
        return y

Each call is an argument, or a tuple of arguments. Numbers, lists and arrays become tensors; `Py(3)` stays a Python value.
The calls together must reach every line, unless `reaches_all=False`. `raises` are the exceptions that some call raises.

A program with variables or Python objects of its own is `@made`: the function returns the program, or the program and
a list or function that gives what must agree after each call.

    @made(1.0, -1.0)
    def variable_in_a_branch():
        v = tf.Variable(0.0)
        def f(x):
            if x > 0:
                v.assign_add(x)
        return f, [v]

What cannot be compiled is `@refused`; the comment `# here` marks the line that the error must name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import treadle as tf

PROGRAMS: dict[str, Program] = {}
REFUSED: dict[str, Program] = {}


class Py:
    """An argument that stays a Python value."""

    def __init__(self, value: Any):
        self.value = value


@dataclass(frozen=True)
class Program:
    """A function, its calls, and what must hold beyond eager == compiled."""

    function: Callable
    calls: tuple[tuple, ...]
    grad: int = 0  # 1: gradients, outside and inside the compiled function; 2: also second order and forward mode
    raises: type[Exception] | tuple = ()
    made: bool = False
    reaches_all: bool = True
    needs: str = ""  # a public name that must exist: "while_loop"
    oracle: str | None = "tf"  # the eager values are TensorFlow's, recorded in tensorflow.json
    error: type[Exception] | tuple = ()  # refused: the exception of compiling
    says: str = ""  # refused: a regular expression that the message must contain

    @property
    def id(self) -> str:
        module = self.function.__module__.rpartition("programs_")[2]
        return f"{module}-{self.function.__name__}"

    def fresh(self) -> tuple[Callable, Callable[[], Any]]:
        """The program with state of its own, and a function that returns what must agree after each call."""
        if not self.made:
            return self.function, lambda: ()
        found = self.function()
        f, state = found if isinstance(found, tuple) else (found, ())
        return f, state if callable(state) else lambda: [tf.nest.map_structure(lambda v: v, s) for s in state]

    def arguments(self) -> list[list]:
        """For each call, its arguments: new tensors."""
        return [[_tensors(a) for a in call] for call in self.calls]


def _tensors(argument: Any) -> Any:
    if isinstance(argument, Py):
        return argument.value
    if isinstance(argument, (dict, tuple)):
        return tf.nest.map_structure(tf.constant, argument)
    if isinstance(argument, list) and argument and isinstance(argument[0], tf.Tensor):
        return argument
    return argument if isinstance(argument, (tf.Tensor, tf.data.Dataset)) else tf.constant(argument)


def _register(table: dict, calls: tuple, options: dict) -> Callable:
    def register(function: Callable) -> Callable:
        found = Program(function, tuple(c if isinstance(c, tuple) else (c,) for c in calls), **options)
        assert found.id not in table, f"two programs are called {found.id}"
        table[found.id] = found
        return function
    return register


def program(*calls: Any, **options: Any) -> Callable:
    """The function is a program."""
    return _register(PROGRAMS, calls, options)


def made(*calls: Any, **options: Any) -> Callable:
    """The function makes a program with state of its own: it returns the program, or (program, state)."""
    return _register(PROGRAMS, calls, {"made": True, **options})


def refused(*calls: Any, error: Any = tf.errors.StagingError, **options: Any) -> Callable:
    """The function cannot be compiled: `error` is raised, naming the line marked `# here` and what to write instead."""
    return _register(REFUSED, calls, {"error": error, **options})


def integers(*values: int, dtype: Any = np.int32) -> np.ndarray:
    """A vector of integers (an empty one too)."""
    return np.array(values, dtype)


def floats(*values: float) -> np.ndarray:
    """A vector of float32 (an empty one too)."""
    return np.array(values, np.float32)


for _module in pkgutil.iter_modules(__path__):
    if _module.name.startswith("programs_"):
        importlib.import_module(f"{__name__}.{_module.name}")
