"""`match` becomes `if`/`elif`: a case is a test, which may be a tensor, and a block."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from treadle.tracer.frontend.build import assign, located, name, nonlocals, thunk
from treadle.tracer.frontend.scope import bound


def lower_match(node: ast.Match, fresh: Callable[[str], str]) -> list[ast.stmt]:
    """The statements that do what the `match` does."""
    subject = fresh("subject")
    orelse: list[ast.stmt] = []
    for case in reversed(node.cases):
        before, test = _test(case, subject, fresh)
        orelse = [*before, located(ast.If(test, case.body, orelse), case.pattern)]
    return [located(assign(subject, node.subject), node), *orelse]


def _test(case: ast.match_case, subject: str, fresh: Callable[[str], str]) -> tuple[list[ast.stmt], ast.expr]:
    """(statements that must come first, an expression that is true if the case applies)."""
    pattern, guard = case.pattern, case.guard
    before: list[ast.stmt] = []
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:  # `case x` and `case _`
        test: ast.expr | None = None
        if pattern.name is not None:
            if guard is None:
                case.body.insert(0, located(assign(pattern.name, name(subject)), pattern))
            else:
                before.append(located(assign(pattern.name, name(subject)), pattern))
    elif (values := _values(pattern)) is not None:
        test = _equals(subject, values)
    else:
        # Patterns that take things apart are Python's own: matched there, in a function that binds the names. What the
        # parts must be equal to is asked after that, since a tensor may decide it.
        parts = _Parts(fresh)
        taken = parts.visit(pattern)
        if parts.tests:
            pattern = taken
        matcher = fresh("matches")
        body: list[ast.stmt] = [ast.Match(name(subject), [
            ast.match_case(pattern, None, [ast.Return(ast.Constant(True))]),
            ast.match_case(ast.MatchAs(), None, [ast.Return(ast.Constant(False))])])]
        before.append(located(thunk(matcher, [*nonlocals(bound([pattern])), *body]), pattern))
        test = ast.Call(name(matcher), [], [])
        if parts.tests:
            test = ast.BoolOp(ast.And(), [test, *parts.tests])
            binding = [located(assign(n, name(held)), pattern) for n, held in parts.names.items()]
            if guard is None or not binding:
                case.body[:0] = binding
            else:  # the names are bound before the guard is asked
                fits = fresh("fits")
                before += [located(assign(fits, test), pattern), located(ast.If(name(fits), binding, []), pattern)]
                test = name(fits)
    if test is None:
        return before, located(guard, pattern) if guard is not None else located(ast.Constant(True), pattern)
    if guard is not None:
        test = ast.BoolOp(ast.And(), [test, guard])
    return before, located(test, pattern)


class _Parts(ast.NodeTransformer):
    """Makes of a pattern one whose captures have names of our own, `names`, and whose values are captured too, for `tests`."""

    def __init__(self, fresh: Callable[[str], str]):
        self.fresh, self.alternatives = fresh, 0
        self.names: dict[str, str] = {}
        self.tests: list[ast.expr] = []

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.pattern) and not self.alternatives and (values := _values(node)) is not None:
            held = self.fresh("part")
            self.tests.append(located(_equals(held, values), node))
            return located(ast.MatchAs(None, held), node)
        made = type(node).__new__(type(node))  # the pattern itself is needed where nothing is to be tested
        made.__dict__.update(node.__dict__)
        self.alternatives += isinstance(node, ast.MatchOr)
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(made, field, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                setattr(made, field, self.visit(value))
        self.alternatives -= isinstance(node, ast.MatchOr)
        if isinstance(made, (ast.MatchAs, ast.MatchStar)) and made.name is not None:
            made.name = self._ours(made.name)
        elif isinstance(made, ast.MatchMapping) and made.rest is not None:
            made.rest = self._ours(made.rest)
        return made

    def _ours(self, captured: str) -> str:
        if captured not in self.names:
            self.names[captured] = self.fresh("part")
        return self.names[captured]


def _equals(held: str, values: list[ast.expr]) -> ast.expr:
    tests: list[ast.expr] = [
        ast.Compare(name(held), [ast.Is() if isinstance(v, ast.Constant) and v.value in (None, True, False)
                                 and not isinstance(v.value, (int, float)) or isinstance(v, ast.Constant)
                                 and isinstance(v.value, bool) else ast.Eq()], [v]) for v in values]
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)


def _values(pattern: ast.pattern) -> list[ast.expr] | None:
    """The values a pattern compares with, if that is all it does."""
    if isinstance(pattern, ast.MatchValue):
        return [pattern.value]
    if isinstance(pattern, ast.MatchSingleton):
        return [located(ast.Constant(pattern.value), pattern)]
    if isinstance(pattern, ast.MatchOr):
        found = [_values(p) for p in pattern.patterns]
        return None if any(f is None for f in found) else [v for f in found for v in f or ()]
    return None
