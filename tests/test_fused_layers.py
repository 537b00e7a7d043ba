"""An eager call of a built-in layer or model as one program: what it gives, and what it leaves to the ops one by one."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import weakref

import numpy as np
import pytest

import treadle as tf
from treadle import keras
from treadle.keras_like.core import fused, fused_layers
from treadle.runtime import gradient_program
from treadle.runtime.recorded_call import RecordedCall

layers = keras.layers


@pytest.fixture(autouse=True)
def at_first_sight(monkeypatch):
    """Compile at the first call, and start without programs."""
    monkeypatch.setattr(fused_layers, "SIGHTS", 0)
    monkeypatch.setattr(fused_layers, "_SIGHTS_A_LAYER", 0)
    monkeypatch.setattr(fused, "SIGHTS", 0)
    monkeypatch.setattr(gradient_program, "SIGHTS", 0)
    yield
    tf.config.fuse_eager_calls(True)


def programs(layer) -> list:
    """The layer's programs, None for each kind of call that has none."""
    found = vars(layer).get("_call_programs")
    return [] if found is None or not found.fits else list(found.known.values())


def results(make, x, calls=2, **arguments) -> list:
    """Outputs, gradients and weights of a layer after some calls, under a tape and without."""
    keras.utils.set_random_seed(3)
    layer = make()
    layer(x, **arguments)  # builds it
    found = []
    for _ in range(calls):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = tf.nest.flatten(layer(x, **arguments))
            targets = [tf.reduce_sum(tf.sin(tf.cast(o, tf.float32))) for o in outputs]
        assert {id(v) for v in tape.watched_variables()} == {id(v) for v in layer.trainable_variables}
        gradients = tape.gradient(targets, [x, *layer.trainable_variables])
        found += [*outputs, *(g for g in gradients if g is not None), *tf.nest.flatten(layer(x, **arguments))]
    return [*found, *map(tf.convert_to_tensor, layer.weights), layer]


def assert_same(make, x, tolerance=1e-5, fits=True, **arguments):
    tf.config.fuse_eager_calls(True)
    *fused_results, layer = results(make, x, **arguments)
    assert any(programs(layer)) == fits
    tf.config.fuse_eager_calls(False)
    *plain_results, _ = results(make, x, **arguments)
    tf.config.fuse_eager_calls(True)
    assert len(fused_results) == len(plain_results)
    for a, b in zip(fused_results, plain_results):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a.numpy().astype("float32"), b.numpy().astype("float32"), rtol=tolerance, atol=tolerance)


rows = tf.constant(np.random.default_rng(0).normal(size=(4, 6)).astype("float32"))
steps = tf.constant(np.random.default_rng(1).normal(size=(2, 5, 6)).astype("float32"))
images = tf.constant(np.random.default_rng(2).normal(size=(2, 8, 8, 3)).astype("float32"))


def small_model():
    return keras.Sequential([layers.Dense(5, "relu"), layers.BatchNormalization(), layers.Dropout(0.4), layers.Dense(3)])


def graph_model():
    inputs = keras.Input((6,))
    a = layers.Dense(4, "tanh")(inputs)
    return keras.Model(inputs, {"sum": layers.Add()([a, layers.Dense(4)(inputs)]), "twice": 2.0 * a})


LAYERS = {
    "dense": (lambda: layers.Dense(3, "gelu"), rows, {}),
    "batch normalization": (lambda: layers.BatchNormalization(), rows, {"training": True}),
    "dropout": (lambda: layers.Dropout(0.5), rows, {"training": True}),
    "sequential": (small_model, rows, {"training": True}),
    "sequential, not training": (small_model, rows, {}),
    "graph": (graph_model, rows, {}),
    "recurrent": (lambda: layers.LSTM(3, return_sequences=True, return_state=True), steps, {}),
    "convolution": (lambda: keras.Sequential([layers.Conv2D(4, 3, activation="relu"), layers.MaxPool2D(), layers.Flatten()]),
                    images, {}),
    "recurrent, dropout": (lambda: keras.Sequential([layers.GRU(3, dropout=0.5)]), steps, {"training": True}),
    "mixed precision": (lambda: layers.Dense(3, dtype="mixed_bfloat16"), rows, {}),
}


LONG = LAYERS.keys() - {"dense", "sequential", "graph"}  # 2 to 5 s each


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, request):
    if name in LONG and not request.config.getoption("--long"):
        pytest.skip("with --long only")
    make, x, arguments = LAYERS[name]
    assert_same(make, x, 0.02 if name == "mixed precision" else 1e-5, **arguments)


CHOICES = [lambda r: layers.Dense(r.randint(1, 6), r.choice([None, "relu", "tanh", "softmax"])),
           lambda r: layers.BatchNormalization(momentum=r.choice([0.5, 0.9])), lambda r: layers.LayerNormalization(),
           lambda r: layers.Dropout(r.choice([0.2, 0.5])), lambda r: layers.GaussianNoise(0.1),
           lambda r: layers.Activation(r.choice(["elu", "sigmoid"])), lambda r: layers.UnitNormalization(),
           lambda r: layers.Reshape((-1,)), lambda r: layers.LeakyReLU(0.2)]


def test_random_models(seed, request):
    """Fused, op by op and compiled."""
    rng = random.Random(seed)
    for _ in range(12 if request.config.getoption("--long") else 1):
        state = rng.random()

        def make(state=state):
            chosen = random.Random(state)
            return keras.Sequential([chosen.choice(CHOICES)(chosen) for _ in range(chosen.randint(2, 6))])

        training = rng.choice([True, False])
        assert_same(make, rows, 1e-4, training=training)
        found = []
        for compiled in (True, False):
            keras.utils.set_random_seed(5)
            model = make()
            model(rows)
            call = tf.function(model) if compiled else model
            found.append([call(rows, training=training), call(rows, training=training), *model.weights])
        for a, b in zip(*found):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


# --- what the user may see or change ---------------------------------------------------------------------------------


def mine(x):
    return x * 2.0


class Own(layers.Dense):
    def call(self, inputs):
        self.seen = float(tf.reduce_sum(inputs))  # needs the value
        return super().call(inputs)


class Adding(layers.Layer):
    def call(self, inputs):
        self.add_loss(tf.reduce_sum(inputs))
        return inputs


@pytest.mark.parametrize("make", [lambda: Own(2), lambda: layers.Dense(2, activation=mine), lambda: layers.Lambda(mine),
                                  lambda: keras.Sequential([layers.Dense(2), Own(2)]),
                                  lambda: keras.Sequential([layers.Dense(2), Adding()]),
                                  lambda: layers.Dense(2, activity_regularizer="l2"),
                                  lambda: keras.Model(inputs := keras.Input((6,)), keras.ops.map(mine, inputs))],
                         ids=["subclass", "activation", "lambda", "inside", "add_loss", "activity", "graph"])
def test_users_code_runs_each_time(make):
    assert_same(make, rows, fits=False)


def test_losses_of_a_call():
    layer = keras.Sequential([layers.Dense(2, activity_regularizer="l2"), layers.Dense(2, kernel_regularizer="l2")])
    for _ in range(3):
        layer(rows)
        assert len(layer.losses) == 2 and all(type(loss) is type(rows) for loss in layer.losses)
    plain = layers.Dense(2)
    plain(rows)
    plain.add_loss(tf.constant(1.0))
    assert len(plain.losses) == 1
    plain(rows)
    assert not plain.losses and all(programs(plain))


def test_masks():
    x = tf.constant([[1, 2, 0], [3, 0, 0]])
    model = keras.Sequential([layers.Embedding(5, 4, mask_zero=True), layers.LSTM(3)])
    embedding = layers.Embedding(5, 4, mask_zero=True)
    for _ in range(3):
        assert embedding(x)._keras_mask.numpy().tolist() == [[True, True, False], [True, False, False]]
    assert programs(embedding) == [None]
    fused_result = model(x)
    assert all(programs(model)), "masks inside are no matter"
    tf.config.fuse_eager_calls(False)
    np.testing.assert_allclose(fused_result.numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)


def test_attributes_count():
    dense, plain = layers.Dense(3), lambda: (rows @ dense.kernel + dense.bias).numpy()
    dense(rows), dense(rows)
    dense.activation = keras.activations.relu
    np.testing.assert_allclose(dense(rows).numpy(), np.maximum(plain(), 0), rtol=1e-5, atol=1e-6)
    dense.call = lambda inputs: inputs
    assert dense(rows) is rows
    del dense.call
    np.testing.assert_allclose(dense(rows).numpy(), np.maximum(plain(), 0), rtol=1e-5, atol=1e-6)

    model = keras.Sequential([layers.Dense(3), layers.BatchNormalization()])
    model(rows, training=True)
    model(rows, training=True)
    moving = model.layers[1].moving_mean
    before = moving.numpy()
    model.trainable = False  # a frozen normalization keeps its statistics
    model(rows, training=True)
    assert (moving.numpy() == before).all()
    model.trainable = True
    model(rows, training=True)
    assert (moving.numpy() != before).any()
    model.layers[0].kernel.assign(tf.zeros([6, 3]))
    model.layers[0].bias.assign(tf.zeros([3]))
    np.testing.assert_allclose(model(rows, training=True).numpy(), 0, atol=1e-6)
    model.add(layers.Dense(2))
    assert model(rows).shape == (4, 2)
    model.pop()
    assert model(rows).shape == (4, 3)


def test_a_class_that_is_given_another_method(monkeypatch):
    model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])
    model(rows), model(rows)
    seen = []
    with monkeypatch.context() as patch:
        call = layers.Dense.call
        patch.setattr(layers.Dense, "call", lambda self, inputs: seen.append(self.name) or call(self, inputs))
        model(rows), model(rows)
        assert seen == [model.layers[0].name] * 2 and not programs(model)
    before = model(rows)
    assert (model(rows).numpy() == before.numpy()).all() and all(programs(model)) and len(seen) == 2


def test_training_comes_from_around():
    class Around(keras.Model):
        def __init__(self):
            super().__init__()
            self.normalization = layers.BatchNormalization(momentum=0.0)

        def call(self, inputs, training=None):
            return self.normalization(inputs)

    model = Around()
    for _ in range(2):
        np.testing.assert_allclose(tf.reduce_mean(model(rows, training=True), 0).numpy(), 0, atol=1e-5)
        np.testing.assert_allclose(model(tf.zeros([1, 6])).numpy()[0], model(tf.zeros([2, 6])).numpy()[1], rtol=1e-5)
    assert all(programs(model.normalization)) and not programs(model)


def test_errors_are_those_op_by_op():
    embedding, dense = layers.Embedding(5, 2), layers.Dense(2)
    embedding(tf.constant([1])), dense(rows)
    for layer, x in ((embedding, tf.constant([7])), (dense, tf.ones([2, 5])), (dense, "text")):
        messages = []
        for fuses in (True, True, False):
            tf.config.fuse_eager_calls(fuses)
            with pytest.raises(Exception) as caught:
                layer(x)
            messages.append((type(caught.value), str(caught.value)))
        tf.config.fuse_eager_calls(True)
        assert len(set(messages)) == 1
    assert dense(rows).shape == (4, 2)
    embedding(tf.constant([1]))
    assert all(programs(embedding)), "an error of the user's is no reason to go on op by op"


def test_copies_files_and_ends():
    model = small_model()
    model(rows), model(rows)
    assert any(programs(model))
    other = copy.deepcopy(model)
    np.testing.assert_allclose(other(rows).numpy(), model(rows).numpy(), rtol=1e-5, atol=1e-6)
    other.layers[0].activation = keras.activations.tanh
    other.layers[0].kernel.assign(tf.ones_like(other.layers[0].kernel))
    assert (other(rows).numpy() != model(rows).numpy()).any()
    dense = layers.Dense(2)
    dense(rows), dense(rows)
    assert (pickle.loads(pickle.dumps(dense))(rows).numpy() == dense(rows).numpy()).all()
    gone = weakref.ref(model)
    del model, other
    gc.collect()
    assert gone() is None


def test_derivatives_of_derivatives():
    model = keras.Sequential([layers.Dense(3, "tanh"), layers.Dense(1)])
    model(rows)

    def run():
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(rows)
            with tf.GradientTape() as inner:
                inner.watch(rows)
                y = model(rows)
            slope = inner.gradient(y, rows)
        with tf.autodiff.ForwardAccumulator(rows, tf.ones_like(rows)) as forward:
            z = model(rows)
        return outer.gradient(slope, model.trainable_variables[0]), outer.batch_jacobian(y, rows), forward.jvp(z)

    first = run()
    tf.config.fuse_eager_calls(False)
    for a, b in zip(first, run()):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


def test_many_calls_before_a_program(monkeypatch):
    monkeypatch.setattr(fused_layers, "SIGHTS", 2)
    dense = layers.Dense(2)
    counts = []
    for _ in range(5):
        dense(rows)
        counts.append(len(programs(dense)))
    assert counts == [0, 0, 0, 1, 1]  # the first builds it


# --- underneath ------------------------------------------------------------------------------------------------------


def test_labels_are_checked_before_the_program():
    """Nobody waits for the results then."""
    def threaded(f):
        concrete = tf.function(f).get_concrete_function(tf.TensorSpec([4, 3]), tf.TensorSpec([4], tf.int32))
        return RecordedCall(concrete.graph, 0)._threaded

    labels = threaded(lambda logits, truth: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits))
    assert labels.early and not labels.has_code
    found = threaded(lambda logits, truth: tf.gather(logits, tf.argmax(logits, 1) + 2))
    assert not found.early and found.has_code


def test_a_compiled_function_under_a_tape():
    count, w = tf.Variable(0, trainable=False), tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def chosen(i):
        count.assign_add(1)
        return tf.gather(w * w, i)

    for wanted in range(1, 4):
        with tf.GradientTape() as tape:
            y = chosen(tf.constant([2, 0]))
        assert tape.gradient(y, w).numpy().tolist() == [2.0, 0.0, 6.0] and int(count) == wanted
    with tf.GradientTape() as tape, pytest.raises(tf.errors.InvalidArgumentError, match="5"):
        chosen(tf.constant([5, 0]))
    assert int(count) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int8", "bool", "complex64"])
def test_tensors_keep_their_values(dtype):
    """Large arrays are copied once, to where programs can take them as they lie."""
    array = np.ones((70, 90)).astype(tf.as_dtype(dtype).as_numpy_dtype)[:, ::2]
    tensor = tf.convert_to_tensor(array)
    array[...] = 0
    assert (tensor.numpy() == 1).all() and not np.asarray(tensor).flags.writeable
    variable = tf.Variable(tensor)
    variable.assign(tf.zeros_like(tensor))
    for _ in range(2):
        tf.function(lambda: variable.assign(variable | True if dtype == "bool" else variable + 1))()
    assert (tensor.numpy() == 1).all()


@pytest.mark.parametrize("size", [3, 5000])
def test_results_of_python_functions_are_copied(size):
    """The function may keep its array and write to it: large ones lie where programs take them without a copy."""
    memory = np.zeros(size * 4 + 64, np.uint8)
    start = -memory.ctypes.data % 64
    kept = memory[start:start + size * 4].view("float32")
    eager = tf.numpy_function(lambda: kept, [], tf.float32)
    compiled = tf.function(lambda: tf.numpy_function(lambda: kept, [], tf.TensorSpec([size], tf.float32)))()
    kept[...] = 1.0
    assert not eager.numpy().any() and not compiled.numpy().any()
    kept[...] = 0.0
