"""Calls: closures, recursion, lambdas as arguments, methods, `super()`, properties, decorators, other modules."""

import dataclasses
import functools

import treadle as tf
from control_flow import Py, helpers, made, program
from control_flow.helpers import Leaky, positive_part


@program(2.0, -2.0, grad=2)
def function_of_the_module(x):
    return cube_or_sine(x) * 2.0


def cube_or_sine(x):
    if x > 0:
        return x * x * x
    return tf.sin(x)


@program((2.0, 5), (-2.0, 0), grad=1)
def functions_of_another_module(x, n):
    y = positive_part(x) + helpers.scaled(x)
    return y * tf.cast(helpers.sum_to(n, step=2), tf.float32)


@program(2.0, -2.0, grad=1)
def callable_object_of_another_module(x):
    layer = Leaky(0.1)
    return helpers.apply_twice(layer, x) + layer(x)


@program(2.0, -2.0)
def lambda_of_another_module(x):
    return helpers.double_if_positive(x)


@program(2.0, -2.0, grad=1)
def function_as_an_argument(x):
    return helpers.apply_twice(lambda v: v * 3.0 if v > 1 else v - 1.0, x)


@program((2.0, 3.0), (-2.0, 3.0), grad=1)
def closure_reads(x, y):
    def inner(z):
        if z > 0:
            return z * y
        return z + x
    y = y + 1.0
    return inner(x)


@program(2.0, -2.0)
def closure_late_binding(x):
    functions = [lambda v: v + k for k in range(3)]  # noqa: B023
    early = [lambda v, k=k: v + k for k in range(3)]
    if x > 0:
        x = functions[0](x)
    return x, early[0](x)


@program((2.0, 3), (2.0, 0))
def nonlocal_in_a_loop(x, n):
    total = tf.constant(0.0)

    def add(v):
        nonlocal total
        total = total + v
    for _ in range(n):
        add(x)
    return total


@program(2.0, -2.0)
def nonlocal_in_a_branch(x):
    count = 0

    def positive(v):
        nonlocal count
        if v > 0:
            count += 1
            return True
        count -= 1
        return False
    if positive(x):
        x = x + 1.0
    positive(x)
    return x, count


scale = 1.0


@program(2.0, -2.0)
def global_assigned_and_read(x):
    global scale
    scale = 3.0
    if x > 0:
        x = x * scale
    scale = 1.0
    return x


@program((2.0, Py(3)), (-2.0, Py(3)), (2.0, Py(0)), grad=1)
def recursion_of_static_depth(x, depth):
    if x > 0:
        return power(x, depth)
    return power(-x, depth)


def power(x, n):
    if n == 0:
        return tf.ones_like(x)
    half = power(x, n // 2)
    if n % 2:
        return half * half * x
    return half * half


@program(2.0, -2.0)
def mutual_recursion_of_static_depth(x):
    def even(v, n):
        if n == 0:
            return v
        return odd(v * 2.0 if v > 0 else v, n - 1)

    def odd(v, n):
        if n == 0:
            return -v
        return even(v + 1.0, n - 1)
    return even(x, 3), even(x, 4)


@program((1.0, 2.0, 3.0), (-1.0, 2.0, 3.0))
def star_arguments(*parts):
    total = parts[0]
    for part in parts[1:]:
        if parts[0] > 0:
            total = total + part
    return total, len(parts)


@program(1.0, -1.0)
def arguments_of_every_kind(x):
    def f(a, /, b, c=2.0, *rest, d, e=5.0, **more):
        if a > 0:
            return a + b * c + d + e + sum(rest) + sum(more.values())
        return a - len(rest) - len(more)
    parts, names = (x, 3.0, 4.0), {"d": x, "z": 6.0}
    return f(x, 1.0, d=2.0), f(*parts, **names), f(x, *parts, 1.0, **names, e=x)


@program((1.0, 5.0), (-1.0, 5.0))
def default_arguments(x, y, scale=2.0, offset=(1.0, 2.0)):
    def inner(v, k=scale * 3.0, *, shift=offset[1]):
        return v * k + shift if v > y else v
    return inner(x), inner(y, shift=0.0), inner(x * 100.0, 1.0)


class Base:
    """A model with tensor control flow in every kind of method."""

    factor = 2.0

    def __init__(self, scale=3.0):
        self.scale = scale
        self.__secret = 10.0

    def __call__(self, x):
        return self.call(x)

    def call(self, x):
        if x > 0:
            return x * self.scale
        return x - self.__secret

    @property
    def half(self):
        return self.scale / 2.0

    @staticmethod
    def clip(x, limit=1.0):
        if x > limit:
            x = x * 0.0 + limit
        return x

    @classmethod
    def scaled(cls, x):
        return x * cls.factor if x > 0 else x

    def __helper(self, x):
        return -x if x > 0 else x + self.__secret

    def private(self, x):
        for _ in tf.range(2):
            x = self.__helper(x)
        return x


class Derived(Base):
    """Overrides, with `super()`."""

    factor = 5.0

    def __init__(self):
        super().__init__(scale=4.0)
        self.__secret = 1.0
        self.value = tf.constant(2.0)

    def call(self, x):
        if x > -1:
            x = super().call(x)
        return x + self.__secret

    @property
    def sign(self):
        if self.value > 0:
            return 1.0
        return -1.0

    def loop(self, x, n):
        for _ in range(n):
            if x > 100:
                break
            x = super(Derived, self).call(x)  # noqa: UP008
        return x


@made(2.0, -2.0, grad=1)
def method():
    return Base().call


@made(2.0, -2.0, -0.5, grad=1)
def method_with_super():
    return Derived().call


@made((2.0, 2), (50.0, 9), (-2.0, 0))
def method_with_super_of_two_arguments():
    return Derived().loop


@made(2.0, -2.0)
def callable_object():
    return Base(7.0)


@made(2.0, -2.0)
def private_names():
    return Derived().private


@made(2.0, 0.5)
def static_method_of_an_instance():
    return Base().clip


@made(2.0, -2.0)
def class_method():
    return Derived.scaled


@made(2.0, -2.0)
def properties():
    model = Derived()

    def f(x):
        model.value = x
        y = model.sign * model.half
        if x > 0:
            y = y + model.half
        return y
    return f


@program(2.0, -2.0)
def object_made_inside(x):
    model = Derived()
    return model(x) + Base.clip(x) + model.scaled(x) + Derived.factor


@program(2.0, -2.0)
def class_defined_inside(x):
    class Local(Base):
        bias = 1.0

        def call(self, v):
            return super().call(v) + self.bias if v > 0 else v

    return Local()(x)


def logged(f):
    """A decorator with `functools.wraps`."""
    @functools.wraps(f)
    def inner(*args, **kwargs):
        found = f(*args, **kwargs)
        return found * 2.0 if found > 0 else found
    return inner


def times(n):
    """A decorator with an argument, without `wraps`."""
    def decorate(f):
        def run(x):
            for _ in range(n):
                x = f(x)
            return x
        return run
    return decorate


@logged
@times(3)
def decorated(x):
    return x * 2.0 if x > 1 else x - 1.0


@program(2.0, -2.0, grad=1)
def decorated_functions(x):
    @logged
    def inner(v):
        if v > 0:
            return v + 1.0
        return v
    return decorated(x) + inner(x)


@made(2.0, -2.0)
def a_decorated_function_itself():
    return decorated


@made((2.0, 3.0), (-2.0, 3.0))
def partial_of_a_function():
    def f(scale, x, y, offset=0.0):
        if x > 0:
            return x * scale + y
        return y - offset
    return functools.partial(f, 10.0, offset=1.0)


@program(2.0, -2.0)
def partial_inside(x):
    f = functools.partial(positive_part)
    g = functools.partial(lambda a, b: a if b > 0 else a * b, 3.0, b=x)
    return f(x) + g()


@made(2.0, -2.0)
def lru_cache_keeps_python_semantics():
    @functools.lru_cache
    def table(n):
        return [float(k) for k in range(n)]

    def f(x):
        if x > 0:
            x = x * table(4)[3]
        return x, table(4) is table(4)
    return f


@made(2.0, -2.0)
def compiled_function_called_by_a_compiled_function():
    @tf.function
    def inner(v):
        if v > 0:
            return v * 2.0
        return v
    return lambda x: inner(x) + inner(-x) if x > -1 else inner(x)


@made((2.0, 3), (-2.0, 2), (2.0, 0))
def compiled_function_called_in_a_loop():
    total = tf.Variable(0.0)

    @tf.function
    def add(v):
        if v > 0:
            total.assign_add(v)
        return total + 1.0

    def f(x, n):
        for _ in tf.range(n):
            x = x - add(x)
        return x
    return f, [total]


@made(2.0, -2.0)
def module_with_variables():
    class Dense(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable([[1.0, -2.0]])
            self.calls = tf.Variable(0)

        def __call__(self, x):
            self.calls.assign_add(1)
            y = tf.reshape(x, [1, 1]) @ self.w
            if y[0, 0] > 0:
                self.w.assign_add(y)
            return y
    model = Dense()
    return lambda x: model(x), [model.w, model.calls]


@program((3.0, 4), (-3.0, 4), (3.0, 0))
def callback_in_a_loop(x, n):
    def shrink(v):
        return v / 2.0 if v > 1 else v

    def repeat(f, v, times):
        for _ in range(times):
            v = f(v)
        return v
    return repeat(shrink, x, n)


@program(2.0, -2.0)
def function_returns_a_function(x):
    def make(scale):
        if scale > 2:
            def f(v):
                return v * scale if v > 0 else v
        else:
            def f(v):
                return v - scale if v > 0 else -v
        return f
    return make(3)(x) + make(1)(x)


@program(2.0, -2.0)
def dispatch_by_a_dict_of_functions(x):
    table = {"double": lambda v: v * 2.0, "guard": positive_part, "tanh": tf.tanh}
    for name in ("double", "guard", "tanh"):
        x = table[name](x)
    return x


@program((2.0, 3.0), (-2.0, 3.0))
def namedtuple_and_dataclass_results(x, y):
    import collections
    import dataclasses
    Point = collections.namedtuple("Point", "a b")

    @dataclasses.dataclass
    class State:
        a: tf.Tensor
        n: int = 0
    point, state = Point(x, y), State(x)
    if x > 0:
        point = point._replace(a=point.b)
        state.n = state.n + 5
    return point.a, point.b, state.a, state.n


@program(3.0, -3.0)
def operator_overloads_of_the_users_class(x):
    class Interval:
        def __init__(self, low, high):
            self.low, self.high = low, high

        def __contains__(self, v):
            return bool(self.low < 1 < self.high) and v is not None

        def __add__(self, other):
            return Interval(self.low + other, self.high + other if other > 0 else self.high)

        def __getitem__(self, k):
            return (self.low, self.high)[k]
    interval = Interval(-1.0, 2.0)
    inside = x in interval
    return (interval + x)[0], (interval + x).high, inside


class Signed:
    """Operators of the user's that look at tensors."""

    def __init__(self, value):
        self.value = value

    def __neg__(self):
        if self.value > 0:
            return -self.value * 2.0
        return self.value * 3.0

    def __invert__(self):
        return self.value if self.value < 1 else self.value + 10.0

    def __lt__(self, other):
        if self.value > 2:
            return self.value < other
        return self.value < other + 1.0

    def __eq__(self, other):
        return NotImplemented if isinstance(other, str) else self.value == other

    __hash__ = None


@program(1.0, -1.0, 3.0)
def unary_and_comparison_methods(x):
    s = Signed(x)
    return -s, ~s, s < 2.0, 1.5 < x < 4.0, s == 1.0, s == "text", s != 3.0


@dataclasses.dataclass
class Clipped:
    value: object
    low: float = 0.0

    def __post_init__(self):
        if self.value < self.low:
            self.value = self.value * 0.0 + self.low
        self.twice = self.value * 2.0


@program(1.0, -1.0)
def data_class_with_post_init(x):
    c = Clipped(x)
    return c.value + Clipped(x, 0.5).twice, [*vars(c)] == ["value", "low", "twice"]


@program((1.0, 4), (7.0, 0), grad=1)
def nonlocal_of_the_function_around_the_loops_own(x, n):
    count = 3

    def around(y):
        k = 0
        while k < n:
            def step(y):
                nonlocal count
                count = count + 1
                return y * 2.0
            y = step(y)
            k += 1
        return y
    return around(x), count * 1


@program((1.0, 4), (7.0, 0))
def nonlocal_of_a_function_beside_the_loops_own(x, n):
    count = 3

    def step():
        nonlocal count
        for count in range(n):  # noqa: B007
            pass

    def around(y):
        for _ in range(n):
            step()
            y = y * 2.0
        return y
    return around(x), count * 1


@program(1.0, 7.0)
def nonlocal_of_a_function_around_the_branchs_own(x):
    count = 0

    def step():
        nonlocal count
        count += 1

    def around():
        if x > 5.0:
            step()

    around()
    around()
    return count * 1


@program(1.0, 7.0)
def nonlocal_three_functions_deep(x):
    def outer():
        n = 0

        def middle():
            nonlocal n

            def inner():
                nonlocal n
                n = n + 1
            for _ in tf.range(3):
                inner()
            if x > 5.0:
                inner()
            else:
                n = 100
        middle()
        middle()
        return n * 1
    return outer()
