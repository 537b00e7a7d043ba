"""A training loop by hand: a model of Keras layers, an optimizer, a metric; the step eagerly, compiled, and explained."""

import argparse
import time

import treadle as tf
from treadle import keras
from treadle.keras import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="train for fewer epochs")
options = parser.parse_args()

(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (x.reshape(len(x), 64).astype("float32") / 16 for x in (x_train, x_test))
data = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(2000, seed=0).batch(64, drop_remainder=True)

loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def train(way, epochs):
    """Train a new model; returns it and its step."""
    tf.random.set_seed(0)
    model = keras.Sequential([layers.Dense(64, activation="relu"), layers.Dropout(0.1), layers.Dense(10)])
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, 22 * epochs))
    accuracy = keras.metrics.SparseCategoricalAccuracy()

    def train_step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_fn(y, logits)
        gradients = tape.gradient(loss, model.trainable_weights)
        gradients, norm = tf.clip_by_global_norm(gradients, 1.0)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights))
        accuracy.update_state(y, logits)
        if norm > 10.0:  # a tensor decides: this too is part of the compiled step
            tf.print("a steep place: the gradient's norm is", norm)
        return loss

    step = tf.function(train_step) if way == "compiled" else train_step
    start = time.perf_counter()
    step(x_train[:64], y_train[:64])
    first = time.perf_counter() - start
    start = time.perf_counter()
    for epoch in range(epochs):
        accuracy.reset_state()
        for x, y in data:
            loss = step(x, y)
        if epoch % 5 == 0 or epoch == epochs - 1:
            print(f"{way}, epoch {epoch + 1}: loss {float(loss):.4f}, accuracy {float(accuracy.result()):.4f}")
    each = (time.perf_counter() - start) / (epochs * len(data))
    print(f"{way}: the first step took {first:.2f} s, the others {each * 1e6:.0f} us each\n")
    return model, step


train("eager", 1)
model, step = train("compiled", 5 if options.quick else 20)
right = tf.reduce_mean(tf.cast(tf.argmax(model(x_test), axis=-1) == y_test, tf.float32))
print(f"of the test digits {float(right):.1%} are recognised\n")
print("\n".join(str(step.explain()).splitlines()[:24]), "\n...  (print(step.explain()) shows the rest)")
