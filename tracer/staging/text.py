"""Text with tensors in it, inside a trace: f-strings, `print`, and the messages of exceptions that come later."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir.dtypes import as_dtype
from treadle.ir.interpreter import state
from treadle.ir.ops.effects import print_
from treadle.runtime import nest
from treadle.runtime.tensor import SymbolicTensor, from_numpy
from treadle.runtime.variable import Variable
from treadle.tracer.func_graph import FuncGraph

_CONVERSIONS: dict[int, Callable] = {-1: lambda v: v, 115: str, 114: repr, 97: ascii}


class StagedText(str):
    """An f-string whose tensors are not known yet. As a plain string it shows what they are."""

    parts: tuple

    def __new__(cls, parts: tuple) -> StagedText:
        made = super().__new__(cls, "".join(map(_plain_part, parts)))
        made.parts = parts
        return made


def _plain_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    value, conversion, spec = part
    value = _CONVERSIONS[conversion](value)
    return str(value) if _is_symbolic(value) else format(value, spec)


def text(*parts: Any) -> str:
    """An f-string of strings and (value, conversion, format)."""
    if any(not isinstance(p, str) and (_is_symbolic(p[0]) or isinstance(p[0], StagedText)) for p in parts):
        return StagedText(parts)
    return "".join(map(_plain_part, parts))


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, SymbolicTensor) or isinstance(value, Variable) and isinstance(state.interpreter, FuncGraph)


class Template:
    """A structure with tensors in it, as a list of tensors and a function that puts arrays back in their places."""

    def __init__(self, value: Any):
        self.tensors: list[Any] = []
        self.value = self._taken(value)

    def _taken(self, value: Any) -> Any:
        if _is_symbolic(value):
            self.tensors.append(value)
            return _Place(len(self.tensors) - 1, as_dtype(value.dtype), isinstance(value, Variable) and value)
        if isinstance(value, StagedText):
            return _Text(tuple(p if isinstance(p, str) else (self._taken(p[0]), p[1], self._taken(p[2])) for p in value.parts))
        parts = nest.children(value)
        if parts is None:
            return value
        taken = [self._taken(p) for p in parts]
        return value if all(a is b for a, b in zip(taken, parts)) else nest.rebuild(value, taken)

    def fill(self, arrays: Sequence[np.ndarray]) -> Any:
        """The structure with eager tensors in place of the symbolic ones."""
        def put(value: Any) -> Any:
            if isinstance(value, _Place):
                return from_numpy(np.asarray(arrays[value.index]), value.dtype)
            if isinstance(value, _Text):
                return text(*(p if isinstance(p, str) else (put(p[0]), p[1], put(p[2])) for p in value.parts))
            parts = nest.children(value)
            if parts is None:
                return value
            made = [put(p) for p in parts]
            return value if all(a is b for a, b in zip(made, parts)) else nest.rebuild(value, made)
        return put(self.value)


class _Place:
    def __init__(self, index: int, dtype: Any, variable: Any):
        self.index, self.dtype, self.variable = index, dtype, variable


class _Text:
    def __init__(self, parts: tuple):
        self.parts = parts


class _Writer:
    """Writes what `print` would have written."""

    __name__ = "print"

    def __init__(self, template: Template, sep: str, end: str, file: Any):
        self.template, self.sep, self.end, self.file = template, sep, end, file

    def __call__(self, *arrays: np.ndarray) -> None:
        values = self.template.fill(arrays)
        print(*values, sep=self.sep, end=self.end, file=sys.stdout if self.file is None else self.file, flush=True)


def staged_print(values: Sequence[Any], sep: str, end: str, file: Any) -> None:
    """`print` inside a trace: what holds tensors, or stands in a staged block, is printed when the program runs."""
    template = Template(tuple(values))
    if template.tensors or getattr(state.interpreter, "is_block", False):
        print_(template.tensors, writer=_Writer(template, sep, end, file))
    else:
        print(*values, sep=sep, end=end, file=file)


class Making(Exception):
    """An exception that is yet to be made: `kind(*arguments, **keywords)`."""

    def __init__(self, kind: type[BaseException], arguments: tuple, keywords: dict[str, Any]):
        super().__init__()
        self.kind, self.arguments, self.keywords = kind, arguments, keywords

    def made(self) -> BaseException:
        """The exception, as it can be made while tracing."""
        return self.kind(*self.arguments, **self.keywords)


def delayed_exception(error: BaseException) -> tuple[list[Any], Callable[..., BaseException], type, str]:
    """(the tensors in an exception's arguments, a function of their arrays that makes it, its class, its text for now)."""
    if isinstance(error, Making):
        template = Template((error.arguments, error.keywords))
        kind = error.kind

        def make(*arrays: np.ndarray) -> BaseException:
            arguments, keywords = template.fill(arrays)
            return kind(*arguments, **keywords)

        return template.tensors, make, kind, ", ".join(map(str, error.arguments))
    template = Template((tuple(error.args), dict(error.__dict__)))

    def build(*arrays: np.ndarray) -> BaseException:
        try:
            made = copy.copy(error)
        except Exception:
            made = error
        made.args, attributes = template.fill(arrays)
        made.__dict__.update(attributes)
        return made.with_traceback(None)

    return template.tensors, build, type(error), str(error)
