"""`assert` and `raise` on tensor conditions, `try`/`finally`, `with`, and `try`/`except` around Python's own errors."""

import contextlib

import treadle as tf
from control_flow import Py, made, program


@program(1.0, -1.0, raises=AssertionError)
def assert_without_a_message(x):
    assert x > 0
    return x


@program(1.0, -1.0, raises=AssertionError)
def assert_with_a_message(x):
    assert x > 0, "x must be positive"
    return tf.sqrt(x)


@program(1.0, -1.5, raises=AssertionError)
def assert_with_a_value_in_the_message(x):
    assert x > 0, f"x must be positive, got {x}"
    return x


@program((1.0, 3.0), (5.0, 3.0), raises=AssertionError)
def assert_a_chain(x, limit):
    assert 0 < x < limit, "out of range"
    return x


@program(3, 12, raises=AssertionError)
def assert_in_a_loop(n):
    total = 0
    for i in range(n):
        assert i < 10, f"too many: {i}"
        total += i
    return total


@program((1.0, -1.0), (-1.0, -1.0), (1.0, 1.0), raises=AssertionError)
def assert_in_a_branch(x, y):
    if x > 0:
        assert y > 0, "y"
        return x + y
    return x


@program(1.0, -1.0)
def assert_of_python_values(x):
    assert x.dtype == tf.float32 and isinstance(x.shape.rank, int), "never"
    return x


@program(1.0, -1.0, raises=ValueError)
def raise_in_a_branch(x):
    if x < 0:
        raise ValueError("negative")
    return tf.sqrt(x)


@program(1.0, -2.5, raises=ValueError)
def raise_with_a_value_in_the_message(x):
    if x < 0:
        raise ValueError(f"expected a positive number, got {x:.2f} instead")
    return x


@program(1.0, -1.0, 9.0, raises=(ValueError, KeyError))
def raise_of_several_types(x):
    if x < 0:
        raise ValueError("negative")
    elif x > 5:
        raise KeyError("large")
    return x


class Diverged(Exception):
    """An exception of the user's own, with an attribute."""

    def __init__(self, step, message="diverged"):
        super().__init__(f"{message} at step {step}")
        self.step = step


@program(2.0, 0.5, raises=Diverged)
def raise_the_users_own_exception_in_a_loop(x):
    for i in range(5):
        x = x * x
        if x > 1000:
            raise Diverged(i)
    return x


@program((2.0, 8), (0.5, 8), (2.0, 1), raises=Diverged)
def raise_in_a_tensor_loop(x, n):
    for i in tf.range(n):
        x = x * x
        if x > 1000:
            raise Diverged(3, f"no convergence with {x:.1f}")
        if i > 6:
            break
    return x


@program(1, 2, 9, raises=NotImplementedError)
def raise_a_class(n):
    if n == 1:
        return n
    if n == 2:
        return n * 2
    raise NotImplementedError


@program((1.0, 2.0), (1.0, 0.0), raises=ZeroDivisionError)
def raise_in_a_called_function(x, y):
    def divide(a, b):
        if b == 0:
            raise ZeroDivisionError("division by a zero tensor")
        return a / b
    return divide(x, y) + 1.0


@program((1.0, Py(1)), (-1.0, Py(1)), (1.0, Py(7)), raises=ValueError)
def raise_on_a_python_condition(x, mode):
    if mode not in (1, 2):
        raise ValueError(f"unknown mode {mode}")
    if x > 0:
        return x
    return -x


@made(1.0, -1.0, 2.0, raises=ValueError)
def no_variable_is_half_updated():
    v = tf.Variable(0.0)
    w = tf.Variable(0.0)

    def f(x):
        if x < 0:
            raise ValueError("negative")
        v.assign_add(x)
        w.assign_add(v * 10.0)
        return v + w
    return f, [v, w]


@program((1, 3), (1, 0), (-1, 3), raises=(ValueError, AssertionError))
def the_first_failure_is_raised(x, n):
    if x < 0:
        raise ValueError("first")
    assert n > 0, "second"
    return x + n


@program(1.0, -1.0)
def try_finally(x):
    log = []
    try:
        if x > 0:
            y = x * 2.0
        else:
            y = x * 3.0
    finally:
        log.append("done")
    return y, len(log)


@program(1.0, -1.0)
def return_in_try_finally(x):
    y = x
    try:
        if x > 0:
            return y * 2.0
        y = y - 1.0
    finally:
        x = None
    return y


@program(3, 0)
def loop_in_try_finally(n):
    total = 0
    try:
        for i in range(n):
            if i == 2:
                continue
            total += i
    finally:
        total += 100
    return total


@program(3, 0)
def try_finally_in_a_loop(n):
    total = 0
    for i in range(n):
        try:
            total += i
        finally:
            total += 10
    return total


@program(1.0, -1.0)
def try_except_of_a_key_error(x):
    table = {"a": 1.0}
    try:
        scale = table["b"]
    except KeyError:
        scale = 3.0
    if x > 0:
        x = x * scale
    return x


@program(1.0, -1.0, reaches_all=False)
def try_except_else_finally_in_a_branch(x):
    order = 0
    if x > 0:
        try:
            y = x * float("1.5")
        except ValueError:
            y = x
        else:
            order += 1
        finally:
            order += 10
    else:
        try:
            y = x * float("oops")
        except ValueError as error:
            y = x * len(str(error))
        else:
            order += 1
        finally:
            order += 10
    return y, order


@program(1.0, -1.0)
def except_around_tensor_control_flow(x):
    try:
        if x > 0:
            y = x * 2.0
        else:
            y = -x
        int("not a number")
    except (TypeError, ValueError):
        y = y + 1.0
    return y


@program(1.0, -1.0, raises=RuntimeError)
def raise_from(x):
    if x < 0:
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError("bad table") from error
    return x


class Log:
    """A context manager of the user's own."""

    def __init__(self):
        self.events = []

    def __enter__(self):
        self.events.append("enter")
        return self

    def __exit__(self, kind, error, traceback):
        self.events.append("exit")


@program(1.0, -1.0)
def with_around_a_branch(x):
    with Log() as log:
        if x > 0:
            y = x * 2.0
        else:
            y = -x
    return y, len(log.events)


@program(1.0, -1.0)
def return_inside_with(x):
    with Log():
        if x > 0:
            return x * 2.0
        x = x - 1.0
    return x


@program(3, 0)
def break_inside_with_in_a_loop(n):
    total = 0
    for i in range(n):
        with Log():
            if i == 2:
                break
            total += i + 1
    return total


@contextlib.contextmanager
def scaled(factor):
    yield factor * 2.0


@program(1.0, -1.0, grad=1)
def with_a_generator_context_manager(x):
    with scaled(x) as y, contextlib.nullcontext(3.0) as three:
        if y > 0:
            z = y * three
        else:
            z = y
    return z


@program(1.0, -1.0, reaches_all=False)
def with_suppress(x):
    with contextlib.suppress(KeyError):
        if x > 0:
            x = x + 1.0
        {}["missing"]
        x = x + 100.0
    return x


@program(1.0, -1.0, grad=1)
def with_name_scope(x):
    with tf.name_scope("block"):
        if x > 0:
            x = x * 3.0
    return x
