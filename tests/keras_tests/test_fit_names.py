"""The names under which `fit` and `evaluate` report, and several inputs and outputs: as live Keras has them."""

from __future__ import annotations

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3)).astype(np.float32), RNG.normal(size=(10, 2)).astype(np.float32)
Y = np.zeros((10, 1), np.float32), np.zeros((10, 2), np.float32)


def two_outputs(k, structure=list):
    a, b = k.Input((3,), name="a"), k.Input((2,), name="b")
    h = k.layers.Concatenate()([a, b])
    p, q = k.layers.Dense(1, name="p", kernel_initializer="ones")(h), k.layers.Dense(2, name="q", kernel_initializer="ones")(h)
    return k.Model([a, b], [p, q]) if structure is list else k.Model({"a": a, "b": b}, {"z": p, "w": q})


def one_output(k):
    return k.Sequential([k.Input((3,)), k.layers.Dense(1, kernel_initializer="ones")])


CASES = {
    "lists": lambda k: (two_outputs(k), list(X), list(Y), {"loss": ["mse", "mae"], "metrics": [["mae"], ["mse"]]}),
    "dicts of layers' names": lambda k: (two_outputs(k), list(X), list(Y), {
        "loss": {"p": "mse", "q": "mae"}, "metrics": {"p": "mae", "q": ["mse", k.metrics.MeanAbsoluteError()]}}),
    "dicts": lambda k: (two_outputs(k, dict), {"a": X[0], "b": X[1]}, {"z": Y[0], "w": Y[1]}, {
        "loss": {"z": "mse", "w": "mae"}, "loss_weights": {"z": 2.0, "w": 0.5}, "metrics": {"z": ["mae"]},
        "weighted_metrics": {"w": ["mse"]}}),
    "metrics of one output": lambda k: (one_output(k), X[0], Y[0], {
        "loss": "mse", "weighted_metrics": ["mae"],
        "metrics": ["mae", "mean_squared_error", k.metrics.MeanAbsoluteError(), k.losses.mean_squared_error, "accuracy",
                    "acc"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_names_and_values(case):
    found = []
    for k in (theirs, ours):
        model, x, y, how = CASES[case](k)
        model.compile("sgd", **how)
        history = model.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0).history
        found.append((history, model.evaluate(x, y, verbose=0, return_dict=True), model.predict(x, verbose=0),
                      sorted(model.metrics_names)))
    (expected, *keras), (history, *mine) = found
    assert list(history) == list(expected) and mine[2] == keras[2] and list(mine[0]) == list(keras[0])
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, atol=1e-6)
    for name, value in keras[0].items():
        np.testing.assert_allclose(mine[0][name], value, rtol=1e-5, atol=1e-6)
    # In the model's order; Keras on JAX gives the names in alphabetical order.
    for a, b in zip(*([p[name] for name in sorted(p)] if isinstance(p, dict) else p if isinstance(p, list) else [p]
                      for p in (mine[1], keras[1]))):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("generation", ["keras 3", "tf.keras"])
def test_the_guides_train_step_reports_the_metrics_of_compile(generation):
    class Mine(ours.Model):
        def __init__(self):
            super().__init__()
            self.dense = ours.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                if generation == "keras 3":
                    loss = self.compute_loss(y=y, y_pred=y_pred)
                else:
                    loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
            if generation == "keras 3":
                for metric in self.metrics:
                    metric.update_state(loss) if metric.name == "loss" else metric.update_state(y, y_pred)
            else:
                self.compiled_metrics.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    model = Mine()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X[0], Y[0], epochs=2, verbose=0).history
    assert list(history) == ["loss", "mae"] and history["mae"][0] > 0 and np.isfinite(history["loss"]).all()


def test_convolutions_are_not_put_into_a_loop_where_that_is_slow():
    model = ours.Sequential([ours.Input((8, 8, 1)), ours.layers.Conv2D(2, 3), ours.layers.Flatten(), ours.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = RNG.normal(size=(6, 8, 8, 1)).astype(np.float32), np.zeros((6, 1), np.float32)
    step = tf.function(model.train_step).get_concrete_function((tf.TensorSpec([2, 8, 8, 1]), tf.TensorSpec([2, 1])))
    assert step.is_slow_in_loops == (tf.config.list_physical_devices("GPU") == [])
    model.fit(x, y, batch_size=2, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 6


def test_long_steps_are_not_put_into_a_loop():
    def step_of(units):
        model = ours.Sequential([ours.Input((units,)), ours.layers.Dense(units), ours.layers.Dense(1)])
        model.compile("sgd", "mse")
        batch = tf.TensorSpec([512, units]), tf.TensorSpec([512, 1])
        return model, tf.function(model.train_step).get_concrete_function(batch)

    assert not step_of(64)[1].is_slow_in_loops
    model, step = step_of(2048)  # 2 products of 512 x 2048 x 2048
    assert step.is_slow_in_loops == (tf.config.list_physical_devices("GPU") == [])
    history = model.fit(np.zeros((1024, 2048), np.float32), np.ones((1024, 1), np.float32), batch_size=512, verbose=0).history
    assert history["loss"][0] > 0 and int(model.optimizer.iterations) == 2
