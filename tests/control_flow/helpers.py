"""A user's own module beside the programs: functions in it are converted like the program's."""

import treadle as tf

SCALE = 3.0


def positive_part(x):
    if x > 0:
        return x
    return tf.zeros_like(x)


def sum_to(n, step=1):
    """The sum of 0, step, 2 * step ... below n."""
    total = 0
    i = 0
    while i < n:
        total += i
        i += step
    return total


def scaled(x):
    return x * SCALE if x > 0 else x / SCALE


def apply_twice(f, x):
    return f(f(x))


class Leaky:
    """A layer with a slope for negative inputs."""

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, x):
        if x > 0:
            return x
        return x * self.slope


double_if_positive = lambda x: x * 2.0 if x > 0 else x
