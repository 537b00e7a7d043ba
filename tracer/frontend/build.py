"""Small pieces of syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

# The name by which converted code knows `treadle.tracer.frontend.operators`, and with which all names of its own begin.
# With the dot no program can have such a name, as with the `.0` of Python's own comprehensions.
OPERATORS = ".treadle"
_NO_ARGUMENTS: dict[str, Any] = {"posonlyargs": [], "args": [], "kwonlyargs": [], "kw_defaults": [], "defaults": []}


_LOAD = ast.Load()


def _start(where: ast.AST) -> dict[str, int]:
    """The beginning of a node as a place on one line: Python takes the last line of a call of a method for the call's place."""
    line, column = where.lineno, where.col_offset  # type: ignore[attr-defined]
    end = where.end_col_offset if where.end_lineno == line else column  # type: ignore[attr-defined]
    return {"lineno": line, "col_offset": column, "end_lineno": line, "end_col_offset": end}


def located(node: Any, where: ast.AST) -> Any:
    """The node, and what in it has no place yet, at the beginning of `where`."""
    place = _start(where)
    stack = [node]
    while stack:
        part = stack.pop()
        held = part.__dict__
        if "lineno" in part._attributes:
            if part is not node and "lineno" in held:
                continue
            held.update(place)
        stack.extend(children(part))
    return node


# Fields that hold no nodes with a place of their own: names, constants, operators, contexts.
_PLAIN = {"ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "names", "kwd_attrs", "rest", "module", "level", "kind",
          "type_comment", "is_async", "simple", "conversion"}
_parts: dict[type, tuple[str, ...]] = {ast.Constant: (), ast.MatchSingleton: ()}


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly inside a node; operators, contexts and imported names left out."""
    kind = type(node)
    fields = _parts.get(kind)
    if fields is None:
        fields = _parts[kind] = tuple(f for f in kind._fields if f not in _PLAIN)
    found: list[ast.AST] = []
    if fields:
        held = node.__dict__
        for field in fields:
            value = held.get(field)
            if value is not None:
                if type(value) is not list:
                    found.append(value)
                elif None in value:  # `**x` in a dict, an argument without default
                    found.extend([v for v in value if v is not None])
                else:
                    found.extend(value)
    return found


def copied(node: ast.AST) -> Any:
    """A deep copy, quicker than `copy.deepcopy`."""
    made = type(node).__new__(type(node))
    for name, value in node.__dict__.items():
        if isinstance(value, ast.AST):
            value = copied(value)
        elif isinstance(value, list):
            value = [copied(v) if isinstance(v, ast.AST) else v for v in value]
        made.__dict__[name] = value
    return made


def completed(node: ast.AST) -> Any:
    """The node; what in it has no place gets that of the node around it."""
    stack = [(node, (1, 0, 1, 0))]
    while stack:
        part, place = stack.pop()
        held = part.__dict__
        if "lineno" in held:
            line, column = held["lineno"], held["col_offset"]
            end, end_column = held.get("end_lineno"), held.get("end_col_offset")
            place = (line, column, line if end is None else end, column if end_column is None else end_column)
        elif "lineno" in part._attributes:
            part.lineno, part.col_offset, part.end_lineno, part.end_col_offset = place  # type: ignore[attr-defined]
        stack.extend([(inner, place) for inner in children(part)])
    return node


def name(id: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(id, _LOAD)


def assign(target: str, value: ast.expr) -> ast.Assign:
    """`target = value`."""
    return ast.Assign([ast.Name(target, ast.Store())], value)


def assign_constant(target: str, value: Any, where: ast.AST) -> ast.Assign:
    """`target = value`, at the line of `where`."""
    return located(assign(target, ast.Constant(value)), where)


def call_operator(operator: str, arguments: Iterable[ast.expr], where: ast.AST) -> ast.Call:
    """`_treadle.operator(arguments)`, at the place of `where`."""
    arguments = list(arguments)
    place = _start(where)
    function = ast.Attribute(ast.Name(OPERATORS, _LOAD, **place), operator, _LOAD, **place)
    for argument in arguments:
        if "lineno" not in argument.__dict__:
            located(argument, where)
    return ast.Call(function, arguments, [], **place)


def delayed(expression: ast.expr) -> ast.Lambda:
    """`lambda: expression`."""
    made = ast.Lambda(ast.arguments(**_NO_ARGUMENTS), expression)
    return located(made, expression) if hasattr(expression, "lineno") else made


def thunk(id: str, body: Sequence[ast.stmt], parameter: str | None = None) -> ast.FunctionDef:
    """`def id(): body`, or `def id(parameter): body`."""
    arguments = ast.arguments(**{**_NO_ARGUMENTS, "args": [ast.arg(parameter)] if parameter else []})
    made = ast.FunctionDef(id, arguments, list(body) or [ast.Pass()], [])
    if "type_params" in ast.FunctionDef._fields:
        made.type_params = []  # type: ignore[attr-defined]
    return made


def nonlocals(names: Iterable[str], global_names: Iterable[str] = ()) -> list[ast.stmt]:
    """`nonlocal` and `global` statements, where there are names to declare."""
    names, outer = [*names], [*global_names]
    return [*([ast.Nonlocal(names)] if names else []), *([ast.Global(outer)] if outer else [])]


def strings(values: Iterable[str]) -> ast.Tuple:
    """A tuple of strings."""
    return ast.Tuple([ast.Constant(v) for v in values], _LOAD)
