"""What cannot be compiled, in XLA or in principle. Each is refused at the user's line, with what to write instead."""

import contextlib

import treadle as tf
from control_flow import refused


@refused([1.0, -1.0])
def comprehension_with_a_tensor_condition(xs):
    return [x for x in tf.unstack(xs) if x > 0]  # here


@refused([1.0, -1.0])
def dict_comprehension_with_a_tensor_condition(xs):
    return {k: x for k, x in enumerate(tf.unstack(xs)) if x > 0}  # here


@refused(3.0)
def generator_with_a_tensor_condition(x):
    def halves(v):
        while v > 1:  # here
            yield v
            v = v / 2.0
    return sum(halves(x))


@refused(3.0)
def generator_as_the_function(x):
    if x > 0:
        yield x


@refused(3.0)
async def async_function(x):
    if x > 0:
        x = x * 2.0
    return x


@refused(3.0, made=True)
def function_without_source():
    namespace = {}
    exec("def f(x):\n    if x > 0:\n        return x\n    return -x\n", namespace)
    return namespace["f"]


@refused(3.0)
def structures_of_branches_differ(x):
    if x > 0:  # here
        y = (x, x)
    else:
        y = x
    return y


@refused(3.0)
def lengths_of_branches_differ(x):
    if x > 0:  # here
        y = [x, x]
    else:
        y = [x]
    return y


@refused(3.0)
def keys_of_branches_differ(x):
    parts = {"a": x}
    if x > 0:  # here
        parts["b"] = x
    return parts


@refused(3.0)
def dtypes_of_branches_differ(x):
    if x > 0:  # here
        y = x
    else:
        y = tf.constant(1)
    return y


@refused(3.0)
def shapes_of_branches_differ(x):
    if x > 0:  # here
        y = tf.zeros([2])
    else:
        y = tf.zeros([3])
    return y


@refused(3.0)
def shapes_of_a_ternary_differ(x):
    return tf.zeros([2]) if x > 0 else tf.zeros([3])  # here


@refused(3.0)
def value_in_one_path_and_none_in_the_other(x):
    if x > 0:  # here
        return x


@refused(3.0)
def none_assigned_in_one_branch(x):
    y = None
    if x > 0:  # here
        y = x
    return y


@refused(3)
def shape_of_a_loop_variable_changes(n):
    y = tf.zeros([1])
    i = 0
    while i < n:  # here
        y = tf.concat([y, y], 0)
        i += 1
    return y


@refused(3)
def dtype_of_a_loop_variable_changes(n):
    y = tf.constant(1)
    for _ in range(n):  # here
        y = tf.cast(y, tf.float32) * 0.5
    return y


@refused(3)
def structure_of_a_loop_variable_changes(n):
    y = tf.constant(1)
    for _ in range(n):  # here
        y = (y, y)
    return y


@refused(3)
def list_grows_in_a_tensor_loop(n):
    parts = []
    for i in range(n):  # here
        parts.append(i * 2)
    return tf.stack(parts)


@refused(3)
def list_shrinks_in_a_tensor_loop(n):
    parts = [n, n + 1, n + 2]
    while n > 0:  # here
        parts.pop()
        n -= 1
    return parts


@refused(3.0)
def list_grows_in_one_branch(x):
    parts = [x]
    if x > 0:  # here
        parts.append(x)
    return parts


@refused(-3.0)
def failure_of_a_tensor_condition_caught(x):
    try:
        if x < 0:
            raise ValueError("negative")  # here
    except ValueError:
        x = -x
    return x


@refused(-3.0)
def failed_assert_of_a_tensor_caught(x):
    try:
        assert x > 0  # here
    except AssertionError:
        x = -x
    return x


@refused(3.0)
def string_that_depends_on_a_tensor(x):
    name = "positive" if x > 0 else "negative"  # here
    return {name: x}


@refused(3)
def recursion_of_a_depth_that_depends_on_a_tensor(n):
    def factorial(k):
        if k <= 1:
            return tf.constant(1)
        return k * factorial(k - 1)
    return factorial(n)


@refused(3)
def python_list_of_a_tensor_range(n):
    return tf.stack(list(range(n)))  # here


@refused(3, error=(tf.errors.StagingError, tf.errors.InvalidArgumentError))
def shape_from_the_python_int_of_a_tensor(n):
    return tf.zeros([int(n)])  # here


@refused(3.0)
def numpy_of_a_tensor(x):
    return x.numpy() * 2.0  # here


@refused([3.0, 1.0])
def sorted_of_tensors(xs):
    return sorted(tf.unstack(xs))  # here


@refused(3.0, error=tf.errors.InvalidArgumentError)
def condition_that_is_not_a_scalar(x):
    pair = tf.stack([x, x])
    if pair > 0:  # here
        return x
    return -x


@refused(3.0, error=tf.errors.InvalidArgumentError, needs="py_function")
def py_function_of_an_unknown_shape(x):
    return tf.py_function(lambda v: v * 2.0, [x], tf.float32)  # here


class _Swallows:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return kind is ValueError


@refused(3.0)
def context_manager_that_may_swallow(x):
    with _Swallows():
        if x > 0:
            raise ValueError("positive")  # here
    return x


@contextlib.contextmanager
def _catching():
    try:
        yield
    except ValueError:
        pass


@refused(3.0)
def generator_that_catches(x):
    with _catching():  # here
        if x > 0:
            raise ValueError("positive")
    return x
