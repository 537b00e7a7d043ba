"""Walrus, `match`, comprehensions, starred unpacking, f-strings, `print`, lambdas, annotations, builtins."""

import functools
import operator

import treadle as tf
from control_flow import Py, floats, integers, program


@program(2.0, -2.0, grad=1)
def walrus_in_if(x):
    if (y := x * 2.0) > 1:
        return y
    return y - x


@program((2.0, 100.0), (200.0, 100.0), grad=1)
def walrus_in_while(x, limit):
    steps = 0
    while (x := x * 3.0) < limit:
        steps += 1
    return x, steps


@program(3.0, -3.0)
def walrus_in_a_comprehension(x):
    parts = [y := x * k for k in range(3)]
    if y > 0:
        return tf.stack(parts)
    return tf.stack([y, x, y])


@program((3.0, 1.0), (-3.0, 1.0), (-3.0, -1.0))
def walrus_in_and(x, y):
    z = x
    if x > 0 and (z := x * 2.0) > y:
        return z
    return z if (w := y) > 0 else w * 5.0


@program((3.0, Py(0)), (-3.0, Py(1)), (3.0, Py(1)), (3.0, Py(9)))
def match_on_a_python_number(x, mode):
    match mode:
        case 0:
            return x
        case 1:
            if x > 0:
                return x * 2.0
            return -x
        case _:
            return x * 100.0


@program((3.0, Py((1, 2))), (-3.0, Py((1, 2))), (3.0, Py((5,))), (3.0, Py(None)))
def match_on_a_python_structure(x, shape):
    match shape:
        case (a, b):
            x = x * a + b
        case (a,):
            x = x * a
        case None:
            x = -x
    if x > 0:
        x = x + 1.0
    return x


@program(5.0, 0.5, -5.0, grad=1)
def match_with_tensor_guards(x):
    match x:
        case v if v > 1:
            y = v * v
        case v if v > 0:
            y = v * 10.0
        case _:
            y = -x
    return y


@program(0, 1, 2, 9)
def match_of_a_tensor_on_literals(n):
    match n:
        case 0:
            return n + 100
        case 1 | 2:
            return n * 10
        case _:
            return -n


@program({"a": 2.0}, {"a": -2.0}, {"b": 2.0})
def match_on_a_dict_with_a_guard(parts):
    match parts:
        case {"b": value}:
            y = value
        case {"a": value} if value > 0:
            y = value * 2.0
        case {"a": value}:
            y = value * 3.0
    return y


@program((1.0, 2.0), (-1.0, 2.0), reaches_all=False)
def match_on_classes(x, y):
    pair = [x, y]
    match pair:
        case [tf.Tensor() as first, tf.Tensor()] if first > 0:
            return first
        case [*parts] if len(parts) == 2:
            return parts[1]
    return x


@program([1.0, -2.0, 3.0], [-1.0, -2.0, 0.0])
def list_comprehension(xs):
    doubled = [x * 2.0 for x in tf.unstack(xs)]
    chosen = [x if x > 0 else -x for x in doubled]
    return doubled, tf.add_n(chosen)


@program([[1.0, 2.0], [3.0, 4.0]], [[-1.0, -2.0], [0.0, 0.0]])
def comprehension_over_the_rows_of_a_tensor(m):
    rows = [tf.reduce_sum(row) for row in m]
    if rows[0] > 0:
        return rows[0]
    return rows[1]


@program(2.0, -2.0)
def dict_and_set_comprehensions(x):
    parts = {k: x * k if x > 0 else x - k for k in range(3)}
    sizes = {len(str(k)) for k in range(20)}
    nested = [[x * i * j for j in range(2)] for i in range(2) if i != 5]
    return parts, len(sizes), nested


@program(2.0, -2.0)
def comprehension_variables_do_not_leak(x):
    k = 7
    ys = [x * k for k in range(3)]
    if x > 0:
        x = x * k
    return x, ys


@program(2.0, -2.0)
def generator_expression_in_a_sum(x):
    total = sum(x * k for k in range(4))
    if total > 0:
        return total
    return sum((x, total), start=x)


@program(3.0, -3.0)
def starred_unpacking(x):
    first, *rest = [x, x + 1.0, x + 2.0]
    if x > 0:
        first, *rest = [*rest, first]
    return first, tf.add_n([*rest, *(x, x)])


@program([1.0, 2.0, 3.0], [-1.0, 2.0, 3.0])
def unpacking_a_tensor(xs):
    a, b, c = xs
    if a > 0:
        a, (b, c) = c, (a, b)
    return a, b, c


@program(3.0, -3.0)
def unpacking_into_subscripts_and_attributes(x):
    box, table = Box(x), {}
    box.value, table["y"], *_ = x * 2.0, x * 3.0, 0, 0
    if x > 0:
        box.value, table["y"] = table["y"], box.value
    return box.value, table["y"]


class Box:
    """Something with an attribute."""

    def __init__(self, value):
        self.value = value


@program(3.0, -3.0)
def chained_assignment(x):
    a = b = x
    if x > 0:
        a = b = c = a + b
    else:
        c = a
    return a, b, c


@program(3.0, -3.0)
def annotated_assignment(x: tf.Tensor) -> tf.Tensor:
    y: tf.Tensor = x * 2.0
    z: float
    if x > 0:
        z: tf.Tensor = y
    else:
        z = -y
    return z


@program((3.0, 2), (-3.0, 2), (1.0, 0))
def augmented_assignments(x, n):
    x += 1.0
    x -= 0.5
    x *= 3.0
    if x > 0:
        x /= 2.0
        x **= 2.0
    n //= 2
    n %= 3
    n |= 4
    n ^= 1
    return x, n


@program(2.5, -2.5)
def f_string_of_python_values(x):
    n = 3
    name = f"{n:03d}-{'a' * n!r}"
    if x > 0:
        x = x * len(name)
    return x


@program(2.5, -2.5)
def print_a_tensor(x):
    print(x)
    if x > 0:
        print("positive", x * 2.0)
    else:
        print("negative", x)
    return x


@program(0, 3)
def print_in_a_loop(n):
    for i in range(n):
        print("step", i, "square", i * i)
    return n


@program(2.5, -2.5)
def print_an_f_string_of_a_tensor(x):
    print(f"x is {x:.3f}")
    if x > 0:
        print(f"twice: {x * 2.0}")
    return x


@program(integers(1, 2, 3), integers(4, 5, 6))
def print_a_vector(xs):
    for x in xs:
        if x > 4:
            print("large:", x)
    print(xs)
    return xs


@program(2.5, -2.5)
def print_with_sep_and_end(x):
    print(x, x, sep="; ", end=" .\n")
    if x > 0:
        print(1, "a", x, sep="-")
    return x


@program(2.0, -2.0, grad=1)
def two_lambdas_on_one_line(x):
    f, g = (lambda a: a * 2.0 if a > 0 else a), (lambda a: a + 1.0 if a > 0 else -a)
    return f(x) + g(x)


@program(2.0, -2.0, grad=1)
def nested_lambdas(x):
    outer = lambda a: (lambda b: b * a if b > 0 else b - a)
    return outer(x * 3.0)(x)


@program(2.0, -2.0)
def lambda_with_default_and_keyword_arguments(x):
    f = lambda a, k=3.0, *rest, scale=2.0, **more: a * k * scale if a > 0 else a + len(rest) + len(more)
    return f(x), f(x, 1.0, 5, 6, scale=x, other=1)


program(2.0, -2.0)(lambda x: x * 2.0 if x > 0 else -x)


@program(2.0, -2.0, reaches_all=False)
def lambdas_with_the_same_text(x):
    f = (lambda a: a + x if a > 0 else a); g = (lambda a: a + x if a > 0 else a)  # noqa: E702
    return f(x) + g(-x)


@program((1.0, 5.0), (-1.0, -5.0), (2.0, 2.0))
def builtins_abs_sum_len_round(x, y):
    total = abs(x) + sum([x, y])
    if total > len([x, y]):
        total = pow(total, 2.0)
    return total


@program((1.0, 5.0), (5.0, 1.0), (-1.0, -5.0))
def builtins_max_and_min(x, y):
    return max(x, y), min([x, y, x + y])


@program((1.0, 5.0), (-1.0, 5.0), (-1.0, -5.0))
def builtins_any_and_all(x, y):
    if all([x > 0, y > 0]):
        return x
    if any(v > 0 for v in (x, y)):
        return y
    return x + y


@program((2.0, 3.0), (-2.0, 3.0))
def map_and_functools_reduce(x, y):
    parts = list(map(lambda v: v * v if v > 0 else v, [x, y]))
    return functools.reduce(operator.add, parts)


@program([1.0, 2.0, 3.0], floats(-1.0, 2.0))
def conditional_slices(xs):
    if xs[0] > 0:
        y = xs[:2]
    else:
        y = xs[-2:]
    return y, xs[..., -1]


@program(([1.0, 2.0, 3.0], 0), ([1.0, 2.0, 3.0], 2))
def slice_by_a_tensor(xs, i):
    if i > 0:
        return xs[i - 1] + xs[i]
    return xs[i]


@program(2.0, -2.0)
def conditional_callable(x):
    f = tf.sin if x.shape.rank == 0 else tf.cos
    return (f if x is not None else None)(x) if x > 0 else (tf.exp)(x)


@program(2.0, -2.0, reaches_all=False)
def semicolons_and_backslashes(x):
    y = x; z = y * \
        2.0  # noqa: E702
    if x > 0: y = z; z = x  # noqa: E701, E702
    return (y
            if z > 0
            else z)


@program(2.0, -2.0)
def docstring_and_comments(x):
    """A docstring.

    With an indented line:
        if x > 0:
    """
    # a comment
    if x > 0:  # another
        # inside
        return x
    # outside
    return -x


@program(2.0, -2.0)
def multi_line_strings_and_odd_indentation(x):
    text = """first
second
    third"""
    if x > 0:
                y = x * len(text.splitlines())
    else:
        y = (
x
        )
    return y


@program(2.0, -2.0)
def global_builtin_shadowed(x):
    range = lambda n: [n, n + 1]
    total = x
    for k in range(3):
        if x > 0:
            total = total + k
    return total


@program(2.0, -2.0)
def names_that_a_compiler_may_use_itself(x):
    cond, body, state, loop, branch, result, ag__, tf_ = x, x, x, x, x, x, x, tf
    if cond > 0:
        body, state = state * 2.0, loop
    else:
        branch = ag__ - result
    return body + state + branch + tf_.sin(x)


@program((2.0, Py(-3)), (-2.0, Py(-3)))
def unary_operators(x, k):
    y = -x + x * ~k - +k
    return y if not (k > 0) else x
