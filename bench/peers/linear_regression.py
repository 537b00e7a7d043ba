"""The linear-regression step of bench/linear_regression.py on TensorFlow and torch, in their own environment."""

import json

import numpy as np

from bench.peers.timing import median_us

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(256, 2)).astype(np.float32), rng.normal(size=(256, 1)).astype(np.float32)

found = {}
try:
    import tensorflow as tf
    w, b = tf.Variable(tf.zeros((2, 1))), tf.Variable(tf.zeros((1,)))
    x, y = tf.constant(X), tf.constant(Y)

    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - (tf.matmul(x, w) + b)))
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(0.01 * dw)
        b.assign_sub(0.01 * db)
        return loss
    found[f"tf.function ({tf.__version__})"] = median_us(tf.function(step))
    found["TensorFlow eager"] = median_us(step, calls=50)
except ImportError:
    pass
try:
    import torch
    tw, tb = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    tx, ty = torch.from_numpy(X), torch.from_numpy(Y)

    def torch_step():
        loss = torch.mean(torch.square(ty - (tx @ tw + tb)))
        gw, gb = torch.autograd.grad(loss, [tw, tb])
        with torch.no_grad():
            tw.sub_(0.01 * gw)
            tb.sub_(0.01 * gb)
        return loss
    found[f"torch eager ({torch.__version__})"] = median_us(torch_step, calls=200)
except ImportError:
    pass
print(json.dumps(found))
