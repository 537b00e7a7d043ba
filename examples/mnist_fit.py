"""Handwritten digits with `compile`, `fit` and `evaluate`: a convolutional network on MNIST.

MNIST is downloaded to ~/.keras/datasets if it is not there; `--data FILE` reads another mnist.npz. `--quick` trains on the
1,797 small digits that come with treadle.
"""

import argparse
import time

import treadle as tf
from treadle import keras
from treadle.keras import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true")
parser.add_argument("--data", default="mnist.npz")
parser.add_argument("--epochs", type=int, default=3)
options = parser.parse_args()

if options.quick:
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    largest = 16.0
else:
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data(options.data)
    largest = 255.0
x_train, x_test = (x[..., None].astype("float32") / largest for x in (x_train, x_test))

tf.random.set_seed(0)
model = keras.Sequential([
    keras.Input(x_train.shape[1:]),
    layers.Conv2D(16, 3, activation="relu"),
    layers.MaxPooling2D(),
    layers.Conv2D(32, 3 if not options.quick else 2, activation="relu"),
    layers.Flatten(),
    layers.Dropout(0.2),
    layers.Dense(10),
])
model.compile(optimizer=keras.optimizers.Adam(1e-3 if not options.quick else 5e-3),
              loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
start = time.perf_counter()
model.fit(x_train, y_train, batch_size=64, epochs=options.epochs, validation_split=0.1)
print(f"trained in {time.perf_counter() - start:.1f} s, compiling included")
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"of the {len(x_test)} test digits {accuracy:.1%} are recognised, loss {loss:.3f}")

probabilities = tf.nn.softmax(model.predict(x_test[:5], verbose=0)).numpy()
for image, p, true in zip(x_test[:5], probabilities, y_test):
    print(f"a {true}: seen as a {p.argmax()} with probability {p.max():.2f}, mean grey value {image.mean():.2f}")
