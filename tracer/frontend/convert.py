"""Converting functions: once for each code object, when they are called while tracing.

The converted code is compiled under the user's own file name with the user's own line numbers: tracebacks, `pdb` and
breakpoints see the file as it is written. The new function shares globals, closure cells and defaults with the old one.
"""

from __future__ import annotations
import __future__

import ast
import logging
import os
import sysconfig
import types
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from treadle.ir.location import is_internal
from treadle.tracer.frontend.blocks import Blocks, make_scope, refusal
from treadle.tracer.frontend.build import OPERATORS, completed, located, thunk
from treadle.tracer.frontend.expressions import Scope
from treadle.tracer.frontend.scope import parameters
from treadle.tracer.frontend.source import NoSource, function_tree

LOG = logging.getLogger("treadle.autograph")
_MOST_CONVERTED = 4096
_INSTALLED = tuple(os.path.realpath(p) + os.sep for k, p in sysconfig.get_paths().items()
                   if k in ("stdlib", "platstdlib", "purelib", "platlib"))


@dataclass(frozen=True)
class Conversion:
    """What became of a code object: the converted code, or the reason why there is none."""

    code: CodeType | None
    reason: str = ""


_by_id: dict[int, tuple[CodeType, Conversion]] = {}
_made: dict[int, tuple[CodeType, CodeType | None]] = {}  # the code objects that the front end compiled, and from which
_installed: dict[str, bool] = {}


def is_installed(filename: str) -> bool:
    """True for files of installed packages and the standard library, and for treadle's own: they run as they are."""
    known = _installed.get(filename)
    if known is None:
        real = os.path.realpath(filename)
        known = is_internal(filename) or real.startswith(_INSTALLED) or filename.startswith("<frozen")
        _installed[filename] = known
    return known


def conversion_of(function: FunctionType) -> Conversion:
    """The conversion of a function's code, made now if it is the first time."""
    code = function.__code__
    found = _by_id.get(id(code))
    if found is None:
        if len(_by_id) >= _MOST_CONVERTED:
            _by_id.clear()
        found = _by_id[id(code)] = code, _convert(function)
    return found[1]


def is_made_here(code: CodeType) -> bool:
    """True for code that the front end compiled."""
    return id(code) in _made


def why_plain(code: CodeType) -> str:
    """Why the function of this code runs as it is, if it does."""
    found = _by_id.get(id(code))
    return found[1].reason if found is not None else ""


def _convert(function: FunctionType) -> Conversion:
    code = function.__code__
    if code.co_flags & 0x20:
        return Conversion(None, "it is a generator")
    if code.co_flags & 0x280:
        return Conversion(None, "it is an `async def`")
    try:
        node = function_tree(code, function.__globals__)
    except NoSource as error:
        return Conversion(None, str(error))
    reason = refusal(node)
    if reason is not None:
        return Conversion(None, reason)
    made = Conversion(_compiled(node, code, function.__globals__))
    LOG.info("converted %s (%s:%d)", code.co_qualname, code.co_filename, code.co_firstlineno)
    return made


def _transformed(node: ast.FunctionDef | ast.Lambda, code: CodeType, module_names: Any) -> tuple[ast.stmt, str]:
    """The converted definition as a statement, and the name it goes by there."""
    class_name = _enclosing_class(code)
    if class_name is not None:
        node = _Mangling(class_name).visit(node)
    arguments = node.args
    first = (arguments.posonlyargs + arguments.args)[:1]
    self_name = first[0].arg if first and class_name is not None else None
    free = frozenset(code.co_freevars)
    inner: ast.stmt
    if isinstance(node, ast.Lambda):
        scope = Scope(set(parameters(arguments)), None, free)
        blocks = Blocks(scope, self_name, module_names)
        lambda_ = ast.Lambda(arguments, blocks.visit(node.body))
        inner = ast.Expr(ast.copy_location(lambda_, node))
        wanted = "<lambda>"
    else:
        blocks = Blocks(make_scope(node, None, free), self_name, module_names)
        node.body = blocks.function_body(node.body)
        node.decorator_list = []
        if hasattr(node, "type_params"):
            node.type_params = []  # what the body reads of them are cells of the function object
        # Under another name: inside, the function's own name may be a global one.
        inner, wanted = node, f"{OPERATORS}_function"
        node.name = wanted
    # Defaults and annotations are those of the function object; only their number matters here.
    arguments.defaults = [located(ast.Constant(None), node) for _ in arguments.defaults]
    arguments.kw_defaults = [None if d is None else located(ast.Constant(None), node) for d in arguments.kw_defaults]
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
        if argument is not None:
            argument.annotation = None
    if isinstance(node, ast.FunctionDef):
        node.returns = None
    return inner, wanted


def converted_text(function: FunctionType) -> str:
    """The converted function as source text. Raises NoSource."""
    code = function.__code__
    inner, _ = _transformed(function_tree(code, function.__globals__), code, function.__globals__)
    if isinstance(inner, ast.FunctionDef):
        inner.name = code.co_name
    return ast.unparse(completed(inner)).replace(OPERATORS, OPERATORS.replace(".", "_"))


def _compiled(node: ast.FunctionDef | ast.Lambda, code: CodeType, module_names: Any) -> CodeType:
    inner, wanted = _transformed(node, code, module_names)
    free = frozenset(code.co_freevars)
    closure = ast.Assign([ast.Name(n, ast.Store()) for n in [*sorted(free), OPERATORS]], ast.Constant(None))
    module = ast.Module([located(thunk(f"{OPERATORS}_factory", [closure, inner]), node)], [])
    how: Any = {"mode": "exec", "dont_inherit": True, "flags": code.co_flags & _FUTURE}
    try:
        compiled = compile(module, code.co_filename, **how)
    except TypeError:  # a node without a place, whose neighbour's will do
        compiled = compile(completed(module), code.co_filename, **how)
    made = _find(_find(compiled, f"{OPERATORS}_factory"), wanted)
    result = _renamed(made, code.co_name, code.co_qualname)
    _remember(result, _by_place(code))
    return result


_OPTIMIZED = 0x1  # set for functions, not for class bodies
_FUTURE = __future__.annotations.compiler_flag


def _find(code: CodeType, name: str) -> CodeType:
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)


def _renamed(code: CodeType, name: str, qualified: str) -> CodeType:
    """The code and its blocks under the function's name, as tracebacks show it."""
    def inner(c: Any) -> Any:
        if not isinstance(c, CodeType):
            return c
        if c.co_name.startswith(OPERATORS):
            return _renamed(c, name, qualified)
        path = c.co_qualname.replace(f"{OPERATORS}_factory.<locals>.{OPERATORS}_function", qualified)
        return _renamed(c, c.co_name, path)

    return code.replace(co_name=name, co_qualname=qualified, co_consts=tuple(inner(c) for c in code.co_consts))


def _by_place(code: CodeType) -> dict[tuple, list[CodeType]]:
    """A code object and all inside it."""
    found: dict[tuple, list[CodeType]] = {_place(code): [code]}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for place, inner in _by_place(constant).items():
                found.setdefault(place, []).extend(inner)
    return found


def _place(code: CodeType) -> tuple:
    count = code.co_argcount + code.co_kwonlyargcount
    return code.co_name, code.co_firstlineno, code.co_varnames[:count]


def _remember(code: CodeType, originals: dict[tuple, list[CodeType]]) -> None:
    if len(_made) >= 16 * _MOST_CONVERTED:
        return
    found = originals.get(_place(code), ())
    _made[id(code)] = code, found[0] if len(found) == 1 else None
    for constant in code.co_consts:
        # A class body's methods are the user's own, converted when they are called.
        if isinstance(constant, CodeType) and constant.co_flags & _OPTIMIZED:
            _remember(constant, originals)


def as_written(function: Any) -> Any:
    """A function that was defined inside converted code, as its `def` would have made it in plain Python."""
    made, before = _made.get(id(getattr(function, "__code__", None)), (None, None))
    if made is None or before is None:
        return function
    cells = dict(zip(made.co_freevars, function.__closure__ or ()))
    return _like(function, before, cells) if all(n in cells for n in before.co_freevars) else function


def _enclosing_class(code: CodeType) -> str | None:
    """The class whose body the function stands in, however deep."""
    parts = code.co_qualname.split(".")
    found = [a for a, b in zip(parts, parts[1:]) if a != "<locals>" and b != "<locals>"]
    return found[-1] if found else None


class _Mangling(ast.NodeTransformer):
    """Spells `__x` as Python does inside a class."""

    def __init__(self, class_name: str):
        self.prefix = f"_{class_name.lstrip('_')}"

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "attr", "arg", "name"):
            value = getattr(node, field, None)
            if isinstance(value, str) and value.startswith("__") and not value.endswith("__"):
                setattr(node, field, self.prefix + value)
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [self.prefix + n if n.startswith("__") and not n.endswith("__") else n for n in node.names]
        return super().generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node


def build(function: FunctionType, code: CodeType, operators: Any) -> FunctionType:
    """A function of the converted code, with everything else from `function`."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    cells[OPERATORS] = types.CellType(operators)
    return _like(function, code, cells)


def _like(function: FunctionType, code: CodeType, cells: dict[str, types.CellType]) -> FunctionType:
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__,
                        tuple(cells[n] for n in code.co_freevars))
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    made.__qualname__, made.__doc__, made.__module__ = function.__qualname__, function.__doc__, function.__module__
    made.__annotations__ = function.__annotations__
    return made
