"""Whether a text is the one that a code object was compiled from: files are edited while programs run."""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterator
from types import CodeType

_FLAGS = __future__.annotations.compiler_flag
_MOST_KNOWN = 32
_known: dict[tuple[str, int], list[CodeType]] = {}  # by the hash of a text: the code of its functions


def is_text_of(code: CodeType, lines: list[str]) -> bool:
    """True if compiling the lines gives this code, at the same line."""
    text = "".join(lines)
    future = code.co_flags & _FLAGS
    key = f"{code.co_filename}:{future}", hash(text)
    found = _known.get(key)
    if found is None:
        try:
            compiled = compile(text, code.co_filename, "exec", dont_inherit=True, flags=future | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except (SyntaxError, ValueError):
            return False
        if len(_known) >= _MOST_KNOWN:
            del _known[next(iter(_known))]
        found = _known[key] = list(_inside(compiled))
    return any(c.co_firstlineno == code.co_firstlineno and same_code(c, code) for c in found)


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)


def same_code(a: CodeType, b: CodeType) -> bool:
    """True if two code objects do the same thing with the same names."""
    # `co_code` is the code as compiled, also while a debugger or a tracer has its hooks in it.
    return (a.co_name, a.co_code, a.co_names, a.co_varnames, a.co_freevars, len(a.co_consts)) == (
        b.co_name, b.co_code, b.co_names, b.co_varnames, b.co_freevars, len(b.co_consts)) and all(
        map(_same_constant, a.co_consts, b.co_consts))


def _same_constant(a: object, b: object) -> bool:
    if isinstance(a, CodeType) and isinstance(b, CodeType):
        return same_code(a, b)
    return type(a) is type(b) and (a == b or repr(a) == repr(b))
