"""Microseconds for the gradient of sqrt(a^2 + b^2), eagerly."""

from bench.peers.timing import median_us


def tensorflow():
    import tensorflow as tf
    a, b = tf.constant(3.0), tf.constant(4.0)

    def gradient():
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            c = tf.sqrt(tf.square(a) + tf.square(b))
        return tape.gradient(c, [a, b])
    yield f"TensorFlow eager tape ({tf.__version__})", median_us(gradient)


def torch():
    import torch
    a, b = torch.tensor(3.0, requires_grad=True), torch.tensor(4.0, requires_grad=True)
    yield (f"torch eager ({torch.__version__})",
           median_us(lambda: torch.autograd.grad(torch.sqrt(torch.square(a) + torch.square(b)), [a, b])))
