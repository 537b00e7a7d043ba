"""`while` and `for` over everything people loop over, with no, one and many iterations."""

import numpy as np

import treadle as tf
from control_flow import Py, floats, integers, made, program

Dataset = tf.data.Dataset


@program(0, 1, 5)
def while_counts(n):
    i = 0
    while i < n:
        i += 1
    return i


@program((2.0, 0), (2.0, 1), (2.0, 4), grad=2)
def while_multiplies(x, n):
    y = x
    i = tf.constant(0)
    while i < n:
        y = y * tf.sin(x)
        i = i + 1
    return y


@program(0.5, 3.0, 100.0, grad=2)
def while_on_a_float(x):
    while x > 1:
        x = x / 2.0
    return x


@program((10.0, 3), (1.0, 3), (10.0, 0))
def while_with_and(x, n):
    i = 0
    while x > 2.0 and i < n:
        x, i = x / 2.0, i + 1
    return x, i


@program((3, 4), (0, 4), (3, 0))
def while_nested(n, m):
    total = 0
    i = 0
    while i < n:
        j = 0
        while j < m:
            total += i * j
            j += 1
        i += 1
    return total, i


@program(0, 1, 3)
def while_python_numbers_become_tensors(n):
    count, scale, done = 0, 1.0, False
    while count < n:
        count += 1
        scale *= 0.5
        done = count == n
    return count, scale, done


@program((1.0, Py(0)), (1.0, Py(3)), grad=2)
def while_stays_in_python(x, n):
    i = 0
    while i < n:
        x = x * x + 0.1
        i += 1
    return x, i


@program((7, 0), (7, 3))
def while_true_on_a_python_bound(x, n):
    left = 3
    while left:
        if n < left:
            x = x + left
        left -= 1
    return x


@program(0, 1, 4, grad=0)
def for_range_of_a_tensor(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


@program((2, 9, 3), (9, 2, 3), (9, 2, -3), (0, 1, 5))
def for_range_start_stop_step(start, stop, step):
    total, last = 0, -1
    for i in range(start, stop, step):
        total += i
        last = i
    return total, last


@program((1.0, 0), (1.0, 3), grad=2)
def for_range_of_a_tensor_gradient(x, n):
    for _ in range(n):
        x = x * 0.9 + tf.sin(x)
    return x


@program((2.0, Py(0)), (2.0, Py(3)), grad=1)
def for_range_in_python(x, n):
    for i in range(n):
        x = x * (i + 1)
    return x


@program(floats(), [1.0], [1.0, 2.0, 3.0], grad=1)
def for_over_a_tensor(xs):
    total = 0.0
    for x in xs:
        total += x * x
    return total


@program([[1.0, 2.0], [3.0, 4.0]], [[1.0, -2.0]], grad=2)
def for_over_the_rows_of_a_matrix(m):
    state = tf.zeros([2])
    for row in m:
        state = tf.tanh(state + row)
    return state


@program(([1.0, 2.0], [3.0, 4.0, 5.0]), (floats(), [1.0]), grad=1)
def for_over_tensors_nested(xs, ys):
    total = tf.constant(0.0)
    for x in xs:
        for y in ys:
            total = total + x * y
    return total


@program([3.0, -1.0, 4.0], [-1.0], grad=1)
def for_with_a_condition(xs):
    positive = tf.constant(0.0)
    negative = tf.constant(0.0)
    for x in xs:
        if x > 0:
            positive += x
        else:
            negative -= x * x
    return positive, negative


@program(0, 1, 5)
def for_tf_range(n):
    total = tf.constant(0)
    for i in tf.range(n):
        total += i
    return total


@program((1, 10, 4), (10, 1, -2), (5, 5, 1))
def for_tf_range_start_limit_delta(start, limit, delta):
    total = start * 0
    for i in tf.range(start, limit, delta):
        total = total * 3 + i
    return total


@program((2.0, 0), (2.0, 4), grad=2)
def for_tf_range_with_gradient(x, n):
    y = tf.ones_like(x)
    for i in tf.range(n):
        y = y * x + tf.cast(i, tf.float32)
    return y


@program(5, 0)
def for_tf_range_of_a_constant(x):
    for i in tf.range(3):
        x += i
    return x


@program(3, 0, raises=UnboundLocalError)
def loop_variable_after_the_loop(n):
    for i in range(n):  # noqa: B007
        pass
    return i


@program(3, 0, raises=UnboundLocalError)
def defined_in_the_loop_only(n):
    i = 0
    while i < n:
        square = i * i
        i += 1
    return square


@program(3, 0)
def temporary_of_the_loop(n):
    total = 0
    for i in range(n):
        square = i * i
        total += square
    return total


@program([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], grad=1)
def enumerate_of_a_tensor(xs):
    total = 0.0
    for i, x in enumerate(xs):
        total += x * tf.cast(i + 1, tf.float32)
    return total


@program([1.0, 2.0], [1.0])
def enumerate_with_a_start(xs):
    total = 0
    for i, _ in enumerate(xs, start=10):
        total += i
    return total


@program(([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), ([1.0], [2.0]), ([1.0, 2.0, 3.0], [4.0]), grad=1)
def zip_of_tensors(xs, ys):
    total = 0.0
    for x, y in zip(xs, ys):
        total += x * y
    return total


@program(([1.0, 2.0, 3.0], 2.0), ([-1.0, 5.0, 0.5], 0.0), grad=1)
def zip_of_a_tensor_and_a_list(xs, limit):
    total = 0.0
    for x, weight in zip(xs, [0.5, 1.0, 2.0]):
        if x > limit:
            total += x * weight
    return total


@program(([1.0, 2.0], [3.0, 4.0]), ([1.0], [2.0]), grad=1)
def enumerate_of_zip(xs, ys):
    total = 0.0
    for i, (x, y) in enumerate(zip(xs, ys)):
        total += (x - y) * tf.cast(i, tf.float32)
    return total


@program([1.0, 2.0, 3.0], [3.0], grad=1)
def reversed_of_a_tensor(xs):
    y = 0.0
    for x in reversed(xs):
        y = y * 0.5 + x
    return y


@program((1.0, 2.0), (-1.0, 2.0), grad=1)
def reversed_of_a_list(x, y):
    z = tf.constant(1.0)
    for part in reversed([x, y, x + y]):
        if part > 0:
            z = z * part
    return z


@program((1.0, 2.0, 3.0), (-1.0, 2.0, -3.0), grad=1)
def for_over_a_list_of_tensors(x, y, z):
    total = 0.0
    for part in [x, y, z]:
        if part > 0:
            total += part
    return total


@program({"a": 1.0, "b": -2.0}, {"a": -1.0, "b": 2.0}, grad=1)
def for_over_a_dict(parts):
    total = 0.0
    for name in parts:
        if parts[name] > 0:
            total += parts[name]
    for name, value in parts.items():
        total += value * len(name)
    for value in parts.values():
        total -= value * value
    return total


@program(1.0, -1.0)
def for_over_a_tuple_of_python_values(x):
    names = []
    for name, scale in (("a", 1.0), ("b", 2.0)):
        names.append(name)
        if x > 0:
            x = x * scale
    return x, len(names)


@program(1.0, 30.0)
def for_over_a_python_string_and_a_set(x):
    for letter in "abc":
        if x < 10:
            x = x * len(letter * 2)
    for value in {3}:
        x = x + value
    return x


@program(1.0, 2.0)
def for_over_a_numpy_array(x):
    for value in np.array([1.0, -1.0, 2.0], np.float32):
        if x > value:
            x = x + value
    return x


@program(3.0, -3.0)
def for_over_a_python_generator(x):
    for factor in (k * 2 for k in range(3)):
        if x > 0:
            x = x + factor
    return x


@program(3.0, -3.0)
def for_over_map_and_filter_of_python_values(x):
    for factor in map(float, filter(lambda k: k % 2, range(6))):
        if x > 0:
            x = x * factor
    return x


@program(1.0, -1.0, grad=1)
def for_over_a_dataset(w):
    total = 0.0
    for x in Dataset.from_tensor_slices([1.0, 2.0, 3.0, 4.0]):
        if w > 0:
            total += x * w
        else:
            total += w
    return total


@program(1.0, -1.0, grad=1)
def for_over_a_dataset_with_a_partial_batch(w):
    total, batches = 0.0, 0
    for x in Dataset.from_tensor_slices([1.0, 2.0, 3.0, 4.0, 5.0]).batch(2):
        total += tf.reduce_mean(x) * w
        if w > 0:
            batches += 1
    return total, batches


@program(2.0, -2.0, grad=1)
def for_over_a_dataset_of_pairs(w):
    loss = 0.0
    for x, y in Dataset.from_tensor_slices(([1.0, 2.0, 3.0], [2.0, 4.0, 7.0])).batch(2):
        error = tf.reduce_mean(tf.square(x * w - y))
        if error > 1:
            error = tf.sqrt(error)
        loss += error
    return loss


@program(5, 0, -1)
def for_over_a_dataset_range(limit):
    total = tf.constant(0, tf.int64)
    for i in Dataset.range(4):
        if i < tf.cast(limit, tf.int64):
            total += i
    return total


@program(0.5, 5.0)
def enumerate_of_a_dataset(limit):
    total = 0.0
    for i, x in enumerate(Dataset.from_tensor_slices([1.0, 2.0, 3.0])):
        if x > limit:
            total += x * tf.cast(i, tf.float32)
    return total


@program(0.5, 5.0)
def dataset_made_outside_is_an_argument_of_the_loop(limit):
    total = 0.0
    for epoch in range(2):
        for x in DATASET:
            if tf.reduce_sum(x) > limit:
                total += tf.reduce_sum(x) * (epoch + 1)
    return total


DATASET = Dataset.from_tensor_slices([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


@program((3, Py(2)), (0, Py(2)), (3, Py(0)))
def tensor_loop_in_a_python_loop(n, times):
    total = 0
    for k in range(times):
        for i in tf.range(n):
            total += i * (k + 1)
    return total


@program((3, Py(2)), (0, Py(2)), (3, Py(0)))
def python_loop_in_a_tensor_loop(n, times):
    total = 0
    for i in tf.range(n):
        for k in range(times):
            total += i * (k + 1)
    return total


@program((5, 1), (5, 0), (0, 1))
def swap_in_a_loop(n, b):
    a = 0
    for _ in range(n):
        a, b = b, a + b
    return a, b


@program((1.0, 3), (2.0, 0), grad=1)
def rotation_of_three(x, n):
    a, b, c = x, x * 2.0, x * 3.0
    for _ in tf.range(n):
        a, b, c = b, c, a
    return a, b, c


@program(3, 0)
def structure_carried_by_a_loop(n):
    state = {"step": tf.constant(0), "pair": (tf.constant(1.0), [tf.constant(2.0)])}
    for _ in tf.range(n):
        state = {"step": state["step"] + 1, "pair": (state["pair"][1][0], [state["pair"][0] * 2.0])}
    return state


@program(([[1.0, 2.0], [3.0, 4.0]], 3), ([[1.0, 0.0], [0.0, 1.0]], 0), grad=1)
def matrix_carried_by_a_loop(m, n):
    p = tf.eye(2)
    for _ in range(n):
        p = p @ m / tf.norm(m)
    return p


@made(3, 0, 2)
def variable_assigned_in_a_loop():
    v = tf.Variable(1.0)
    steps = tf.Variable(0)

    def f(n):
        for i in tf.range(n):
            v.assign(v * 2.0 + tf.cast(i, tf.float32))
            steps.assign_add(1)
        return v.read_value()
    return f, [v, steps]


@made(10, 1, 0)
def variable_as_the_loop_condition():
    left = tf.Variable(5)

    def f(n):
        while left > 0 and n > 0:
            left.assign_sub(1)
            n -= 1
        return n
    return f, [left]


@program((3, [1.0, 2.0]), (0, [1.0, 2.0]), grad=1)
def loop_that_uses_captures(n, scale):
    bias = tf.constant([0.5, 0.5])
    x = tf.ones([2])
    for _ in range(n):
        x = x * scale + bias
    return x


@program(3, 0)
def loop_without_carried_values(n):
    for i in range(n):
        i * 2
    return n


@program((100, 7), (1, 2), (0, 3))
def loop_condition_is_an_expression(a, b):
    while (a - b) * (a + b) > 0:
        b += 3
    return b


@program(4, 1, 0)
def while_with_an_early_constant_false(n):
    while False:
        n += 1
    while n > 0 and True:
        n -= 2
    return n


@program(3, 0)
def loop_of_int64_and_bool(n):
    total, flag = tf.constant(0, tf.int64), tf.constant(False)
    for i in tf.range(tf.cast(n, tf.int64)):
        total += i
        flag = not flag
    return total, flag


@program(integers(3, 1, 2), integers(5))
def loop_to_a_bound_from_a_loop(ns):
    total = 0
    for n in ns:
        for j in tf.range(n):
            total += j
    return total


@program(([1.0, 2.0, 3.0], 0.0), ([1.0, -2.0, 3.0], 1.0))
def growing_list_with_a_known_trip_count(xs, limit):
    kept = []
    for x in tf.unstack(xs):
        kept.append(x if x > limit else limit)
    return tf.stack(kept)


@program([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
def growing_shape_with_a_known_trip_count(xs):
    ys = tf.zeros([0])
    for i in range(3):
        ys = tf.concat([ys, xs[i:i + 1] * 2.0], 0)
    return ys


@program(2.0, 9.0)
def for_over_an_open_ended_python_iterator(x):
    import itertools
    for k in itertools.count():
        if k >= 3:
            break
        if x > 5:
            x = x + k
    return x
