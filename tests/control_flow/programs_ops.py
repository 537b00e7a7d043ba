"""Control flow by name: `tf.cond`, `tf.while_loop`, `tf.scan`, `tf.map_fn`, `TensorArray`, checks, `tf.print` and others."""

import numpy as np

import treadle as tf
from control_flow import integers, made, program


@program(2.0, -2.0, grad=2, needs="cond")
def cond(x):
    return tf.cond(x > 0, lambda: x * x * x, lambda: tf.sin(x))


@program(2.0, -2.0, needs="cond")
def cond_of_structures(x):
    found = tf.cond(x > 0, true_fn=lambda: {"a": x, "b": (x, 1)}, false_fn=lambda: {"a": -x, "b": (x + 1.0, 2)})
    return found["b"], found["a"]


@program((2.0, 1), (2.0, 0), grad=1, needs="cond")
def cond_nested_with_control_flow_inside(x, n):
    def positive():
        if n > 0:
            return x * 2.0
        return x
    return tf.cond(x > 1, positive, lambda: tf.cond(n > 0, lambda: x, lambda: -x)) + tf.cond(
        x < 1, lambda: x, lambda: x * x)


@made(2.0, -2.0, needs="cond")
def cond_with_side_effects():
    v = tf.Variable(0.0)
    return lambda x: tf.cond(x > 0, lambda: v.assign_add(x), lambda: v.assign(-1.0)) * 1.0, [v]


@program(0, 1, 2, 7, needs="case")
def case_with_a_default(n):
    return tf.case([(n < 1, lambda: n - 10), (n < 2, lambda: n * 10)], default=lambda: n * n)


@program((0, 1.5), (1, 1.5), (2, 1.5), (9, 1.5), (-3, 1.5), grad=1, needs="switch_case")
def switch_case(i, x):
    return tf.switch_case(i, [lambda: x, lambda: x * x, lambda: tf.sin(x)])


@program((0, 1.5), (1, 1.5), (7, 1.5), needs="switch_case")
def switch_case_with_a_default(i, x):
    return tf.switch_case(i, {0: lambda: x, 1: lambda: -x}, default=lambda: x * 100.0)


@program((1.5, 0), (1.5, 1), (1.5, 4), grad=2, needs="while_loop")
def while_loop(x, n):
    _, y = tf.while_loop(lambda i, _: i < n, lambda i, y: (i + 1, y * tf.sin(x)), (0, x))
    return y


@program(3, 100, 0, needs="while_loop")
def while_loop_with_maximum_iterations(n):
    return tf.while_loop(lambda i: i < n, lambda i: [i + 2], [tf.constant(0)], maximum_iterations=5,
                         parallel_iterations=4)


@program(3, 0, needs="while_loop")
def while_loop_of_structures(n):
    state = {"i": tf.constant(0), "pair": (tf.constant(1.0), [tf.constant(2.0)])}
    return tf.while_loop(lambda s: s["i"] < n,
                         lambda s: [{"i": s["i"] + 1, "pair": (s["pair"][1][0], [s["pair"][0]])}], [state])


@program((1.5, 3), (1.5, 0), needs="while_loop")
def while_loop_in_a_tape(x, n):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x), (tf.constant(0), tf.constant(1.0)))[1]
    return tape.gradient(y, x, unconnected_gradients="zero")


@program([1.0, 2.0, 3.0], [-1.0], grad=2, needs="scan")
def scan(xs):
    return tf.scan(lambda a, x: a * x + tf.sin(x), xs)


@program([1.0, 2.0, 3.0], [-1.0, 4.0], grad=1, needs="scan")
def scan_with_an_initializer_in_reverse(xs):
    return tf.scan(lambda a, x: (a[0] + x, a[1] * x if x > 0 else a[1]), xs, initializer=(0.0, 1.0), reverse=True)


@program([1.0, 2.0, 3.0], [5.0], grad=1, needs="foldl")
def foldl_and_foldr(xs):
    return tf.foldl(lambda a, x: a * 0.5 + x, xs), tf.foldr(lambda a, x: a * 0.5 + x, xs, initializer=1.0)


@program([1.0, -2.0, 3.0], [5.0], grad=2, needs="map_fn")
def map_fn(xs):
    return tf.map_fn(lambda x: x * x if x > 0 else tf.sin(x), xs)


@program((integers(1, 2, 3), [1.0, 2.0, 3.0]), (integers(4), [4.0]), needs="map_fn")
def map_fn_of_pairs_with_another_dtype(ns, xs):
    return tf.map_fn(lambda p: (tf.cast(p[0], tf.float32) * p[1], p[0] + 1), (ns, xs),
                     fn_output_signature=(tf.float32, tf.int32))


@program([[1.0, 2.0], [3.0, 4.0]], [[5.0, -6.0]], grad=1, needs="vectorized_map")
def vectorized_map(m):
    return tf.vectorized_map(lambda row: tf.reduce_sum(row) * row, m)


@program((3, 1.5), (0, 1.5), needs="TensorArray")
def tensor_array_of_dynamic_size(n, x):
    parts = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    for i in range(4):
        if i < n:
            x = x * 2.0
        parts = parts.write(i, x)
    return parts.stack(), parts.size(), parts.read(1)


@program([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], grad=1, needs="TensorArray")
def tensor_array_unstack_read_and_stack(xs):
    parts = tf.TensorArray(tf.float32, size=3, clear_after_read=False).unstack(xs)
    total = tf.zeros([])
    for i in tf.range(3):
        total += parts.read(i) * tf.cast(i, tf.float32)
    return total, parts.gather([2, 0])


@program(([1.0, 2.0], 3), ([1.0, 2.0], 1), grad=1, needs="TensorArray")
def tensor_array_of_outputs_of_an_rnn(x, n):
    outputs = tf.TensorArray(tf.float32, size=3, element_shape=[2])
    h = tf.zeros([2])
    for t in tf.range(3):
        if t < n:
            h = tf.tanh(h + x)
        outputs = outputs.write(t, h)
    return outputs.stack()


@program(2.0, -2.0, needs="py_function")
def py_function(x):
    return tf.py_function(lambda v: float(v) * 2.0 if v > 0 else 0.0, [x], tf.TensorSpec([], tf.float32))


@program([1.0, -2.0], [3.0, 4.0], needs="numpy_function")
def numpy_function(xs):
    return tf.numpy_function(lambda v: np.where(v > 0, v, 0).astype(np.float32), [xs], tf.TensorSpec([2], tf.float32))


@program(2.5, -2.5, needs="print")
def tf_print(x):
    tf.print("x:", x, "twice:", x * 2.0)
    if x > 0:
        tf.print("positive")
    return x


@program(3, 0, needs="print")
def tf_print_in_a_loop(n):
    for i in tf.range(n):
        tf.print(i, i * i, sep="; ")
    return n


@program(1.0, -1.0, needs="debugging.Assert", raises=Exception)
def assert_by_name(x):
    tf.debugging.Assert(x > 0, [x])
    return x


@program((1.0, 1.0), (1.0, 2.0), needs="debugging.assert_equal", raises=Exception)
def assert_equal(x, y):
    tf.debugging.assert_equal(x, y, message="must be equal")
    return x


@program(([1.0, 2.0], 3.0), ([1.0, 4.0], 3.0), ([-1.0, 4.0], 5.0), needs="debugging.assert_less", raises=Exception)
def assert_less_and_positive(x, y):
    tf.debugging.assert_less(x, y)
    tf.debugging.assert_positive(x)
    return x


@program(1.0, 0.0, needs="debugging.check_numerics", raises=Exception)
def check_numerics(x):
    return tf.debugging.check_numerics(tf.math.log(x), "logarithm")


@made(1.0, 2.0, needs="control_dependencies")
def control_dependencies_group_and_no_op():
    v = tf.Variable(0.0)

    def f(x):
        with tf.control_dependencies([v.assign_add(x)]):
            y = v * 2.0
        tf.group(v.assign_add(1.0), tf.no_op())
        return y
    return f, [v]


@program(3, 0, needs="autograph.experimental.set_loop_options")
def set_loop_options(n):
    total = 0
    for i in tf.range(n):
        tf.autograph.experimental.set_loop_options(parallel_iterations=4, maximum_iterations=10)
        total += i
    return total


@program(2.0, -2.0, needs="autograph.experimental.do_not_convert")
def do_not_convert(x):
    @tf.autograph.experimental.do_not_convert
    def helper(v, flag=True):
        return v * 2.0 if flag else v
    if x > 0:
        x = helper(x)
    return x


@program((1.5, 3), (1.5, 0), grad=1)
def recompute_grad_in_a_loop(x, n):
    step = tf.recompute_grad(lambda v: tf.sin(v) * v)
    for _ in range(n):
        x = step(x)
    return x


@program((1.5, 3), (1.5, 0), (-1.5, 2), grad=1)
def custom_gradient_in_a_loop(x, n):
    @tf.custom_gradient
    def clipped(v):
        return v * v, lambda g: tf.clip_by_value(g * v, -1.0, 1.0)
    for _ in range(n):
        if x > 0:
            x = clipped(x)
    return x


@program((1.5, 3), (1.5, 0))
def stop_gradient_in_a_loop(x, n):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(n):
            y = y * x + tf.stop_gradient(y)
    return tape.gradient(y, x)


@program((1.5, 3), (1.5, 0))
def jacobian_and_persistent_tape_of_a_loop(x, n):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.stack([x, x * 2.0])
        for _ in range(n):
            y = tf.sin(y) * x
        z = tf.reduce_sum(y)
    return tape.jacobian(y, x), tape.gradient(z, x)
