"""What Python does while tracing and would not do again: mutation, counters, iterators, randomness, clocks, leaks."""

import itertools
import random
import time

import numpy as np

import treadle as tf
from staleness import right, right_or_loud

COUNT = 0


@right_or_loud
def global_counter():
    global COUNT
    COUNT = 0

    def f(x):
        global COUNT
        COUNT += 1
        return x * 2.0
    yield f, lambda: COUNT
    yield
    yield


@right_or_loud
def global_counter_that_is_used():
    global COUNT
    COUNT = 0

    def f(x):
        global COUNT
        COUNT = COUNT + 1
        return x * COUNT
    yield f
    yield
    yield


@right_or_loud
def nonlocal_counter():
    count = 0

    def f(x):
        nonlocal count
        count += 1
        return x + 1.0
    yield f, lambda: count
    yield
    yield


@right_or_loud
def nonlocal_counter_in_a_called_function():
    count = 0

    def bump():
        nonlocal count
        count += 1

    def f(x):
        bump()
        return x + 1.0
    yield f, lambda: count
    yield


class Counter:
    """Counts its calls."""

    def __init__(self):
        self.calls = 0
        self.history = []
        self.stats = {}
        self.last = None

    def call(self, x):
        self.calls += 1
        return x * 2.0

    def used(self, x):
        self.calls += 1
        return x * self.calls

    def remember(self, x):
        self.last = x
        return x


@right_or_loud
def attribute_counter():
    counter = Counter()
    yield counter.call, lambda: counter.calls
    yield
    yield


@right_or_loud
def attribute_counter_that_is_used():
    counter = Counter()
    yield counter.used
    yield
    yield


@right_or_loud
def attribute_counter_under_a_tensor_condition():
    counter = Counter()

    def f(x):
        if x > 0:
            counter.calls += 1
        return x
    yield f, lambda: counter.calls
    yield (tf.constant(-1.0),)
    yield


@right_or_loud
def list_append():
    log = []

    def f(x):
        log.append(1)
        return x
    yield f, lambda: len(log)
    yield


@right_or_loud
def list_attribute_append():
    counter = Counter()

    def f(x):
        counter.history.append("call")
        return x
    yield f, lambda: len(counter.history)
    yield


@right_or_loud
def list_extended_by_plus_equals():
    log = [0]

    def f(x):
        nonlocal log
        log += [1]
        return x * len(log)
    yield f
    yield


@right_or_loud
def list_popped():
    queue = [1.0, 2.0, 3.0]
    yield lambda x: x * queue.pop()
    yield
    yield


@right_or_loud
def list_element_assigned():
    cell = [1.0]

    def f(x):
        cell[0] = cell[0] * 2.0
        return x * cell[0]
    yield f
    yield


@right_or_loud
def dict_element_counted():
    stats = {}

    def f(x):
        stats["calls"] = stats.get("calls", 0) + 1
        return x
    yield f, lambda: stats["calls"]
    yield


@right_or_loud
def dict_update_and_setdefault():
    counter = Counter()

    def f(x):
        counter.stats.setdefault("n", 0)
        counter.stats.update(n=counter.stats["n"] + 1)
        return x
    yield f, lambda: counter.stats["n"]
    yield


@right_or_loud
def set_add():
    seen, names = set(), ["a", "b", "c"]

    def f(x):
        seen.add(names[len(seen)])
        return x
    yield f, lambda: len(seen)
    yield


@right_or_loud
def dict_element_deleted():
    table = {k: float(k) for k in range(4)}

    def f(x):
        del table[max(table)]
        return x * len(table)
    yield f
    yield


@right_or_loud
def python_memo():
    memo = {}

    def f(x):
        if "y" not in memo:
            memo["y"] = 3.0
            return x
        return x * memo["y"]
    yield f
    yield
    yield


@right_or_loud
def first_call_flag():
    counter = Counter()
    counter.built = False

    def f(x):
        if not counter.built:
            counter.built = True
            return x * 0.0
        return x
    yield f
    yield


@right_or_loud
def numpy_array_written():
    totals = np.zeros(1)

    def f(x):
        totals[0] += 1.0
        return x
    yield f, lambda: float(totals[0])
    yield


@right_or_loud
def itertools_counter():
    ids = itertools.count(1)
    yield lambda x: x * next(ids)
    yield
    yield


@right_or_loud
def list_iterator():
    rates = iter([0.1, 0.2, 0.3])
    yield lambda x: x * next(rates)
    yield
    yield


@right_or_loud
def generator_consumed():
    def schedule():
        rate = 1.0
        while True:
            yield rate
            rate *= 0.5
    rates = schedule()
    yield lambda x: x * next(rates)
    yield


@right_or_loud
def itertools_cycle_in_a_loop():
    signs = itertools.cycle([1.0, -1.0, 2.0])

    def f(x):
        for _ in range(2):
            x = x + next(signs)
        return x
    yield f
    yield


@right_or_loud
def dataset_iterator():
    it = iter(tf.data.Dataset.from_tensor_slices([1.0, 2.0, 3.0]))
    yield lambda x: x * next(it)
    yield


@right_or_loud
def python_random():
    random.seed(1)
    yield lambda x: x * random.random()
    yield
    yield


@right_or_loud
def python_random_in_a_condition():
    generator = random.Random(1)
    yield lambda x: x * 2.0 if generator.random() < 0.5 else x
    yield
    yield
    yield


@right_or_loud
def numpy_random():
    np.random.seed(1)
    yield lambda x: x * np.random.uniform()
    yield


@right_or_loud
def numpy_generator():
    generator = np.random.default_rng(1)
    yield lambda x: x + generator.normal(size=2).astype(np.float32)
    yield


@right_or_loud
def clock():
    yield lambda x: x + float(time.perf_counter_ns() % 1_000_003)
    yield


@right_or_loud
def tensor_leaked_into_a_list():
    log = []

    def f(x):
        log.append(x * 2.0)
        return x
    yield f, lambda: [float(t) for t in log]
    yield (tf.constant(3.0),)


@right_or_loud
def tensor_leaked_into_an_attribute():
    counter = Counter()
    yield counter.remember, lambda: float(counter.last)
    yield (tf.constant(3.0),)


@right_or_loud
def tensor_leaked_into_a_global():
    global LEAKED

    def f(x):
        global LEAKED
        LEAKED = x + 1.0
        return x
    yield f, lambda: float(LEAKED)
    yield (tf.constant(3.0),)


@right_or_loud
def tensor_leaked_into_a_dict_and_used_in_the_next_call():
    cache = {}

    def f(x):
        before = cache.get("x", 0.0)
        cache["x"] = x
        return x + before
    yield f
    yield (tf.constant(3.0),)
    yield (tf.constant([3.0, 4.0]),)


@right_or_loud
def running_mean_in_an_attribute():
    counter = Counter()
    counter.mean = 0.0

    def f(x):
        counter.mean = 0.9 * counter.mean + 0.1 * x
        return x - counter.mean
    yield f, lambda: float(counter.mean)
    yield


@right_or_loud
def file_written(tmp=[]):  # noqa: B006
    lines = []

    class File:
        def write(self, text):
            lines.append(text)
    file = File()

    def f(x):
        file.write("step\n")
        return x
    yield f, lambda: len(lines)
    yield


@right
def variable_counter():
    count = tf.Variable(0)

    def f(x):
        count.assign_add(1)
        return x * tf.cast(count, tf.float32)
    yield f, lambda: int(count.numpy())
    yield
    yield


@right
def treadle_random():
    tf.random.set_seed(3)
    yield lambda x: x * tf.random.uniform([])
    yield
    yield


@right
def local_list_is_not_state():
    def f(x):
        parts = []
        for k in range(3):
            parts.append(x * k)
        parts[0] = x
        return tf.add_n(parts)
    yield f
    yield (tf.constant(5.0),)
