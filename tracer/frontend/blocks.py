"""Statements: `if`, `while` and `for` become calls of an operator on functions that hold the blocks.

    if x > 0:                def then(): nonlocal y; y = x
        y = x          ->    def orelse(): nonlocal y; y = -x
    else:                    _treadle.if_(x > 0, then, orelse, ("y",))
        y = -x

The blocks' variables are ordinary closure cells, which the operators read and write: nothing else is needed to run
a block again, to undo it, or to stage it. A name that is not bound is an empty cell, as Python has it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from treadle.tracer.frontend.build import (
    OPERATORS,
    assign,
    call_operator,
    children,
    copied,
    delayed,
    located,
    name,
    nonlocals,
    strings,
    thunk,
)
from treadle.tracer.frontend.exits import Exits, is_never_staged
from treadle.tracer.frontend.expressions import Expressions, Scope, as_index
from treadle.tracer.frontend.hoisting import Hoisting
from treadle.tracer.frontend.scope import bound, declarations, exposed, parameters, read


class Blocks(Expressions):
    """Transforms statements of one function; functions defined inside it are transformed in place."""

    # --- functions ---

    def function_body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """A function's body; `self.scope` is the function's."""
        scope = self.scope
        names = bound(body)
        body = Hoisting(self.fresh).block(body)
        lowered = Exits(self.fresh).function(body)
        names |= bound(lowered)
        scope.own |= set(names) - scope.global_names
        scope.watched = _staged_names(lowered)
        result = self._statements(lowered)
        missing = [n for n in names if n not in scope.global_names | scope.nonlocal_names]
        declarations = [s for s in result if isinstance(s, (ast.Global, ast.Nonlocal))]
        if missing:
            # Names bound in blocks only must be locals here all the same. This generates no code.
            never: ast.stmt = ast.If(ast.Constant(False), [assign(n, ast.Constant(None)) for n in missing], [])
            place = 1 if _has_docstring(result) else 0
            result.insert(place, located(never, body[0]))
        if declarations:
            result = [*declarations, *(s for s in result if s not in declarations)]
        return result

    def nested_function(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A function defined inside: its body is transformed where it stands."""
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        self._defaults(node.args)
        if not is_convertible(node):
            return node
        outer, outer_self = self.scope, self.self_name
        self.scope = make_scope(node, outer)
        try:
            node.body = self.function_body(node.body)
        finally:
            self.scope, self.self_name = outer, outer_self
        return node

    # --- statements ---

    def _statements(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for s in statements:
            new = self.visit(s)
            out.extend(new if isinstance(new, list) else [] if new is None else [new])
        return out or [ast.copy_location(ast.Pass(), statements[0])] if statements else out

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        if node.name.startswith(OPERATORS):  # a block of ours
            node.body = self._statements(node.body)
            return node
        return self.nested_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return node

    def visit_Match(self, node: ast.Match) -> Any:
        return node  # made by `lower_match`: Python's own

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return node

    def visit_If(self, node: ast.If) -> Any:
        if is_never_staged(node.test):
            node.test = self.visit(node.test)
            node.body, node.orelse = self._statements(node.body), self._statements(node.orelse)
            return node
        then, orelse = self.fresh("then"), self.fresh("else")
        names = self._block_names([*node.body, *node.orelse])
        test = self.visit(node.test)
        call = call_operator("if_", [test, name(then), name(orelse), strings(names)], node)
        return [self._block(then, node.body, names, node), self._block(orelse, node.orelse, names, node), _expr(call)]

    def visit_While(self, node: ast.While) -> Any:
        test, body = self.fresh("test"), self.fresh("body")
        names = self._block_names([node, *node.body])
        value = self.visit(node.test)
        stops: list[str] = node._stops  # type: ignore[attr-defined]
        if stops:
            value = call_operator("and_", [call_operator("none_of", map(name, stops), node.test), delayed(value)], node.test)
        test_function = located(thunk(test, [*self._declarations(names), located(ast.Return(value), node.test)]), node)
        hints = self._hints(node, names)
        call = call_operator("while_", [name(test), name(body), strings(names), *hints], node)
        return [test_function, self._block(body, node.body, names, node), _expr(call)]

    def visit_For(self, node: ast.For) -> Any:
        body, item = self.fresh("body"), self.fresh("item")
        target = located(ast.Assign([node.target], name(item)), node.target)
        names = self._block_names([target, *node.body])
        iterable = self.visit(node.iter)
        stops: list[str] = node._stops  # type: ignore[attr-defined]
        stop: ast.expr = ast.Constant(None)
        if stops:
            stop = delayed(call_operator("any_of", map(name, stops), node))
        hints = self._hints(node, names)
        call = call_operator("for_", [iterable, name(body), stop, strings(names), *hints], node)
        return [self._block(body, [target, *node.body], names, node, item), _expr(call)]

    def visit_AsyncFor(self, node: ast.AsyncFor) -> Any:
        return node

    def visit_With(self, node: ast.With) -> Any:
        for item in node.items:
            item.context_expr = call_operator("context", [self.visit(item.context_expr)], item.context_expr)
        node.body = self._statements(node.body)
        return node

    def visit_Try(self, node: Any) -> Any:
        before, final = self._final(node)
        node.body = self._statements(node.body)
        for handler in node.handlers:
            handler.type = None if handler.type is None else self.visit(handler.type)
            handler.body = self._statements(handler.body)
            caught = delayed(copied(handler.type)) if handler.type is not None else ast.Constant(None)
            handler.body.insert(0, _expr(call_operator("handled", [caught], handler)))
        node.orelse, node.finalbody = self._statements(node.orelse), self._statements(node.finalbody)
        if node.handlers or node._swallows:
            kinds: list[ast.expr] = [ast.Constant(None) if h.type is None else h.type for h in node.handlers]
            kinds += [ast.Constant(None)] if node._swallows else []  # a `finally` that leaves drops every exception
            caught = delayed(located(ast.Tuple(kinds, ast.Load()), node))
            item = ast.withitem(call_operator("catching", [caught], node))
            node.body = [located(ast.With([item], node.body), node.body[0])]
        if node.finalbody:
            attempted = ast.withitem(call_operator("attempted", final, node))
            node.body = [located(ast.With([attempted], node.body), node.body[0])]
            after = ast.withitem(call_operator("finally_", [], node.finalbody[0]))
            node.finalbody = [located(ast.With([after], node.finalbody), node.finalbody[0])]
        return [*before, node]

    def _final(self, node: Any) -> tuple[list[ast.stmt], list[ast.expr]]:
        """The block of a `finally` once more, as a function for where a failure is staged: (its definition, arguments)."""
        calls = any(isinstance(n, (ast.Call, ast.Raise, ast.Assert)) for s in node.finalbody for n in ast.walk(s))
        if not calls or node._swallows:
            return [], []
        final = self.fresh("finally")
        names = self._block_names(node.finalbody)
        body = [copied(s) for s in node.finalbody]
        return [self._block(final, body, names, node.finalbody[0])], [name(final), strings(names)]

    visit_TryStar = visit_Try

    def visit_Return(self, node: ast.Return) -> Any:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Assert(self, node: ast.Assert) -> Any:
        message = delayed(self.visit(node.msg)) if node.msg is not None else ast.Constant(None)
        return _expr(call_operator("assert_", [self.visit(node.test), message], node))

    def visit_Raise(self, node: ast.Raise) -> Any:
        if node.exc is not None:
            exc = node.exc
            if isinstance(exc, ast.Call) and not (isinstance(exc.func, ast.Name) and exc.func.id.startswith(OPERATORS)):
                # The exception may have to be made when the program runs, from what its tensors are then.
                made = call_operator("raised_call", [self.visit(exc.func), *map(self.visit, exc.args)], node)
                made.keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in exc.keywords]
                node.exc = located(made, node)
            else:
                node.exc = call_operator("raised", [self.visit(exc)], node)
            node.cause = None if node.cause is None else self.visit(node.cause)
        return node

    # --- assignments ---

    def visit_Assign(self, node: ast.Assign) -> Any:
        value = self.visit(node.value)
        if any(isinstance(t, (ast.Tuple, ast.List)) for t in node.targets):
            value = call_operator("iterate", [value], node.value)
        if len(node.targets) == 1 and isinstance(node.targets[0], (ast.Name, ast.Attribute, ast.Subscript)):
            return self._announced(node, [self._store(node.targets[0], value, node)])
        if not any(isinstance(n, (ast.Attribute, ast.Subscript)) for t in node.targets for n in ast.walk(t)):
            node.value, node.targets = value, [self.visit(t) for t in node.targets]
            return self._announced(node, [node])
        # Attributes and items inside a tuple of targets, or several targets: by way of names of our own.
        held = self.fresh("value")
        out = [located(assign(held, value), node)]
        for target in node.targets:
            out += self._unpack(target, name(held), node)
        return self._announced(node, out)

    def _unpack(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
            return [self._store(target, value, node)]
        later: list[ast.stmt] = []

        def replaced(t: ast.expr) -> ast.expr:
            if isinstance(t, ast.Starred):
                return ast.Starred(replaced(t.value), ast.Store())
            if isinstance(t, (ast.Tuple, ast.List)):
                return ast.Tuple([replaced(e) for e in t.elts], ast.Store())
            if isinstance(t, ast.Name):
                return self.visit(t)
            held = self.fresh("part")
            later.append(self._store(t, name(held), node))
            return ast.Name(held, ast.Store())

        return [located(ast.Assign([replaced(target)], value), node), *later]

    def _store(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> ast.stmt:
        """`target = value` for a name, an attribute or an item."""
        if isinstance(target, ast.Attribute):
            return _expr(call_operator(
                "set_attribute", [value, self.visit(target.value), ast.Constant(target.attr)], node))
        if isinstance(target, ast.Subscript):
            index = as_index(self.visit(target.slice))
            return _expr(call_operator("set_item", [value, self.visit(target.value), index], node))
        return located(ast.Assign([self.visit(target)], value), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        return self.visit_Assign(located(ast.Assign([node.target], node.value), node))

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        value, target = self.visit(node.value), node.target
        operator = ast.Constant(type(node.op).__name__)
        if isinstance(target, ast.Name):
            before = self.visit(located(name(target.id), target))
            new = call_operator("in_place", [operator, before, value], node)
            return self._announced(node, [located(ast.Assign([self.visit(target)], new), node)])
        held = self.fresh("object")
        out = [located(assign(held, self.visit(target.value)), node)]
        if isinstance(target, ast.Attribute):
            place = ast.Constant(target.attr)
            load, store = "attribute", "set_attribute"
        else:
            index = self.fresh("index")
            out.append(located(assign(index, as_index(self.visit(target.slice))), node))
            place, load, store = name(index), "item", "set_item"  # type: ignore[assignment]
        new = call_operator("in_place", [operator, call_operator(load, [name(held), place], node), value], node)
        return [*out, _expr(call_operator(store, [new, name(held), place], node))]

    def visit_Delete(self, node: ast.Delete) -> Any:
        out: list[ast.stmt] = []
        for target in node.targets:
            for t in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                if isinstance(t, ast.Attribute):
                    out.append(_expr(call_operator(
                        "delete_attribute", [self.visit(t.value), ast.Constant(t.attr)], node)))
                elif isinstance(t, ast.Subscript):
                    out.append(_expr(call_operator(
                        "delete_item", [self.visit(t.value), as_index(self.visit(t.slice))], node)))
                else:
                    out.append(located(ast.Delete([self.visit(t)]), node))
        return self._announced(node, out)

    def _announced(self, node: ast.stmt, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements; before them, word that names of somebody else's (`nonlocal`, `global`) are about to change."""
        if not self.scope.nonlocal_names and not self.scope.global_names:
            return statements
        out: list[ast.stmt] = []
        for id in bound([node]):
            if id in self.scope.nonlocal_names:
                is_local = ast.Constant(self.scope.kind(id) != "free")
                out.append(_expr(call_operator("will_change_cell", [ast.Constant(id), delayed(name(id)), is_local], node)))
            elif id in self.scope.global_names:
                out.append(_expr(call_operator("will_change_global", [ast.Constant(id), delayed(name(id))], node)))
        return [*out, *statements]

    # --- blocks ---

    def _block_names(self, statements: Sequence[ast.AST]) -> list[str]:
        """The names that a block may bind."""
        found = dict.fromkeys([*bound(statements), *self.scope.escaping])
        return [n for n in found if n in self.scope.own or n in self.scope.nonlocal_names | self.scope.global_names]

    def _declarations(self, names: Sequence[str]) -> list[ast.stmt]:
        outer = [n for n in names if n in self.scope.global_names]
        return nonlocals([n for n in names if n not in outer], outer)

    def _block(self, id: str, body: Sequence[ast.stmt], names: Sequence[str], where: ast.AST,
               parameter: str | None = None) -> ast.stmt:
        """The function that holds a block."""
        inside = set(bound(body))
        statements = self._statements(body)
        # A name that only a function called here changes must be in this function's closure too.
        never = [n for n in names if n not in inside and n not in self.scope.global_names]
        if never:
            statements.append(ast.If(ast.Constant(False), [ast.Expr(name(n)) for n in never], []))
        made = thunk(id, [*self._declarations([n for n in names if n in inside or n in self.scope.escaping]), *statements],
                     parameter)
        return located(made, where)

    def _hints(self, node: ast.While | ast.For, names: Sequence[str]) -> list[ast.expr]:
        """(names that an iteration may read before it binds them, names that it changes step by step)."""
        body: list[ast.stmt] = list(node.body)
        reads, _ = exposed(body)
        if isinstance(node, ast.While):
            reads |= read(node.test)
        else:
            reads -= set(bound([node.target])) - set(bound(body))
        reads |= self.scope.escaping
        reads |= set(node._stops)  # type: ignore[union-attr]
        stepped = _stepped(body)
        live = [n for n in names if n in reads]
        return [strings(live), strings([n for n in names if n in stepped or n.startswith(OPERATORS)])]


def make_scope(node: ast.FunctionDef, outer: Scope | None, free: frozenset[str] = frozenset()) -> Scope:
    """The scope of a function's body."""
    scope = Scope(set(parameters(node.args)) | set(bound(node.body)), outer, free)
    declared = declarations(node.body)
    scope.global_names, scope.nonlocal_names = declared.globals, declared.nonlocals
    scope.own -= scope.global_names
    scope.escaping = declared.escaping & scope.own
    return scope


def is_convertible(node: ast.AST) -> bool:
    """False for generators and coroutines, and for functions that look at their own frame."""
    return refusal(node) is None


def refusal(node: ast.AST) -> str | None:
    """Why a function stays as it is, if it does."""
    if isinstance(node, ast.AsyncFunctionDef):
        return "it is an `async def`"
    stack = list(children(node))
    while stack:
        inner = stack.pop()
        if isinstance(inner, (ast.Yield, ast.YieldFrom)):
            return "it is a generator"
        if isinstance(inner, ast.Await):
            return "it is a coroutine"
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and (
                inner.func.id in ("eval", "exec")):
            return f"it calls `{inner.func.id}()`, which needs the function as it is written"
        if not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(children(inner))
    return None


def _stepped(statements: Sequence[ast.stmt]) -> set[str]:
    """The names of augmented assignments, in functions inside too."""
    found: set[str] = set()
    stack: list[ast.AST] = list(statements)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif not isinstance(node, ast.expr):
            stack.extend(children(node))
    return found


def _staged_names(statements: Sequence[ast.stmt]) -> set[str]:
    """The names bound in blocks that may be staged: what a block leaves undefined must be noticed when it is read."""
    found: set[str] = set()
    for outer in statements:
        stack: list[ast.AST] = [outer]
        while stack:
            node = stack.pop()
            if isinstance(node, (ast.While, ast.For)) or isinstance(node, ast.If) and not is_never_staged(node.test):
                found |= set(bound([node]))
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                stack.extend(children(node))
    return {n for n in found if not n.startswith(OPERATORS)}


def _has_docstring(body: Sequence[ast.stmt]) -> bool:
    first = body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _expr(call: ast.Call) -> ast.Expr:
    return ast.copy_location(ast.Expr(call), call)
