"""Ordinary programs: five equal calls must not retrace or warn."""

import collections
import dataclasses
import functools
import math

import numpy as np

import treadle as tf
from staleness import quiet, settings

RATE = 0.1
NAMES = ["a", "b"]
TABLE = {"k": 2.0}
WEIGHT = tf.constant([1.0, 2.0])
ARRAY = np.arange(3, dtype=np.float32)


@quiet
def arithmetic():
    yield lambda x: tf.sin(x) * 2.0 + 1.0


@quiet
def globals_of_every_kind():
    yield lambda x: x * RATE + len(NAMES) * TABLE["k"] + tf.reduce_sum(WEIGHT) + ARRAY[1] + math.pi


@quiet
def closures():
    rate, names, f = 0.5, ["a"], tf.sin
    yield lambda x: f(x) * rate * len(names)


@quiet
def numpy_array_in_a_closure():
    mask = np.ones((64, 64), np.float32)
    yield lambda x: tf.reduce_sum(x * mask)


@quiet
def tensor_control_flow():
    def f(x):
        total = 0.0
        for _ in tf.range(3):
            if x > 1:
                total += x
            else:
                break
        while total > 10:
            total = total / 2.0
        return total
    yield f


@quiet
def python_control_flow():
    def f(x):
        parts = []
        for k in range(3):
            if k % 2:
                continue
            parts.append(x * k)
        return tf.add_n([p for p in parts if p is not None])
    yield f


class Linear:
    """A layer."""

    scale = 2.0

    def __init__(self):
        self.w = tf.Variable([[1.0], [2.0]])
        self.training = True
        self.layers = [tf.tanh, tf.sin]
        self.config = {"rate": 0.1}

    @property
    def rate(self):
        return self.config["rate"]

    def helper(self, x):
        return x * self.scale

    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        if self.training and isinstance(self.w, tf.Variable) and hasattr(self, "w"):
            x = self.helper(x) * self.rate
        return x * tf.reduce_sum(self.w)

    @tf.function
    def step(self, x):
        self.w.assign_sub(0.1 * tf.ones_like(self.w))
        return self.call(x)


@quiet
def method():
    yield Linear().call


@quiet
def compiled_method():
    model = Linear()
    yield model.step


@quiet
def local_list_and_dict_mutation():
    def f(x):
        stack, table = [x], {}
        while stack:
            y = stack.pop()
            table["y"] = y
            table.setdefault("z", y)
            if len(table) < 2:
                stack.append(y * 2.0)
        return table
    yield f


@quiet
def object_made_inside():
    class State:
        def __init__(self, x):
            self.x = x
            self.n = 0

        def step(self):
            self.n += 1
            self.x = self.x * 2.0

    def f(x):
        state = State(x)
        for _ in range(3):
            state.step()
        return state.x, state.n
    yield f


@quiet
def training_step():
    w, b, steps = tf.Variable(1.0), tf.Variable(0.0), tf.Variable(0)

    def step(x):
        with tf.GradientTape() as tape:
            loss = (w * x + b - 3.0) ** 2
        for v, g in zip([w, b], tape.gradient(loss, [w, b])):
            v.assign_sub(RATE * g)
        steps.assign_add(1)
        return loss
    yield step


@quiet
def epoch_over_a_dataset():
    data = tf.data.Dataset.from_tensor_slices([1.0, 2.0, 3.0]).batch(2)

    def f(x):
        total = x
        for batch in data:
            total += tf.reduce_sum(batch)
        return total
    yield f


@quiet
def functions_of_another_module():
    yield lambda x: settings.activation(settings.scaled(x)) * settings.options.depth


@quiet
def functools_and_builtins():
    scale = functools.partial(lambda k, x: k * x, 2.0)

    @functools.lru_cache
    def table(n):
        return tuple(range(n))
    yield lambda x: functools.reduce(lambda a, b: a + b, map(scale, [x, x])) * sum(table(3)) + max(1, 2) + abs(-3)


@quiet
def dataclass_namedtuple_and_default_arguments():
    @dataclasses.dataclass
    class Config:
        rate: float = 0.5
    Pair = collections.namedtuple("Pair", "a b")
    config = Config()

    def f(x, k=2.0, pair=Pair(1.0, 2.0)):
        return x * k * config.rate + pair.a
    yield f


@quiet
def recursion_and_closures():
    def power(x, n):
        return x if n == 0 else power(x * x, n - 1)
    yield lambda x: power(x, 3)


@quiet
def random_numbers():
    generator = tf.random.Generator.from_seed(1)
    yield lambda x: x + tf.random.normal([]) + generator.uniform([])


@quiet
def variable_created_on_the_first_call():
    class Lazy:
        v = None

        def __call__(self, x):
            if self.v is None:
                self.v = tf.Variable(1.0)
            return self.v * x
    lazy = Lazy()
    yield lazy


@quiet
def structures_in_and_out():
    yield (lambda batch, flag=True: {"y": batch["x"] + batch["z"][0], "n": len(batch["z"])}), (
        {"x": tf.constant(1.0), "z": [tf.constant(2.0), 3]},)


@quiet
def python_arguments():
    yield (lambda x, n, name, mode=None: x * n if name is None else x), (tf.constant(1.0), 3, None)


@quiet
def module_of_the_library():
    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.layers = [tf.Variable([[1.0]]), tf.Variable([[2.0]])]

        def __call__(self, x):
            y = tf.reshape(x, [1, 1])
            for w in self.layers:
                y = tf.nn.relu(y @ w)
            return y, len(self.trainable_variables)
    yield Net()


@quiet
def compiled_function_inside():
    inner = tf.function(lambda x: x * RATE)
    yield lambda x: inner(x) + inner(x * 2.0)


@quiet
def caught_exceptions_and_context_managers():
    def f(x):
        try:
            y = TABLE["missing"]
        except KeyError:
            y = 1.0
        with tf.name_scope("block"):
            return x * y
    yield f
