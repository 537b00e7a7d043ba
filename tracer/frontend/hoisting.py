"""`:=` inside `and`, `or` and `a if c else b` is taken out into statements, where an assignment can be undone and staged.

    if a and (b := f()):          test = a
        ...                 ->    if test: test = (b := f())
                                  if test: ...
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from treadle.tracer.frontend.build import assign, assign_constant, located, name
from treadle.tracer.frontend.scope import assigned


class Hoisting:
    """Rewrites one function's statements; functions inside it are left alone."""

    def __init__(self, fresh: Callable[[str], str]):
        self.fresh = fresh

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements with such expressions taken out of them."""
        out: list[ast.stmt] = []
        for s in statements:
            if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                out.append(s)
                continue
            for nested in ("body", "orelse", "finalbody"):
                if isinstance(getattr(s, nested, None), list):
                    setattr(s, nested, self.block(getattr(s, nested)))
            for part in [*getattr(s, "handlers", []), *getattr(s, "cases", [])]:
                part.body = self.block(part.body)
            field = "test" if isinstance(s, (ast.If, ast.Assert)) else (
                "value" if isinstance(s, (ast.Return, ast.Assign, ast.Expr)) else None)
            if isinstance(s, ast.While) and (_is_hidden(s.test) or assigned(s.test) and _leaves(s)):
                # The test is computed at the head of each round.
                before, test = self._taken_out(s.test)
                ended = self.fresh("ended")
                end: list[ast.stmt] = [assign(ended, ast.Constant(True)), ast.Break()] if s.orelse else [ast.Break()]
                s.body = [*before, located(ast.If(ast.UnaryOp(ast.Not(), test), end, []), s.test), *s.body]
                s.test = located(ast.Constant(True), s.test)
                if s.orelse:
                    out += [assign_constant(ended, False, s), s, located(ast.If(name(ended), s.orelse, []), s.orelse[0])]
                    s.orelse = []
                    continue
            elif field is not None and getattr(s, field) is not None and _is_hidden(getattr(s, field)):
                before, value = self._taken_out(getattr(s, field))
                setattr(s, field, value)
                s.__dict__.pop("_bound", None)  # it binds less than before
                out += before
            out.append(s)
        return out

    def _taken_out(self, expression: ast.expr) -> tuple[list[ast.stmt], ast.expr]:
        """(statements that compute the expression, the name that holds it)."""
        held = self.fresh("value")
        return self._into(held, expression), located(name(held), expression)

    def _into(self, held: str, expression: ast.expr) -> list[ast.stmt]:
        if isinstance(expression, ast.IfExp) and _is_hidden(expression):
            branches = [self._into(held, e) for e in (expression.body, expression.orelse)]
            return [located(ast.If(expression.test, *branches), expression)]
        if isinstance(expression, ast.BoolOp) and _is_hidden(expression):
            statements = self._into(held, expression.values[0])
            for value in expression.values[1:]:
                test: ast.expr = name(held) if isinstance(expression.op, ast.And) else ast.UnaryOp(ast.Not(), name(held))
                statements.append(located(ast.If(test, self._into(held, value), []), value))
            return statements
        return [located(assign(held, expression), expression)]


def _is_hidden(expression: ast.expr) -> bool:
    """True if Python decides whether an assignment in the expression happens."""
    if isinstance(expression, ast.IfExp):
        parts = [expression.body, expression.orelse]
    elif isinstance(expression, ast.BoolOp):
        parts = expression.values[1:]
    else:
        return False
    return any(map(assigned, parts)) or any(map(_is_hidden, parts))


def _leaves(loop: ast.While) -> bool:
    """True if the loop may be left early: its test then stands in a function of its own, where `:=` would be lost."""
    return any(isinstance(n, (ast.Break, ast.Return)) for s in loop.body for n in ast.walk(s))
