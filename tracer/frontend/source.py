"""Finding the syntax tree of a function from its code object: the file's own lines, so that line numbers stay the user's."""

from __future__ import annotations

import ast
import linecache
import os
import re
import time
from types import CodeType
from typing import Any

from treadle.tracer.frontend import loaded
from treadle.tracer.frontend.build import copied

_files: dict[str, tuple[int, ast.Module]] = {}
_MOST_FILES = 32
_INDENT = re.compile(r"[ \t]*")
_STARTED = time.time()
_PLAIN_LOADERS = {"NoneType", "type", "SourceFileLoader", "zipimporter", "BuiltinImporter"}  # a class is its own type's


class NoSource(Exception):
    """The source of a function cannot be found. The text says why."""


def function_tree(code: CodeType, module: dict[str, Any] | None = None) -> ast.FunctionDef | ast.Lambda:
    """The definition that `code` was compiled from, with the line numbers of the user's file.

    `module`: the function's globals, whose loader knows the text of what does not lie in a file (a zipped package).
    Raises NoSource.
    """
    name = code.co_filename
    lines = linecache.getlines(name, module)
    if not lines:
        linecache.checkcache(name)
        lines = linecache.getlines(name, module)
    if not lines:
        raise NoSource(f"its source file is not there ({name})")
    if _may_have_changed(name, module) and not loaded.is_text_of(code, lines):
        linecache.checkcache(name)  # edited and loaded again: the lines kept are those from before
        lines = linecache.getlines(name, module)
        if not loaded.is_text_of(code, lines):
            raise NoSource(f"{name} has changed since it was imported")
    if code.co_firstlineno > len(lines):
        raise NoSource(f"{name} has changed since it was imported")
    if code.co_name != "<lambda>":
        found = _from_block(code, lines)
        if found is not None:
            return found
    return _from_file(code, lines)


def _may_have_changed(filename: str, module: dict[str, Any] | None) -> bool:
    """True if the text could be another than the one that was compiled, and comparing them makes sense."""
    if type((module or {}).get("__loader__")).__name__ not in _PLAIN_LOADERS:
        return False  # import hooks (pytest's, type checkers') compile something else than the text
    try:
        return os.stat(filename).st_mtime >= _STARTED
    except (OSError, ValueError):
        return True  # a cell of a notebook, a zipped package


def _from_block(code: CodeType, lines: list[str]) -> ast.FunctionDef | None:
    """The quick way: the indented block that starts at the function's first line."""
    start = code.co_firstlineno - 1
    indent = len(_INDENT.match(lines[start]).group())  # type: ignore[union-attr]
    end, in_header = start, True
    for end in range(start + 1, len(lines)):
        line = lines[end]
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if len(_INDENT.match(line).group()) <= indent:  # type: ignore[union-attr]
            # Decorators, and the header's own continuation lines, are not indented.
            if in_header or text.startswith((")", "]", "}")):
                in_header = in_header and not text.startswith(("def ", "async def "))
                continue
            break
        in_header = False
    else:
        end = len(lines)
    # Not dedented: that would change strings of several lines.
    text = "".join(lines[start:end])
    try:
        # Empty lines before it give it the line numbers of the file.
        body = ast.parse("\n" * (start - 1) + "if 1:\n" + text).body[0].body if indent else (  # type: ignore[attr-defined]
            ast.parse("\n" * start + text).body)
    except SyntaxError:
        return None
    if len(body) != 1 or not isinstance(body[0], (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    node = body[0]
    if node.name != code.co_name or not _fits(node, code):
        return None
    return node  # type: ignore[return-value]


def _from_file(code: CodeType, lines: list[str]) -> ast.FunctionDef | ast.Lambda:
    """The thorough way: the whole file, for lambdas and for what the quick way does not understand."""
    text = "".join(lines)
    known = _files.get(code.co_filename)
    if known is None or known[0] != hash(text):
        try:
            known = hash(text), ast.parse(text)
        except SyntaxError:
            raise NoSource(f"{code.co_filename} has changed since it was imported") from None
        if len(_files) >= _MOST_FILES:
            del _files[next(iter(_files))]
        _files[code.co_filename] = known
    found = [n for n in ast.walk(known[1])
             if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and _starts_at(n, code) and _fits(n, code)]
    if len(found) > 1:
        found = [n for n in found if _covers(n, code)] or found
    if not found:
        raise NoSource(f"{code.co_filename} has changed since it was imported")
    # The tree is kept for other functions of the file: the front end changes a copy.
    return copied(found[0])  # type: ignore[return-value]


def _starts_at(node: ast.AST, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno  # type: ignore[attr-defined]
    return node.name == code.co_name and first == code.co_firstlineno  # type: ignore[attr-defined]


def _fits(node: ast.AST, code: CodeType) -> bool:
    """True if the parameters are those of the code."""
    a = node.args  # type: ignore[attr-defined]
    names = [p.arg for p in [*a.posonlyargs, *a.args, *a.kwonlyargs]]
    names += [p.arg for p in (a.vararg, a.kwarg) if p is not None]
    own = list(code.co_varnames[:len(names)])
    return (len(a.posonlyargs) + len(a.args), len(a.kwonlyargs)) == (code.co_argcount, code.co_kwonlyargcount) and all(
        n == o or (n.startswith("__") and o.endswith(n)) for n, o in zip(names, own))


def _covers(node: ast.AST, code: CodeType) -> bool:
    """True if the code's own positions lie inside the node's: tells two lambdas on one line apart."""
    body = node.body if isinstance(node, ast.Lambda) else node  # type: ignore[attr-defined]
    start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)  # type: ignore[attr-defined]
    places = [p for p in code.co_positions() if p[0] is not None and p[2] is not None and p[1] is not None]
    inside = [p for p in places if (p[0], p[2]) >= start and (p[1], p[3]) <= end and p[2] != p[3]]
    outside = [p for p in places if p[2] != p[3] and p[3] and not ((p[0], p[2]) >= start and (p[1], p[3]) <= end)]
    return bool(inside) and not outside
