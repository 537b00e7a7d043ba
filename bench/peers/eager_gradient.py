"""The gradient of sqrt(a^2 + b^2), eagerly, on TensorFlow and torch."""

import json

from bench.peers.timing import median_us

found = {}
try:
    import tensorflow as tf
    a, b = tf.constant(3.0), tf.constant(4.0)

    def with_tensorflow():
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            c = tf.sqrt(tf.square(a) + tf.square(b))
        return tape.gradient(c, [a, b])
    found[f"TensorFlow eager tape ({tf.__version__})"] = median_us(with_tensorflow)
except ImportError:
    pass
try:
    import torch
    p, q = torch.tensor(3.0, requires_grad=True), torch.tensor(4.0, requires_grad=True)

    def with_torch():
        return torch.autograd.grad(torch.sqrt(torch.square(p) + torch.square(q)), [p, q])
    found[f"torch eager ({torch.__version__})"] = median_us(with_torch)
except ImportError:
    pass
print(json.dumps(found))
