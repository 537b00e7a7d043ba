"""Metrics against Keras: streams of batches, with weights and masks, a reset in between, eagerly and compiled."""

import doctest
import importlib
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs
from keras_tests.test_losses import bits, classes, normal, one_hot, probabilities, signs, uniform


def batches(y_true, y_pred, n=3):
    """Several batches of (y_true(), y_pred())."""
    return [(y_true(), y_pred()) for _ in range(n)]


def binary():
    return batches(lambda: bits(6), lambda: uniform(6))


def labels2d():
    return batches(lambda: bits(5, 3), lambda: uniform(5, 3))


def steps(*shape):
    """Predictions that lie on thresholds."""
    return (classes(11, *shape) / 10).astype("float32")


def real():
    return batches(lambda: normal(5, 3), lambda: normal(5, 3))


def hot():
    return batches(lambda: one_hot(5, 4), lambda: probabilities(5, 4))


def sparse():
    return batches(lambda: classes(4, 5), lambda: probabilities(5, 4))


CASES = [
    ("Accuracy", {}, batches(lambda: classes(2, 6), lambda: classes(2, 6))),
    ("Accuracy", {}, batches(lambda: classes(2, 4, 1), lambda: classes(2, 4))),
    ("BinaryAccuracy", {}, binary()),
    ("BinaryAccuracy", {"threshold": 0.3}, batches(lambda: bits(4, 1), lambda: uniform(4, 1))),
    ("CategoricalAccuracy", {}, hot()),
    ("CategoricalAccuracy", {}, batches(lambda: one_hot(3, 2, 4), lambda: normal(3, 2, 4))),
    ("SparseCategoricalAccuracy", {}, sparse()),
    ("SparseCategoricalAccuracy", {}, batches(lambda: classes(4, 5, 1), lambda: normal(5, 4))),
    ("SparseCategoricalAccuracy", {}, batches(lambda: classes(4, 5, 2), lambda: normal(5, 2, 4))),
    ("TopKCategoricalAccuracy", {"k": 2}, hot()),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, sparse()),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, batches(lambda: classes(4, 3, 2), lambda: normal(3, 2, 4))),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True},
     batches(lambda: classes(4, 3), lambda: np.argsort(normal(3, 4)).astype("int32"))),
    *[(name, config, data()) for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision",
                                          "Recall")
      for config, data in (({}, binary), ({"thresholds": [0.2, 0.4, 0.9]}, labels2d))],
    ("TruePositives", {"thresholds": [0.0, 0.5, 1.0]}, batches(lambda: bits(20), lambda: steps(20))),
    ("Precision", {"top_k": 2}, labels2d()),
    ("Recall", {"top_k": 2, "class_id": 1}, labels2d()),
    ("Precision", {"class_id": 2, "thresholds": 0.4}, labels2d()),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, binary()),
    ("SensitivityAtSpecificity", {"specificity": 0.4, "num_thresholds": 11}, batches(lambda: bits(20), lambda: steps(20))),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, binary()),
    ("PrecisionAtRecall", {"recall": 0.5}, binary()),
    ("RecallAtPrecision", {"precision": 0.5, "class_id": 1}, labels2d()),
    *[("AUC", {"curve": curve, "summation_method": method}, binary()) for curve in ("ROC", "PR", "PRGAIN")
      for method in ("interpolation", "minoring", "majoring")],
    ("AUC", {"num_thresholds": 11}, batches(lambda: bits(20), lambda: steps(20))),
    ("AUC", {"thresholds": [0.1, 0.35, 0.8]}, binary()),
    ("AUC", {"from_logits": True}, batches(lambda: bits(9), lambda: normal(9))),
    ("AUC", {"multi_label": True, "num_labels": 3}, labels2d()),
    ("AUC", {"multi_label": True, "label_weights": [0.2, 0.5, 0.3], "thresholds": [0.3, 0.6], "curve": "PR"}, labels2d()),
    ("AUC", {"label_weights": [0.2, 0.5, 0.3]}, labels2d()),
    *[("FBetaScore", {"average": average, "beta": 2.0}, hot()) for average in (None, "micro", "macro", "weighted")],
    ("F1Score", {"threshold": 0.3}, labels2d()),
    ("MeanIoU", {"num_classes": 3}, batches(lambda: classes(3, 8), lambda: classes(3, 8))),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 1, "dtype": "float32"},
     batches(lambda: classes(3, 2, 4), lambda: classes(3, 2, 4))),
    ("BinaryIoU", {"threshold": 0.4, "target_class_ids": [1]}, binary()),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 3]}, hot()),
    ("OneHotMeanIoU", {"num_classes": 4}, hot()),
    ("MeanIoU", {"num_classes": 4, "sparse_y_pred": False}, sparse()),
    ("CosineSimilarity", {}, real()),
    ("CosineSimilarity", {"axis": 1}, batches(lambda: normal(3, 4, 2), lambda: normal(3, 4, 2))),
    *[(name, {}, real()) for name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
                                      "MeanSquaredLogarithmicError", "RootMeanSquaredError", "LogCoshError",
                                      "PearsonCorrelation", "ConcordanceCorrelation")],
    *[("R2Score", {"class_aggregation": kind}, real()) for kind in (None, "uniform_average", "variance_weighted_average")],
    ("R2Score", {"num_regressors": 2}, real()),
    ("R2Score", {"num_regressors": 2}, batches(lambda: normal(3, 1), lambda: normal(3, 1), 1)),
    ("Hinge", {}, batches(lambda: signs(4, 3), lambda: normal(4, 3))),
    ("SquaredHinge", {}, batches(lambda: bits(4, 3), lambda: normal(4, 3))),
    ("CategoricalHinge", {}, hot()),
    ("KLDivergence", {}, hot()),
    ("Poisson", {}, labels2d()),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, labels2d()),
    ("CategoricalCrossentropy", {"from_logits": True}, hot()),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, sparse()),
]
IDS = [f"{i}-{name}" for i, (name, *_) in enumerate(CASES)]


@pytest.mark.parametrize(("name", "config", "stream"), CASES, ids=IDS)
def test_streams_are_those_of_keras(name, config, stream):
    mine, other = getattr(ours.metrics, name)(**config), getattr(theirs.metrics, name)(**config)
    for y_true, y_pred in stream:
        mine.update_state(y_true, y_pred)
        other.update_state(y_true, y_pred)
        close(mine.result(), other.result(), f"{name}{config}")
    assert [(v.name, tuple(v.shape), v.dtype.name) for v in mine.variables] == \
        [(v.name, tuple(v.shape), v.dtype) for v in other.variables]
    assert [v.path.split("/")[-1] for v in mine.variables] == [v.path.split("/")[-1] for v in other.variables]
    assert not any(v.trainable for v in mine.variables)
    mine.reset_state()
    other.reset_state()
    weights = classes(3, len(stream[0][0])) if name.endswith("IoU") else uniform(len(stream[0][0]))
    step = tf.function(lambda y_true, y_pred, weights: mine.update_state(y_true, y_pred, sample_weight=weights))
    for y_true, y_pred in stream[:2]:
        if y_true.ndim > 1 and name.endswith("IoU") and "OneHot" not in name:
            weights = classes(3, *y_true.shape)
        step(tf.constant(y_true), tf.constant(y_pred), tf.constant(weights))
        other.update_state(y_true, y_pred, sample_weight=weights)
    close(mine.result(), other.result(), f"{name}{config}: weighted and compiled")
    assert mine._direction == getattr(other, "_direction", None), "where better values lie"


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_aggregates(name):
    mine, other = getattr(ours.metrics, name)(), getattr(theirs.metrics, name)()
    for values, weights in ((3.0, None), ([1.0, 2.0], None), ([1.0, 2.0], 0.5), ([[1.0, 2.0], [3.0, 4.0]], [1.0, 0.0]),
                            ([[1.0, 2.0], [3.0, 4.0]], [[0.5, 1.0], [0.0, 2.0]]), ([], None)):
        close(mine(values, sample_weight=weights), other(values, sample_weight=weights), f"{name} of {values}")
    mine.reset_states()
    assert float(mine.result()) == 0.0


def test_masks():
    mask, y_true, y_pred = np.array([[True, False, True], [True, True, False]]), classes(4, 2, 3), normal(2, 3, 4)
    mine, other = ours.metrics.SparseCategoricalAccuracy(), theirs.metrics.SparseCategoricalAccuracy()
    for weights in (None, uniform(2, 3)):
        ours_pred, theirs_pred = tf.constant(y_pred), jnp.asarray(y_pred)
        ours_pred._keras_mask = tf.constant(mask)
        theirs.src.backend.set_keras_mask(theirs_pred, jnp.asarray(mask))
        close(mine(y_true, ours_pred, weights), other(y_true, theirs_pred, weights))


@pytest.mark.parametrize(("name", "config"), list({c[0]: c[1] for c in CASES}.items()), ids=lambda v: str(v)[:20])
def test_configurations(name, config):
    mine, other = getattr(ours.metrics, name)(**config), getattr(theirs.metrics, name)(**config)
    found, expected = mine.get_config(), other.get_config()
    for key in expected:
        if key not in ("name", "label_weights", "thresholds"):
            assert found[key] == expected[key], key
    found_again = type(other).from_config(found).get_config()
    assert found_again.keys() == expected.keys(), "Keras reads our configuration"
    described = ours.metrics.serialize(mine)
    assert described["module"] == "keras.metrics" and described["class_name"] == name
    assert ours.metrics.get(described).get_config() == found
    assert ours.metrics.deserialize(theirs.metrics.serialize(other)).name == other.name


def test_names():
    for name, kind in theirs.src.metrics.ALL_OBJECTS_DICT.items():
        if kind.__name__ in ("Accuracy", "MeanSquaredError", "AUC", "Mean", "R2Score", "Poisson", "F1Score"):
            assert type(ours.metrics.get(name)).__name__ == kind.__name__
        assert name in importlib.import_module("treadle.keras_like.core.resolve").TABLES["metrics"], name
    missing = [n for n in dir(theirs.metrics) if not n.startswith("_") and not hasattr(ours.metrics, n)]
    assert not missing
    wrapped = ours.metrics.MeanMetricWrapper(ours.losses.mean_squared_error, name="m")
    assert wrapped.get_config() == theirs.metrics.MeanMetricWrapper(theirs.losses.mean_squared_error, name="m").get_config()
    assert ours.metrics.get(ours.metrics.serialize(wrapped)).get_config() == wrapped.get_config()


class TruePositives(ours.metrics.Metric):
    """As the guide to custom metrics writes it."""

    def __init__(self, name="categorical_true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.true_positives = self.add_weight(name="ctp", initializer="zeros")
        self.inner = ours.metrics.Mean(name="inner")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = tf.reshape(tf.argmax(y_pred, axis=1), shape=(-1, 1))
        values = tf.cast(tf.cast(y_true, "int32") == tf.cast(y_pred, "int32"), "float32")
        if sample_weight is not None:
            values = tf.multiply(values, tf.reshape(tf.cast(sample_weight, "float32"), [-1, 1]))
        if tf.reduce_sum(values) > 0:
            self.true_positives.assign_add(tf.reduce_sum(values))
        self.inner.update_state(values)

    def result(self):
        return {"count": self.true_positives + 0.0, "mean": self.inner.result()}


def test_own_metrics():
    metric = TruePositives()
    y_true, y_pred = [[1], [0], [1]], tf.constant([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    step = tf.function(lambda t, p: metric(t, p))
    for run, count in ((metric, 2.0), (step, 4.0), (step, 6.0)):
        assert float(run(tf.constant(y_true), y_pred)["count"]) == count
    assert [v.path for v in metric.variables] == ["categorical_true_positives/ctp", "inner/total", "inner/count"]
    metric.reset_state()
    assert float(metric.result()["count"]) == 0.0 and float(metric.result()["mean"]) == 0.0


def test_old_spellings_and_update_in_a_function():
    class Count(ours.metrics.Metric):
        def __init__(self):
            super().__init__(name="count")
            self.total = self.add_weight("total", shape=(2,), initializer="ones")
            self.own = tf.Variable(1.0)

        @tf.function
        def update_state(self, values):
            self.total.assign_add(values)
            self.own.assign_add(1.0)

        def result(self):
            return tf.reduce_sum(self.total) * self.own

    metric = Count()
    for _ in range(2):
        metric.update_state(tf.constant([1.0, 2.0]))
    assert float(metric.result()) == 24.0
    metric.reset_states()
    assert [v.numpy().sum() for v in metric.variables] == [0.0, 0.0]


def test_state_made_inside_a_function():
    metric = ours.metrics.F1Score(average="macro")
    step = tf.function(lambda y_true, y_pred: metric(y_true, y_pred))
    other = theirs.metrics.F1Score(average="macro")
    for y_true, y_pred in hot():
        close(step(tf.constant(y_true), tf.constant(y_pred)), other(y_true, y_pred))


def test_stateless():
    metric, other = ours.metrics.MeanSquaredError(), theirs.metrics.MeanSquaredError()
    metric.update_state([[1.0]], [[5.0]])
    state = metric.stateless_update_state([tf.constant(0.0), tf.constant(0.0)], [[0.0], [1.0]], [[1.0], [1.0]])
    expected = other.stateless_update_state([jnp.zeros(()), jnp.zeros(())], [[0.0], [1.0]], [[1.0], [1.0]])
    for a, b in zip(state, expected, strict=True):
        close(a, b)
    close(metric.stateless_result(state), other.stateless_result(expected))
    assert [float(v) for v in metric.stateless_reset_state()] == [0.0, 0.0]
    assert float(metric.result()) == 16.0, "its own state stayed"


def test_mean_relative_error():
    metric = ours.metrics.MeanRelativeError(normalizer=[1.0, 3.0, 0.0])
    metric.update_state([1.0, 3.0, 5.0], [2.0, 6.0, 9.0])
    close(metric.result(), np.float32(2 / 3))


@pytest.mark.parametrize("make", [
    lambda: ours.metrics.Precision(thresholds=[0.5, 1.5]), lambda: ours.metrics.AUC(curve="XY"),
    lambda: ours.metrics.AUC(summation_method="sum"), lambda: ours.metrics.AUC(num_thresholds=1),
    lambda: ours.metrics.AUC(num_labels=3), lambda: ours.metrics.FBetaScore(average="all"),
    lambda: ours.metrics.FBetaScore(beta=1), lambda: ours.metrics.F1Score(threshold=2.0),
    lambda: ours.metrics.R2Score(num_regressors=-1), lambda: ours.metrics.IoU(2, [2]),
    lambda: ours.metrics.PrecisionAtRecall(2.0), lambda: ours.metrics.get("nothing_of_that_name"),
    lambda: ours.metrics.F1Score()([1.0], [1.0]), lambda: ours.metrics.Precision(class_id=1)([1.0], [1.0]),
])
def test_mistakes(make):
    with pytest.raises(ValueError, match="Received"):
        make()


@pytest.mark.parametrize("name", ["accuracy", "aggregates", "base", "correlation", "counting", "curves", "fscore", "hinge",
                                  "iou", "lookup", "probabilistic", "regression"])
def test_examples(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tried = doctest.testmod(importlib.import_module(f"treadle.keras_like.metrics.{name}"))
    assert tried.attempted and not tried.failed
