"""Ctrl-C and exceptions in `fit`, `evaluate`, `predict` and `train_on_batch` leave the model whole, at step k or k + 1."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import threading
import time

import numpy as np
import pytest

import treadle as tf
from treadle import keras
from treadle.keras_like.training import execution, trainer

# A signal that arrives inside a garbage-collection callback (JAX has one) is swallowed by Python itself.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROWS, BATCH, EPOCHS = 90, 4, 3
STEPS = -(-ROWS // BATCH) * EPOCHS


class Training:
    """A model, its data, and the state it has after each step of an undisturbed run."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(ROWS, 6)).astype(np.float32)
        self.y = (self.x.sum(1) > 0).astype(np.int32)
        self.model = keras.Sequential([keras.layers.Dense(300, activation="relu"), keras.layers.BatchNormalization(),
                                       keras.layers.Dense(2)])
        self.model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        self.model.build((None, 6))
        self.model.optimizer.build(self.model.trainable_variables)
        self.start = [v.numpy() for v in self.state()]
        self.known = [self.digest()]
        note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: self.known.append(self.digest()))
        self.fit(callbacks=[note])
        self.model.evaluate(self.x, self.y, batch_size=BATCH, verbose=0)
        self.model.predict(self.x, batch_size=BATCH, verbose=0)

    def state(self):
        return [*self.model.weights, *self.model.optimizer.variables]

    def digest(self):
        return hashlib.sha256(b"".join(v.numpy().tobytes() for v in self.state())).hexdigest()

    def restart(self):
        for variable, value in zip(self.state(), self.start):
            variable.assign(value)

    def fit(self, **arguments):
        self.model.fit(self.x, self.y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, **arguments)

    def check(self, what):
        """The state is that after as many steps as the optimizer counted."""
        done = int(self.model.optimizer.iterations)
        assert self.digest() == self.known[done], f"{what}: torn after step {done}"
        return done


@pytest.fixture(scope="module")
def training():
    return Training()


def test_an_undisturbed_run_of_many_steps_in_one_program_ends_where_single_steps_do(training):
    training.restart()
    training.fit()
    assert training.check("undisturbed") == STEPS


def _tasks(training):
    x, y = training.x, training.y
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).map(lambda a, b: (a * 1.0, b)).batch(BATCH).repeat(EPOCHS)
    return {
        "fit": training.fit,
        "fit on stacked batches": lambda: training.model.fit(dataset, verbose=0),
        "evaluate": lambda: training.model.evaluate(x, y, batch_size=BATCH, verbose=0),
        "predict": lambda: training.model.predict(x, batch_size=BATCH, verbose=0),
        "train_on_batch": lambda: [training.model.train_on_batch(x[i:i + BATCH], y[i:i + BATCH])
                                   for _ in range(EPOCHS) for i in range(0, ROWS, BATCH)],
    }


def test_random_interrupts_leave_the_model_whole(training, seed, long):
    rng = random.Random(seed)
    tasks = _tasks(training)
    seconds = {}
    for name, task in tasks.items():
        for _ in range(2):  # the first one compiles
            training.restart()
            start = time.perf_counter()
            task()
            seconds[name] = time.perf_counter() - start
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts = 0
    try:
        for trial in range(1000 if long else 300):
            name = ["fit", "fit", "fit on stacked batches", "evaluate", "predict", "train_on_batch"][trial % 6]
            training.restart()
            sender = threading.Timer(rng.random() * seconds[name], os.kill, (os.getpid(), signal.SIGINT))
            try:
                try:
                    sender.start()
                    tasks[name]()
                finally:
                    sender.join()
            except KeyboardInterrupt:
                interrupts += 1
            if name != "train_on_batch" and name != "fit on stacked batches":
                training.check(f"trial {trial}, {name}")
            else:
                assert all(np.isfinite(v.numpy()).all() for v in training.state()), f"trial {trial}, {name}"
    finally:
        signal.signal(signal.SIGINT, before)
    assert interrupts > 100
    training.restart()
    training.fit()
    assert training.check("after all interrupts") == STEPS


class Stop(Exception):
    pass


def _raise_at(file, line, hit):
    """A trace function that raises when the line of the file is reached for the `hit`-th time."""
    count = 0

    def local(frame, event, argument):
        nonlocal count
        if event == "line" and frame.f_lineno == line:
            count += 1
            if count == hit:
                raise Stop
        return local

    def enter(frame, event, argument):
        return local if frame.f_code.co_filename == file else None
    return enter


def _lines_run(task, files):
    found = {}

    def local(frame, event, argument):
        if event == "line":
            key = frame.f_code.co_filename, frame.f_lineno
            found[key] = found.get(key, 0) + 1
        return local

    def enter(frame, event, argument):
        return local if frame.f_code.co_filename in files else None
    sys.settrace(enter)
    try:
        task()
    finally:
        sys.settrace(None)
    return found


def test_an_exception_at_each_line_of_the_training_loop_leaves_the_model_whole(training, seed, long):
    rng = random.Random(seed)
    files = {trainer.__file__, execution.__file__}
    training.restart()
    lines = _lines_run(training.fit, files)
    assert len(lines) > 60
    reached = 0
    for (file, line), times in lines.items():
        for hit in {1, rng.randint(1, times)} | (set(range(1, min(times, 8))) if long else set()):
            training.restart()
            sys.settrace(_raise_at(file, line, hit))
            try:
                training.fit()
            except Stop:
                reached += 1
            finally:
                sys.settrace(None)
            training.check(f"exception at {file}:{line}, time {hit}")
    assert reached >= len(lines) * 0.9
    training.restart()
    training.fit()
    assert training.check("after all exceptions") == STEPS
