"""`return`, `break` and `continue` inside blocks that may be staged become flags.

    while x > 0:                  stop = False
        if c: break         ->    while not stop and x > 0:
        x = x - 1                     if c: stop = True
                                      else: x = x - 1

Where one branch always leaves, what follows moves into the other, so that most early returns need no test of a flag.
A `return` that no staged block encloses stays as it is. What leaves by an exception is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from treadle.tracer.frontend.build import (
    OPERATORS,
    assign,
    assign_constant,
    call_operator,
    children,
    delayed,
    located,
    name,
)
from treadle.tracer.frontend.matching import lower_match

RETURNED = f"{OPERATORS}_returned"
RESULT = f"{OPERATORS}_result"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_PURE_TESTS = {"isinstance", "issubclass", "hasattr", "callable"}


@dataclass(frozen=True)
class _Context:
    """`plain`: no staged block encloses the statement. `leave` and `again`: the flags of the innermost loop.

    `cancels`: flags that an exit in a `finally` takes back, as it drops whatever was on its way out; a loop inside the
    `finally` leaves them to `return`.
    """

    plain: bool = True
    leave: str | None = None
    again: str | None = None
    cancels: frozenset[str] = frozenset()
    return_cancels: frozenset[str] = frozenset()


@dataclass
class _Lowered:
    statements: list[ast.stmt]
    flags: set[str]  # that may have been set when the end is reached
    always: bool     # the end is reached only with one of them set


def is_never_staged(test: ast.expr) -> bool:
    """True for tests whose result cannot be a tensor: they stay Python's own `if`."""
    if isinstance(test, ast.Constant):
        return True
    if isinstance(test, ast.Compare):
        return all(isinstance(o, (ast.Is, ast.IsNot)) for o in test.ops)
    if isinstance(test, ast.Call):
        return isinstance(test.func, ast.Name) and test.func.id in _PURE_TESTS
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not) and is_never_staged(test.operand)
    return isinstance(test, ast.BoolOp) and all(map(is_never_staged, test.values))


def always_leaves(statements: Sequence[ast.stmt]) -> bool:
    """True if the end of the block is never reached, exceptions aside."""
    for s in statements:
        if isinstance(s, (ast.Return, ast.Break, ast.Continue)):
            return True
        if isinstance(s, ast.If) and s.orelse and always_leaves(s.body) and always_leaves(s.orelse):
            return True
        if isinstance(s, ast.With) and always_leaves(s.body):
            return True
        if isinstance(s, ast.Try) and (always_leaves(s.finalbody) or (
                always_leaves([*s.body, *s.orelse]) and all(always_leaves(h.body) for h in s.handlers))):
            return True
    return False


def _cancelled(flags: frozenset[str], where: ast.stmt) -> list[ast.stmt]:
    return [assign_constant(f, False, where) for f in sorted(flags)]


def _returns(statements: Sequence[ast.stmt]) -> bool:
    stack: list[ast.AST] = list(statements)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Return):
            return True
        if not isinstance(node, (*_FUNCTIONS, ast.expr)):
            stack.extend(children(node))
    return False


class Exits:
    """Rewrites one function's body. `fresh(stem)` gives names that nobody else uses."""

    def __init__(self, fresh: Callable[[str], str]):
        self.fresh = fresh
        self.returns = False

    def function(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The body without exits from staged blocks."""
        first = body[0]
        lowered = self.block(body, _Context())
        if not self.returns:
            return lowered.statements
        last = call_operator("returned", [name(RETURNED), delayed(name(RESULT)), ast.Constant(lowered.always)], body[-1])
        ending = located(ast.Return(last), body[-1])
        return [assign_constant(RETURNED, False, first), *lowered.statements, ending]

    def block(self, statements: Sequence[ast.stmt], context: _Context) -> _Lowered:
        """A list of statements; what follows a possible exit is guarded by its flags."""
        out: list[ast.stmt] = []
        flags: set[str] = set()
        for place, statement in enumerate(statements):
            rest = statements[place + 1:]
            if isinstance(statement, ast.Match):
                return self._after(out, flags, self.block([*lower_match(statement, self.fresh), *rest], context))
            if isinstance(statement, ast.If) and rest and not is_never_staged(statement.test):
                # The branch that does not leave goes on with the rest.
                leaves, other = always_leaves(statement.body), always_leaves(statement.orelse)
                if leaves != other:
                    body = statement.body if leaves else [*statement.body, *rest]
                    orelse = [*statement.orelse, *rest] if leaves else statement.orelse
                    moved = located(ast.If(statement.test, body, orelse), statement)
                    return self._after(out, flags, self.statement(moved, context))
            lowered = self.statement(statement, context)
            out += lowered.statements
            flags |= lowered.flags
            if lowered.always:
                return _Lowered(out, flags, True)
            if lowered.flags and rest:
                then = self.block(rest, replace(context, plain=False))
                test = call_operator("none_of", [name(f) for f in sorted(lowered.flags)], rest[0])
                out.append(located(ast.If(test, then.statements, []), rest[0]))
                return _Lowered(out, flags | then.flags, then.always)
        return _Lowered(out, flags, False)

    @staticmethod
    def _after(out: list[ast.stmt], flags: set[str], last: _Lowered) -> _Lowered:
        return _Lowered([*out, *last.statements], flags | last.flags, last.always)

    def statement(self, s: ast.stmt, context: _Context) -> _Lowered:
        """One statement."""
        if isinstance(s, ast.Return):
            if context.plain:
                return _Lowered([s], set(), True)
            self.returns = True
            value = s.value if s.value is not None else located(ast.Constant(None), s)
            result = located(assign(RESULT, value), s)
            before = _cancelled(context.return_cancels, s)
            return _Lowered([*before, result, assign_constant(RETURNED, True, s)], {RETURNED}, True)
        if isinstance(s, ast.Break):
            assert context.leave is not None
            return _Lowered([*_cancelled(context.cancels, s), assign_constant(context.leave, True, s)], {context.leave}, True)
        if isinstance(s, ast.Continue):
            assert context.again is not None
            return _Lowered([*_cancelled(context.cancels, s), assign_constant(context.again, True, s)], {context.again}, True)
        if isinstance(s, ast.If):
            inner = context if is_never_staged(s.test) else replace(context, plain=False)
            then, other = self.block(s.body, inner), self.block(s.orelse, inner)
            s.body, s.orelse = then.statements, other.statements
            return _Lowered([s], then.flags | other.flags, then.always and other.always and bool(s.orelse))
        if isinstance(s, (ast.While, ast.For)):
            return self._loop(s, context)
        if isinstance(s, (ast.With, ast.AsyncWith)):
            body = self.block(s.body, context)
            s.body = body.statements
            return _Lowered([s], body.flags, body.always)
        if isinstance(s, (ast.Try, ast.TryStar)):
            return self._try(s, context)
        return _Lowered([s], set(), False)

    def _try(self, s: ast.Try | ast.TryStar, context: _Context) -> _Lowered:
        outer = context
        if _returns(s.finalbody):  # a staged one could not take Python's own `return` back
            context = replace(context, plain=False)
        body = self.block(s.body, context)
        s.body = body.statements
        flags = set(body.flags)
        always = True
        for handler in s.handlers:
            lowered = self.block(handler.body, context)
            handler.body = lowered.statements
            flags |= lowered.flags
            always = always and lowered.always
        after = body.always
        if s.orelse and not body.always:
            orelse = self.block(s.orelse, replace(context, plain=context.plain and not body.flags))
            flags |= orelse.flags
            after = orelse.always
            if body.flags:
                test = call_operator("none_of", [name(f) for f in sorted(body.flags)], s.orelse[0])
                s.orelse = [located(ast.If(test, orelse.statements, []), s.orelse[0])]
            else:
                s.orelse = orelse.statements
        elif body.always:
            s.orelse = []
        final = self.block(s.finalbody, replace(outer, cancels=outer.cancels | flags,
                                                return_cancels=outer.return_cancels | flags))
        s.finalbody = final.statements
        s._swallows = bool(final.flags) or _returns(s.finalbody)  # type: ignore[union-attr]
        return _Lowered([s], flags | final.flags, final.always or (always and after))

    def _loop(self, s: ast.While | ast.For, context: _Context) -> _Lowered:
        leave, again = self.fresh("break"), self.fresh("continue")
        body = self.block(s.body, _Context(False, leave, again, frozenset(), context.return_cancels))
        before: list[ast.stmt] = []
        if again in body.flags:
            before.append(assign_constant(again, False, s))
            body.statements.insert(0, assign_constant(again, False, s.body[0]))
        if leave in body.flags:
            before.append(assign_constant(leave, False, s))
        s.body = body.statements
        stops = sorted(body.flags - {again})
        s._stops = stops  # type: ignore[union-attr]
        after: list[ast.stmt] = []
        flags = body.flags & {RETURNED}
        if s.orelse:
            orelse = self.block(s.orelse, replace(context, plain=context.plain and not stops))
            flags = flags | orelse.flags
            if stops:
                test = call_operator("none_of", [name(f) for f in stops], s.orelse[0])
                after = [located(ast.If(test, orelse.statements, []), s.orelse[0])]
            else:
                after = orelse.statements
            s.orelse = []
        return _Lowered([*before, s, *after], flags, False)
