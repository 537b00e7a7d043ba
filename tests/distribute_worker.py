"""What `test_distribute.py` checks on several devices: a process of its own, which prints {check: None or what went wrong}.

JAX has to start with four devices, so this cannot happen in the tests' own process.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
import traceback

import numpy as np

ORACLES = pathlib.Path(__file__).parent / "oracles"
RECORDED = json.loads((ORACLES / "distribute.json").read_text())


def setup():
    """Logical devices as TensorFlow's users make them. Listing the CPU does not start JAX."""
    import treadle as tf
    cpu = tf.config.list_physical_devices("CPU")
    assert len(cpu) == 1
    configuration = [tf.config.LogicalDeviceConfiguration()] * 4
    tf.config.set_logical_device_configuration(cpu[0], configuration)
    assert tf.config.get_logical_device_configuration(cpu[0]) == configuration
    return tf


def recorded(name):
    """The case gives what TensorFlow gives."""
    from distribute_cases import CASES
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    try:
        found = [np.asarray(v) for v in tf.nest.flatten(CASES[name](tf, two))]
    except ValueError:
        assert RECORDED[name] == "ValueError"
        return
    assert len(found) == len(RECORDED[name])
    for a, b in zip(found, RECORDED[name]):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


X = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
Y = X[:, :1] * 2 + 1


def model(scope, layers=lambda: (), **options):
    keras = tf.keras
    with scope.scope():
        keras.utils.set_random_seed(1)
        made = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, activation="tanh"), *layers(), keras.layers.Dense(1)])
        made.compile(**{"optimizer": "adam", "loss": "mse", "metrics": ["mae"], **options})
    return made


def check_fit_evaluate_and_predict():
    """On four devices they give what they give on one: for batches of 28 rows, and of 30, which are not split."""
    layers, found = tf.keras.layers, []
    for scope in (four, one):
        m = model(scope, lambda: [layers.BatchNormalization(), layers.Dropout(0.3)])
        history = m.fit(X[:56], Y[:56], batch_size=28, verbose=0, validation_data=(X[:28], Y[:28])).history
        found.append([*history.values(), m.predict(X[:30], verbose=0), *m.get_weights()])
        assert {len(w._array.devices()) for w in m.weights} == {4 if scope is four else 1}
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def check_fit_dataset():
    losses = [model(scope).fit(tf.data.Dataset.from_tensor_slices((X, Y)).batch(16), verbose=0).history["loss"]
              for scope in (four, one)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def check_fit_train_step():
    class Mine(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
                if loss > 3.0:  # the front end sees it, in the step that splits the batch
                    loss = loss * 0.5
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights))
            return {"loss": loss}

    losses = []
    for scope in (four, one):
        with scope.scope():
            m = Mine()
            m.compile("sgd")
        losses.append(m.fit(X, Y, batch_size=16, shuffle=False, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def check_each_device_computes_its_part():
    m = model(four)
    m.fit(X, Y, batch_size=16, verbose=0)
    step = m.make_train_function()
    program = step.get_concrete_function((tf.constant(X[:16]), tf.constant(Y[:16]))).compiled().program.executable
    text = program.compiled.as_text()
    assert "all-reduce" in text
    assert "f32[4,5]" in text and "f32[16,5]" not in text  # a quarter of the batch


def check_variables_are_read_and_written_as_ever():
    m = model(four)
    m.fit(X, Y, batch_size=16, verbose=0)
    kernel = m.layers[0].kernel
    before = kernel.value()
    kernel.assign(tf.ones_like(kernel))
    given = tf.fill(kernel.shape, 2.0)
    kernel.assign(given)
    m.fit(X, Y, batch_size=16, verbose=0)  # donates the buffers
    assert given.numpy().min() == 2.0 and np.isfinite(before.numpy()).all()
    assert (kernel + 1.0).shape == kernel.shape and kernel.numpy().min() != 2.0
    apply = tf.function(lambda x: tf.reduce_sum(m(x)))
    np.testing.assert_allclose(apply(X), tf.reduce_sum(m(X)), rtol=1e-5)
    with tf.GradientTape() as tape:  # a compiled function under an eager tape
        y = apply(X)
    assert tape.gradient(y, kernel).shape == kernel.shape


def check_a_program_that_was_compiled_for_one_device_goes_on():
    m = model(four)
    apply = tf.function(lambda x: m(x))
    before = apply(X[:3]).numpy()
    wide = tf.Variable(1, dtype=tf.int64)
    count = tf.function(lambda: wide.assign_add(1))
    count()
    m.fit(X, Y, batch_size=16, verbose=0)
    assert np.abs(apply(X[:3]).numpy() - before).max() > 0
    four.run(lambda: wide.assign_add(1))
    assert int(count()) == 4 and wide._array.is_fully_replicated and len(wide._array.devices()) == 4


def check_a_failing_step_leaves_the_variables():
    v = tf.Variable([1.0, 2.0])

    def step(x):
        v.assign_add(tf.distribute.get_replica_context().all_reduce("SUM", x[:2]))
        tf.debugging.assert_less(tf.reduce_max(x), 100.0)

    part = next(iter(four.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices(X[:, 0]).batch(16))))
    four.run(step, args=(part,))
    kept = v.numpy()
    with raises(tf.errors.InvalidArgumentError):
        four.run(step, args=(tf.nest.map_structure(lambda t: t + 1000.0, part),))
    np.testing.assert_array_equal(v.numpy(), kept)


def check_random_numbers_differ_between_replicas():
    tf.random.set_seed(3)
    layer = tf.keras.layers.Dropout(0.5, seed=4)

    def draws():
        return tf.random.normal([8]), layer(tf.ones([64]), training=True), tf.cond(
            tf.constant(True), lambda: tf.random.uniform([8]), lambda: tf.zeros([8]))

    first, again = four.run(draws), four.run(draws)
    for a, b in zip(first, again):
        rows = [tuple(v.numpy().tolist()) for v in (*a.values, *b.values)]
        assert len(set(rows)) == 8


def check_different_values_need_an_aggregation():
    v = tf.Variable(1.0)
    with raises(ValueError, match="aggregation"):
        four.run(lambda: v.assign(tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)))
    assert v.numpy() == 1.0


def check_uneven_batches():
    with raises(ValueError, match="drop_remainder"):
        list(four.experimental_distribute_dataset(tf.data.Dataset.range(10).batch(8)))
    with raises(ValueError):
        four.distribute_datasets_from_function(lambda c: c.get_per_replica_batch_size(6))


def check_loop_over_a_distributed_dataset_in_a_function():
    data = four.experimental_distribute_dataset(tf.data.Dataset.range(16).batch(8))

    @tf.function
    def total(data):
        found = tf.constant(0, tf.int64)
        for x in data:
            found += four.reduce("SUM", four.run(lambda v: v * v, args=(x,)), axis=0)
        return found

    assert int(total(data)) == sum(i * i for i in range(16))


def check_a_function_called_in_a_replica_and_outside():
    opt = tf.keras.optimizers.SGD(1.0)
    v = tf.Variable(0.0)

    @tf.function
    def step(x):
        opt.apply_gradients([(x, v)])

    step(tf.constant(1.0))
    assert v.numpy() == -1.0
    four.run(lambda: step(tf.constant(1.0)))  # four replicas' gradients
    assert v.numpy() == -5.0
    step(tf.constant(1.0))
    assert v.numpy() == -6.0


def check_loss_scaling_looks_at_all_replicas():
    opt = tf.keras.optimizers.LossScaleOptimizer(tf.keras.optimizers.SGD(1.0), initial_scale=4.0)
    v = tf.Variable(0.0)
    numbers = four.experimental_distribute_values_from_function(lambda c: tf.constant(float(c.replica_id_in_sync_group)))
    four.run(lambda n: opt.apply_gradients([(n * 4.0, v)]), args=(numbers,))
    assert v.numpy() == -6.0
    four.run(lambda n: opt.apply_gradients([(tf.where(n > 2.0, np.inf, n), v)]), args=(numbers,))
    assert v.numpy() == -6.0 and opt.dynamic_scale.numpy() == 2.0


def check_keras_distribution():
    keras = tf.keras
    mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"))
    layouts = keras.distribution.LayoutMap(mesh)
    layouts["dense.*kernel"] = (None, "model")
    found = []
    for distribution in (keras.distribution.ModelParallel(layouts, "batch"), keras.distribution.DataParallel(), None):
        keras.distribution.set_distribution(distribution)
        keras.utils.set_random_seed(1)
        m = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(2)])
        m.compile("adam", "mse")
        found.append([m.fit(X, Y, batch_size=16, verbose=0).history["loss"], m.predict(X, verbose=0), *m.get_weights()])
        places = {s.data.shape for s in m.layers[0].kernel._array.addressable_shards}, len(m.layers[0].kernel._array.devices())
        slots = {s.data.shape for v in m.optimizer.variables if v.shape == [5, 8] for s in v._array.addressable_shards}
        if distribution is None:
            assert places == ({(5, 8)}, 1)
        else:
            split = {(5, 4)} if isinstance(distribution, keras.distribution.ModelParallel) else {(5, 8)}
            assert places == (split, 4) and slots == split, (places, slots)
    for other in found[:2]:
        for a, b in zip(other, found[2], strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    layouts["odd"] = ("model",)
    with keras.distribution.ModelParallel(layouts).scope(), raises(ValueError, match="laid out"):
        keras.layers.Layer(name="odd").add_weight(shape=(3,))


def check_save_and_load():
    import tempfile
    m = model(four)
    m.fit(X, Y, batch_size=16, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        m.save(f"{folder}/m.keras")
        again = tf.keras.models.load_model(f"{folder}/m.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), m.predict(X, verbose=0), rtol=1e-5)


def check_devices():
    assert [d.name for d in tf.config.list_logical_devices("CPU")] == [f"/device:CPU:{i}" for i in range(4)]
    with raises(RuntimeError, match="JAX has started"):
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                                   [tf.config.LogicalDeviceConfiguration()] * 2)
    with raises(ValueError):
        tf.distribute.MirroredStrategy(["CPU:0", "CPU:9"])
    with raises(ValueError):
        tf.distribute.MirroredStrategy(["CPU:0", "CPU:0"])
    with raises(NotImplementedError):
        tf.distribute.OneDeviceStrategy("CPU:1")
    assert tf.distribute.OneDeviceStrategy("/gpu:0").devices == ("/device:CPU:0",)  # TensorFlow's soft placement


class raises:
    """As `pytest.raises`, which this process does without."""

    def __init__(self, kind, match=""):
        self.kind, self.match = kind, match

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None, f"{self.kind.__name__} was not raised"
        assert self.match in str(error), error
        return issubclass(kind, self.kind)


def names():
    """All checks."""
    return [*(f"recorded:{n}" for n in RECORDED), *(n for n in globals() if n.startswith("check_"))]


if __name__ == "__main__":
    sys.path.insert(0, str(ORACLES))
    tf = setup()
    four, one = tf.distribute.MirroredStrategy(), tf.distribute.MirroredStrategy(["CPU:0"])
    results = {}
    for check in sys.argv[1:] or names():
        kind, _, case = check.partition(":")
        start = time.perf_counter()
        try:
            recorded(case) if kind == "recorded" else globals()[check]()
            results[check] = None
        except Exception:
            results[check] = traceback.format_exc()
        print(f"{check}: {time.perf_counter() - start:.2f} s", file=sys.stderr)
    print(json.dumps(results))
