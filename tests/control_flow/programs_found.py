"""Programs that were once compiled wrongly: found by random programs (`control_programs.py`) and by hand."""

import treadle as tf

from . import program


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
