"""`if`, `elif`, `else`, early return, variables of one branch, ternaries, `and`, `or`, `not`, comparison chains."""

import treadle as tf
from control_flow import Py, made, program


@program(2.0, -2.0, grad=2)
def if_else(x):
    if x > 0:
        y = x * x * x
    else:
        y = -x * x
    return y


@program(2.0, -2.0, grad=1)
def if_without_else(x):
    y = x * 3.0
    if x > 0:
        y = y + x
    return y


@program(-2.0, 0.5, 3.0, grad=2)
def if_elif_else(x):
    if x < 0:
        y = tf.sin(x)
    elif x < 1:
        y = tf.exp(x)
    else:
        y = x * x
    return y


@program(-5, 0, 3, 30, 300)
def elif_ladder_with_pass(n):
    size = n
    if n < 0:
        size = -n
    elif n == 0:
        pass
    elif n < 10:
        size = n * 2
    elif n < 100:
        size = n // 2
    return size


@program(2.0, -2.0, grad=2)
def early_return_in_one_branch(x):
    if x > 0:
        return x * x
    y = x + 1.0
    return y * y * y


@program(2.0, -2.0, grad=1)
def early_return_in_both_branches(x):
    if x > 0:
        return tf.sin(x)
    else:
        return tf.cos(x)


@program(-1.0, 0.5, 2.0, grad=1)
def early_returns_in_a_ladder(x):
    if x < 0:
        return x
    if x < 1:
        return x * x
    return x * x * x


@program((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0), grad=2)
def early_return_nested(x, y):
    if x > 0:
        if y > 0:
            return x * y
        x = x * 2.0
    elif y > 0:
        return x + y
    return x - y


@program(2.0, -2.0)
def return_of_a_structure_from_both(x):
    if x > 0:
        return {"value": x, "pair": (x, [x + 1.0])}
    return {"value": -x, "pair": (x * 2.0, [x])}


@program(2.0, -2.0)
def return_nothing_from_both(x):
    if x > 0:
        return
    return None


@program(3.0, 1.0, -1.0, grad=1)
def defined_in_one_branch_and_used_when_defined(x):
    if x > 0:
        y = x * 2.0
    z = x
    if x > 0:
        z = z + y
    return z


@program(3.0, -1.0, raises=UnboundLocalError)
def defined_in_one_branch_and_used_always(x):
    if x > 0:
        y = x * 2.0
    return y


@program((3.0, 1), (3.0, -1), (-3.0, 1), (-3.0, -1), raises=UnboundLocalError)
def defined_in_an_inner_branch(x, n):
    if x > 0:
        if n > 0:
            y = x
        else:
            y = -x
        x = x + 1.0
    return x + y


@program(3.0, -1.0)
def defined_in_one_branch_and_never_used(x):
    if x > 0:
        unused = x * 2.0
        x = unused
    return x


@program(3.0, -1.0)
def another_name_in_each_branch(x):
    if x > 0:
        a = x
        y = a + 1.0
    else:
        b = -x
        y = b * 2.0
    return y


@program(3.0, -1.0, raises=UnboundLocalError)
def deleted_in_a_branch(x):
    y = x * 2.0
    if x > 0:
        del y
        return x
    x = y
    del y
    return x + y  # noqa: F821


@program((2.0, 5.0), (-2.0, 5.0), grad=1)
def several_variables_and_a_swap(a, b):
    if a > 0:
        a, b = b, a
        c = a + b
    else:
        c = a * b
    return a, b, c


@program((1.0, Py(True)), (-1.0, Py(True)), (1.0, Py(False)), (-1.0, Py(False)), grad=1)
def python_condition_around_tensor_condition(x, double):
    if double:
        if x > 0:
            x = x * 2.0
        else:
            x = x * 3.0
    elif x > 0:
        x = x + 1.0
    return x


@program((1.0, Py(None)), (1.0, 2.0), (-1.0, Py(None)), (-1.0, 2.0))
def is_none_stays_python(x, y):
    if y is None:
        y = x
    if x > 0 and y is not None:
        x = x + y
    return x


@program(1.0, -1.0, reaches_all=False)
def isinstance_and_dtype_stay_python(x):
    if isinstance(x, tf.Tensor) and x.dtype == tf.float32 and x.shape.rank == 0:
        if x > 0:
            return x
        return -x
    raise TypeError("not a scalar of float32")


@program([1.0, 2.0], [-1.0, -2.0], [1.0, -2.0], grad=1)
def condition_on_a_reduction(x):
    if tf.reduce_all(x > 0):
        return tf.reduce_sum(x)
    if tf.reduce_any(x > 0):
        return tf.reduce_max(x)
    return tf.reduce_prod(x)


@program(0, 3, -3)
def number_as_a_condition(n):
    if n:
        return n * 10
    return n - 1


@program(0.0, 0.5)
def float_as_a_condition(x):
    if not x:
        return x - 1.0
    return x


@program([[3]], [[0]])
def tensor_of_one_element_as_a_condition(x):
    if x:
        return x + 1
    return x - 1


@program(2.0, -2.0, grad=2)
def ternary(x):
    y = x * x if x > 0 else tf.sin(x)
    return y * 2.0


@program(-2.0, 0.5, 2.0, grad=1)
def ternary_nested(x):
    return x if x > 1 else (x * x if x > 0 else -x)


@program(2.0, -2.0, grad=1)
def ternary_inside_an_expression(x):
    return tf.add(1.0 + (x if x > 0 else -x), 2.0 if x < 1 else x * 0.5)


@program(2.0, -2.0)
def ternary_of_structures(x):
    a, b = (x, x + 1.0) if x > 0 else (-x, x)
    return a, b


@program((4.0, 2.0), (4.0, 0.0), grad=1)
def ternary_is_lazy(x, y):
    return x / y if y > 0 else x


@program(2.0, -2.0)
def ternary_of_python_numbers(x):
    step = 1 if x > 0 else -1
    rate = 0.5 if x > 0 else 2.0
    return step, rate * x


@program((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
def and_or_not(x, y):
    both = x > 0 and y > 0
    either = x > 0 or y > 0
    neither = not (x > 0 or y > 0)
    return both, either, neither, not x > 0 and y > 0


@program((1.0, 2.0), (0.0, 2.0), (1.0, 0.0), (0.0, 0.0))
def and_or_give_a_value(x, y):
    return x and y, x or y


@program((1.0, Py(True)), (-1.0, Py(True)), (1.0, Py(False)), (-1.0, Py(False)))
def and_or_with_python_values(x, flag):
    if flag and x > 0:
        return x * 2.0
    if x > 0 or flag:
        return x * 3.0
    return x if not flag else -x


@program((1.0, Py(None)), (-1.0, Py(None)), (1.0, 3.0), (-1.0, 3.0))
def and_protects_its_right_side(x, y):
    if y is not None and y > x:
        return y - x
    return x


@program(([1.0, 2.0], 1), ([1.0, 2.0], 5))
def and_is_lazy_on_tensors(x, i):
    if i < 2 and x[i] > 1.5:
        return x[i]
    return x[0]


@program((1.0, 1.0, -1.0), (-1.0, 1.0, 1.0), (-1.0, -1.0, 1.0), (-1.0, -1.0, -1.0))
def and_or_of_three(x, y, z):
    if x > 0 and y > 0 or z > 0 and not y > 0:
        return x + y
    if x > 0 or y > 0 or z > 0:
        return y + z
    return x + z


@program(0.5, -0.5, 1.5, grad=1)
def comparison_chain(x):
    if 0 < x < 1:
        return x * 10.0
    return x


@program((1, 2, 3), (1, 5, 3), (4, 2, 3), (2, 2, 2))
def comparison_chain_of_four(a, b, c):
    if 0 < a <= b < c != 5:
        return a + b + c
    return a * b * c


@program((2.0, 2.0), (2.0, 3.0))
def equality(x, y):
    if x == y:
        return x
    if x != y and not x == y:
        x = -x
    return x + y


@program((1, [1, 2, 3]), (7, [1, 2, 3]))
def membership_of_a_python_list(x, values):
    if 2 in (1, 2, 3):
        x = x + 1
    if "a" not in {"b": 1}:
        x = x + tf.reduce_sum(values)
    if x > 10:
        return x
    return -x


@program(2.0, -2.0, -0.5, grad=1)
def function_called_in_branches(x):
    def double(y):
        return y * 2.0

    def cube(y):
        if y < -1:
            return y
        return y * y * y
    return double(x) if x > 0 else cube(x)


@made(1.0, -1.0)
def variable_assigned_in_branches():
    v = tf.Variable(1.0)
    w = tf.Variable([1.0, 2.0])

    def f(x):
        if x > 0:
            v.assign_add(x)
        else:
            v.assign(x * 10.0)
            w.assign_sub([1.0, 1.0])
        return v + w[0]
    return f, [v, w]


@made(1.0, -1.0)
def only_a_side_effect():
    v = tf.Variable(0)

    def f(x):
        if x > 0:
            v.assign_add(1)
    return f, [v]


@made(1.0, -1.0)
def variable_as_the_condition():
    flag = tf.Variable(True)

    def f(x):
        if flag:
            x = x * 2.0
        flag.assign(not flag)
        return x
    return f, [flag]


@program(1.0, -1.0)
def dtype_of_python_numbers_from_branches(x):
    if x > 0:
        n, y = 1, 1.5
    else:
        n, y = 2, 2.5
    return n, y, x * y


@program(1.0, -1.0, grad=1)
def python_number_in_one_branch_and_tensor_in_the_other(x):
    if x > 0:
        y = 1.0
    else:
        y = x
    return y * 2.0


@program((1.0, [1.0, 2.0]), (-1.0, [1.0, 2.0]), grad=1)
def branches_with_captures_of_many_shapes(x, v):
    if x > 0:
        y = tf.reduce_sum(v) * x
        m = tf.tensordot(v, v, 1)
    else:
        y = v[0]
        m = x
    return y + m


@program(1.0, -1.0)
def constants_from_branches(x):
    if x > 0:
        return tf.constant([1, 2, 3])
    return tf.zeros([3], tf.int32)


@program(([1.0, 2.0, 3.0], 1), ([1.0, 2.0, 3.0], -1), grad=1)
def safe_gradient_of_an_untaken_branch(x, n):
    if n > 0:
        return tf.sqrt(x)
    return tf.math.log(x)


@program(0.0, 4.0, grad=1)
def untaken_branch_has_no_nan_gradient(x):
    if x > 0:
        return tf.sqrt(x)
    return x * 2.0
