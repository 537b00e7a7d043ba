"""Expressions: operators that Python decides by truth (`and`, `not`, `a if c else b`, `a < b < c`), calls, and readings of
state become calls of `treadle.tracer.frontend.operators`, which do what Python does unless a tensor is involved.
"""

from __future__ import annotations

import ast
import builtins
from typing import Any

from treadle.tracer.frontend.build import OPERATORS, call_operator, delayed, located, name
from treadle.tracer.frontend.scope import assigned, bound, parameters

_BUILTINS = frozenset(dir(builtins))
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scope:
    """The names of one function: `own` are its locals, `watched` those that a staged block may leave undefined."""

    def __init__(self, own: set[str], outer: Scope | None, free: frozenset[str] = frozenset()):
        self.own, self.outer, self.free = own, outer, free
        self.watched: set[str] = set()
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        self.escaping: set[str] = set()

    def kind(self, id: str) -> str:
        """Where a name is found: "watched", "local", "free" (outside of what is converted) or "global"."""
        if id in self.global_names:
            return "global"
        if id in self.own and id not in self.nonlocal_names:
            return "watched" if id in self.watched else "local"
        if self.outer is not None:
            return self.outer.kind(id)
        return "free" if id in self.free else "global"


class Expressions(ast.NodeTransformer):
    """Transforms expressions. `scope` is the innermost function's."""

    def __init__(self, scope: Scope, self_name: str | None, global_names: Any):
        self.scope = scope
        self.self_name = self_name
        self.module_names = global_names
        self.numbers = 0

    def fresh(self, stem: str) -> str:
        """A name of our own."""
        self.numbers += 1
        return f"{OPERATORS}_{stem}_{self.numbers}"

    # --- names ---

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or node.id.startswith(OPERATORS) or node.id == "__class__":
            return node
        kind = self.scope.kind(node.id)
        if kind == "watched":
            return call_operator("read", [node], node)
        if kind == "free":
            return call_operator("free", [node, ast.Constant(node.id), delayed(name(node.id))], node)
        if kind == "global" and not (node.id in _BUILTINS and node.id not in self.module_names):
            return call_operator("global_", [node, ast.Constant(node.id)], node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == OPERATORS:
            return node
        node.value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            return call_operator("attribute", [node.value, ast.Constant(node.attr)], node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value = self.visit(node.value)
        node.slice = self.visit(node.slice)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else ()
        if isinstance(node.ctx, ast.Load) and not any(isinstance(p, ast.Starred) for p in parts):
            return call_operator("item", [node.value, as_index(node.slice)], node)
        return node

    def visit_Starred(self, node: ast.Starred) -> ast.expr:
        node.value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            node.value = call_operator("iterate", [node.value], node.value)
        return node

    # --- calls ---

    def visit_Call(self, node: ast.Call) -> ast.expr:
        func = node.func
        ours = isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == OPERATORS
        matcher = isinstance(func, ast.Name) and func.id.startswith(OPERATORS)
        node.args = [self.visit(a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
            if keyword.arg is None:
                keyword.value = call_operator("iterate", [keyword.value], keyword.value)
        if ours or matcher:
            return node
        if isinstance(func, ast.Name) and func.id in ("locals", "vars", "dir") and not node.args:
            own = sorted(n for n in self.scope.own if not n.startswith(OPERATORS))
            pairs = [ast.Tuple([ast.Constant(n), delayed(name(n))], ast.Load()) for n in own]
            found = call_operator("locals_", pairs, node)
            return found if func.id != "dir" else located(ast.Call(name("sorted"), [found], []), node)
        if isinstance(func, ast.Name) and func.id == "super" and not node.args and self.self_name is not None:
            node.args = [located(name("__class__"), func), located(name(self.self_name), func)]
            return node
        if isinstance(func, ast.Attribute):
            node.func = call_operator("method", [self.visit(func.value), ast.Constant(func.attr)], func)
        else:
            node.func = call_operator("call", [self.visit(func)], func)
        return node

    # --- truth ---

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        values = [self.visit(v) for v in node.values]
        operator = "and_" if isinstance(node.op, ast.And) else "or_"
        if any(map(assigned, node.values[1:])):
            # An assignment inside a function of its own would be lost: let Python decide, and tensors be refused.
            node.values = [call_operator("plain", [v, ast.Constant("`and`/`or` around `:=`")], v) for v in values]
            return node
        result = values[-1]
        for value in values[-2::-1]:
            result = call_operator(operator, [value, delayed(result)], node)
        return result

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        return call_operator("binary", [ast.Constant(type(node.op).__name__), left, right], node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            return call_operator("not_", [operand], node)
        if isinstance(operand, ast.Constant):
            node.operand = operand
            return node
        return call_operator("unary", [ast.Constant(type(node.op).__name__), operand], node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        if len(node.ops) == 1:
            if isinstance(node.ops[0], (ast.In, ast.NotIn)):
                operator = "in_" if isinstance(node.ops[0], ast.In) else "not_in"
                return call_operator(operator, [self.visit(node.left), self.visit(node.comparators[0])], node)
            if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
                self.generic_visit(node)
                return node
            operands = [self.visit(node.left), self.visit(node.comparators[0])]
            return call_operator("compare", [ast.Constant(type(node.ops[0]).__name__), *operands], node)
        if any(map(assigned, node.comparators)):
            self.generic_visit(node)
            return node
        # a < b < c: b is computed once, c only if a < b holds.
        left = self.visit(node.left)
        rest: list[ast.expr] = []
        for op, comparator in zip(node.ops, node.comparators):
            compare = call_operator("compare", [ast.Constant(type(op).__name__), name("a"), name("b")], node)
            function = ast.Lambda(ast.arguments(posonlyargs=[], args=[ast.arg("a"), ast.arg("b")], kwonlyargs=[],
                                                kw_defaults=[], defaults=[]), compare)
            if isinstance(op, (ast.In, ast.NotIn)):
                operator = "in_" if isinstance(op, ast.In) else "not_in"
                function.body = call_operator(operator, [name("a"), name("b")], node)
            rest.append(ast.Tuple([function, delayed(self.visit(comparator))], ast.Load()))
        return call_operator("chain", [left, *rest], node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if assigned(node.body) or assigned(node.orelse):
            self.generic_visit(node)
            node.test = call_operator("plain", [node.test, ast.Constant("`a if c else b` around `:=`")], node.test)
            return node
        test, body, orelse = map(self.visit, (node.test, node.body, node.orelse))
        return call_operator("if_expression", [test, delayed(body), delayed(orelse)], node)

    # --- what is made ---

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        parts: list[ast.expr] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = ast.Constant("") if part.format_spec is None else self.visit(part.format_spec)
                parts.append(ast.Tuple([self.visit(part.value), ast.Constant(part.conversion), spec], ast.Load()))
            else:
                parts.append(part)
        return call_operator("text", parts, node)

    def _new(self, node: ast.expr) -> ast.expr:
        self.generic_visit(node)
        if isinstance(getattr(node, "ctx", None), ast.Store):
            return node
        return call_operator("new", [node], node)

    def visit_List(self, node: ast.List) -> ast.expr:
        return self._new(node)

    visit_Set = visit_List  # type: ignore[assignment]

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        made = self._new(node)
        node.values = [v if k is not None else call_operator("iterate", [v], v) for k, v in zip(node.keys, node.values)]
        return made

    def _iterated(self, iterable: ast.expr) -> ast.expr:
        return call_operator("iterate", [self.visit(iterable)], iterable)

    def _comprehension(self, node: Any) -> ast.expr:
        targets = set(bound([g.target for g in node.generators]))
        outer = self.scope
        first = self._iterated(node.generators[0].iter)  # evaluated in the scope around
        self.scope = Scope(targets, outer)
        try:
            for generator in node.generators:
                generator.iter = first if generator is node.generators[0] else self._iterated(generator.iter)
                generator.target = self.visit(generator.target)
                generator.ifs = [call_operator("plain", [self.visit(i), ast.Constant("the condition of a comprehension")], i)
                                 for i in generator.ifs]
            for field in ("elt", "key", "value"):
                if hasattr(node, field):
                    setattr(node, field, self.visit(getattr(node, field)))
        finally:
            self.scope = outer
        return node if isinstance(node, ast.GeneratorExp) else call_operator("new", [node], node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self._comprehension(node)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self._defaults(node.args)
        outer = self.scope
        self.scope = Scope(set(parameters(node.args)) | set(bound([node.body])), outer)
        try:
            node.body = self.visit(node.body)
        finally:
            self.scope = outer
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(d) for d in arguments.defaults]
        arguments.kw_defaults = [None if d is None else self.visit(d) for d in arguments.kw_defaults]


def as_index(node: ast.expr) -> ast.expr:
    """An index as an expression that may stand as an argument: `slice(a, b)` in place of `a:b`."""
    if isinstance(node, ast.Slice):
        parts = [p if p is not None else ast.Constant(None) for p in (node.lower, node.upper, node.step)]
        return call_operator("slice_", parts, node)
    if isinstance(node, ast.Tuple):
        return located(ast.Tuple([as_index(e) for e in node.elts], ast.Load()), node)
    return node


