"""Which names a piece of a function binds, and which it may read before it binds them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from treadle.tracer.frontend.build import OPERATORS, children

_SIMPLE = {ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Assert, ast.Raise, ast.Pass}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def parameters(arguments: ast.arguments) -> list[str]:
    """The names of a function's parameters."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [a.arg for a in [*named, *(p for p in (arguments.vararg, arguments.kwarg) if p)]]


def bound(nodes: Iterable[ast.AST]) -> dict[str, None]:
    """The names that statements bind or delete in their own scope, in order."""
    found: dict[str, None] = {}
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        if type(node) in _SIMPLE:  # noted on it, since it is asked for each block around
            known = node.__dict__.get("_bound")
            if known is None:
                known = node._bound = tuple(bound(children(node)))  # type: ignore[attr-defined]
            for name in known:
                found[name] = None
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = None
            stack.extend(node.decorator_list)
            if node.name.startswith(OPERATORS):  # a block of ours, which binds names of the function around it
                found.update((n, None) for s in node.body if isinstance(s, ast.Nonlocal) for n in s.names)
        elif isinstance(node, ast.Lambda):
            pass
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                found[(alias.asname or alias.name).split(".")[0]] = None
        elif isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store):
            found.update(dict.fromkeys(assigned(node)))
        else:
            named = getattr(node, "name", None)
            if isinstance(named, str):  # `except E as name`, `case P as name`, `case [*name]`
                found[named] = None
            if isinstance(node, ast.MatchMapping) and node.rest:
                found[node.rest] = None
            stack.extend(children(node)[::-1])
    return found


def assigned(expression: ast.expr) -> tuple[str, ...]:
    """The names that `:=` in an expression binds; noted on it, since it is asked for each block around."""
    known = expression.__dict__.get("_assigned")
    if known is None:
        found: list[str] = []
        stack: list[ast.AST] = [expression]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.NamedExpr):
                found.append(node.target.id)
            if not isinstance(node, ast.Lambda):
                stack.extend(children(node))
        known = expression._assigned = tuple(found)  # type: ignore[attr-defined]
    return known


@dataclass
class Declarations:
    """The names that a function's own statements declare, and those that functions inside it declare `nonlocal`."""

    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    escaping: set[str] = field(default_factory=set)


def declarations(nodes: Iterable[ast.AST]) -> Declarations:
    """What is declared in a function's body. Calling functions defined there may change the `escaping` names."""
    found = Declarations()
    stack = [(node, False) for node in nodes]
    while stack:
        node, inner = stack.pop()
        if isinstance(node, ast.Global):
            if not inner:
                found.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            (found.escaping if inner else found.nonlocals).update(node.names)
        elif not isinstance(node, ast.expr):
            inner = inner or isinstance(node, _SCOPES)
            stack.extend([(child, inner) for child in children(node)])
    return found


def read(node: ast.AST) -> set[str]:
    """Every name that is read anywhere in the node, nested functions included."""
    found: set[str] = set()
    stack: list[ast.AST] = [node]
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.Name):
            if not isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
        elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            found.add(inner.target.id)
        stack.extend(children(inner))
    return found


def exposed(statements: Sequence[ast.stmt]) -> tuple[set[str], set[str]]:
    """(names that may be read before they are bound here, names that are certainly bound when the end is reached)."""
    reads: set[str] = set()
    defined: set[str] = set()
    for statement in statements:
        r, d = _exposed_one(statement)
        reads |= r - defined
        defined |= d
    return reads, defined


def _exposed_one(node: ast.stmt) -> tuple[set[str], set[str]]:
    if isinstance(node, ast.If):
        r1, d1 = exposed(node.body)
        r2, d2 = exposed(node.orelse)
        return read(node.test) | r1 | r2, set(bound([node.test])) | (d1 & d2)
    if isinstance(node, ast.While):
        return read(node.test) | exposed(node.body)[0] | exposed(node.orelse)[0], set()
    if isinstance(node, (ast.For, ast.AsyncFor)):
        targets = set(bound([node.target]))
        inner = exposed(node.body)[0] - targets
        return read(node.iter) | (read(node.target) - targets) | inner | exposed(node.orelse)[0], set()
    if isinstance(node, (ast.With, ast.AsyncWith)):
        items = set().union(*(read(i.context_expr) for i in node.items))
        targets = set(bound([i.optional_vars for i in node.items if i.optional_vars is not None]))
        r, d = exposed(node.body)
        return items | (r - targets), targets | d
    if isinstance(node, (ast.Try, ast.TryStar)):
        r, _ = exposed(node.body)
        for handler in node.handlers:
            r = r | exposed(handler.body)[0] | (read(handler.type) if handler.type else set())
        return r | exposed(node.orelse)[0] | exposed(node.finalbody)[0], exposed(node.finalbody)[1]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return read(node), {node.name}
    if isinstance(node, ast.Delete):
        return read(node), set()
    return read(node), set(bound([node]))
