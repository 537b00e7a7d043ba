"""The table of op tests: each module here holds `CASES`, and may hold `SPECIAL`. `tests/test_ops.py` runs them.

An op gets a row like this, and with it a test of its types, its values (eager, compiled, against NumPy), its first and
second derivatives, forward mode and its text form:

    Case(tanh, normal(3, 4), reference=np.tanh)
    Case(concat, normal(2, 3), normal(1, 3), attributes={"axis": 0}, reference=lambda *x, axis: np.concatenate(x, axis))
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from treadle.ir.op import Op

_random = np.random.default_rng(20240607)


def normal(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """Normally distributed numbers, none so near 0 that a finite difference would cross it."""
    x = _random.normal(size=shape)
    return _as(np.where(np.abs(x) < 0.05, 0.05 + np.abs(x), x), dtype)


def uniform(*shape: int, low: float = 0.1, high: float = 0.9, dtype: Any = np.float32) -> np.ndarray:
    """Uniformly distributed numbers in [low, high)."""
    return _as(_random.uniform(low, high, shape), dtype)


def integers(*shape: int, low: int = 0, high: int = 5, dtype: Any = np.int32) -> np.ndarray:
    """Integers in [low, high)."""
    return np.asarray(_random.integers(low, high, shape)).astype(dtype)


def bools(*shape: int) -> np.ndarray:
    """True or False."""
    return np.asarray(_random.integers(0, 2, shape)).astype(np.bool_)


def complexes(*shape: int, dtype: Any = np.complex64) -> np.ndarray:
    """Normally distributed complex numbers."""
    return np.asarray(normal(*shape, dtype=np.float64) + 1j * normal(*shape, dtype=np.float64)).astype(dtype)


def _as(x: Any, dtype: Any) -> np.ndarray:
    return np.asarray(x).astype(dtype)


@dataclass(frozen=True, init=False, eq=False)
class Case:
    """One call of an op, or of a function over ops, and what must hold for it.

    `function(*operands, **attributes)` is called with the operands as tensors (as one list if the op takes a list);
    what must not be a tensor goes into `attributes`.
    """

    function: Callable
    operands: tuple[np.ndarray, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    reference: Callable | None = None  # NumPy's answer for the same operands and attributes, or a list of answers
    gradient: bool = True              # check derivatives, if there are floating operands
    second: bool = True                # check second derivatives too
    symbolic: bool = True              # must work with sizes that are not known while tracing,
    static: tuple[int, ...] = ()       # but for those of these operands
    tolerance: float | None = None     # relative and absolute, instead of the dtype's own
    name: str = ""

    def __init__(self, function: Callable, *operands: Any, attributes: dict[str, Any] | None = None,
                 reference: Callable | None = None, gradient: bool = True, second: bool = True, symbolic: bool = True,
                 static: tuple[int, ...] = (), tolerance: float | None = None, name: str = ""):
        set_ = object.__setattr__
        set_(self, "function", function)
        set_(self, "operands", tuple(np.asarray(o) for o in operands))
        set_(self, "attributes", attributes or {})
        set_(self, "reference", reference)
        set_(self, "gradient", gradient)
        set_(self, "second", second)
        set_(self, "symbolic", symbolic)
        set_(self, "static", static)
        set_(self, "tolerance", tolerance)
        set_(self, "name", name or getattr(function, "__name__", repr(function)))

    def call(self, operands: Sequence[Any]) -> list[Any]:
        """The results, flat."""
        if isinstance(self.function, Op) and self.function.variadic:
            return flat(self.function(list(operands), **self.attributes))
        return flat(self.function(*operands, **self.attributes))

    def __repr__(self) -> str:
        return f"Case({self.name}, {', '.join(f'{o.dtype}{list(o.shape)}' for o in self.operands)}, {self.attributes})"


@dataclass(frozen=True)
class Special:
    """An elementwise op on special values (NaN, infinities, zeros, subnormals, extremes) of each of its dtypes.

    `reference` receives arrays of a wider dtype where there is one. `ulps` is the error allowed, in units of the
    result's precision, beside the difference that replacing subnormal numbers by 0 makes.
    """

    function: Callable
    reference: Callable
    dtypes: tuple[Any, ...]
    arity: int = 1
    ulps: float = 4
    where: Callable | None = None  # the operands for which the answer is compared


def flat(results: Any) -> list[Any]:
    """Results as a list: of one tensor, or of a nested structure of them; None is left out."""
    if results is None:
        return []
    if isinstance(results, (list, tuple)):
        return [r for part in results for r in flat(part)]
    return [results]


def collect(kind: str) -> list[Any]:
    """All rows called `kind` in the modules of this package."""
    rows: list[Any] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        rows += getattr(importlib.import_module(f"{__name__}.{module}"), kind, [])
    return rows
