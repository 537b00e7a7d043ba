"""Losses against Keras: values and gradients, with weights, masks, odd shapes, extreme logits."""

import doctest
import importlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def uniform(*shape):
    return RNG.uniform(0.05, 0.95, size=shape).astype("float32")


def probabilities(*shape):
    values = uniform(*shape)
    return values / values.sum(-1, keepdims=True)


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], size=shape[:-1])]


def units(*shape):
    values = normal(*shape)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def signs(*shape):
    return np.where(RNG.uniform(size=shape) < 0.5, -1, 1).astype("float32")


def bits(*shape):
    return (RNG.uniform(size=shape) < 0.5).astype("float32")


def classes(n, *shape):
    return RNG.integers(0, n, size=shape).astype("int32")


CASES = [
    ("MeanSquaredError", {}, normal(4, 3), normal(4, 3)),
    ("MeanSquaredError", {}, normal(4, 1), normal(4)),
    ("MeanSquaredError", {}, normal(4), normal(4, 1)),
    ("MeanSquaredError", {}, normal(5), normal(5)),
    ("MeanSquaredError", {}, normal(2, 3, 4, 1), normal(2, 3, 4)),
    ("MeanAbsoluteError", {}, normal(4, 3), normal(4, 3)),
    ("MeanAbsolutePercentageError", {}, normal(4, 3), normal(4, 3)),
    ("MeanAbsolutePercentageError", {}, np.zeros((2, 2), "float32"), uniform(2, 2)),
    ("MeanSquaredLogarithmicError", {}, uniform(4, 3) * 5, uniform(4, 3) * 3),
    ("MeanSquaredLogarithmicError", {}, normal(4, 3), normal(4, 3)),
    ("CosineSimilarity", {}, normal(4, 3), normal(4, 3)),
    ("CosineSimilarity", {"axis": 1}, normal(4, 3, 2), normal(4, 3, 2)),
    ("Huber", {}, normal(4, 3) * 3, normal(4, 3)),
    ("Huber", {"delta": 0.3}, normal(4, 3), normal(4, 3)),
    ("LogCosh", {}, normal(4, 3) * 20, normal(4, 3)),
    ("Hinge", {}, signs(4, 3), normal(4, 3)),
    ("Hinge", {}, bits(4, 3), normal(4, 3)),
    ("SquaredHinge", {}, signs(4, 3), normal(4, 3)),
    ("SquaredHinge", {}, bits(4, 3), normal(4, 3)),
    ("CategoricalHinge", {}, one_hot(4, 3), normal(4, 3)),
    ("KLDivergence", {}, probabilities(4, 3), probabilities(4, 3)),
    ("KLDivergence", {}, one_hot(4, 3), probabilities(4, 3)),
    ("Poisson", {}, uniform(4, 3) * 4, uniform(4, 3) * 3),
    ("BinaryCrossentropy", {}, bits(4, 3), uniform(4, 3)),
    ("BinaryCrossentropy", {"from_logits": True}, bits(4, 3), normal(4, 3)),
    ("BinaryCrossentropy", {"from_logits": True}, bits(4, 3), normal(4, 3) * 1000),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, bits(4), uniform(4)),
    ("BinaryCrossentropy", {"axis": 1}, bits(4, 3, 2), uniform(4, 3, 2)),
    ("BinaryCrossentropy", {}, bits(4, 1), uniform(4)),
    ("CategoricalCrossentropy", {}, one_hot(4, 3), uniform(4, 3)),
    ("CategoricalCrossentropy", {"from_logits": True}, one_hot(4, 3), normal(4, 3)),
    ("CategoricalCrossentropy", {"from_logits": True}, one_hot(4, 3), normal(4, 3) * 1000),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot(4, 5, 3), probabilities(4, 5, 3)),
    ("CategoricalCrossentropy", {"from_logits": True, "axis": 1}, one_hot(4, 3, 3), normal(4, 3, 3)),
    ("CategoricalCrossentropy", {"axis": 1}, one_hot(4, 3, 3), uniform(4, 3, 3)),
    ("SparseCategoricalCrossentropy", {}, classes(3, 4), uniform(4, 3)),
    ("SparseCategoricalCrossentropy", {}, classes(3, 4, 1), probabilities(4, 3)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, classes(3, 4), normal(4, 3)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, classes(3, 4, 2), normal(4, 2, 3) * 1000),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 0}, classes(3, 6), normal(6, 3)),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, classes(3, 6) - 1, probabilities(6, 3)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, classes(3, 2, 3), probabilities(2, 3, 3)),
    ("CategoricalGeneralizedCrossEntropy", {}, classes(3, 4), probabilities(4, 3)),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.2}, classes(3, 4), probabilities(4, 3)),
    ("BinaryFocalCrossentropy", {}, bits(4, 3), uniform(4, 3)),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 3.0}, bits(4, 3), uniform(4, 3)),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, bits(4, 3), normal(4, 3)),
    ("CategoricalFocalCrossentropy", {}, one_hot(4, 3), probabilities(4, 3)),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "alpha": [0.1, 0.5, 0.4], "gamma": 1.0}, one_hot(4, 3),
     normal(4, 3)),
    ("CategoricalFocalCrossentropy", {"label_smoothing": 0.2}, one_hot(4, 3), uniform(4, 3)),
    ("Dice", {}, bits(2, 3, 3, 1), uniform(2, 3, 3, 1)),
    ("Dice", {"axis": (1, 2, 3)}, bits(2, 3, 3, 1), uniform(2, 3, 3, 1)),
    ("Tversky", {}, bits(2, 3, 3, 1), uniform(2, 3, 3, 1)),
    ("Tversky", {"alpha": 0.2, "beta": 0.8, "axis": (1, 2, 3)}, bits(2, 3, 3, 1), uniform(2, 3, 3, 1)),
    ("Circle", {}, classes(3, 8), units(8, 4)),
    ("Circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, classes(3, 8), units(8, 4)),
    ("CTC", {}, np.array([[1, 2, 2, 0], [3, 1, 0, 0], [0, 0, 0, 0]], "int32"), normal(3, 7, 4)),
    ("CTC", {}, np.array([[1], [2]], "int32"), normal(2, 1, 3) * 10),
]
IDS = [f"{i}-{name}" for i, (name, *_) in enumerate(CASES)]


def compare(mine, other, y_true, y_pred, weight=None, mask=None):
    """The same value and gradient from both, eagerly and compiled."""

    def loss(y_pred):
        if mask is not None:
            theirs.src.backend.set_keras_mask(y_pred, jnp.asarray(mask))
        return other(jnp.asarray(y_true), y_pred, None if weight is None else jnp.asarray(weight))

    def found(y_pred):
        if mask is not None:
            y_pred._keras_mask = tf.constant(mask)
        return mine(tf.constant(y_true), y_pred, weight)

    if mask is None:
        expected, slope = jax.value_and_grad(lambda y: jnp.sum(loss(y)))(jnp.asarray(y_pred))
    else:
        expected, slope = jnp.sum(loss(jnp.asarray(y_pred))), None
    for run in (found, tf.function(found)):
        tensor = tf.constant(y_pred)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = tf.reduce_sum(run(tensor))
        close(value, expected, "the value")
        if slope is not None:
            close(tape.gradient(value, tensor), slope, "the gradient")


@pytest.mark.parametrize(("name", "config", "y_true", "y_pred"), CASES, ids=IDS)
def test_values_and_gradients_are_those_of_keras(name, config, y_true, y_pred):
    kinds = getattr(ours.losses, name), getattr(theirs.losses, name)
    compare(*(kind(**config) for kind in kinds), y_true, y_pred)


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("weight", [None, np.array([0.5, 2.0, 0.0, 1.0], "float32"),
                                    np.array([[0.5], [2.0], [0.0], [1.0]], "float32")], ids=["none", "1-D", "column"])
def test_reductions_and_weights(reduction, weight):
    compare(ours.losses.MeanSquaredError(reduction=reduction), theirs.losses.MeanSquaredError(reduction=reduction),
            normal(4, 3), normal(4, 3), weight)
    shape = normal(4, 3), normal(4, 3, 1)
    compare(ours.losses.MeanAbsoluteError(reduction=reduction), theirs.losses.MeanAbsoluteError(reduction=reduction),
            *shape, weight)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
def test_masks(reduction, weighted):
    mask = np.array([[True, True, False], [False, True, False]])
    compare(ours.losses.SparseCategoricalCrossentropy(reduction=reduction),
            theirs.losses.SparseCategoricalCrossentropy(reduction=reduction), classes(3, 2, 3), probabilities(2, 3, 3),
            uniform(2, 3) if weighted else None, mask)
    compare(ours.losses.SparseCategoricalCrossentropy(reduction=reduction, ignore_class=1),
            theirs.losses.SparseCategoricalCrossentropy(reduction=reduction, ignore_class=1), classes(3, 2, 3),
            probabilities(2, 3, 3), uniform(2, 3) if weighted else None, mask)
    compare(ours.losses.MeanSquaredError(reduction=reduction), theirs.losses.MeanSquaredError(reduction=reduction),
            normal(2, 3), normal(2, 3), None, np.zeros((2,), bool))


def test_empty_batches_and_lists_of_integers():
    for shape in ((0, 3), (0,)):
        empty = np.zeros(shape, "float32")
        close(ours.losses.MeanSquaredError()(empty, empty), theirs.losses.MeanSquaredError()(empty, empty))
    for name in ("mean_squared_error", "categorical_hinge", "binary_crossentropy"):
        close(getattr(ours.losses, name)([[0, 1]], [[1, 1]]), getattr(theirs.losses, name)([[0, 1]], [[1, 1]]), name)


def test_open_batch_sizes():
    loss = ours.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    step = tf.function(loss, input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None, 3])])
    for batch in (2, 5):
        y_true, y_pred = classes(3, batch, 4), normal(batch, 4, 3)
        close(step(tf.constant(y_true), tf.constant(y_pred)),
              theirs.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)(y_true, y_pred))


def test_sparse_crossentropy_along_another_axis():
    y_true, y_pred = classes(3, 2, 4), normal(2, 3, 4)
    for from_logits in (True, False):
        given = y_pred if from_logits else np.exp(y_pred)
        expected = theirs.losses.sparse_categorical_crossentropy(y_true, np.moveaxis(given, 1, -1), from_logits)
        close(ours.losses.sparse_categorical_crossentropy(y_true, given, from_logits, axis=1), expected)


def test_dtype_of_a_loss():
    loss = ours.losses.MeanSquaredError(dtype="bfloat16")(normal(3, 2), normal(3, 2))
    assert loss.dtype is tf.bfloat16 and ours.losses.MeanSquaredError().dtype == "float32"
    double = ours.losses.mean_squared_error(np.ones((2, 2)), np.zeros((2, 2)))
    assert double.dtype is tf.float64


@pytest.mark.parametrize(("name", "config"), sorted({c[0]: c[1] for c in CASES}.items()), ids=lambda v: str(v)[:20])
def test_configurations(name, config):
    mine, other = getattr(ours.losses, name)(**config), getattr(theirs.losses, name)(**config)
    found, expected = mine.get_config(), other.get_config()
    assert expected.items() <= found.items()
    assert type(other).from_config(found).get_config() == expected, "Keras reads our configuration"
    assert type(mine).from_config(expected).name == mine.name, "we read Keras' configuration"
    described = ours.losses.serialize(mine)
    assert {**described, "config": 0} == {**theirs.losses.serialize(other), "config": 0}
    assert ours.losses.get(described).get_config() == found
    assert ours.losses.deserialize(theirs.losses.serialize(other)).name == mine.name


def test_names():
    for name in theirs.src.losses.ALL_OBJECTS_DICT:
        if name not in ("Loss", "LossFunctionWrapper"):
            mine, other = ours.losses.get(name), theirs.losses.get(name)
            assert getattr(mine, "name", None) == getattr(other, "name", None), name
            assert getattr(mine, "__name__", None) == getattr(other, "__name__", None), name
    assert ours.losses.get(None) is None and ours.losses.get(abs) is abs
    missing = [n for n in dir(theirs.losses) if not n.startswith("_") and not hasattr(ours.losses, n)]
    assert not missing
    assert ours.losses.serialize(ours.losses.mean_squared_error) == theirs.losses.serialize(theirs.losses.mean_squared_error)
    assert ours.losses.deserialize("triple", {"triple": triple}) is triple
    with pytest.raises(ValueError, match="nothing_of_that_name"):
        ours.losses.get("nothing_of_that_name")


def triple(y_true, y_pred):
    return 3.0 * (y_pred - y_true)


def test_old_spellings():
    assert ours.losses.Reduction.NONE == "none"
    assert ours.losses.MeanSquaredError(reduction=ours.losses.Reduction.AUTO).reduction == "sum_over_batch_size"
    assert ours.losses.MSE is ours.losses.mse is ours.losses.mean_squared_error


def test_own_losses():
    class Asymmetric(ours.losses.Loss):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            if tf.reduce_sum(y_pred) > 0:
                y_pred = y_pred * self.factor
            return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    loss = Asymmetric(factor=3.0)
    assert loss.name == "asymmetric"
    for run in (loss, tf.function(loss)):
        assert float(run([[1.0]], tf.constant([[1.0]]))) == 2.0
        assert float(run([[1.0]], tf.constant([[-1.0]]))) == 2.0
    again = ours.losses.deserialize(ours.losses.serialize(loss), {"Asymmetric": Asymmetric})
    assert again.factor == 3.0
    two = {"a": tf.constant([1.0]), "b": tf.constant([3.0])}

    class Sums(ours.losses.Loss):
        def call(self, y_true, y_pred):
            return abs(y_true["a"] - y_pred["a"]) + abs(y_true["b"] - y_pred["b"])

    assert float(Sums()(two, {"a": tf.constant([2.0]), "b": tf.constant([5.0])})) == 3.0


@pytest.mark.parametrize("make", [
    lambda: ours.losses.MeanSquaredError(reduction="average"),
    lambda: ours.losses.CategoricalGeneralizedCrossEntropy(q=1.5),
    lambda: ours.losses.binary_crossentropy([[1.0, 0.0]], [[0.5]]),
    lambda: ours.losses.categorical_crossentropy([[1.0, 0.0]], [[0.5, 0.5]], axis=True),
    lambda: ours.losses.sparse_categorical_crossentropy([1, 2, 1], [[0.5, 0.5]]),
    lambda: ours.losses.sparse_categorical_crossentropy([7], [[0.5, 0.5]], from_logits=True),
    lambda: ours.losses.ctc([1], [[0.5, 0.5]]),
])
def test_mistakes(make):
    with pytest.raises(ValueError, match="Received"):
        make()


@pytest.mark.parametrize("name", ["base", "regression", "hinge", "crossentropy", "focal", "segmentation", "circle", "ctc",
                                  "lookup"])
def test_examples(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tried = doctest.testmod(importlib.import_module(f"treadle.keras_like.losses.{name}"))
    assert tried.attempted and not tried.failed


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_class_numbers_stay_whole(dtype):
    loss, logits = ours.losses.SparseCategoricalCrossentropy(from_logits=True), np.zeros((2, 3), "f")
    function = tf.function(lambda y: loss(y, logits))
    good = tf.constant([1, 2], dtype)
    np.testing.assert_allclose([loss(good, logits), function(good)], np.log(3), rtol=1e-6)
    threaded = function.get_concrete_function(good).compiled().program.threaded
    assert threaded.early and not threaded.has_code  # numpy looks at the labels before the program starts
    if dtype != "uint8":
        for call in (loss, lambda y, _: function(y)):
            with pytest.raises(tf.errors.InvalidArgumentError, match="label value of 16777217 "):
                call(tf.constant([1, 2**24 + 1], dtype), logits)
