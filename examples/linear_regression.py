"""Linear regression, eagerly and compiled: the same function, the same numbers, one decorator apart."""

import time

import numpy as np

import treadle as tf

rng = np.random.default_rng(0)
points = rng.normal(size=(20_000, 2)).astype(np.float32)
labels = points @ np.array([[2.0], [-3.0]], np.float32) + 0.5
data = tf.data.Dataset.from_tensor_slices((points, labels)).shuffle(20_000, seed=1).batch(256)

w, b = tf.Variable(tf.zeros([2, 1])), tf.Variable(tf.zeros([1]))


def train_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
    dw, db = tape.gradient(loss, [w, b])
    w.assign_sub(0.05 * dw)
    b.assign_sub(0.05 * db)
    return loss


for name, step in [("eager", train_step), ("compiled", tf.function(train_step))]:
    w.assign(tf.zeros([2, 1]))
    b.assign(tf.zeros([1]))
    start = time.perf_counter()
    for _ in range(2):
        for x, y in data:
            loss = step(x, y)
    print(f"{name:>8}: {time.perf_counter() - start:.3f} s for two epochs, loss {float(loss):.6f}, "
          f"w {w.numpy().ravel().round(3).tolist()}, b {b.numpy().round(3).tolist()}")
