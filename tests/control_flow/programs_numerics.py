"""Algorithms as people write them."""

import treadle as tf
from control_flow import integers, program


@program(2.0, 9.0, 1e-4, grad=1)
def newton_square_root(a):
    x = a
    for _ in range(100):
        y = 0.5 * (x + a / x)
        if tf.abs(y - x) < 1e-6 * x:
            break
        x = y
    return x


@program((0.0, 2.0, 1e-3), (0.0, 10.0, 1e-5), (-3.0, 1.0, 1e-3))
def bisection(low, high, tolerance):
    def f(x):
        return x * x * x - x - 1.0 if x > 0 else x - 1.0
    steps = 0
    while high - low > tolerance and steps < 60:
        middle = (low + high) / 2.0
        if f(middle) * f(low) <= 0:
            high = middle
        else:
            low = middle
        steps += 1
    return (low + high) / 2.0, steps


@program((12, 18), (17, 5), (7, 0), (0, 7))
def gcd(a, b):
    while b != 0:
        a, b = b, a % b
    return a


@program((240, 46), (46, 240), (7, 0))
def gcd_extended(a, b):
    x, next_x, y, next_y = 1, 0, 0, 1
    while b:
        q = a // b
        a, b = b, a - q * b
        x, next_x = next_x, x - q * next_x
        y, next_y = next_y, y - q * next_y
    return a, x, y


@program(1, 6, 27)
def collatz(n):
    steps, peak = 0, n
    while n != 1:
        if n % 2 == 0:
            n //= 2
        else:
            n = 3 * n + 1
        if n > peak:
            peak = n
        steps += 1
    return steps, peak


@program(([[2.0, 1.0], [1.0, 3.0]], 1e-4), ([[1.0, 0.0], [0.0, 1.0]], 1e-4))
def power_iteration(m, tolerance):
    v = tf.constant([1.0, 0.5])
    eigenvalue = tf.constant(0.0)
    for i in tf.range(50):  # noqa: B007
        w = tf.linalg.matvec(m, v)
        now = tf.norm(w)
        v = w / now
        if tf.abs(now - eigenvalue) < tolerance:
            break
        eigenvalue = now
    return now, v, i


@program(([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6]], 0.0), ([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6]], 0.65))
def greedy_path_with_a_cutoff(scores, cutoff):
    logp, path = tf.constant(1.0), tf.fill([2], -1)
    for t in tf.range(2):
        best = tf.argmax(scores[t], output_type=tf.int32)
        if scores[t][best] < cutoff:
            break
        logp = logp * scores[t][best]
        path = tf.tensor_scatter_nd_update(path, [[t]], [best])
    return logp, path


@program(([[1.0, -1.0], [0.5, 2.0], [3.0, 1.0]], 3), ([[1.0, -1.0], [0.5, 2.0], [3.0, 1.0]], 1),
         ([[1.0, -1.0], [0.5, 2.0], [3.0, 1.0]], 0), grad=2)
def rnn_with_a_mask(xs, length):
    h = tf.zeros([2])
    w = tf.constant([[0.5, -0.3], [0.2, 0.8]])
    for t in tf.range(3):
        new = tf.tanh(xs[t] + tf.linalg.matvec(w, h))
        if t < length:
            h = new
    return h


@program(([[1.0, 3.0], [2.0, 2.0]], [0.3, 0.4]), ([[0.0, 0.0]], [0.3, -0.4]), grad=1)
def lstm_like_over_rows(xs, h):
    c = tf.zeros_like(h)
    outputs = []
    for x in tf.unstack(xs):
        gate = tf.sigmoid(x + h)
        c = gate * c + (1.0 - gate) * tf.tanh(x)
        h = gate * tf.tanh(c)
        if tf.reduce_sum(h) > 0.2:
            h = h * 0.5
        outputs.append(h)
    return tf.stack(outputs), c


@program(0.5, 1.0, 0.0, grad=1)
def fixed_point_of_a_cosine(x):
    previous = x + 1.0
    count = 0
    while tf.abs(x - previous) > 1e-5 and count < 200:
        previous, x = x, tf.cos(x)
        count += 1
    return x


@program((1.0, 0.1), (1.0, 0.5), (5.0, 0.3), grad=1)
def euler_with_an_adaptive_step(y, step):
    t = 0.0
    while t < 1.0:
        if t + step > 1.0:
            step = 1.0 - t
        full = y + step * (-y)
        half = y + step / 2.0 * (-y)
        half = half + step / 2.0 * (-half)
        if tf.abs(full - half) > 0.01:
            step = step * 0.5
            continue
        y, t = half, t + step
        step = step * 1.1
    return y


@program((1.0, 0.0, 0.1, 10), (0.5, 1.0, 0.01, 3), (1.0, 0.0, 0.1, 0), grad=2)
def leapfrog(x, v, dt, n):
    for _ in range(n):
        v = v - 0.5 * dt * tf.sin(x)
        x = x + dt * v
        v = v - 0.5 * dt * tf.sin(x)
    return x, v


@program(([[1.0, 1.0], [1.0, 0.0]], 10), ([[1.0, 1.0], [1.0, 0.0]], 0), ([[2.0, 0.0], [0.0, 3.0]], 1))
def matrix_power_by_squaring(m, n):
    result = tf.eye(2)
    while n > 0:
        if n % 2 == 1:
            result = result @ m
        m = m @ m
        n //= 2
    return result


@program((integers(1, 3, 5, 7, 9), 7), (integers(1, 3, 5, 7, 9), 4), (integers(2), 2), (integers(2), 9))
def binary_search(xs, wanted):
    low, high = 0, tf.size(xs) - 1
    while low <= high:
        middle = (low + high) // 2
        if xs[middle] == wanted:
            return middle
        if xs[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    return -1


@program(integers(3, 1, 2), integers(1, 2, 3), integers(5))
def bubble_sort(xs):
    n = tf.size(xs)
    swaps = 0
    changed = True
    while changed:
        changed = False
        for i in range(n - 1):
            a, b = xs[i], xs[i + 1]
            if a > b:
                xs = tf.tensor_scatter_nd_update(xs, [[i], [i + 1]], [b, a])
                changed = True
                swaps += 1
    return xs, swaps


@program(30, 2, 3)
def sieve(n):
    prime = tf.ones([31], tf.bool)
    count = 0
    for p in range(2, n + 1):
        if not prime[p]:
            continue
        count += 1
        for multiple in range(p * p, n + 1, p):
            prime = tf.tensor_scatter_nd_update(prime, [[multiple]], [False])
    return count


@program((-0.5, 0.5), (1.0, 1.0), (0.0, 0.0))
def mandelbrot_escape_time(a, b):
    x = y = 0.0
    n = 0
    while x * x + y * y <= 4.0:
        if n >= 30:
            break
        x, y = x * x - y * y + a, 2.0 * x * y + b
        n += 1
    return n


@program(([3.0, -2.0], 0.1, 40), ([3.0, -2.0], 0.5, 3), ([0.0, 0.0], 0.1, 5))
def gradient_descent_with_line_search(x, rate, most):
    def loss(v):
        return tf.reduce_sum(v * v * tf.constant([1.0, 10.0]))
    steps = 0
    for _ in tf.range(most):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        g = tape.gradient(value, x)
        if tf.norm(g) < 1e-3:
            break
        t = rate
        while loss(x - t * g) > value - 0.5 * t * tf.reduce_sum(g * g):
            t = t * 0.5
        x = x - t * g
        steps += 1
    return x, steps


@program(([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]), ([[1.0, 0.0], [0.0, 1.0]], [3.0, 4.0]), grad=1)
def conjugate_gradients(a, b):
    x = tf.zeros_like(b)
    r = b
    p = r
    rs = tf.reduce_sum(r * r)
    for _ in range(2):
        ap = tf.linalg.matvec(a, p)
        alpha = rs / tf.reduce_sum(p * ap)
        x = x + alpha * p
        r = r - alpha * ap
        new = tf.reduce_sum(r * r)
        if tf.sqrt(new) < 1e-4:
            break
        p = r + new / rs * p
        rs = new
    return x


@program(([[0.0, 1.0, 4.0], [1.0, 0.0, 2.0], [4.0, 2.0, 0.0]], 0), ([[0.0, 9.0, 1.0], [9.0, 0.0, 9.0], [1.0, 9.0, 0.0]], 2))
def dijkstra_on_a_matrix(cost, source):
    far = 1e9
    distance = tf.where(tf.range(3) == source, 0.0, far)
    done = tf.zeros([3], tf.bool)
    for _ in range(3):
        u = tf.argmin(tf.where(done, 2.0 * far, distance), output_type=tf.int32)
        done = tf.tensor_scatter_nd_update(done, [[u]], [True])
        for v in range(3):
            through = distance[u] + cost[u, v]
            if through < distance[v]:
                distance = tf.tensor_scatter_nd_update(distance, [[v]], [through])
    return distance


@program((integers(2, 1, 3), 4), (integers(2, 1, 3), 0), (integers(5, 5), 3))
def knapsack(weights, room):
    best = 0
    for mask in range(2 ** 3):
        weight = 0
        for i in tf.range(tf.size(weights)):
            if (mask // 2 ** i) % 2 == 1:
                weight += weights[i]
        if weight <= room and weight > best:
            best = weight
    return best


@program((3.0, 1.0), (-1.0, 2.0), (0.2, -0.5), grad=2)
def huber_and_piecewise_losses(x, y):
    error = x - y
    if tf.abs(error) < 1:
        loss = 0.5 * error * error
    elif error > 0:
        loss = error - 0.5
    else:
        loss = -error - 0.5
    return loss * loss


@program((1.0, 3), (0.5, 10), (0.0, 2), grad=2)
def exponential_series(x, terms):
    term, total = tf.ones_like(x), tf.ones_like(x)
    for k in tf.range(1, terms + 1):
        term = term * x / tf.cast(k, tf.float32)
        total += term
    return total


@program((0.3, 3.7, 20), (0.5, 2.0, 5), (0.5, 2.0, 0), grad=1)
def logistic_map(x, r, n):
    i = 0
    while i < n:
        x = r * x * (1.0 - x)
        i += 1
    return x


@program(10, 0, 1, 2)
def fibonacci(n):
    if n < 2:
        return n
    a, b = 0, 1
    for _ in range(n - 1):
        a, b = b, a + b
    return b


@program(2022, 7, 100)
def digits_and_palindromes(n):
    original, backwards = n, 0
    while n > 0:
        backwards = backwards * 10 + n % 10
        n //= 10
    return backwards, backwards == original
