"""`Op`: an operation's definition - signature, docstring, type rule, lowering rule and gradient - in one block.

    @op(infer=same_type, lower=lambda xp, x: xp.sin(x), vjp=(lambda g, y, x: g * cos(x),), traits="elementwise")
    def sin(x):
        '''Sine of `x` in radians, element by element.'''

Positional parameters are operands, keyword-only ones attributes (their annotation is a `Kind`). The rules:

- `infer(*types, **attributes)` returns the result's `TensorType` (a tuple of them if `many`), and raises the errors a
  user should see for operands that do not fit. Sizes may be symbolic `Dim`s.
- `lower(xp, *arrays, **attributes)` computes the result in the target's namespace (`jax.numpy` and more).
- `sizes(*operands, **attributes)`, optional, computes the result as an object array of ints and `Dim`s from operands
  that are IR values: it lets arithmetic on `tf.shape` be followed while tracing. None where it can't be known.
- `vjp`: one function for each operand, `f(g, y, *operands, **attributes)` returning the operand's cotangent, or None
  in its place where there is no gradient; or one function that returns the tuple of all. `g` and `y` are tuples
  if `many`. Written in ops, so it serves the eager tape, the traced tape and higher orders.
- `with_residuals` and `jvp`, for ops that hold graphs: the form that keeps what the gradient needs, and forward mode.
- `valid(*operands, **attributes)`, written in ops, is a bool scalar (None: certainly true) that says whether the
  operands' values are allowed; `invalid(*arrays, **attributes)` makes the exception to raise if they are not.
- `host(*arrays, **attributes)` carries the op out in Python, on NumPy arrays, for ops with an effect; then `lower` is
  None.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import errors, interpreter, operators
from treadle.ir.attributes import Kind
from treadle.ir.dtypes import as_dtype
from treadle.ir.interpreter import bind, state

REGISTRY: dict[str, Op] = {}
TRAITS = {
    "elementwise",  # each result element depends on the operand elements at its place, after broadcasting
    "commutative",  # operands may be swapped
    "effect",       # must stay, in order, even if nobody uses the result
    "constant",     # no operands: the result is an attribute
    "exact",        # numpy gives bit for bit what XLA gives: may be folded at compile time
    "barrier",      # identical operands do not make identical results: never merged
}


class Operand:
    """Annotation of an operand that does not take the dtype of the others. `hint` is the dtype of a Python number there."""

    def __init__(self, hint: Any = None):
        self.hint = hint


Other = Operand()
Many = Operand()  # a list of operands of one dtype: `concat(values, axis=0)`
Rest = Operand()  # any number of operands of any dtype: `call(operands, graph=g)`


class Op:
    """An operation that can be called on tensors. See the module's docstring for its rules."""

    def __init__(self, function: Callable, *, infer: Callable, lower: Callable | None, vjp: Any = None,
                 sizes: Callable | None = None, with_residuals: Callable | None = None, jvp: Callable | None = None,
                 valid: Callable | None = None, invalid: Callable | None = None, host: Callable | None = None,
                 traits: str = "", many: bool = False):
        self.name = function.__name__.strip("_") if function.__name__.endswith("_") else function.__name__
        self.__name__ = self.__qualname__ = self.name
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self.traits = frozenset(traits.split())
        if self.traits - TRAITS:
            raise ValueError(f"unknown traits of {self.name}: {self.traits - TRAITS}")
        self.infer, self.lower, self.vjp, self.sizes = infer, lower, vjp, sizes
        self.with_residuals, self.jvp = with_residuals, jvp
        self.valid, self.invalid, self.host = valid, invalid, host
        self.many = many
        parameters = inspect.signature(function).parameters.values()
        operands = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        attributes = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.operand_names = tuple(p.name for p in operands)
        self.variadic = any(p.annotation in (Many, Rest) for p in operands)
        if self.variadic and len(operands) != 1:
            raise ValueError(f"{self.name}: a list of operands must be the only operand")
        self.arity = len(operands)
        # For each operand: True if it shares the dtype of the others, else the dtype hint of its own.
        self.shared = tuple(p.annotation in (p.empty, Many) for p in operands)
        self.hints = tuple(p.annotation.hint if isinstance(p.annotation, Operand) else None for p in operands)
        self.attributes: dict[str, type[Kind]] = {p.name: p.annotation for p in attributes}
        self.defaults = {p.name: p.default for p in attributes if p.default is not p.empty}
        self.__signature__ = inspect.Signature(
            [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in [*operands, *attributes]]
            + [inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)])
        if self.name in REGISTRY:
            raise ValueError(f"two ops are called {self.name}")
        REGISTRY[self.name] = operators.TABLE[self.name] = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            given: Sequence[Any] = args
            named = kwargs
            if kwargs or len(args) != self.arity or self.variadic:
                given, kwargs = self._parse(args, kwargs)
            operands = self._convert_operands(given)
            attributes = self._convert_attributes(kwargs, operands) if self.attributes else {}
            results = bind(self, operands, attributes)
        except interpreter.TakeOver as other:
            with interpreter.interpreting(other.interpreter):
                return self(*args, **named)
        except Exception as error:
            errors.hide_frames(error)
            raise
        return results if self.many else results[0]

    def _parse(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
        """Sort the arguments of a call into operands and attributes; both may be given by position or by name."""
        names = (*self.operand_names, *self.attributes)
        if len(args) > len(names):
            extra = args[len(names):]
            if len(extra) > 1 or not (extra[0] is None or isinstance(extra[0], str)):
                raise errors.DtypeError(
                    f"`{self.name}` takes {len(names)} arguments ({', '.join(names)}). Received: {len(args)}.")
        given = dict(zip(names, args))
        for key, value in kwargs.items():
            if key == "name":
                continue
            if key not in names:
                raise errors.DtypeError(f"`{self.name}` has no argument {key!r}. It takes: {', '.join(names)}, name.")
            if key in given:
                raise errors.DtypeError(f"`{self.name}` received {key!r} twice, by position and by name.")
            given[key] = value
        operands = []
        for name in self.operand_names:
            if name not in given:
                raise errors.DtypeError(f"`{self.name}` needs the argument {name!r}. It takes: {', '.join(names)}.")
            operands.append(given.pop(name))
        if self.variadic:
            operands = list(operands[0]) if isinstance(operands[0], (list, tuple)) else operands
            if not operands and self.shared[0]:
                raise errors.InvalidArgumentError(f"`{self.name}` needs at least one tensor. Received: an empty list.")
        return operands, given

    def _convert_operands(self, args: Sequence[Any]) -> Sequence[Any]:
        current = state.interpreter
        is_operand = current.is_operand
        for arg in args:
            if not is_operand(arg):
                break
        else:
            return args
        if self.variadic:
            shared, hints = self.shared * len(args), self.hints * len(args)
        else:
            shared, hints = self.shared, self.hints
        # A NumPy array takes the dtype of a tensor beside it, as a number does.
        dtype = next((as_dtype(a.dtype) for a, s in zip(args, shared)
                      if s and hasattr(a, "dtype") and not isinstance(a, (np.ndarray, np.generic))), None)
        converted = []
        for i, (arg, s, hint) in enumerate(zip(args, shared, hints)):
            operand = arg if is_operand(arg) else self._convert_operand(current, arg, dtype if s else hint, i)
            if s and dtype is None and hasattr(operand, "type"):  # a pattern of a rewrite rule has none
                dtype = operand.type.dtype
            converted.append(operand)
        return converted

    def _convert_operand(self, current: interpreter.Interpreter, value: Any, hint: Any, place: int) -> Any:
        try:
            return current.convert(value, hint)
        except errors.OpError as error:
            name = self.operand_names[0 if self.variadic else place]
            raise error.reworded(f"`{self.name}`: the argument `{name}` is not a valid tensor. {error.message}") from None

    def _convert_attributes(self, given: dict[str, Any], operands: Sequence[Any]) -> dict[str, Any]:
        converted = {}
        for name, kind in self.attributes.items():
            if name in given:
                value = given[name]
            elif name in self.defaults:
                value = self.defaults[name]
            else:
                raise errors.DtypeError(f"`{self.name}` needs the argument {name!r}.")
            try:
                converted[name] = kind.convert(value, operands)
            except errors.OpError as error:
                raise error.reworded(f"`{self.name}`, argument `{name}`: {error.message}") from None
        return converted

    def infer_types(self, types: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
        """The result types as a tuple, for one result or many."""
        try:
            inferred = self.infer(*types, **attributes)
        except errors.OpError as error:
            if error.message.startswith("`"):
                raise
            raise error.reworded(f"`{self.name}`: {error.message}") from None
        types = tuple(inferred) if self.many else (inferred,)
        for type_ in types:
            if any(isinstance(s, int) and s < 0 for s in type_.shape):
                raise errors.InvalidArgumentError(
                    f"`{self.name}`: a size must not be negative. Received: the shape {list(type_.shape)}.")
        return types

    def cotangents(self, g: Sequence[Any], y: Sequence[Any], operands: Sequence[Any], attributes: dict[str, Any],
                   needed: Sequence[bool]) -> Sequence[Any]:
        """The cotangent of each operand (None where not needed or not differentiable), by the `vjp` rule."""
        if self.vjp is None:
            return [None] * len(operands)
        gs, ys = (g, y) if self.many else (g[0], y[0])
        if callable(self.vjp):
            return self.vjp(gs, ys, *operands, **attributes)
        return [rule(gs, ys, *operands, **attributes) if rule is not None and need else None
                for rule, need in zip(self.vjp, needed)]

    def __repr__(self) -> str:
        return f"<op {self.name}{self.__signature__}>"

    def __reduce__(self) -> str:
        return self.name


def on_sizes(function: Callable) -> Callable:
    """A `sizes` rule that applies `function` to the operands' known sizes, if all are known."""
    def rule(*operands: Any, **attributes: Any) -> Any:
        known = [o.known for o in operands]
        return None if any(k is None for k in known) else function(*known, **attributes)
    return rule


def op(*, infer: Callable, lower: Callable | None, **rules: Any) -> Callable[[Callable], Op]:
    """Define an op: a decorator for a function whose signature is the schema and whose docstring is the docstring."""
    def define(function: Callable) -> Op:
        return Op(function, infer=infer, lower=lower, **rules)
    return define
