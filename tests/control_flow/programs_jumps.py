"""`break`, `continue`, `return` inside loops, and the `else` of loops."""

import treadle as tf
from control_flow import Py, floats, integers, program


@program((integers(1, 2, 3), 2), (integers(1, 2, 3), 1), (integers(1, 2, 3), 9))
def break_in_for(xs, stop):
    total = 0
    for x in xs:
        if x == stop:
            break
        total += x
    return total


@program((2.0, 10.0), (20.0, 10.0), (0.1, 10.0), grad=1)
def break_in_while(x, limit):
    i = 0
    while i < 5:
        x = x * x
        if x > limit:
            break
        i += 1
    return x, i


@program(0, 1, 6, 100)
def while_true_with_break(n):
    i = 0
    while True:
        if i * i >= n:
            break
        i += 1
    return i


@program(integers(1, 2, 3, 4), integers(2, 2), integers())
def continue_in_for(xs):
    total = 0
    for x in xs:
        if x % 2 == 0:
            continue
        total += x
    return total


@program(0, 1, 7)
def continue_in_while(n):
    i = total = 0
    while i < n:
        i += 1
        if i % 3 == 0:
            continue
        total += i
    return total


@program((10, 3), (10, 20), (0, 3))
def break_and_continue(n, stop):
    total = 0
    for i in range(n):
        if i % 2 == 0:
            continue
        if total > stop:
            break
        total += i
    return total


@program(([3.0, -1.0, 2.0], 0.0), ([3.0, 1.0, 2.0], 0.0), (floats(), 0.0), grad=1)
def return_in_for(xs, limit):
    for x in xs:
        if x < limit:
            return x * 2.0
    return limit + 100.0


@program(1, 5, 1000, -1)
def return_in_while(n):
    i = 1
    while i < 100:
        if i > n:
            return i
        i = i * 2
    return -i


@program((integers(1, 2, 3), 2), (integers(1, 2, 3), 1), (integers(1, 2, 3), 9), (integers(), 1))
def return_in_for_after_work(xs, stop):
    total = 0
    for i, x in enumerate(xs):
        total += x
        if x == stop:
            return total, i
    return total, -1


@program((2, 3, 2), (2, 3, 100), (5, 5, 7), (0, 3, 1))
def return_from_two_loops(n, m, wanted):
    for i in range(n):
        for j in range(m):
            if i * j == wanted:
                return i, j
    return -1, -1


@program((4, 3), (4, 0), (0, 3), (4, 100))
def break_of_the_inner_loop(n, limit):
    total = 0
    for i in range(n):
        for j in range(n):
            if i * j > limit:
                break
            total += j
        total += 100
    return total


@program((4, 3), (4, 0), (0, 3), (4, 100))
def break_of_both_loops(n, limit):
    total = 0
    done = False
    for i in range(n):
        for j in range(n):
            total += i * j
            if total > limit:
                done = True
                break
        if done:
            break
    return total


@program((4, 3), (4, 0), (0, 3))
def continue_of_both_loops(n, k):
    total = 0
    for i in range(n):
        if i == k:
            continue
        for j in range(n):
            if j <= i:
                continue
            total += j
        total += 10
    return total


@program((10.0, Py(4)), (1.0, Py(4)), (10.0, Py(0)), grad=1)
def break_on_a_tensor_in_a_python_loop(x, times):
    for k in range(times):
        if x < 3:
            break
        x = x / (k + 1.5)
    return x


@program((2.0, 1.0), (1.0, 1.0), (-5.0, 1.0), grad=1)
def continue_on_a_tensor_in_a_python_loop(x, y):
    total = 0.0
    for part in [x, y, x + y]:
        if part < 1.5:
            continue
        total += part
    return total


@program((2.0, 1.0), (0.0, 1.0), (-5.0, 0.0), grad=1)
def return_on_a_tensor_in_a_python_loop(x, y):
    for name, part in {"x": x, "y": y}.items():
        if part > 0.5:
            return part * len(name)
    return x - y


@program((2.0, 3), (50.0, 3), (2.0, 0))
def break_in_a_python_while(x, n):
    k = 0
    while k < 4:
        if x > 40:
            break
        for _ in range(n):
            x = x * 1.5
        k += 1
    return x


@program((integers(1, 2, 3), 2), (integers(1, 2, 3), 9), (integers(), 9))
def for_else(xs, wanted):
    for x in xs:
        if x == wanted:
            found = x * 10
            break
    else:
        found = -1
    return found


@program((10, 4), (10, 20), (0, 4))
def while_else(n, stop):
    i = 0
    while i < n:
        if i == stop:
            break
        i += 1
    else:
        i = i + 1000
    return i


@program(3, 0)
def else_without_break(n):
    total = 0
    for i in range(n):
        total += i
    else:
        total += 100
    while total > 101:
        total -= 1
    else:
        total = -total
    return total


@program((1.0, 3), (100.0, 3))
def else_of_a_python_loop_with_a_tensor_break(x, n):
    for k in (1.0, 2.0, 3.0):
        if x * k > 50:
            y = x
            break
    else:
        y = x * tf.cast(n, tf.float32)
    return y


@program((10, 4), (10, 20), (7, 0))
def else_with_return(n, stop):
    for i in range(n):
        if i == stop:
            break
    else:
        return -n
    return i


@program((20, 7), (20, 50), (5, 7))
def primes_by_for_else(n, skip):
    count = 0
    for i in range(2, n):
        for j in range(2, i):
            if i % j == 0:
                break
        else:
            if i == skip:
                continue
            count += 1
    return count


@program((3, 5), (3, 2), (0, 5))
def break_after_nested_ifs(n, limit):
    total = 0
    for i in range(n):
        if i > 0:
            if total + i > limit:
                total = total * 2
                break
            else:
                total += 1
        total += i
    return total


@program(12, 1, 7)
def continue_in_elif(n):
    a = b = c = 0
    for i in range(n):
        if i % 3 == 0:
            a += 1
            continue
        elif i % 3 == 1:
            b += 1
            if i > 6:
                break
        else:
            c += 1
    return a, b, c


@program(5, 0)
def unconditional_break(n):
    total = 0
    for i in range(n):
        total += i + 7
        break
    return total


@program((5, 2), (5, 9))
def statements_after_return_do_not_run(n, k):
    for i in range(n):
        if i == k:
            return i
        else:
            continue
    return n


@program((3, 4, 5), (3, 4, 100), (1, 1, 1))
def return_from_three_loops(a, b, c):
    steps = 0
    for i in tf.range(a):
        for j in tf.range(b):
            k = 0
            while k < 2:
                steps += 1
                if i + j + k == c:
                    return steps
                k += 1
    return -steps


@program((8, Py(True)), (8, Py(False)), (0, Py(True)))
def python_break_in_a_tensor_loop(n, early):
    total = 0
    for i in range(n):
        total += i
        if early and i > 2:
            break
    return total


@program(([1.0, 4.0, 2.0], 3.0), ([1.0, 2.0, 2.0], 3.0), grad=1)
def first_above_in_a_dataset(xs, limit):
    for x in tf.data.Dataset.from_tensor_slices([1.0, 2.0, 3.0, 5.0]):
        if x > limit:
            return x * xs[0]
        if x > xs[1]:
            break
    return tf.reduce_sum(xs)


@program((integers(4, 9, 2), integers(2, 9)), (integers(4, 9, 2), integers(1)), (integers(), integers(1)))
def first_common_element(xs, ys):
    found = -1
    for x in xs:
        for y in ys:
            if x == y:
                found = x
                break
        else:
            continue
        break
    return found
