"""What `finally` and `__exit__` do on the way out of a block that a tensor makes fail: done, then the exception."""

import contextlib

from control_flow import program, refused


@program(1.0, -2.0, raises=ValueError, oracle=None)
def prints_in_finally(x):
    try:
        if x > 0:
            raise ValueError("no")
    finally:
        print("fin", x)
    return x


@program(1.0, 2.0, -2.0, raises=AssertionError, oracle=None)
def nested_finally_around_an_assertion(x):
    y = x
    try:
        try:
            y = x * 2
            assert y < 3, f"bad {y}"
            print("mid", y)
        finally:
            print("inner", y)
            y = y + 1
    finally:
        print("outer", y)
    return y


@program(1.0, -2.0, raises=KeyError, oracle=None)
def in_the_rounds_of_a_loop(x):
    for i in range(x.shape.rank, 3):
        try:
            x = x + 1
            if x > 3:
                raise KeyError("k")
        finally:
            print("round", i, x)
    return x


@program(1.0, -2.0, 0.25, 3.75, raises=AssertionError, oracle=None)
def in_a_staged_loop_that_is_left(x):
    while x < 4:
        try:
            x = x + 1
            if x > 4.5:
                break
            if x > 2.5 and x < 3.5:
                continue
            assert x < 2.1, "as"
        finally:
            print("w", x)
    return x


@program(1.0, -2.0, 9.0, raises=KeyError, oracle=None)
def around_a_staged_loop(x):
    try:
        while x < 4:
            x = x + 1
            if x > 3:
                raise KeyError("k")
            if x > 0.5 and x < 1.5:
                return x
    finally:
        print("after", x)
    return x


@program(1.0, 5.0, -2.0, raises=(ValueError, TypeError), oracle=None)
def another_exception_in_finally(x):
    try:
        try:
            if x > 0:
                raise ValueError("a")
        finally:
            if x > 3:
                raise TypeError(f"b {x}")
            print("z", x)
    finally:
        print("o", x)
    return x


@program(1.0, 5.0, -2.0, raises=ValueError, oracle=None)
def after_an_early_return(x):
    try:
        if x > 3:
            return x * 100
        if x > 0:
            raise ValueError("q")
    finally:
        print("f", x)
    return x


def fails_above_two(x):
    if x > 2:
        raise ValueError(f"h {x}")
    return x * 2


@program(1.5, 5.0, 0.5, raises=ValueError, oracle=None)
def in_a_function_called(x):
    n = 0
    try:
        x = fails_above_two(x)
        n = 1
        x = fails_above_two(x)
        n = 2
    finally:
        print("n", n, x)
    return x


@program(1.5, 5.0, 0.5, raises=ValueError, oracle=None)
def in_a_function_inside(x):
    def inner(y):
        try:
            if y > 2:
                raise ValueError("i")
            return y * 2
        finally:
            print("in", y)
    try:
        return inner(x) + inner(x + 1)
    finally:
        print("out", x)


@program(1.0, -2.0, raises=KeyError, oracle=None)
def around_an_exception_of_pythons_own(x):
    found = {}
    try:
        if x > 0:
            found["missing"]
        found["x"] = x
    finally:
        found["more"] = x * 4
        for key in found:
            print(key, found[key])
    return x


class Manager:
    def __init__(self, x):
        self.x, self.log = x, []

    def __enter__(self):
        print("enter", self.x)
        self.log.append(1.0)
        return self

    def __exit__(self, kind, error, where):
        self.log.append(2.0)
        if kind is not None:
            print("failed with", kind.__name__, error, len(self.log), self.x)
            return kind is KeyError
        print("exit", self.x)
        return False


@program(1.0, 3.0, raises=AssertionError, oracle=None)
def the_exit_of_a_class(x):
    with Manager(x) as m, Manager(x):
        x = x + m.log[0]
        assert x < 3, "big"
    return x + m.log[-1]


class Closing(contextlib.AbstractContextManager):
    def __exit__(self, kind, error, where):
        return kind is ValueError


@program(1.0, -2.0, 0.5, oracle=None)
def a_finally_that_goes_on_drops_a_return_and_a_break(x):
    for i in range(4):
        try:
            if x > 2:
                return x * 100.0
            if x > i:
                break
            x = x + 1.0
        finally:
            x = x + 0.25
            if x < 1.5:
                continue  # noqa: B012
    for _ in range(2):
        try:
            return x
        finally:
            x = x + 1.0
            for _ in range(3):
                break
            continue  # noqa: B012
    return -x


@program(0.75, 2.0, -2.0, oracle=None)
def a_staged_return_in_finally_takes_the_return_back(x):
    try:
        return x
    finally:
        if x > 1.0:
            pass
        else:
            return x * 10.0
        if x > 0.5:
            return x + 0.5  # noqa: B012


@refused(1.0, says="whose manager may swallow exceptions")
def an_exit_that_swallows(x):
    with Manager(x):
        if x > 0:
            raise KeyError("k")  # here
    return x


@refused(1.0, says="whose manager may swallow exceptions")
def an_exit_that_swallows_and_an_enter_of_pythons(x):
    with Closing():
        assert x < 5
        if x > 0:
            raise ValueError("v")  # here
    return x


@refused(1.0, says="whose manager may swallow exceptions")
def a_stack_of_managers_one_of_which_swallows(x):
    with contextlib.ExitStack() as stack:  # here
        stack.enter_context(contextlib.suppress(ValueError))
        if x > 0:
            raise ValueError("v")
    return x


@refused(1.0, says="cannot be caught inside a compiled function")
def a_finally_that_returns(x):
    try:
        if x > 0:
            raise ValueError("v")  # here
    finally:
        return x  # noqa: B012


@refused(1.0, says="cannot be caught inside a compiled function")
def a_finally_that_leaves_a_loop(x):
    for _ in range(3):
        try:
            assert x < 0  # here
        finally:
            break  # noqa: B012
    return x


@refused(1.0, -1.0, says="cannot be caught inside a compiled function")
def a_handler_of_every_exception(x):
    try:
        if x > 0:
            raise ValueError("v")  # here
    except Exception:
        x = x * 100
    return x


@refused(1.0, -1.0, says="cannot be caught inside a compiled function")
def a_handler_without_a_kind(x):
    try:
        assert x > 0  # here
    except:  # noqa: E722
        x = x * 100
    return x


@refused(1.0, -1.0, says="cannot be caught inside a compiled function")
def a_handler_of_groups(x):
    try:
        if x > 0:
            raise ValueError("v")  # here
    except* Exception:
        x = x * 100
    return x


@refused(1.0, -1.0, says="keeps the kind, dtype and shape")
def a_refusal_is_no_exception_of_the_program(x):
    try:
        while x < 3:  # here
            x = (x, x)[0:2] if x is None else [x + 1.0]
    except Exception:
        x = x * 100
    return x


@refused(1.0, -1.0, says="cannot be caught inside a compiled function")
def suppress_of_every_exception(x):
    with contextlib.suppress(Exception):
        assert x > 0  # here
    return x


class Deaf:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, where):
        return True


@refused(1.0, -1.0, says="keeps the kind, dtype and shape")
def a_refusal_inside_a_manager_that_swallows_everything(x):
    with Deaf():
        while x < 3:  # here
            x = [x + 1.0]
    return x
