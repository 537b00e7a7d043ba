"""What happens inside one eager call of the library as one program: the same values and errors as op by op."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import threading
import traceback

import numpy as np
import pytest
from random_graphs import random_array, random_graph

import treadle as tf
from treadle import keras
from treadle.ir import dtypes
from treadle.keras_like.core import fused
from treadle.runtime import gradient_program


@pytest.fixture(autouse=True)
def at_first_sight(monkeypatch):
    """Compile at the first call, and start without programs."""
    monkeypatch.setattr(gradient_program, "SIGHTS", 0)
    monkeypatch.setattr(fused, "SIGHTS", 0)
    gradient_program._programs.clear()
    gradient_program._sights.clear()
    yield
    tf.config.fuse_eager_calls(True)


def compiled() -> int:
    """How many gradients have been compiled."""
    return sum(program is not None for program in gradient_program._programs.values())


def both(run):
    """What `run` returns fused and op by op."""
    tf.config.fuse_eager_calls(True)
    first = run()
    tf.config.fuse_eager_calls(False)
    second = run()
    tf.config.fuse_eager_calls(True)
    return first, second


def assert_same(run, tolerance: float = 1e-6):
    """Fused and op by op, `run` returns the same structure of tensors and None."""
    first, second = both(run)
    tf.nest.assert_same_structure(first, second)
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(second)):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=tolerance, atol=tolerance)


x = tf.constant([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
y = tf.constant([[1.0, 2.0, 3.0]])
z = tf.constant([1.0, -2.0], tf.float64)
c = tf.constant([1 + 2j, 3 - 1j], tf.complex64)
labels = tf.constant([1, 0])

double = tf.function(lambda a: a * tf.tanh(a))
choose = tf.function(lambda a: tf.cond(tf.reduce_sum(a) > 0, lambda: tf.sin(a), lambda: a * a))
halve = tf.function(lambda a: tf.while_loop(lambda a: tf.reduce_sum(tf.square(a)) > 1.0, lambda a: [a * 0.5], [a])[0])

PROGRAMS = {
    "product": lambda: x * y,
    "used twice": lambda: x * x + tf.sin(x),
    "matmul": lambda: tf.nn.relu(x @ tf.transpose(y)),
    "two dtypes": lambda: tf.cast(tf.reduce_sum(x), tf.float64) * z,
    "float64": lambda: tf.exp(z) * 0.1,
    "complex": lambda: tf.abs(c * tf.math.conj(c)) * tf.math.real(c),
    "gather": lambda: tf.gather(x, labels) * y,
    "slice": lambda: x[:, 1:] * x[:, :-1],
    "slice at a tensor": lambda: x[labels[0]] * 3.0,
    "reshape by a tensor": lambda: tf.reshape(x, tf.shape(tf.transpose(x))) * 2.0,
    "concat and split": lambda: tf.split(tf.concat([x, x * y], 0), 2)[1],
    "cross-entropy": lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x),
    "compiled function": lambda: double(x) * y,
    "cond": lambda: choose(x) * y,
    "while": lambda: halve(x) * y,
    "stop_gradient": lambda: x * tf.stop_gradient(x),
    "unconnected": lambda: tf.constant(3.0),
    "a source": lambda: x,
    "integers on the way": lambda: tf.cast(tf.cast(x, tf.int32), tf.float32) * x,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_op_by_op(name):
    def run():
        with tf.GradientTape() as tape:
            tape.watch([x, y, z, c])
            target = PROGRAMS[name]()
        return tape.gradient(target, [x, [y, z], {"c": c}])

    assert_same(run)
    assert compiled() == (name != "unconnected")


def test_targets_weights_and_repeated_sources():
    def run():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            a, b = tf.sin(x), x * y
        return [tape.gradient([a, b], x), tape.gradient([a, a], [x, x]), tape.gradient(a, x, output_gradients=x),
                tape.gradient([a, b], x, output_gradients=[None, tf.constant(2.0)]), tape.gradient({"k": b}, a),
                tape.gradient(b, x, output_gradients=2.5), tape.gradient(a, [x, z], unconnected_gradients="zero")]

    assert_same(run)
    assert compiled() >= 6


def test_a_variable_is_what_it_was_when_read():
    v = tf.Variable(2.0)

    def run():
        v.assign(2.0)
        with tf.GradientTape() as tape:
            first = v * v
            v.assign(5.0)
            target = first + v * 3.0
        v.assign(7.0)
        return tape.gradient(target, v)

    assert_same(run)
    assert run().numpy() == 7.0


def test_values_are_inputs_not_constants():
    """The same structure with other values, among them those that eager rules could look at."""
    found = []
    for place in (0, 1):
        a, at = tf.constant([1.0 + place, 2.0]), tf.constant(place)
        with tf.GradientTape() as tape:
            tape.watch(a)
            target = a[at] * a[at] * float(place + 2) + tf.gather(a, [place])[0]
        found.append(tape.gradient(target, a).numpy().tolist())
    assert found == [[5.0, 0.0], [0.0, 13.0]] and compiled() == 1


def test_one_program_for_each_structure():
    def gradient(a, b, swapped=False):
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            target = tf.pow(b, a) if swapped else tf.pow(a, b)
        return [float(g) for g in tape.gradient(target, [a, b])]

    two, three = tf.constant(2.0), tf.constant(3.0)
    assert gradient(two, three) == pytest.approx([12.0, 8 * np.log(2)]) and compiled() == 1
    assert gradient(three, two) == pytest.approx([6.0, 9 * np.log(3)]) and compiled() == 1
    assert gradient(two, three, swapped=True) == pytest.approx([9 * np.log(3), 6.0]) and compiled() == 2
    assert gradient(two, two) == pytest.approx([4 + 4 * np.log(2)] * 2) and compiled() == 3


@tf.custom_gradient
def clipped(a):
    return a * 1.0, lambda g: tf.clip_by_value(g, -0.1, 0.1)


def host(a):
    return tf.py_function(lambda b: b * 2.0, [a], tf.float32)


@pytest.mark.parametrize("f, inside", [(lambda a: clipped(a) * 3.0, 0), (tf.recompute_grad(lambda b: b * tf.sin(b)), 1),
                                       (lambda a: host(a) * a, 1)], ids=["custom_gradient", "recompute_grad", "py_function"])
def test_what_does_not_fit_runs_op_by_op(f, inside):
    """But for the tapes that `recompute_grad` and `py_function` use in their turn."""
    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            target = f(x)
        return tape.gradient(target, x)

    assert_same(run)
    assert compiled() == inside


def test_gradients_of_gradients():
    def run():
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                target = tf.reduce_sum(x**3 * y)
            first = inner.gradient(target, x)
        return first, outer.gradient(first, x), outer.jacobian(first, y)

    assert_same(run)
    assert compiled() == 1  # the outer one; the inner one is recorded op by op


def test_a_persistent_tape_that_still_records():
    def run():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            first = tape.gradient(x**3, x)
        return tape.gradient(first, x)

    assert_same(run)
    np.testing.assert_allclose(run().numpy(), 6 * x.numpy(), rtol=1e-6)


def test_random_graphs(seed, request):
    rng = random.Random(seed)
    count = 0
    for k in range(60):
        if count and k >= 8 and not request.config.getoption("--long"):
            break
        graph = random_graph(rng, operations=12, depth=1, dtypes=(dtypes.float32, dtypes.bfloat16, dtypes.int32))
        tensors = [tf.constant(random_array(rng, v.type)) for v in graph.inputs]
        sources = [t for t in tensors if t.dtype.is_floating]

        def run(graph=graph, tensors=tensors, sources=sources):
            with tf.GradientTape() as tape:
                tape.watch(sources)
                values = dict(zip(graph.inputs, tensors))
                for operation in graph.operations:
                    results = operation.op(*[values[o] for o in operation.operands], **operation.attributes)
                    values.update(zip(operation.results, results if operation.op.many else [results]))
                targets = [tf.tanh(tf.cast(values[o], tf.float32)) for o in graph.outputs if o.dtype.is_floating]
            return tape.gradient(targets, sources) if targets else []

        try:
            first, second = both(run)
        except tf.errors.OpError:  # a cast or division that does not fit, eagerly too
            continue
        for a, b, source in zip(first, second, sources):
            assert (a is None) == (b is None)
            if a is not None and np.isfinite(a32 := a.numpy().astype("float32")).all():
                rough = 0.1 if source.dtype.name == "bfloat16" or any("bfloat16" in str(r.type.dtype) for o in
                                                                       graph.walk() for r in o.results) else 1e-3
                scale = max(1.0, np.abs(a32).max())
                np.testing.assert_allclose(a32 / scale, b.numpy().astype("float32") / scale, rtol=rough, atol=rough)
                count += 1
    assert count > 0


# --- errors ---------------------------------------------------------------------------------------------------------


def error_of(run) -> tuple:
    """An exception's type and message, and the last line of this file that it passed."""
    with pytest.raises(tf.errors.OpError) as caught:
        run()
    lines = [f.lineno for f in traceback.extract_tb(caught.value.__traceback__) if f.filename == __file__]
    return type(caught.value), caught.value.message, lines[-1]


def test_errors_are_those_op_by_op():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.SparseCategoricalCrossentropy(from_logits=True)
    loss(labels, x), metric.update_state(labels, x)

    wrong = tf.constant([7, 0])
    first, second = both(lambda: error_of(lambda: loss(wrong, x)))
    assert first == second and "7" in first[1]
    before = [v.numpy().tolist() for v in metric.variables]
    first, second = both(lambda: error_of(lambda: metric.update_state(wrong, x)))
    assert first == second
    assert [v.numpy().tolist() for v in metric.variables] == before

    def wrong_weights():
        with tf.GradientTape() as tape:
            tape.watch(x)
            target = x * 2.0
        tape.gradient(target, x, output_gradients=tf.ones([5]))

    first, second = both(lambda: error_of(wrong_weights))
    assert first == second


def test_check_numerics_looks_at_every_op():
    zero = tf.constant(0.0)

    def run():
        with tf.GradientTape() as tape:
            tape.watch(zero)
            root = tf.sqrt(zero)
        return tape.gradient(root, zero)

    assert np.isinf(run().numpy()) and compiled() == 1
    tf.debugging.enable_check_numerics()
    try:
        first, second = both(lambda: error_of(run))
        assert first == second
    finally:
        tf.debugging.disable_check_numerics()
    assert np.isinf(run().numpy())


# --- the switch -----------------------------------------------------------------------------------------------------


def gradient_of_square(a=x):
    with tf.GradientTape() as tape:
        tape.watch(a)
        target = a * a
    return tape.gradient(target, a)


def test_the_switch_and_the_debugging_mode(monkeypatch):
    metric = keras.metrics.Mean()

    def made():
        gradient_of_square()
        metric.update_state(x)
        return compiled(), len(vars(metric).get("_fused", fused._Programs()).known)

    tf.config.fuse_eager_calls(False)
    assert made() == (0, 0) and not tf.config.eager_calls_are_fused()
    tf.config.fuse_eager_calls(True)
    tf.config.run_functions_eagerly(True)
    try:
        assert made() == (0, 0) and not tf.config.eager_calls_are_fused()
    finally:
        tf.config.run_functions_eagerly(False)
    assert made() == (1, 1) and tf.config.eager_calls_are_fused()


def test_a_structure_is_compiled_once_it_was_seen_often(monkeypatch):
    monkeypatch.setattr(gradient_program, "SIGHTS", 3)
    counts = []
    for _ in range(5):
        gradient_of_square()
        counts.append(compiled())
    assert counts == [0, 0, 0, 1, 1]


def test_programs_and_sights_are_bounded(monkeypatch):
    monkeypatch.setattr(gradient_program, "_MOST_PROGRAMS", 3)
    monkeypatch.setattr(gradient_program, "_MOST_SIGHTS", 3)
    for n in range(6):
        gradient_of_square(tf.ones([n]))
    assert len(gradient_program._programs) == 3
    monkeypatch.setattr(gradient_program, "SIGHTS", 1)
    for n in range(6, 12):
        gradient_of_square(tf.ones([n]))
    assert len(gradient_program._sights) == 3


def test_programs_keep_no_tensors_alive():
    import weakref
    a = tf.constant([1.0, 2.0])
    gradient_of_square(a)
    gone = weakref.ref(a)
    del a
    gc.collect()
    assert compiled() == 1 and gone() is None


def test_threads():
    failures = []

    def work(k):
        a = tf.constant(float(k))
        for _ in range(20):
            if gradient_of_square(a).numpy() != 2.0 * k:
                failures.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# --- losses, metrics, optimizers ------------------------------------------------------------------------------------

scores = tf.constant([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
hot = tf.constant([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
LOSSES = [("MeanSquaredError", {}, hot), ("CategoricalCrossentropy", {"label_smoothing": 0.1}, hot),
          ("SparseCategoricalCrossentropy", {"reduction": "none"}, labels), ("KLDivergence", {"dtype": "float64"}, hot)]


@pytest.mark.parametrize("name, config, truth", LOSSES, ids=[row[0] for row in LOSSES])
def test_losses(name, config, truth):
    loss = getattr(keras.losses, name)(**config)

    def run():
        found = []
        for given, weight in ((truth, None), (truth.numpy(), tf.constant([1.0, 0.5]))):
            with tf.GradientTape() as tape:
                tape.watch(scores)
                value = loss(given, scores, sample_weight=weight)
            found += [value, tape.gradient(value, scores), loss(given, scores, weight)]
        return found

    assert_same(run)
    known = vars(loss)["_fused"].known
    assert len(known) == 4 and all(known.values()) and compiled() == 2


METRICS = [("Mean", {}, [scores]), ("SparseCategoricalAccuracy", {}, [labels, scores]),
           ("F1Score", {}, [hot, scores]),
           ("MeanIoU", {"num_classes": 3, "dtype": "float32"}, [labels, labels]), ("R2Score", {}, [hot, scores]),
           ("MeanSquaredError", {"dtype": "float64"}, [hot, scores])]


@pytest.mark.parametrize("name, config, arguments", METRICS, ids=[row[0] for row in METRICS])
def test_metrics(name, config, arguments):
    metric = getattr(keras.metrics, name)(**config)

    def run():
        metric.reset_state()
        metric.update_state(*arguments)
        metric.update_state(*arguments, sample_weight=tf.constant([0.5, 2.0]))
        return [metric(*arguments), metric.result(), [tf.convert_to_tensor(v) for v in metric.variables]]

    run()
    assert_same(run)
    assert sum(program is not None for program in vars(metric)["_fused"].known.values()) >= 2


def test_what_a_program_depends_on():
    """An attribute, or a setting of the library, that changes is seen by the next call."""
    metric = keras.metrics.BinaryAccuracy(threshold=0.5)
    assert float(metric([[1.0]], tf.constant([[0.4]]))) == 0.0  # a list: op by op
    assert float(metric(tf.constant([[1.0]]), tf.constant([[0.4]]))) == 0.0
    metric._fn_kwargs = {"threshold": 0.3}
    assert float(metric(tf.constant([[1.0]]), tf.constant([[0.4]]))) == pytest.approx(1 / 3)

    loss = keras.losses.MeanSquaredError()
    assert float(loss(hot, scores)) != float(keras.losses.MeanSquaredError(reduction="sum")(hot, scores))
    loss.reduction = "sum"
    assert float(loss(hot, scores)) == float(keras.losses.MeanSquaredError(reduction="sum")(hot, scores))

    entropy = keras.losses.CategoricalCrossentropy()
    sure = tf.constant([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    before = float(entropy(hot, sure))
    try:
        keras.config.set_epsilon(1e-2)
        assert float(entropy(hot, sure)) < before
    finally:
        keras.config.set_epsilon(1e-7)
    assert float(entropy(hot, sure)) == before


def test_users_code_runs_each_time():
    calls = []

    def mine(y_true, y_pred):
        calls.append(float(y_pred[0, 0]))  # needs the value
        return tf.abs(y_true - y_pred)

    class Own(keras.metrics.Mean):
        def update_state(self, values, sample_weight=None):
            calls.append("own")
            super().update_state(values, sample_weight)

    own = Own()
    for run in (lambda: keras.metrics.MeanMetricWrapper(mine)(hot, scores), lambda: own.update_state(scores)):
        calls.clear()
        run(), run()
        assert len(calls) == 2


def test_masks_and_layers_are_left_out():
    masked = tf.constant([[1.0, 2.0]])
    masked._keras_mask = tf.constant([[True, False]])
    loss = keras.losses.MeanSquaredError(reduction="none")
    assert_same(lambda: loss(tf.constant([[1.0, 9.0]]), masked))
    assert not vars(loss).get("_fused", fused._Programs()).known


def test_copies_and_files_have_no_programs():
    metric = keras.metrics.Mean()
    metric.update_state(scores)
    for other in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        other.update_state(tf.constant(5.0))
        assert float(other.result()) != float(metric.result())
    assert float(metric.result()) == pytest.approx(float(tf.reduce_mean(scores)))


def test_objects_die_with_their_programs():
    import weakref
    metric = keras.metrics.Mean()
    metric(scores)
    assert any(vars(metric)["_fused"].known.values())
    gone = weakref.ref(metric)
    del metric
    gc.collect()
    assert gone() is None


def test_forward_mode():
    loss = keras.losses.MeanSquaredError()

    def run():
        with tf.autodiff.ForwardAccumulator(scores, tf.ones_like(scores)) as forward:
            value = loss(hot, scores)
        return forward.jvp(value)

    assert_same(run)


@pytest.mark.parametrize("make", [lambda: keras.optimizers.Adam(0.1, clipnorm=0.5, use_ema=True),
                                  lambda: keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01)], ids=["Adam", "SGD"])
def test_a_training_loop(make, request):
    """The undecorated loop of the notebooks: the same weights in the end, fused and op by op."""
    if isinstance(make(), keras.optimizers.Adam) and not request.config.getoption("--long"):
        pytest.skip("takes 3 s op by op: with --long only")
    data = np.random.default_rng(0)
    inputs, truth = data.normal(size=(40, 6)).astype("float32"), data.integers(0, 3, 40)

    def run():
        keras.utils.set_random_seed(7)
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(),
                                  keras.layers.Dropout(0.3), keras.layers.Dense(3)])
        optimizer, metric = make(), keras.metrics.SparseCategoricalAccuracy()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        values = []
        for k in range(4):
            batch = slice(8 * k, 8 * k + 8)
            with tf.GradientTape() as tape:
                logits = model(inputs[batch], training=True)
                value = loss(truth[batch], logits)
            optimizer.apply_gradients(zip(tape.gradient(value, model.trainable_variables), model.trainable_variables))
            metric.update_state(truth[batch], logits)
            values.append(value)
        return values, metric.result(), [tf.convert_to_tensor(w) for w in (*model.weights, *optimizer.variables)]

    first, second = both(run)
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(second)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=2e-5)
    assert compiled() == 1
