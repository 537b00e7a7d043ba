"""A small transformer, of Keras layers, that learns to sort: it reads digits and writes them in order, one after the other."""

import argparse

import numpy as np

import treadle as tf
from treadle import keras
from treadle.keras import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="train for less long")
options = parser.parse_args()
LENGTH, WORDS, WIDTH, SEPARATOR = 6, 11, 32, 10


class Positions(layers.Layer):
    """Embeddings of the words plus embeddings of their places."""

    def __init__(self, length, words, width, **kwargs):
        super().__init__(**kwargs)
        self.words, self.places = layers.Embedding(words, width), layers.Embedding(length, width)

    def call(self, x):
        return self.words(x) + self.places(tf.range(tf.shape(x)[1]))


def block(x, heads=4, name="block"):
    """Attention to the words before, then a layer for each word; both added to what they were given."""
    attended = layers.MultiHeadAttention(heads, WIDTH // heads, name=f"{name}_attention")(
        layers.LayerNormalization()(x), layers.LayerNormalization()(x), use_causal_mask=True)
    x = layers.Add()([x, attended])
    h = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dense(WIDTH)(h)])


def examples(count, rng):
    """[3 1 2 | 1 2] to read and [. . . 1 2 3] to write; what is read is not trained on."""
    given = rng.integers(0, 10, (count, LENGTH))
    whole = np.concatenate([given, np.full((count, 1), SEPARATOR), np.sort(given, axis=1)], axis=1)
    weights = np.zeros((count, 2 * LENGTH), "float32")
    weights[:, LENGTH:] = 1
    return whole[:, :-1].astype("int32"), whole[:, 1:].astype("int32"), weights


tf.random.set_seed(0)
rng = np.random.default_rng(0)
inputs = keras.Input((None,), dtype="int32")
x = Positions(2 * LENGTH + 1, WORDS, WIDTH)(inputs)
for i in range(2):
    x = block(x, name=f"block_{i}")
model = keras.Model(inputs, layers.Dense(WORDS)(layers.LayerNormalization()(x)))
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              weighted_metrics=["accuracy"])
print(f"{model.count_params():,} weights")
x, y, weights = examples(2048 if options.quick else 20480, rng)
model.fit(x, y, sample_weight=weights, batch_size=64, epochs=2 if options.quick else 5, verbose=2)


@tf.function
def next_word(written, count):
    """The word after the first `count`. What comes later is not looked at, so that one program serves all lengths."""
    return tf.argmax(model(written)[0, count - 1])


def sort(digits):
    """Ask for one word after the other."""
    written = [*digits, SEPARATOR] + [0] * len(digits)
    for count in range(len(digits) + 1, len(written)):
        written[count] = int(next_word(tf.constant([written]), tf.constant(count)))
    return written[len(digits) + 1:]


tests = rng.integers(0, 10, (20, LENGTH)).tolist()
for digits in tests[:3]:
    print(f"{digits} sorted: {sort(digits)}")
print(f"right: {sum(sort(d) == sorted(d) for d in tests)} of {len(tests)}")
