"""What is not a tensor keeps plain Python's semantics exactly, in functions that also have tensor control flow."""

import collections
import dataclasses
import enum

import numpy as np

import treadle as tf
from control_flow import Py, made, program


@program(1.0, -1.0)
def big_integers(x):
    n = 2 ** 31
    for _ in range(3):
        n = n * n
    if x > 0:
        x = x + float(n % 7)
    return x, n.bit_length(), n % 1000


@program(1.0, -1.0)
def identity_of_objects(x):
    a, b, none = object(), [x], None
    same = (a is a, b is not [x], none is None, x is x)  # noqa: F632
    if x > 0:
        same += (a is b,)
    else:
        same += (b[0] is x,)
    return same


@program(1.0, -1.0)
def and_or_of_python_values_give_the_operand(x):
    name = "" or "default"
    empty = [] and 1
    n = 0 or None or 5
    if x > 0:
        x = x * (n and len(name))
    return x, empty == [], n


@program(1.0, -1.0)
def exceptions_raised_and_caught(x):
    def risky(k):
        if k > 1:
            raise KeyError(k)
        return k
    seen = []
    for k in range(4):
        try:
            seen.append(risky(k))
        except KeyError as error:
            seen.append(error.args[0] * 10)
        else:
            seen.append(-1)
        finally:
            seen.append(0)
    if x > 0:
        x = x + sum(seen)
    return x, len(seen)


@program(1.0, -1.0)
def mutable_default_argument(x):
    def push(v, into=[]):  # noqa: B006
        into.append(v)
        return into
    push(x)
    kept = push(x * 2.0)
    if x > 0:
        x = kept[0] + kept[1]
    return x, len(kept)


@program(1.0, -1.0)
def generators_of_python_values(x):
    def count(n):
        k = 0
        while k < n:
            sent = yield k
            k += sent or 1
    total = sum(count(5))
    steps = count(10)
    next(steps)
    jumped = steps.send(4)
    if x > 0:
        x = x * total
    return x, jumped


@program(1.0, -1.0, reaches_all=False)
def for_else_and_while_else_in_python(x):
    for k in range(3):
        if k == 7:
            break
    else:
        k = 100
    while k > 0:
        k -= 30
        if k == 10:
            break
    else:
        k = -5
    if x > 0:
        x = x + k
    return x


@program(1.0, -1.0)
def string_methods_and_formatting(x):
    words = "a,bb,ccc".split(",")
    longest = max(words, key=len)
    text = "%s has %d" % (longest, len(words)) + " {:>5}".format("x")  # noqa: UP031
    if x > 0 and text.endswith("x"):
        x = x * len(text)
    return x


@program(1.0, -1.0)
def sorting_and_slicing_lists(x):
    ks = sorted([3, 1, 2], reverse=True, key=lambda k: k if k > 1 else 10)
    ks[1:] = [9]
    ks += [4]
    del ks[0]
    if x > 0:
        return x * ks[0], ks
    return x * ks[-1], ks


class Mode(enum.Enum):
    """An enum."""

    FAST = 1
    SLOW = 2


@made(1.0, -1.0)
def enums_and_dataclasses():
    @dataclasses.dataclass(frozen=True)
    class Config:
        mode: Mode = Mode.FAST
        rate: float = 0.5
    config = Config()

    def f(x):
        if config.mode is Mode.FAST and x > 0:
            return x * config.rate
        if dataclasses.replace(config, mode=Mode.SLOW).mode == Mode.SLOW:
            x = x - 1.0
        return x
    return f


@program(1.0, -1.0)
def numpy_values_stay_numpy(x):
    table = np.arange(6).reshape(2, 3)
    if table.sum() > 10:
        x = x + float(table[1].max())
    if x > 0:
        x = x * np.float32(2.0)
    for k in table[0]:
        x = x + k
    return x, table.shape


@program(1.0, -1.0)
def counters_and_defaultdicts(x):
    counts = collections.Counter("hello")
    groups = collections.defaultdict(list)
    for letter, n in counts.items():
        groups[n].append(letter)
    if x > 0:
        x = x * counts["l"] + len(groups[1])
    return x


@program(1.0, -1.0)
def attributes_by_name(x):
    class Options:
        pass
    options = Options()
    setattr(options, "rate", 0.5)  # noqa: B010
    options.__dict__["steps"] = 2
    for _ in range(getattr(options, "steps", 0)):
        if x > 0:
            x = x * getattr(options, "rate")  # noqa: B009
    return x, hasattr(options, "missing")


@program((1.0, Py(1)), (1.0, Py(1.0)), (1.0, Py(True)))
def number_types_stay_python(x, n):
    kinds = (type(n) is int, isinstance(n, bool), isinstance(n, float))
    return (x if x > 0 else -x) * float(n), kinds, divmod(7, 2), 7 / 2, 7 // 2, -7 % 3


@program(1.0, -1.0)
def chained_comparison_evaluates_once(x):
    calls = []

    def middle():
        calls.append(1)
        return 5
    inside = 1 < middle() < 10
    outside = 1 > middle() > 3
    if x > 0 and inside and not outside:
        x = x + len(calls)
    return x, len(calls)


@program(1.0, -1.0)
def order_of_evaluation(x):
    log = []

    def note(v, k):
        log.append(k)
        return v
    y = note(x, 1) * note(2.0, 2) + note(x, 3)
    table = {note("a", 4): note(x, 5)}
    table[note("b", 6)] = note(y, 7)
    z = note(x, 8) if note(x, 9) > 0 else note(-x, 10) if False else note(-x, 11)
    return y, z, log


@program(1.0, -1.0)
def locals_and_dir_do_not_show_compiler_names(x):
    y = x * 2.0
    names = sorted(k for k in locals() if k != "names")
    if x > 0:
        y = y + 1.0
    return y, names == ["x", "y"]


@made(1.0, -1.0)
def name_qualname_doc_and_signature_survive():
    import inspect

    def outer(x, k: int = 2):
        """The doc."""
        def inner(v, *, scale=3.0):
            """Inner doc."""
            return v * scale if v > 0 else v
        names = (inner.__name__, inner.__doc__, list(inspect.signature(inner).parameters))
        assert names == ("inner", "Inner doc.", ["v", "scale"]), names
        return inner(x) * k
    return outer


@program(1.0, -1.0)
def global_statement_inside_a_function(x):
    global made_by_a_program
    made_by_a_program = [1, 2]

    def length():
        return len(made_by_a_program)
    if x > 0:
        x = x * length()
    return x


@program(1.0, -1.0)
def is_and_in_with_none_and_lists(x):
    parts = [None, 1, "a"]
    found = None in parts, 2 not in parts, parts[0] is None
    y = None
    if found[0]:
        y = x * 2.0 if x > 0 else x
    return y, found


@program(1.0, -1.0)
def type_dispatch(x):
    def double(v):
        if isinstance(v, (list, tuple)):
            return [double(p) for p in v]
        if isinstance(v, dict):
            return {k: double(p) for k, p in v.items()}
        if not isinstance(v, tf.Tensor):
            return v * 2
        if v > 0:
            return v * 2.0
        return v
    return double({"a": [x, 1], "b": (x, 2.5)})


@program(1.0, -1.0)
def iterators_are_consumed_once(x):
    it = iter([1.0, 2.0, 3.0, 4.0])
    first = next(it)
    for k in it:
        if k == 3.0:
            break
        x = x + k if x > 0 else x
    rest = list(it)
    return x * first, rest
