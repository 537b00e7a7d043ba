"""What the user's classes define, and what decorators make of functions: converted when Python would call it."""

import contextlib
import dataclasses
import functools
import operator
from typing import Any

from control_flow import program


class Amount:
    def __init__(self, v):
        self.v = v

    def __neg__(self):
        return -self.v if self.v > 0 else self.v * 10.0

    def __abs__(self):
        if self.v > 0:
            return self.v
        return -self.v * 2.0

    def __round__(self, digits=None):
        return self.v if self.v > 0 else self.v * 3.0

    def __lt__(self, other):
        if other.v > 0:
            return self.v < other.v
        return self.v > other.v

    def __eq__(self, other):
        return self.v == other.v if other.v > 0 else self.v != other.v

    __hash__ = None

    def __radd__(self, other):
        if self.v > 0:
            return other + self.v
        return other - self.v

    def __rsub__(self, other):
        return other - self.v if self.v > 0 else other + self.v

    def __divmod__(self, other):
        if self.v > 0:
            return self.v, other
        return other, self.v

    def __bool__(self):
        return True if self.v > 1 else False

    def __iter__(self):
        return Steps(self.v)

    def __getattr__(self, name):
        if name != "scaled":
            raise AttributeError(name)
        if self.v > 0:
            return self.v * 5.0
        return self.v * 7.0


class Steps:
    def __init__(self, v):
        self.v, self.k = v, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.k += 1
        if self.k > 2:
            raise StopIteration
        return self.v if self.v > 0 else -self.v * self.k


@program(1.0, -2.0, grad=1, oracle=None)
def unary_methods(x):
    return -Amount(x) + abs(Amount(x)) + round(Amount(x)) + divmod(Amount(x), x * 4.0)[0]


@program(1.0, -2.0, -0.25, oracle=None)
def comparisons_also_reflected(x):
    a, b = Amount(x), Amount(x + 0.5)
    return a < b, a > b, a == b, a != b, operator.lt(a, b), a < b < Amount(x * 2.0)


@program(1.0, -2.0, grad=1, oracle=None)
def reflected_operators(x):
    return (x + Amount(x)) * 1.0 + (2.0 + Amount(x)) + (1.0 - Amount(x)) + sum([Amount(x), x], 3.0)


@program(2.0, -2.0, 0.5, oracle=None)
def truth_iteration_and_missing_attributes(x):
    a = Amount(x)
    total = a.scaled + getattr(a, "sca" + "led")
    for e in a:
        total = total + e
    total = total + sum([e * 2.0 for e in a])
    if a:
        total = total + 100.0
    return total if not a else -total


@functools.total_ordering
class Ordered:
    def __init__(self, v):
        self.v = v

    def __eq__(self, other):
        return self.v == other.v

    def __lt__(self, other):
        if self.v > 0:
            return self.v < other.v
        return self.v < other.v - 1.0


@program(1.0, -2.0, oracle=None)
def total_ordering(x):
    a, b = Ordered(x), Ordered(x + 0.5)
    return a < b, a >= b, a <= b, b > a


@dataclasses.dataclass(slots=True)
class Slotted:
    a: Any
    c: Any = None

    def __post_init__(self):
        if self.a > 0:
            self.c = self.a * 2.0
        else:
            self.c = self.a - 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlots:
    a: Any
    c: Any = None

    def __post_init__(self):
        if self.a > 0:
            object.__setattr__(self, "c", self.a * 5.0)
        else:
            object.__setattr__(self, "c", self.a)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: Any
    scale: dataclasses.InitVar = 3.0

    def __post_init__(self, scale):
        if self.a > 0:
            object.__setattr__(self, "c", self.a * scale)
        else:
            object.__setattr__(self, "c", self.a - 1.0)


@program(1.0, -2.0, grad=1, oracle=None)
def data_classes(x):
    return Slotted(x).c + Frozen(x).c + Frozen(x, scale=x).c + FrozenSlots(x).c


def outer_decorator(f):
    @functools.wraps(f)
    def wrapper(*args):
        result = f(*args)
        return result - 100.0 if result > 100 else result
    return wrapper


class Decorator:
    def __init__(self, f):
        functools.update_wrapper(self, f)
        self.f = f

    def __call__(self, *args):
        result = self.f(*args)
        return result if result > 0 else -result

    def __get__(self, owner, kind=None):
        return self if owner is None else functools.partial(self, owner)


@contextlib.contextmanager
def nothing():
    yield


@outer_decorator
@Decorator
@nothing()  # a function of `contextlib` around this one
def decorated(x):
    if x > 0:
        return x * 200.0
    return x


class Methods:
    def __init__(self, v):
        self.v = v

    @functools.cached_property
    def cached(self):
        if self.v > 0:
            return self.v * 2.0
        return self.v

    @functools.singledispatchmethod
    def single(self, a):
        return a if a > 0 else -a

    @Decorator
    def method(self):
        return self.v


@program(1.0, -2.0, grad=1, oracle=None)
def decorators_of_python_and_of_the_user(x):
    m = Methods(x)
    return decorated(x) + m.cached + m.cached + m.single(x) + m.method()


@program((2.0, 1.0), (1.0, 2.0), (1.0, 1.0), (float("nan"), 1.0), (1.0, float("nan")), oracle=None)
def max_and_min_as_python_compares(x, y):
    by_key = max(1, 2, key=lambda k: x * k), min(x, y, key=lambda v: -v)
    return max(x, y), min(x, y), max([x, y, 1.5]), by_key, max([], default=x)


@program(((-1.0, 3.0, 3.0),), ((2.0, -5.0),), oracle=None)
def max_and_min_of_a_vector(v):
    return max(v), min(v), round(v[0])


@dataclasses.dataclass
class Point:
    x: Any
    y: Any


def place_of(p, k):
    a = b = k
    match p:
        case Point(x=a, y=0) if a > 5:
            return a * 100.0
        case Point(x=0 | 1, y=b):
            return b * 10.0 + a
        case Point(a, 2.5):
            return a * 2.0
        case Point(a, b):
            return a - b
        case {"k": 1.5, **rest}:
            return k * len(rest)
        case [a, 0, *others]:
            return a * len(others) + b
        case [a, [b, None]]:
            return a + b
        case "s" | (_, "s"):
            return k * 7.0
        case _:
            return k * 3.0


@program((1.0, 0.0), (6.0, 0.0), (0.0, 3.0), (1.0, 4.0), (-2.0, 1.0), (1.5, 8.0), oracle=None)
def match_by_parts_that_are_tensors(x, y):
    plain = place_of("s", x) + place_of((x, "s"), x) + place_of([x, [y, None]], x) + place_of({}, y)
    return (place_of(Point(x, y), y), place_of({"k": x, "l": y}, y), place_of({"k": 2.0}, y), place_of([x, y, 1.0, 2.0], y),
            plain, place_of(Point(x, 2.5), y), place_of(Point(3, 4.0), y))
