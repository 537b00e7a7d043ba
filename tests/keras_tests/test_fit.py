"""`compile`, `fit`, `evaluate` and `predict` against Keras: the same weights, the same batches, the same history."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

RNG = np.random.default_rng(3)
X = RNG.normal(size=(100, 6)).astype(np.float32)
LABELS = (X[:, :2].sum(1) > 0).astype(np.int64)


def classifier(keras, **compiled):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
    model.compile(**{"optimizer": "adam", "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                     "metrics": ["accuracy"], **compiled})
    return model


def pair(**compiled):
    mine, other = classifier(ours, **compiled), classifier(theirs, **compiled)
    other.set_weights(mine.get_weights())
    return mine, other


def same(mine, other, **arguments):
    """Both are trained; histories, weights, evaluations and predictions agree."""
    found = mine.fit(shuffle=False, verbose=0, **arguments).history
    expected = other.fit(shuffle=False, verbose=0, **arguments).history
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-5, atol=1e-6, err_msg=name)
    for a, b in zip(mine.get_weights(), other.get_weights()):
        close(a, b, "weights", 2e-5)


@pytest.mark.parametrize("arguments", [
    dict(batch_size=32, epochs=3), dict(batch_size=25, epochs=2, validation_split=0.2),
    dict(epochs=2, validation_data=(X[:30], LABELS[:30]), validation_freq=2), dict(epochs=4, initial_epoch=2),
    dict(class_weight={0: 1.0, 1: 3.0}), dict(sample_weight=np.linspace(0, 1, 100).astype(np.float32)),
    dict(batch_size=10, epochs=2, steps_per_epoch=4)])
def test_fit_on_arrays(arguments):
    mine, other = pair()
    same(mine, other, x=X, y=LABELS, **arguments)


def test_evaluate_and_predict():
    mine, other = pair()
    np.testing.assert_allclose(mine.evaluate(X, LABELS, verbose=0), other.evaluate(X, LABELS, verbose=0), rtol=1e-5)
    found, expected = (m.evaluate(X, LABELS, verbose=0, return_dict=True) for m in (mine, other))
    assert found == pytest.approx(expected, rel=1e-5)
    close(mine.predict(X, verbose=0), other.predict(X, verbose=0), "predictions")
    close(mine.predict_on_batch(X[:3]), other.predict_on_batch(X[:3]), "predictions of a batch")


def test_single_batches():
    mine, other = pair()
    for part in (slice(0, 40), slice(40, 100)):
        np.testing.assert_allclose(mine.train_on_batch(X[part], LABELS[part]), other.train_on_batch(X[part], LABELS[part]),
                                   rtol=1e-5)
    np.testing.assert_allclose(mine.test_on_batch(X, LABELS), other.test_on_batch(X, LABELS), rtol=1e-5)


def test_a_dataset_and_a_generator_train_like_arrays():
    reference, from_dataset, from_generator = (classifier(ours) for _ in range(3))
    for model in (from_dataset, from_generator):
        model.set_weights(reference.get_weights())
    reference.fit(X, LABELS, batch_size=25, epochs=2, shuffle=False, verbose=0)
    from_dataset.fit(tf.data.Dataset.from_tensor_slices((X, LABELS)).batch(25), epochs=2, verbose=0)
    batches = ((X[i:i + 25], LABELS[i:i + 25]) for _ in range(2) for i in range(0, 100, 25))
    from_generator.fit(batches, steps_per_epoch=4, epochs=2, verbose=0)
    for a, b, c in zip(reference.get_weights(), from_dataset.get_weights(), from_generator.get_weights()):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_the_step_of_the_guides():
    class Custom(ours.Model):
        def __init__(self):
            super().__init__()
            self.dense = ours.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
            return {"my_loss": loss}

    model = Custom()
    model.compile(optimizer=ours.optimizers.SGD(0.1), loss=ours.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(X, LABELS, batch_size=100, epochs=5, verbose=0).history["my_loss"]
    assert history[-1] < history[0]


def test_callbacks_are_called_in_order():
    seen = []

    class Watching(ours.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("train begins")

        def on_epoch_end(self, epoch, logs=None):
            seen.append(("epoch", epoch, sorted(logs)))

        def on_train_batch_end(self, batch, logs=None):
            seen.append(("batch", batch, isinstance(logs["loss"], float)))
            self.model.stop_training = batch == 1

        def on_train_end(self, logs=None):
            seen.append("train ends")

    classifier(ours).fit(X, LABELS, epochs=3, verbose=0, callbacks=[Watching()])
    assert seen == ["train begins", ("batch", 0, True), ("batch", 1, True), ("epoch", 0, ["accuracy", "loss"]), "train ends"]


def test_early_stopping_goes_back_to_the_best_weights():
    mine, other = pair(optimizer="sgd")
    for model, keras in ((mine, ours), (other, theirs)):
        stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1.0, patience=1, restore_best_weights=True)
        model.fit(X, LABELS, epochs=6, shuffle=False, verbose=0, callbacks=[stop])
        assert stop.stopped_epoch == 1
    for a, b in zip(mine.get_weights(), other.get_weights()):
        close(a, b, "weights", 2e-5)


@pytest.mark.parametrize("call,says", [
    (lambda m: m.fit(X, LABELS[:50]), "as many rows"), (lambda m: m.fit(X, LABELS, batch_size=0), "batch_size"),
    (lambda m: m.fit(iter([]), verbose=0), "no batches"), (lambda m: m.fit(X, LABELS, validation_split=1.0), "split")])
def test_mistakes(call, says):
    with pytest.raises(ValueError, match=says):
        call(classifier(ours))


def test_fit_before_compile():
    model = ours.Sequential([ours.layers.Dense(1)])
    with pytest.raises(RuntimeError, match="compile"):
        model.fit(X, LABELS)


def test_what_is_printed_without_a_terminal(capsys):
    classifier(ours).fit(X, LABELS, epochs=2, verbose=2, validation_data=(X, LABELS))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "4/4", "Epoch 2/2", "4/4"] and "val_loss" in lines[1]


@pytest.fixture
def no_checks():
    tf.debugging.disable_checks()
    yield
    tf.debugging.enable_checks()


def test_rows_stay_until_they_are_used(no_checks):
    """A step without logs and without checks gives nothing to wait for; the memory of its rows must wait all the same."""
    class Adding(ours.Model):
        def __init__(self):
            super().__init__()
            self.total, self.unit = tf.Variable(tf.zeros([256])), tf.eye(256)

        def train_step(self, x):
            for _ in range(6):
                x = tf.matmul(x, self.unit)
            self.total.assign_add(tf.reduce_sum(x, axis=0))
            return {}

    x = np.random.default_rng(0).integers(0, 5, size=(40000, 256)).astype(np.float32)
    model = Adding()
    model.compile("sgd")
    model.fit(x, batch_size=64, verbose=0)
    model.total.assign(tf.zeros([256]))
    model.fit(x, batch_size=64, verbose=0)
    np.testing.assert_array_equal(model.total.numpy(), x.sum(0))


@pytest.mark.parametrize("turned", [lambda x: x[::2], np.asfortranarray])
def test_rows_of_arrays_in_any_layout(turned):
    x = turned(np.random.default_rng(0).normal(size=(96, 4)).astype(np.float32))
    y = x.sum(1, keepdims=True)
    weights = []
    for inputs in (x, np.ascontiguousarray(x)):
        ours.utils.set_random_seed(0)
        model = ours.Sequential([ours.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(inputs, y, batch_size=16, epochs=2, verbose=0)
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(*weights)
