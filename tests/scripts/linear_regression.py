# A regression with TensorFlow's low-level API, as in its guides.
import numpy as np
import tensorflow as tf


class Model(tf.Module):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.w = tf.Variable(5.0)
        self.b = tf.Variable(0.0)

    def __call__(self, x):
        return self.w * x + self.b


x = tf.random.normal(shape=[1000])
y = x * 3.0 + 2.0 + 0.1 * tf.random.normal(shape=[1000])
model = Model()


def loss(target_y, predicted_y):
    return tf.reduce_mean(tf.square(target_y - predicted_y))


@tf.function
def train(model, x, y, learning_rate):
    with tf.GradientTape() as t:
        current_loss = loss(y, model(x))
    dw, db = t.gradient(current_loss, [model.w, model.b])
    model.w.assign_sub(learning_rate * dw)
    model.b.assign_sub(learning_rate * db)


for epoch in range(40):
    train(model, x, y, learning_rate=0.1)
    if epoch % 10 == 0:
        print(f"Epoch {epoch:2d}: W={model.w.numpy():1.2f} b={model.b.numpy():1.2f}, loss={loss(y, model(x)):2.5f}")
assert np.allclose([model.w.numpy(), model.b.numpy()], [3, 2], atol=0.05)
print("Final loss below 0.02:", bool(loss(y, model(x)) < 0.02))
