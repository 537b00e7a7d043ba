"""Symbolic sizes: arithmetic on `Dim`s agrees with arithmetic on the integers they stand for."""

import operator
import random
import time

import pytest

from treadle.ir import dims
from treadle.ir.dims import Dim

SYMBOLS = ["n0", "n1", "n2"]
OPERATIONS = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "floordiv": operator.floordiv,
    "mod": operator.mod, "maximum": max, "minimum": min,
}
SYMBOLIC = {**OPERATIONS, "maximum": dims.maximum, "minimum": dims.minimum}
N0, N1, N2 = map(Dim.symbol, SYMBOLS)


def random_size(rng: random.Random, sizes: dict[str, int], depth: int):
    """A random size, and the integer it must stand for."""
    if depth == 0 or rng.random() < 0.15:
        if rng.random() < 0.6:
            name = rng.choice(SYMBOLS)
            return Dim.symbol(name), sizes[name]
        integer = rng.randint(-4, 9)
        return integer, integer
    a, a_value = random_size(rng, sizes, depth - 1)
    b, b_value = random_size(rng, sizes, depth - 1)
    name = rng.choice(list(OPERATIONS))
    if name in ("floordiv", "mod") and b_value == 0:
        name = "add"
    return SYMBOLIC[name](a, b), OPERATIONS[name](a_value, b_value)


@pytest.mark.parametrize("attempt", range(4))
def test_arithmetic_agrees_with_integers(attempt):
    seed = time.time_ns() + attempt
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(300):
        sizes = {name: rng.randint(1, 12) for name in SYMBOLS}
        size, value = random_size(rng, sizes, 4)
        assert dims.substitute(size, sizes) == value, (size, sizes)
        assert dims.parse(str(size)) == size
        # In two steps, the first leaving symbols.
        first = {"n0": sizes["n0"]}
        assert dims.substitute(dims.substitute(size, first), sizes) == value, (size, sizes)


@pytest.mark.parametrize("a, b", [
    (N0 + N1, N1 + N0),
    ((N0 + 1) * (N0 - 1), N0 * N0 - 1),
    (N0 * 784 // 784, N0),
    ((N0 * N1 * 6) // (N1 * 3), N0 * 2),
    ((N0 * 2) % 2, 0),
    (N0 - N0, 0),
    (0 * N0, 0),
    (N0 // N0, 1),
    (5 - N0, -1 * N0 + 5),
    (dims.maximum(N0, N1), dims.maximum(N1, N0)),
    (dims.maximum(dims.maximum(N0, N1), N1), dims.maximum(N0, N1)),
    (dims.maximum(N0, 3, 5), dims.maximum(5, N0)),
    (dims.broadcast(N0, N1), dims.broadcast(N1, N0)),
    (dims.broadcast(dims.broadcast(N0, N1), N2), dims.broadcast(N0, dims.broadcast(N2, N1))),
    (dims.broadcast(N0, 1), N0),
    (dims.broadcast(1, 1), 1),
    (dims.broadcast(N0, 7), 7),
    (dims.broadcast(N0, 0), 0),
    (dims.minimum(4, 9), 4),
])
def test_equal_sizes_have_one_form(a, b):
    assert a == b
    assert hash(a) == hash(b)
    assert str(a) == str(b)


@pytest.mark.parametrize("a, b", [(N0, N1), (N0, N0 + 1), (N0 * N0, N0), (N0 // 2, N0), (dims.maximum(N0, 2), N0)])
def test_different_sizes_differ(a, b):
    assert a != b


def test_a_dim_is_no_integer():
    assert N0 != 1
    with pytest.raises(TypeError):
        N0 + 0.5
    with pytest.raises(TypeError):
        0.5 * N0


def test_broadcast_of_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="do not broadcast"):
        dims.broadcast(3, 4)
    late = dims.broadcast(N0, N1)
    assert dims.substitute(late, {"n0": 1, "n1": 4}) == 4
    with pytest.raises(ValueError, match="do not broadcast"):
        dims.substitute(late, {"n0": 3, "n1": 4})


@pytest.mark.parametrize("text", ["", "n0+", "n0*", "sqrt(n0)", "floordiv(n0,2", "floordiv(n0", "n0)", "n0 n1", "n0-1",
                                  "?", "maximum()"])
def test_text_that_is_no_size(text):
    with pytest.raises(ValueError):
        dims.parse(text)


def test_is_symbol():
    assert N0.is_symbol
    assert not (N0 * 2).is_symbol
    assert not (N0 + 1).is_symbol
    assert not (N0 // 2).is_symbol
    assert dims.is_known(1, 2)
    assert not dims.is_known(1, N0)
