"""Random programs: eagerly, compiled, with gradients, and again after print and parse, the results are equal."""

from __future__ import annotations

import random

import numpy as np

import treadle as tf
from treadle.ir.equality import equal
from treadle.ir.parser import parse

UNARY = [tf.sin, tf.tanh, tf.negative, tf.square, tf.abs, tf.sigmoid, lambda x: tf.exp(-tf.square(x)), tf.identity,
         lambda x: tf.math.log1p(tf.square(x)), tf.floor, tf.stop_gradient, lambda x: tf.reverse(x, [-1]),
         lambda x: tf.transpose(tf.transpose(x)), lambda x: tf.reshape(tf.reshape(x, [-1]), x.shape)]
BINARY = [tf.add, tf.subtract, tf.multiply, tf.maximum, tf.minimum, lambda a, b: a / (tf.square(b) + 1.0),
          lambda a, b: tf.where(a > b, a, b * 0.5), tf.math.squared_difference, lambda a, b: tf.atan2(a, b + 3.0),
          lambda a, b: tf.matmul(a, tf.transpose(b)) @ b]
REDUCE = [lambda x: tf.reduce_sum(x, axis=0, keepdims=True), lambda x: tf.reduce_mean(x, 1, keepdims=True),
          lambda x: tf.reduce_max(x, axis=1, keepdims=True), lambda x: tf.cumsum(x, axis=1),
          lambda x: tf.concat([x, x], axis=0)[: x.shape[0]], lambda x: tf.gather(x, [x.shape[0] - 1, 0], axis=0)[:1]]


class Program:
    """A random straight-line program over matrices, two variables and two inputs, made anew from its seed."""

    def __init__(self, seed: int):
        self.seed = seed
        rng = np.random.default_rng(seed)
        self.start = [rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2)]
        self.variables = [tf.Variable(s) for s in self.start]
        self.inputs = [tf.constant(rng.normal(size=(3, 4)).astype(np.float32)),
                       tf.constant(rng.normal(size=(1, 4)).astype(np.float32))]

    def body(self, x, y):
        rng = random.Random(self.seed)
        values = [x, y]
        for _ in range(rng.randrange(5, 25)):
            kind = rng.random()
            if kind < 0.35:
                values.append(rng.choice(UNARY)(rng.choice(values)))
            elif kind < 0.75:
                values.append(rng.choice(BINARY)(rng.choice(values), rng.choice(values)))
            elif kind < 0.85:
                values.append(rng.choice(REDUCE)(rng.choice(values)) + tf.zeros([3, 4]))
            elif kind < 0.95:
                v = rng.choice(self.variables)
                values.append(v * 0.5)
                if rng.random() < 0.5:
                    v.assign(tf.tanh(rng.choice(values)) + tf.zeros([3, 4]))
            else:
                values.append(values[-1] * float(rng.randrange(-3, 4)))
        return values[-3:]

    def step(self, x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            results = self.body(x, y)
            loss = tf.add_n([tf.reduce_sum(tf.tanh(r)) for r in results])
        return results, tape.gradient(loss, [x, y, *self.variables], unconnected_gradients="zero")

    def run(self, step):
        for v, s in zip(self.variables, self.start):
            v.assign(s)
        results = tf.nest.flatten(step(*self.inputs))
        return [r.numpy() for r in results] + [v.numpy() for v in self.variables]


def check(seed: int) -> None:
    program = Program(seed)
    eager = program.run(program.step)
    function = tf.function(program.step)
    compiled = program.run(function)
    again = program.run(function)
    for e, c, a in zip(eager, compiled, again):
        scale = max(1.0, float(np.nanmax(np.abs(e), initial=0.0)))
        np.testing.assert_allclose(c, e, rtol=2e-4, atol=2e-5 * scale, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(a, c, err_msg=f"seed {seed}: not repeatable")
    concrete = function.get_concrete_function(*program.inputs)
    for _, graph in [("traced", concrete.graph), *concrete.pipeline().stages]:
        assert equal(parse(str(graph)), graph), f"seed {seed}"


def test_random_programs(seed, long):
    for i in range(300 if long else 25):
        check(seed + i)
