"""A run of training with everything random: what `test_backup.py` cuts off and runs again.

    python backup_program.py FOLDER RESULT FREQUENCY        (a batch a line on stdout)
"""

import functools
import hashlib
import random
import sys

import numpy as np

import treadle as tf
from treadle import keras

ROWS, BATCH, EPOCHS = 60, 8, 4


def data(kind):
    """x and y for `fit`, and its other arguments."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, 5)).astype(np.float32)
    y = (x.sum(1) > 0).astype(np.int64)
    if kind == "arrays":
        return (x, y), {"batch_size": BATCH}
    ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(ROWS, seed=3).batch(BATCH)
    if kind == "dataset":
        return (ds,), {}
    if kind == "repeated":
        return (ds.repeat(),), {"steps_per_epoch": 5}
    if kind == "validated":
        return (x, y), {"batch_size": BATCH, "validation_split": 0.2, "class_weight": {0: 1.0, 1: 2.0}}

    if kind == "generator":
        rows = (np.arange(i, i + BATCH) % ROWS for i in range(1000))
        return (((x[r], y[r]) for r in rows),), {"steps_per_epoch": 5}

    class Batches(keras.utils.PyDataset if hasattr(keras.utils, "PyDataset") else object):
        num_batches = ROWS // BATCH

        def __len__(self):
            return self.num_batches

        def __getitem__(self, i):
            rows = slice(i * BATCH, (i + 1) * BATCH)
            return x[rows] + np.random.normal(0, 0.1) + random.random() / 10, y[rows]

        def on_epoch_end(self):
            pass

    return (Batches(),), {}


def model(lazy=False):
    layers = keras.layers
    inputs = [] if lazy else [keras.Input((5,))]
    found = keras.Sequential([*inputs, layers.Dense(6, activation="relu"), layers.Dropout(0.3), layers.BatchNormalization(),
                              layers.GaussianNoise(0.1), layers.Dense(2)])
    found.compile(keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9), use_ema=True),
                  keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return found


def state(trained):
    """All variables that training changes."""
    return [*trained.weights, *trained.optimizer.variables, *(trained.layers[i].seed_generator.state for i in (1, 3))]


@functools.cache
def compiled_once():
    """A model, and what is in it at the beginning."""
    found = model()
    found.optimizer.build(found.trainable_weights)
    return found, [v.numpy() for v in state(found)]


def train(callbacks, kind="arrays", seed=7, epochs=EPOCHS, of=None):
    """Train a model from the beginning; returns it and its history. `of`: a new one, in place of the one for many runs."""
    trained = of
    if trained is None:
        trained, beginning = compiled_once()
        for variable, value in zip(state(trained), beginning):
            variable.assign(value)
    tf.random.set_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    given, arguments = data(kind)
    history = trained.fit(*given, epochs=epochs, verbose=0, callbacks=callbacks, **arguments)
    return trained, history.history


def digest(trained):
    """Of all that the training has changed, and of the random numbers that come next."""
    arrays = [v.numpy() for v in state(trained)]
    arrays += [tf.random.normal([3]).numpy(), np.random.normal(size=3), np.array(random.random())]
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


if __name__ == "__main__":
    folder, result, frequency = sys.argv[1:]
    backup = keras.callbacks.BackupAndRestore(folder, save_freq=frequency if frequency == "epoch" else int(frequency))
    telling = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: print(batch, flush=True))
    tf.random.set_seed(7)
    trained, _ = train([telling, backup], of=model())
    with open(result, "w") as file:
        file.write(digest(trained))
