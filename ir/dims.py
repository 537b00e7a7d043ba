"""Symbolic sizes: a dimension that is `None` to the user is a `Dim` inside.

A `Dim` is a polynomial with integer coefficients over atoms. An atom is a symbol (`n0`, one for each `None` in an
input signature) or a named function of sizes that polynomials cannot express (`floordiv`, `max` ...). Sizes stay
exact through reshapes and concatenations, and `substitute` gives the integer once the call's shapes are known.

    n0*784, n0 + n1, floordiv(n0 + 1, 2)
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Size = Any  # an int or a Dim: a union would ask for a check at every comparison of sizes
Monomial = tuple[str, ...]


class Dim:
    """A size known only when the function is called. Supports + - * // %; two are equal if equal as polynomials."""

    __slots__ = ("terms", "atoms", "_text")

    def __init__(self, terms: dict[Monomial, int], atoms: dict[str, tuple]):
        self.terms = terms
        self.atoms = atoms
        self._text = _format(terms)

    @staticmethod
    def symbol(name: str) -> Dim:
        """The symbol `name`: a size to be given by the caller."""
        return Dim({(name,): 1}, {})

    @property
    def is_symbol(self) -> bool:
        return not self.atoms and list(self.terms.values()) == [1] and len(next(iter(self.terms))) == 1

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __add__(self, other: Size) -> Size:
        return _combine(self, other, 1)

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return _combine(self, other, -1)

    def __rsub__(self, other: Size) -> Size:
        return (self * -1) + other

    def __mul__(self, other: Size) -> Size:
        o_terms, o_atoms = _parts(other)
        terms: dict[Monomial, int] = {}
        for (m, c), (n, d) in itertools.product(self.terms.items(), o_terms.items()):
            key = tuple(sorted(m + n))
            terms[key] = terms.get(key, 0) + c * d
        return _make(terms, {**self.atoms, **o_atoms})

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return floordiv(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - floordiv(self, other) * other

    def __rmod__(self, other: Size) -> Size:
        return other - floordiv(other, self) * self

    def substitute(self, sizes: Mapping[str, Size]) -> Size:
        """The size with each symbol replaced. Functions of sizes are evaluated once their arguments are integers."""
        cache: dict[str, Size] = {}

        def value(atom: str) -> Size:
            if atom not in cache:
                if atom in self.atoms:
                    name, *arguments = self.atoms[atom]
                    cache[atom] = FUNCTIONS[name](*(substitute(a, sizes) for a in arguments))
                else:
                    cache[atom] = sizes.get(atom, Dim.symbol(atom))
            return cache[atom]

        total: Size = 0
        for monomial, coefficient in self.terms.items():
            product: Size = coefficient
            for atom in monomial:
                product = product * value(atom)
            total = total + product
        return total


def substitute(size: Any, sizes: Mapping[str, Size]) -> Any:
    """`size` with symbols replaced, where `size` is an int, a Dim, or a tuple that may hold them."""
    if isinstance(size, Dim):
        return size.substitute(sizes)
    if isinstance(size, tuple):
        return tuple(substitute(s, sizes) for s in size)
    return size


def _parts(size: Size) -> tuple[dict[Monomial, int], dict[str, tuple]]:
    if isinstance(size, Dim):
        return size.terms, size.atoms
    return ({(): operator.index(size)} if size else {}), {}


def _combine(a: Size, b: Size, sign: int) -> Size:
    a_terms, a_atoms = _parts(a)
    b_terms, b_atoms = _parts(b)
    terms = dict(a_terms)
    for monomial, coefficient in b_terms.items():
        terms[monomial] = terms.get(monomial, 0) + sign * coefficient
    return _make(terms, {**a_atoms, **b_atoms})


def _make(terms: dict[Monomial, int], atoms: dict[str, tuple]) -> Size:
    terms = {m: c for m, c in sorted(terms.items()) if c}
    if not terms:
        return 0
    if list(terms) == [()]:
        return terms[()]
    used = {a for m in terms for a in m}
    return Dim(terms, {a: v for a, v in atoms.items() if a in used})


def _format(terms: dict[Monomial, int]) -> str:
    parts = []
    for monomial, coefficient in terms.items():
        factors = [str(coefficient)] if coefficient != 1 or not monomial else []
        parts.append("*".join(factors + list(monomial)))
    return "+".join(parts)


def _atom(name: str, *arguments: Size) -> Dim:
    text = f"{name}({','.join(str(a) for a in arguments)})"
    return Dim({(text,): 1}, {text: (name, *arguments)})


def is_known(*sizes: Size) -> bool:
    """True if every size is an integer."""
    return not any(isinstance(s, Dim) for s in sizes)


def floordiv(a: Size, b: Size) -> Size:
    """a // b, exact where the polynomial a is a multiple of b."""
    if is_known(a, b):
        return a // b
    if a == b:
        return 1
    b_terms, _ = _parts(b)
    if len(b_terms) == 1:
        (divisor, scale), = b_terms.items()
        quotient: dict[Monomial, int] = {}
        for monomial, coefficient in _parts(a)[0].items():
            rest = list(monomial)
            if coefficient % scale or any(divisor.count(d) > rest.count(d) for d in divisor):
                break
            for d in divisor:
                rest.remove(d)
            quotient[tuple(rest)] = coefficient // scale
        else:
            return _make(quotient, _parts(a)[1])
    return _atom("floordiv", a, b)


def maximum(*sizes: Size) -> Size:
    """The largest of some sizes."""
    return _joined("maximum", max, sizes)


def minimum(*sizes: Size) -> Size:
    """The smallest of some sizes."""
    return _joined("minimum", min, sizes)


def broadcast(*sizes: Size) -> Size:
    """The size of dimensions broadcast together; ValueError if two are integers that do not fit."""
    integers = {s for s in sizes if not isinstance(s, Dim) and s != 1}
    if len(integers) > 1:
        raise ValueError(f"{' and '.join(map(str, sizes))} do not broadcast")
    # One integer above 1 decides: the others must be equal or 1, which is checked once they are known.
    return integers.pop() if integers else _joined("broadcast", max, [s for s in sizes if isinstance(s, Dim)] or [1])


def _joined(name: str, function: Callable[..., int], sizes: Sequence[Size]) -> Size:
    """A function whose arguments have no order, may be nested and may be repeated: each is kept once, sorted."""
    arguments: set[Size] = set()
    for size in sizes:
        # A size that is nothing but this function's atom stands for its arguments.
        inner = size.atoms.get(str(size)) if isinstance(size, Dim) else None
        arguments.update(inner[1:] if inner is not None and inner[0] == name else [size])
    integers = [a for a in arguments if not isinstance(a, Dim)]
    if integers:
        arguments = {a for a in arguments if isinstance(a, Dim)} | {functools.reduce(function, integers)}
    return _atom(name, *sorted(arguments, key=str)) if len(arguments) > 1 else arguments.pop()


FUNCTIONS: dict[str, Callable[..., Size]] = {
    "floordiv": floordiv, "maximum": maximum, "minimum": minimum, "broadcast": broadcast,
}

_TOKEN = re.compile(r"\s*(?:(-?\d+)|(\w+)|(.))")
_END = (None, None, "")


def parse(text: str) -> Size:
    """The size that `str(size)` printed; ValueError if it is none."""
    tokens = [m.groups() for m in _TOKEN.finditer(text)] + [_END]
    size, end = _parse_sum(tokens, 0)
    if tokens[end] is not _END:
        raise ValueError(f"not a size: {text!r}")
    return size


def _parse_sum(tokens: list, at: int) -> tuple[Size, int]:
    total, at = _parse_product(tokens, at)
    while tokens[at][2] == "+":
        term, at = _parse_product(tokens, at + 1)
        total = total + term
    return total, at


def _parse_product(tokens: list, at: int) -> tuple[Size, int]:
    product, at = _parse_factor(tokens, at)
    while tokens[at][2] == "*":
        factor, at = _parse_factor(tokens, at + 1)
        product = product * factor
    return product, at


def _parse_factor(tokens: list, at: int) -> tuple[Size, int]:
    number, name, _ = tokens[at]
    if number is not None:
        return int(number), at + 1
    if name is None:
        raise ValueError("a size ends early, or has a character that no size has")
    if tokens[at + 1][2] != "(":
        return Dim.symbol(name), at + 1
    if name not in FUNCTIONS:
        raise ValueError(f"sizes have no function {name!r}")
    argument, at = _parse_sum(tokens, at + 2)
    arguments = [argument]
    while tokens[at][2] == ",":
        argument, at = _parse_sum(tokens, at + 1)
        arguments.append(argument)
    if tokens[at][2] != ")":
        raise ValueError(f"the arguments of {name!r} do not end")
    return FUNCTIONS[name](*arguments), at + 1
