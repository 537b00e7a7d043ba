"""Text classification with an LSTM: is a sentence about food praise or complaint, negations included?

The sentences are made here, so that nothing has to be downloaded; `keras.datasets.imdb` has real ones.
"""

import argparse
import random

import numpy as np

import treadle as tf
from treadle import keras
from treadle.keras import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="train on fewer sentences")
options = parser.parse_args()

GOOD, BAD = ["delicious", "fresh", "tasty", "wonderful", "great"], ["awful", "stale", "bland", "cold", "terrible"]
DISHES, DEGREES = ["soup", "bread", "pasta", "coffee", "cake", "rice"], ["", "very ", "rather ", "really "]
FILLERS = ["we came on a rainy evening and", "my friend said that", "i think", "as far as i can tell", "honestly"]


def sentence(rng):
    """(text, 1 for praise): a negation anywhere before the adjective turns its meaning round."""
    good, negated = rng.random() < 0.5, rng.random() < 0.4
    claim = f"the {rng.choice(DISHES)} was {'not ' if negated else ''}{rng.choice(DEGREES)}{rng.choice(GOOD if good else BAD)}"
    return f"{rng.choice(FILLERS)} {claim}", int(good != negated)


rng = random.Random(0)
texts, labels = zip(*(sentence(rng) for _ in range(1600 if options.quick else 6400)))
words = sorted({word for text in texts for word in text.split()})
number = {word: i for i, word in enumerate(words, start=1)}  # 0 stands for the end


def encode(texts, length=16):
    """Rows of word numbers, filled up with 0."""
    found = np.zeros((len(texts), length), "int32")
    for row, text in zip(found, texts):
        numbers = [number.get(word, 0) for word in text.split()][:length]
        row[:len(numbers)] = numbers
    return found


x, y = encode(texts), np.array(labels, "float32")
tf.random.set_seed(0)
model = keras.Sequential([
    keras.Input((16,), dtype="int32"),
    layers.Embedding(len(words) + 1, 16, mask_zero=True),
    layers.Bidirectional(layers.LSTM(16)),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy", metrics=["accuracy"])
split = len(x) * 4 // 5
model.fit(x[:split], y[:split], batch_size=64, epochs=8, validation_data=(x[split:], y[split:]), verbose=2,
          callbacks=[keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=3)])

for text in ("the soup was delicious", "the soup was not delicious", "honestly the cake was not very awful"):
    print(f"{text}: {float(model(encode([text]))[0, 0]):.0%} praise")
