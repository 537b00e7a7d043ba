"""`match` becomes `if`/`elif`: a case is a test, which may be a tensor, and a block."""

from __future__ import annotations

import ast
from collections.abc import Callable

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
        tests: list[ast.expr] = [
            ast.Compare(name(subject), [ast.Is() if isinstance(v, ast.Constant) and v.value in (None, True, False)
                                        and not isinstance(v.value, (int, float)) or isinstance(v, ast.Constant)
                                        and isinstance(v.value, bool) else ast.Eq()], [v]) for v in values]
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)
    else:
        # Patterns that take things apart are Python's own: matched there, in a function that binds the names.
        matcher = fresh("matches")
        body: list[ast.stmt] = [ast.Match(name(subject), [
            ast.match_case(pattern, None, [ast.Return(ast.Constant(True))]),
            ast.match_case(ast.MatchAs(), None, [ast.Return(ast.Constant(False))])])]
        before.append(located(thunk(matcher, [*nonlocals(bound([pattern])), *body]), pattern))
        test = ast.Call(name(matcher), [], [])
    if test is None:
        return before, located(guard, pattern) if guard is not None else located(ast.Constant(True), pattern)
    if guard is not None:
        test = ast.BoolOp(ast.And(), [test, guard])
    return before, located(test, pattern)


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
