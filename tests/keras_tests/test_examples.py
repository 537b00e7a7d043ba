"""What the code examples of keras.io do, in small: each stands for a program that failed here once."""

import re

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

rng = np.random.default_rng(0)


def test_ctc_in_a_layer_that_takes_the_labels():
    """The number of labels is open, and the rows of labels and outputs are only known to be as many when there are some."""
    y, x = rng.integers(1, 5, (4, 3)), rng.normal(size=(4, 9, 6)).astype(np.float32)

    def program(k):
        class Endpoint(k.layers.Layer):
            def call(self, labels, logits):
                self.add_loss(k.losses.CTC()(k.ops.cast(labels, "int32"), logits))
                return logits

        labels, logits = k.Input((None,)), k.Input((None, 6))
        model = k.Model([labels, logits], Endpoint()(labels, logits))
        model.compile("sgd")
        return model.evaluate([y, x], verbose=0)

    close(np.float32(program(ours)), np.float32(program(theirs)))


def test_input_and_output_of_a_sequential_model():
    """As transfer learning and Grad-CAM take a model apart; also of one whose first call told the shape."""
    x = rng.normal(size=(2, 8, 8, 3)).astype(np.float32)

    def program(k, with_input):
        layers = [k.layers.Conv2D(4, 3, name="conv", kernel_initializer="ones"), k.layers.GlobalAveragePooling2D(name="pool"),
                  k.layers.Dense(2, activation="softmax", kernel_initializer="ones", name="out")]
        model = k.Sequential([k.Input((8, 8, 3)), *layers] if with_input else layers)
        model(x)
        model.layers[-1].activation = None
        if k is ours:  # as tf.keras 2 has them too
            assert model.input is model.inputs[0] and model.output is model.outputs[0]
        parts = k.Model(model.inputs, [model.get_layer("conv").output, model.outputs[0]])
        return list(map(np.asarray, parts(x)))

    for with_input in (True, False):
        for a, b in zip(program(ours, with_input), program(theirs, with_input), strict=True):
            close(a, b)


def test_weights_of_a_model_that_is_never_called(tmp_path):
    """A diffusion model trains its networks in `train_step`; the model itself is not called."""

    class Outer(ours.Model):
        def __init__(self):
            super().__init__()
            self.network = ours.Sequential([ours.Input((3,)), ours.layers.Dense(2)])
            self.average = ours.models.clone_model(self.network)

        def train_step(self, x):
            for weight, slow in zip(self.network.weights, self.average.weights):
                slow.assign(0.9 * slow + 0.1 * weight)
            return {"loss": tf.reduce_mean(self.network(x))}

    model, path = Outer(), tmp_path / "best.weights.h5"
    model.compile("sgd")
    best = ours.callbacks.ModelCheckpoint(path, "loss", save_best_only=True, save_weights_only=True)
    model.fit(np.ones((4, 3), np.float32), verbose=0, callbacks=[best])
    other = Outer()
    other.load_weights(path)
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))


def test_texts_of_numpy_are_predicted_on():
    texts = ours.layers.TextVectorization(output_sequence_length=2)
    texts.adapt(["a cat", "a dog"])
    inputs = ours.Input((1,), dtype="string")
    model = ours.Model(inputs, texts(inputs))
    assert model.predict(np.array([["a dog"], ["cat"]]), verbose=0).shape == (2, 2)


def network(*last, **compiled):
    model = ours.Sequential([ours.Input((4,)), ours.layers.Dense(3, name="hidden"), *last])
    model.compile("sgd", **compiled)
    return model


class Forgetful(ours.layers.Layer):
    def call(self, x):
        x + 1


class Mine(ours.layers.Layer):
    def call(self, x):
        return tf.matmul(x, tf.ones([5, 2]))


class Lossless(ours.Model):
    def call(self, x):
        return x * tf.Variable(1.0)

    def compute_loss(self, **given):
        return None


X = np.ones((8, 4), np.float32)


def two_inputs():
    a, b = ours.Input((4,), name="a"), ours.Input((4,), name="b")
    return ours.Model({"a": a, "b": b}, a + b)


MISTAKES = {
    "no return": (lambda: network(Forgetful(name="mine")), r"'mine' \(Forgetful\).*Return the results"),
    "wrong sizes": (lambda: ours.Sequential([Mine(name="mine")])(X),
                    r"4 meets 5.*In the layer 'mine' \(Mine\), called on \(8, 4\)"),
    "loss": (lambda: network(loss="mse").fit(X, X[:, :2], verbose=0),
             r"In the loss 'mean_squared_error', of y_true of shape \(8, 2\)"),
    "metric": (lambda: network(loss="mse", metrics=["AUC"]).fit(X, X[:, :1], verbose=0), r"In the metric 'AUC', of y_true"),
    "class numbers": (lambda: network(loss="categorical_crossentropy").fit(X, X[:, 0], verbose=0), "take `sparse_categorical"),
    "one-hot": (lambda: network(loss="sparse_categorical_crossentropy").fit(X, X[:, :3], verbose=0), "take `categorical_"),
    "rows": (lambda: network(loss="mse").fit(X, X[:6], verbose=0), "x with 8 rows, y with 6 rows"),
    "objects": (lambda: network(loss="mse").fit(np.array([[1, None, 2, 3]], object), X[:1], verbose=0), "with None in it"),
    "class_weight": (lambda: network(loss="mse").fit(X, X, class_weight={"a": 1.0}, verbose=0),
                     "from class numbers to weights"),
    "input": (lambda: two_inputs()({"a": X}), r"has the inputs \['a', 'b'\]. Received: \['a'\]"),
    "no loss": (lambda: compiled(Lossless()).fit(X, X, verbose=0), "`compute_loss` of Lossless gave no loss"),
}


def compiled(model):
    model.compile("sgd")
    return model


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_with_their_place(mistake):
    make, message = MISTAKES[mistake]
    with pytest.raises(tf.errors.OpError) as caught:
        make()
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert re.search(message, told, re.S) and "test_examples.py" in told
