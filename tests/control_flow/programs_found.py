"""Programs that were once compiled wrongly: found by random programs (`control_programs.py`) and by hand."""

import collections
import contextlib
import functools

import numpy as np

import treadle as tf
from control_flow import Py, integers, program, refused


class Private:
    def __init__(self, value):
        self.__value = value

    def run(self, x):
        __k = 1.0

        def inner(y):
            nonlocal __k
            if y > 0:
                __k = y
                return self.__value + y
            return self.__scaled(y)
        return inner(x) + __k

    def __scaled(self, y):
        return y * self.__value if y < -1 else y


@program(-3.0, -0.5, 2.0, oracle=None)
def private_names_of_a_class_declared_nonlocal(x):
    return Private(2.0).run(x)


@program(2.0, -2.0, oracle=None)
def names_like_those_of_converted_code(x):
    _treadle, _treadle_y, _treadle_then_1 = x, x * 2.0, x
    if x > 0:
        _treadle_y = x * 3.0
    return _treadle_y + _treadle_then_1 + _treadle


@program(3.0, -2.0, 40.0, grad=1, oracle=None)
def walrus_in_the_test_of_a_loop_left_early(x):
    total = x * 0.0
    k = 0
    while (half := x * 0.5) < 4.0 and k < 3:
        k += 1
        x = x + 2.0
        if half > 2.0:
            return total - half
        total = total + half
    return total


@program(3.0, -20.0, 40.0, oracle=None)
def walrus_in_the_second_half_of_a_test_with_an_else(x):
    k = 0
    while k < 3 and (half := x * 0.5) < 4.0:
        k += 1
        x = x + half
        if x > 4.5:
            break
    else:
        x = x - 100.0
    return x


class Bag:
    """Every change of it goes through a special method."""

    def __init__(self, x):
        if x > 0:
            self._parts = [x, x]
        else:
            self._parts = [-x, x]
        self._first = x

    def __getitem__(self, key):
        return self._parts[key] if self._parts[key] > 0 else -self._parts[key]

    def __setitem__(self, key, x):
        if x > 0:
            self._parts[key] = x
        else:
            self._parts[key] = -x

    def __delitem__(self, key):
        self._parts[key] = 0.0

    def __contains__(self, x):
        return self._parts[1] > x

    def __iadd__(self, x):
        self._parts[0] = self._parts[0] + x
        return self

    def __enter__(self):
        self._first = self._first + 1.0
        return self

    def __exit__(self, *exception):
        self._first = self._first * 2.0

    @property
    def first(self):
        return self._first

    @first.setter
    def first(self, x):
        self._first = x if x > 0 else -x

    @first.deleter
    def first(self):
        self._first = 0.0


@program(2.0, -3.0, reaches_all=False, oracle=None)
def special_methods_in_branches(x):
    bag = Bag(x)
    if x > 0:
        bag[0] = x + 1.0
        bag += x
        with bag:
            x = x + 1.0
    else:
        bag[1] = x - 5.0
        del bag[0]
    if 1.0 in bag:
        x = x * 2.0
    return bag[0], bag[1], bag.first, x


@program(2.0, -3.0, oracle=None)
def property_deleted_in_one_branch(x):
    bag = Bag(x)
    if x > 0:
        del bag.first
    else:
        bag.first = x - 1.0
    return bag.first


class Doubled:
    """A descriptor."""

    def __get__(self, owner, kind=None):
        return owner.held * 2.0

    def __set__(self, owner, x):
        owner.held = x


class Recorded:
    doubled = Doubled()

    def __init__(self, x):
        self.held = x

    def __setattr__(self, name, x):
        object.__setattr__(self, name, x)


@program(2.0, -3.0, oracle=None)
def descriptor_set_in_one_branch(x):
    found = Recorded(x)
    if x > 0:
        found.doubled = x + 1.0
    return found.doubled


@program(2.0, -3.0, oracle=None)
def default_of_a_dict_made_in_a_branch(x):
    found = collections.defaultdict(lambda: x * 0.0)
    if x > 0:
        found["a"] += x
    else:
        found["a"] -= x
    return found["a"]


@functools.singledispatch
def dispatched(x):
    return x


@dispatched.register(tf.Tensor)
def _(x):
    if x > 0:
        return x * 3.0
    return x * 5.0


@program(2.0, -3.0, oracle=None)
def single_dispatch(x):
    return dispatched(x) + dispatched(2.0)


@refused(2.0)
def array_changed_in_one_branch(x):
    found = np.zeros(2, np.float32)
    if x > 0:
        found[0] = 1.0  # here
    return x + found[0]


@refused(2.0)
def deque_changed_in_one_branch(x):
    found = collections.deque([x, x])
    if x > 0:
        found.append(x)  # here
    return len(found) * x


@program(integers(3, 1), integers(-1, 2), oracle=None)
def array_made_and_changed_in_an_iteration(xs):
    total = xs[0] * 0
    for x in xs:
        mask = np.zeros(2, np.int32)
        mask[1] = 2
        total = total + x * mask[1]
    return total


@refused(2.0)
def raised_under_suppress(x):
    with contextlib.suppress(ValueError):
        if x > 0:
            raise ValueError("positive")  # here
    return x


@program(Py(0), Py(1), raises=UnboundLocalError, oracle=None)
def local_that_python_left_unbound(k):
    if k == 0:
        q = 1
    x = tf.constant(2.0)
    if x > 1:
        x = x + q
    return x


@program(0, 2, raises=UnboundLocalError, oracle=None, reaches_all=False)
def unbound_in_a_loop_that_may_not_run(n):
    i = 0
    total = 0
    while i < n:
        total = total + missing  # noqa: F821
        missing = i  # noqa: F841
        i += 1
    return total
