"""Symbolic inputs: tensors made from their sizes, `tf.zeros((tf.shape(x)[0], 3))`, and checks of them."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours

X = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
MADE = {
    "zeros": lambda x: tf.zeros((tf.shape(x)[0], 3)),
    "ones": lambda x: tf.ones([tf.shape(x)[0], x.shape[1]], dtype=x.dtype),
    "zeros of the shape": lambda x: tf.zeros(tf.shape(x)),
    "zeros of a stacked shape": lambda x: tf.zeros(tf.stack([tf.shape(x)[0] * 2, 3])),
    "fill": lambda x: tf.fill([tf.shape(x)[0], 3], 2.0),
    "range": lambda x: tf.range(tf.shape(x)[0]),
    "range from": lambda x: tf.range(tf.shape(x)[0], 2 * tf.shape(x)[0], 2),
    "one_hot": lambda x: tf.one_hot(tf.range(tf.shape(x)[0]), 5),
    "eye": lambda x: tf.eye(3, batch_shape=[tf.shape(x)[0]]),
    "broadcast_to": lambda x: tf.broadcast_to(tf.constant([[1.0, 2.0]]), (tf.shape(x)[0], 2)),
    "tile": lambda x: tf.tile(tf.constant([[1.0, 2.0]]), [tf.shape(x)[0], 1]),
    "repeat": lambda x: tf.repeat(tf.constant([[1.0, 2.0]]), tf.shape(x)[0], axis=0),
    "reshape": lambda x: tf.reshape(x, (tf.shape(x)[0] * 2, 2)),
    "keras.ops": lambda x: ours.ops.zeros((ours.ops.shape(x)[0], 3)),
}


@pytest.mark.parametrize("name", MADE)
def test_eager_symbolic_compiled(name):
    make = MADE[name]
    x = ours.Input((4,))
    model = ours.Model(x, make(x))
    for rows in (3, 2):
        given = tf.constant(X[:rows])
        expected = make(given)
        close(model(given), expected, "symbolic")
        close(tf.function(model)(given), expected, "compiled")


def test_in_a_model_that_learns():
    x = ours.Input((4,))
    h = ours.layers.Dense(3)(x)
    places = tf.cast(tf.range(tf.shape(h)[0]), "float32")[:, None]
    model = ours.Model(x, tf.concat([h + places, tf.zeros((tf.shape(x)[0], 1))], 1))
    model.compile("sgd", "mse")
    model.summary(print_fn=lambda line: None)
    model.fit(X, np.ones([3, 4]), batch_size=2, verbose=0)
    assert model.predict(X, batch_size=2, verbose=0).shape == (3, 4) and model.output_shape == (None, 4)
    close(ours.models.clone_model(model).predict(X, verbose=0)[:, 3], np.zeros(3, np.float32))


def test_what_has_no_meaning_is_refused(tmp_path):
    """Random numbers would be the same in each call; a file has no word for the shape."""
    x = ours.Input((4,))
    with pytest.raises(tf.errors.StagingError, match="same numbers in each call") as failed:
        tf.random.normal((tf.shape(x)[0], 3))
    assert failed.value.location.file == __file__
    with pytest.raises(tf.errors.UnimplementedError, match="open sizes"):
        ours.Model(x, MADE["zeros"](x)).save(tmp_path / "model.keras")


def test_text_for_labels_is_refused():
    for name in ("binary_accuracy", "sparse_categorical_accuracy", "mean_squared_error", "categorical_accuracy"):
        with pytest.raises((tf.errors.UnimplementedError, tf.errors.InvalidArgumentError)) as failed:
            getattr(ours.metrics, name)("a", X)
        assert failed.value.location.file == __file__


def test_checks_of_symbolic_tensors_are_done_when_the_model_runs(tmp_path):
    x = ours.Input((2,))
    hidden = ours.layers.Dense(1, kernel_initializer="ones")(x)
    tf.debugging.assert_positive(x, message="positive, please")
    tf.debugging.Assert(tf.reduce_all(hidden < 9.0), ["large"])
    model, other = ours.Model(x, hidden * 2.0), ours.Model(x, x * 2.0)
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]
    good, negative, large = np.ones((3, 2), "f"), -np.ones((3, 2), "f"), 9 * np.ones((3, 2), "f")
    assert model.predict(good, verbose=0).tolist() == [[4.0]] * 3
    for run in (model, tf.function(model), lambda v: model.predict(v, verbose=0)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="positive, please"):
            run(negative)
        with pytest.raises(tf.errors.InvalidArgumentError, match="large"):
            run(large)
    assert other(large).shape == (3, 2)  # which computes nothing that the second check is about
    model.save(tmp_path / "m.keras")
    assert ours.models.load_model(tmp_path / "m.keras")(large).shape == (3, 1)  # Keras' format holds no checks
