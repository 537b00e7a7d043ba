"""Lists, dicts, attributes and variables that change in branches and loops; `del`; tapes, random numbers, training loops."""

import treadle as tf
from control_flow import Py, integers, made, program


@program(2.0, -2.0)
def list_append_in_a_python_loop(x):
    parts = []
    for k in range(4):
        if x > k:
            x = x - 0.5
        parts.append(x * k)
    return parts


@program(2.0, -2.0)
def list_append_in_both_branches(x):
    parts = [x]
    if x > 0:
        parts.append(x * 2.0)
    else:
        parts.append(-x)
    return parts


@program(2.0, -2.0)
def list_elements_in_a_branch(x):
    parts = [x, x + 1.0, x + 2.0]
    if x > 0:
        parts[0] = parts[2] * 2.0
        parts[-1] += 1.0
    return parts


@program((2.0, 3), (2.0, 0), grad=1)
def list_elements_in_a_loop(x, n):
    parts = [x, x * 2.0]
    for _ in range(n):
        parts[0], parts[1] = parts[1], parts[0] + parts[1]
    return parts


@program(2.0, -2.0)
def list_pop_insert_extend(x):
    stack = [x]
    stack.extend([x * 2.0, x * 3.0])
    top = stack.pop()
    stack.insert(0, top)
    if stack[0] > stack.pop(1):
        x = stack[0]
    return x, len(stack), stack


@program(2.0, -2.0)
def stack_as_a_python_loop_condition(x):
    stack, total = [1, 2, 3], x
    while stack:
        k = stack.pop()
        if total > 0:
            total = total * k
    return total


@program(2.0, -2.0)
def list_aliasing(x):
    a = [x]
    b = a
    b.append(x + 1.0)
    if x > 0:
        a[0] = x * 10.0
    return b, a is b


@program((integers(1, 2, 3), 2), (integers(1, 2, 3), 0))
def python_list_indexed_by_python_numbers(xs, k):
    table = [10, 20, 30]
    total = 0
    for i in range(3):
        if xs[i] > k:
            total += table[i]
    return total


@program(2.0, -2.0)
def dict_elements_in_a_branch(x):
    state = {"a": x, "b": x + 1.0}
    if x > 0:
        state["a"] = state["b"] * 2.0
    else:
        state["b"] -= 1.0
    return state


@program((2.0, 3), (2.0, 0), grad=1)
def dict_elements_in_a_loop(x, n):
    state = {"x": x, "v": x * 0.0}
    for _ in tf.range(n):
        state["v"] += state["x"] * -0.1
        state["x"] = state["x"] + state["v"]
    return state


@program(2.0, -2.0)
def dict_key_added_in_both_branches(x):
    state = {}
    if x > 0:
        state["y"] = x
    else:
        state["y"] = -x
    state.update(z=x, w=state.get("missing", 1.0))
    return state


@program(2.0, -2.0)
def nested_containers_in_a_branch(x):
    state = {"layers": [{"w": x, "b": [x, x]}]}
    if x > 0:
        state["layers"][0]["b"][1] = x * 5.0
    return state


class Particle:
    """Something with attributes."""

    def __init__(self, x):
        self.x = x
        self.v = x * 0.0
        self.steps = 0

    def step(self, rate):
        if self.x > 0:
            self.v -= rate * self.x
        else:
            self.v = self.v * 0.5
        self.x = self.x + self.v
        self.steps += 1


@program(2.0, -2.0)
def attribute_in_a_branch(x):
    particle = Particle(x)
    if x > 0:
        particle.x = x * 3.0
        particle.steps += 1
    return particle.x, particle.steps


@program((2.0, 4), (-2.0, 4), (2.0, 0), grad=1)
def attributes_in_a_loop(x, n):
    particle = Particle(x)
    for _ in range(n):
        particle.step(0.3)
    return particle.x, particle.v


@program((2.0, 4), (-2.0, 1))
def attribute_counter_in_a_loop(x, n):
    particle = Particle(x)
    for _ in range(n):
        particle.step(0.3)
    return particle.steps


@program((2.0, 2), (-2.0, 0))
def attribute_of_an_attribute(x, n):
    particle = Particle(x)
    particle.child = Particle(x + 1.0)
    while n > 0:
        particle.child.x += particle.x
        n -= 1
    if x > 0:
        particle.child.v = x
    return particle.child.x, particle.child.v


@program(2.0, -2.0)
def aliased_object_in_a_branch(x):
    a = Particle(x)
    b = a
    if x > 0:
        b.x = x * 7.0
    return a.x


@program(2.0, -2.0)
def del_of_names_elements_and_attributes(x):
    particle, table, parts = Particle(x), {"a": x, "b": x}, [x, x * 2.0, x * 3.0]
    del particle.v, table["a"], parts[0]
    y = x
    del y
    if x > 0:
        x = x + parts[0]
    return x, len(table), hasattr(particle, "v"), parts


@program((2.0, 3), (2.0, 0))
def del_in_a_loop(x, n):
    for i in range(n):
        y = x * tf.cast(i, tf.float32)
        x = x + y
        del y
    return x


@made((3.0, 2), (-1.0, 2), (3.0, 0))
def variables_of_a_python_list_in_a_loop():
    weights = [tf.Variable(1.0), tf.Variable([1.0, 2.0])]

    def f(x, n):
        for _ in tf.range(n):
            for w in weights:
                if x > 0:
                    w.assign_add(x * tf.ones_like(w))
                else:
                    w.assign_sub(tf.ones_like(w))
        return tf.add_n([tf.reduce_sum(w) for w in weights])
    return f, weights


@made((2, 3.0), (0, 5.0), (9, 7.0))
def variable_slice_assigned_in_a_loop():
    v = tf.Variable(tf.zeros([4]))

    def f(n, x):
        for i in range(4):
            if i < n:
                v[i].assign(x + i)
        return v.read_value()
    return f, [v]


@made(1.0, -1.0)
def variable_created_on_the_first_call():
    class Lazy:
        v = None

        def __call__(self, x):
            if self.v is None:
                self.v = tf.Variable(2.0)
            if x > 0:
                self.v.assign_add(x)
            return self.v * x
    return Lazy()


@program((2.0, 3), (2.0, 0), grad=0)
def tape_in_a_loop(x, n):
    for _ in range(n):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = x * x * x if x > 0.5 else tf.sin(x)
        x = x - 0.1 * tape.gradient(loss, x)
    return x


@program((2.0, 3), (-2.0, 3), (2.0, 0))
def loop_in_a_tape(x, n):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in tf.range(n):
            y = y * 0.9 + tf.sin(x)
    return tape.gradient(y, x)


@program((2.0, 3), (-2.0, 1))
def tape_in_a_branch(x, n):
    slope = tf.zeros_like(x)
    if x > 0:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            while n > 0:
                y, n = y * x, n - 1
        slope = tape.gradient(y, x)
    return slope


@program((2.0, 2), (0.5, 0))
def second_order_tape_in_a_loop(x, n):
    for _ in range(n):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = x ** 4
            slope = inner.gradient(y, x)
        curve = outer.gradient(slope, x)
        x = x - slope / curve
    return x


@made(0, 1, 20)
def training_loop():
    xs = tf.constant([[1.0], [2.0], [3.0]])
    ys = 3.0 * xs + 1.0
    w = tf.Variable([[0.5]])
    b = tf.Variable([0.0])

    def train(steps):
        loss = tf.constant(0.0)
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(xs @ w + b - ys))
            for v, g in zip([w, b], tape.gradient(loss, [w, b])):
                v.assign_sub(0.05 * g)
        return loss
    return train, [w, b]


@made(3, 0, 2)
def training_loop_over_a_dataset_with_momentum():
    data = tf.data.Dataset.from_tensor_slices(([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 10.0])).batch(2)
    w, m, step = tf.Variable(0.0), tf.Variable(0.0), tf.Variable(0)

    def train(epochs):
        worst = 0.0
        for _ in range(epochs):
            for x, y in data:
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((w * x - y) ** 2)
                g = tape.gradient(loss, w)
                if tf.abs(g) > 5:
                    g = 5.0 * tf.sign(g)
                m.assign(0.9 * m + g)
                w.assign_sub(0.01 * m)
                step.assign_add(1)
                worst = tf.maximum(worst, loss)
        return worst
    return train, [w, m, step]


@made((0.5, 30), (0.001, 3), (0.5, 0))
def early_stopping():
    w = tf.Variable(4.0)

    def train(rate, most):
        best, wait, stopped_at = float("inf"), 0, -1
        for epoch in tf.range(most):
            with tf.GradientTape() as tape:
                loss = (w - 1.0) ** 2 + 1.0
            w.assign_sub(rate * tape.gradient(loss, w))
            if loss < best:
                best, wait = loss, 0
            else:
                wait += 1
                if wait >= 2:
                    stopped_at = epoch
                    break
        return best, stopped_at
    return train, [w]


@program(0, 1, 5, oracle=None)
def random_numbers_in_a_loop(n):
    total = tf.constant(0.0)
    for _ in range(n):
        total += tf.random.uniform([])
        if total > 1:
            total -= tf.random.normal([]) ** 2
    return total, tf.random.uniform([2])


@made((1.0, 3), (-1.0, 3), (1.0, 0), oracle=None)
def generator_in_a_loop():
    generator = tf.random.Generator.from_seed(3)

    def f(x, n):
        for _ in tf.range(n):
            if x > 0:
                x = x + generator.uniform([])
        return x
    return f, [generator.state]


@program((1.0, 4), (-1.0, 4), oracle=None)
def stateless_random_numbers_in_a_loop(x, n):
    for i in range(n):
        noise = tf.random.stateless_uniform([], tf.stack([i, 7]))
        x = x + noise if x > 0 else x - noise
    return x


@program((2.0, Py([1, 2])), (-2.0, Py([1, 2])))
def python_list_argument_is_read(x, factors):
    for k in factors:
        if x > 0:
            x = x * k
    return x


@program(([1.0, 2.0, 3.0], 2), ([1.0, 2.0, 3.0], 0))
def tensor_updated_by_scatter_in_a_loop(xs, n):
    for i in tf.range(n):
        xs = tf.tensor_scatter_nd_update(xs, [[i]], [xs[i] * 10.0])
    return xs


@program(3, 0, needs="TensorArray")
def tensor_array_in_a_loop(n):
    parts = tf.TensorArray(tf.float32, size=5, element_shape=[])
    x = tf.constant(1.0)
    for i in tf.range(n):
        x = x * 2.0
        parts = parts.write(i, x)
    return tf.reduce_sum(parts.stack())


@program(([1.0, 2.0, 3.0], 2.5), ([1.0, 2.0, 3.0], 0.0), grad=1, needs="TensorArray")
def tensor_array_in_a_loop_with_a_condition(xs, limit):
    parts = tf.TensorArray(tf.float32, size=3)
    for i in tf.range(3):
        if xs[i] > limit:
            parts = parts.write(i, xs[i] * xs[i])
        else:
            parts = parts.write(i, -xs[i])
    return parts.stack()
