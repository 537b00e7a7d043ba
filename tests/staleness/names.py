"""Names rebound between calls: globals, closure cells, functions, modules' attributes, defaults."""

import enum
import os

import numpy as np

import treadle as tf
from staleness import right, right_or_loud, settings

LEVEL = 1


@right
def global_int():
    global LEVEL
    LEVEL = 1
    yield lambda x: x * LEVEL
    LEVEL = 2
    yield
    LEVEL = 1
    yield


RATE = 0.5


@right
def global_float():
    global RATE
    RATE = 0.5
    yield lambda x: x * RATE
    RATE = 0.25
    yield


NAME = "sin"


@right
def global_string():
    global NAME
    NAME = "sin"
    yield lambda x: tf.sin(x) if NAME == "sin" else tf.cos(x)
    NAME = "cos"
    yield


TRAINING = True


@right
def global_bool():
    global TRAINING
    TRAINING = True
    yield lambda x: x * 0.5 if TRAINING else x
    TRAINING = False
    yield
    yield


MASK = None


@right
def global_none():
    global MASK
    MASK = None
    yield lambda x: x if MASK is None else x * MASK
    MASK = 3.0
    yield
    MASK = None
    yield


SHAPE = (1, 2)


@right
def global_tuple():
    global SHAPE
    SHAPE = (1, 2)
    yield lambda x: x * tf.ones(SHAPE)
    SHAPE = (2, 1)
    yield


NUMBER = 1


@right
def equal_values_of_different_types():
    global NUMBER
    NUMBER = 1
    yield lambda x: x / 3.0 if isinstance(NUMBER, bool) else x * NUMBER
    NUMBER = True
    yield
    NUMBER = 1.0
    yield


SIGN = 0.0


@right
def negative_zero():
    global SIGN
    SIGN = 0.0
    yield lambda x: x / tf.constant(SIGN)
    SIGN = -0.0
    yield


PRESENT = 1


@right_or_loud
def global_deleted_and_defined_again():
    global PRESENT
    PRESENT = 1

    def f(x):
        return x * 2.0 if "PRESENT" in globals() else x
    yield f
    del PRESENT
    yield
    PRESENT = 1  # noqa: F841


@right
def closure_cell():
    rate = 0.5
    yield lambda x: x * rate
    rate = 0.1
    yield


@right
def closure_cell_set_by_a_function():
    rate = 0.5

    def f(x):
        return x * rate

    def change(r):
        nonlocal rate
        rate = r
    yield f
    change(4.0)
    yield
    change(0.5)
    yield


@right
def closure_cell_two_functions_deep():
    rate = 1.0

    def inner(x):
        return x * rate

    def outer(x):
        return inner(x) + 1.0
    yield outer
    rate = 3.0
    yield


@right
def closure_cell_rebound_to_none_or_string():
    mode = "double"

    def f(x):
        if mode is None:
            return x
        return x * 2.0 if mode == "double" else x * 3.0
    yield f
    mode = "triple"
    yield
    mode = None
    yield


@right
def global_read_in_a_called_function():
    global LEVEL
    LEVEL = 1
    yield lambda x: times_level(x) + 1.0
    LEVEL = 5
    yield


def times_level(x):
    return x * LEVEL


@right
def global_read_under_a_tensor_condition():
    global LEVEL
    LEVEL = 1

    def f(x):
        if x > 0:
            x = x * LEVEL
        return x
    yield f
    LEVEL = 7
    yield


@right
def global_read_in_a_tensor_loop():
    global LEVEL
    LEVEL = 1

    def f(x):
        for _ in tf.range(3):
            x = x + LEVEL
        return x
    yield f
    LEVEL = 7
    yield


@right
def global_as_a_loop_bound():
    global LEVEL
    LEVEL = 1

    def f(x):
        for _ in range(LEVEL):
            x = x * 2.0
        return x
    yield f
    LEVEL = 3
    yield


@right
def global_read_by_a_compiled_function_inside():
    global LEVEL
    LEVEL = 1
    inner = tf.function(lambda x: x * LEVEL)
    yield lambda x: inner(x) + 1.0
    LEVEL = 2
    yield


@right
def global_read_in_a_comprehension():
    global LEVEL
    LEVEL = 1
    yield lambda x: tf.add_n([x * LEVEL for _ in range(2)])
    LEVEL = 2
    yield


@right
def module_attribute():
    settings.rate = 0.5
    yield lambda x: x * settings.rate
    settings.rate = 2.5
    yield
    settings.rate = 0.5


@right
def global_of_another_module():
    settings.rate = 0.5
    yield lambda x: settings.scaled(x)
    settings.rate = 2.5
    yield
    settings.rate = 0.5


@right
def attribute_of_a_class_of_another_module():
    settings.Options.depth = 1
    yield lambda x: x * settings.options.depth
    settings.Options.depth = 4
    yield
    settings.Options.depth = 1


@right
def function_of_another_module_replaced():
    before = settings.activation
    yield lambda x: settings.activation(x)
    settings.activation = lambda x: x * 10.0
    yield
    settings.activation = before
    yield


def activation(x):
    return x + 1.0


@right
def global_function_rebound():
    global activation
    before = activation
    yield lambda x: activation(x)
    activation = lambda x: x + 100.0
    yield
    activation = before


@right
def closure_function_rebound():
    f = lambda x: x * 2.0
    yield lambda x: f(x)
    f = lambda x: x * 3.0
    yield


@right
def closure_function_rebound_to_one_of_the_same_code():
    def scale(k):
        return lambda x: x * k
    f = scale(2.0)
    yield lambda x: f(x)
    f = scale(3.0)
    yield


@right
def library_function_rebound():
    f = tf.sin
    yield lambda x: f(x)
    f = tf.cos
    yield


@right_or_loud
def default_of_a_called_function_changed():
    def helper(x, k=2.0):
        return x * k
    yield lambda x: helper(x)
    helper.__defaults__ = (5.0,)
    yield


@right_or_loud
def code_of_a_called_function_changed():
    def helper(x):
        return x * 2.0

    def other(x):
        return x * 9.0
    yield lambda x: helper(x)
    helper.__code__ = other.__code__
    yield


@right_or_loud
def mutable_default_argument_mutated():
    def helper(x, scales=[1.0, 2.0]):  # noqa: B006
        return x * scales[0] * scales[1]
    yield lambda x: helper(x)
    helper.__defaults__[0][1] = 10.0
    yield


@right_or_loud
def mutable_default_argument_of_the_function_itself():
    def f(x, options={"k": 2.0}):  # noqa: B006
        return x * options["k"]
    yield f
    f.__defaults__[0]["k"] = 3.0
    yield


class Mode(enum.Enum):
    """An enum."""

    FAST = 1
    SLOW = 2


@right
def enum_in_a_closure():
    mode = Mode.FAST
    yield lambda x: x * 2.0 if mode is Mode.FAST else x * 3.0
    mode = Mode.SLOW
    yield


@right
def dtype_in_a_closure():
    dtype = tf.float32
    yield lambda x: tf.cast(x, dtype) / 3
    dtype = tf.float64
    yield


@right
def class_in_a_closure():
    class A:
        k = 1.0

    class B:
        k = 2.0
    chosen = A
    yield lambda x: x * chosen().k
    chosen = B
    yield


ARRAY = np.array([1.0, 2.0], np.float32)


@right
def numpy_global_rebound():
    global ARRAY
    ARRAY = np.array([1.0, 2.0], np.float32)
    yield lambda x: x * ARRAY
    ARRAY = np.array([3.0, 4.0], np.float32)
    yield


@right_or_loud
def numpy_global_changed_in_place():
    global ARRAY
    ARRAY = np.array([1.0, 2.0], np.float32)
    yield lambda x: x * ARRAY
    ARRAY[0] = 10.0
    yield


@right_or_loud
def numpy_element_read_as_a_python_number():
    array = np.array([1.0, 2.0], np.float32)
    yield lambda x: x * float(array[0])
    array[0] = 10.0
    yield


@right
def tensor_global_rebound():
    global ARRAY
    ARRAY = tf.constant([1.0, 2.0])
    yield lambda x: x * ARRAY
    ARRAY = tf.constant([3.0, 4.0])
    yield


@right
def tensor_in_a_closure_rebound():
    weight = tf.constant(1.0)
    yield lambda x: x * weight
    weight = tf.constant(2.0)
    yield
    weight = tf.constant([2.0, 3.0])
    yield


@right
def variable_in_a_closure_rebound():
    weight = tf.Variable(1.0)
    yield lambda x: x * weight
    weight = tf.Variable(2.0)
    yield
    weight.assign(5.0)
    yield


@right_or_loud
def environment_variable():
    os.environ["TREADLE_TEST_SCALE"] = "2"
    yield lambda x: x * float(os.environ["TREADLE_TEST_SCALE"])
    os.environ["TREADLE_TEST_SCALE"] = "3"
    yield
    del os.environ["TREADLE_TEST_SCALE"]
