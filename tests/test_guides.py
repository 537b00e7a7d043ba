"""What TensorFlow's guides and tutorials do and other tests don't: each failed when such programs were first run here."""

from __future__ import annotations

import os

import numpy as np
import pytest

import treadle as tf

MODES = pytest.mark.parametrize("mode", [lambda f: f, tf.function], ids=["eager", "compiled"])


def test_texts_of_tensors_are_tensorflows():
    assert str(tf.constant([[1, 2], [3, 4]])) == "tf.Tensor(\n[[1 2]\n [3 4]], shape=(2, 2), dtype=int32)"
    assert f"{tf.constant([1.0, 2.0])} {tf.constant(2.5):.2f}" == "[1. 2.] 2.50"
    assert repr(tf.constant(1).dtype) == "tf.int32"


# --- tapes ----------------------------------------------------------------------------------------------------------


@MODES
def test_a_custom_gradient_counts_all_it_uses_in_gradients_of_gradients(mode):
    @tf.custom_gradient
    def log1pexp(x):
        e = tf.exp(x)
        return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))

    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = log1pexp(x)
            slope = inner.gradient(y, x)
        return outer.gradient(slope, x)

    s = 1 / (1 + np.exp(-1.0))
    assert float(mode(second)(tf.constant(1.0))) == pytest.approx(s * (1 - s), rel=1e-5)


def test_recomputed_functions_are_not_kept_by_the_tape():
    with tf.GradientTape() as tape:
        x = tf.constant(1.0)
        tape.watch(x)
        tf.recompute_grad(lambda x: tf.sin(tf.cos(x)))(x)
        assert [r.op.name for r in tape._records] == ["custom_gradient"]


def test_an_integer_is_watched_with_a_warning_and_has_no_gradient():
    x = tf.constant(10)
    with tf.GradientTape() as tape, pytest.warns(UserWarning, match="Received: dtype int32"):
        tape.watch(x)
    assert tape.gradient(x * x, x) is None


def test_a_tape_that_was_never_entered_says_so():
    x = tf.Variable(2.0)
    with pytest.raises(RuntimeError, match="with tf.GradientTape"):
        tf.GradientTape().gradient(x * x, x)
    with pytest.raises(RuntimeError, match="never entered"):
        tf.GradientTape().watch(x)


def test_which_variables_a_tape_saw_is_known_after_its_gradient():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 4.0 and [v is x for v in tape.watched_variables()] == [True]


# --- iterators in compiled functions --------------------------------------------------------------------------------


@pytest.mark.parametrize("take", [next, lambda it: it.get_next()], ids=["next", "get_next"])
def test_a_compiled_function_takes_the_next_element_when_it_runs(take):
    def step(it):
        x, y = take(it)
        return x["a"] * y
    step = tf.function(step)
    it = iter(tf.data.Dataset.from_tensor_slices(({"a": np.arange(3)}, np.array([2, 3, 4]))))
    assert [int(step(it)) for _ in range(3)] == [0, 3, 8]
    with pytest.raises(tf.errors.OutOfRangeError, match="no more elements"):
        step(it)
    assert step.experimental_get_tracing_count() == 1


def test_a_compiled_loop_takes_elements_from_where_the_iterator_is():
    @tf.function
    def add(it, n):
        total = tf.constant(0, tf.int64)
        for _ in tf.range(n):
            total += next(it)
        return total

    @tf.function
    def rest(it, least):
        total = tf.constant(0, tf.int64)
        for x in it:
            if x >= least:
                break
            total += x
        return total

    it = iter(tf.data.Dataset.range(10))
    assert int(add(it, tf.constant(3))) == 0 + 1 + 2
    assert int(rest(it, tf.constant(5, tf.int64))) == 3 + 4
    assert int(next(it)) == 6
    assert int(rest(it, tf.constant(99, tf.int64))) == 7 + 8 + 9 and int(rest(it, tf.constant(99, tf.int64))) == 0


def test_what_a_compiled_function_cannot_take_from_an_iterator_is_said():
    it = iter(tf.data.Dataset.range(5).batch(2))
    step = tf.function(lambda it: next(it))
    assert [step(it).shape[0] for _ in range(2)] == [2, 2]
    with pytest.raises(tf.errors.InvalidArgumentError, match="drop_remainder"):
        step(it)
    with pytest.raises(TypeError, match="must be numbers"):
        tf.function(lambda: next(iter(tf.data.Dataset.from_tensor_slices(["a"]))))()
    with pytest.raises(TypeError, match="takes no default"):
        tf.function(lambda it: next(it, None))(it)
    with pytest.raises(TypeError, match="get_next_as_optional"):
        tf.function(lambda it: it.get_next_as_optional().has_value())(it)
    with pytest.raises(TypeError, match="`for` statement"):
        tf.function(lambda it: list(it))(it)


def test_a_range_of_open_length_cannot_be_sliced():
    @tf.function
    def f(n):
        return tf.range(0, n, 2)[:-1]
    with pytest.raises(NotImplementedError, match="shape of the result of `range`"):
        f(tf.constant(4))


# --- names ----------------------------------------------------------------------------------------------------------


def test_variables_are_read_at_places():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    assert v.gather_nd([[0, 1]]).numpy().tolist() == [2.0] and v.sparse_read([1]).numpy().tolist() == [[3.0, 4.0]]
    v.set_shape([None, 2])
    with pytest.raises(ValueError, match="2, 3"):
        v.set_shape([2, 3])


def test_short_names_of_keras():
    assert tf.optimizers.Adam is tf.keras.optimizers.Adam and tf.losses is tf.keras.losses and tf.metrics is tf.keras.metrics
    assert tf.random.experimental.stateless_split([1, 2], 3).shape == (3, 2)


@pytest.mark.parametrize("initial", [None, [0.9, 0.1]])
def test_resampling(initial):
    ds = tf.data.Dataset.from_tensor_slices((np.arange(2000), (np.arange(2000) % 10 == 0).astype(int)))
    tf.random.set_seed(1)
    kinds, rows = zip(*ds.rejection_resample(lambda x, y: y, [0.5, 0.5], initial, seed=3))
    assert 0.4 < np.mean(kinds) < 0.6 and all(int(x) % 10 == 0 for x, y in rows if int(y))
    assert len(kinds) < 600


def test_files(tmp_path):
    path = os.path.join(tmp_path, "new", "a.csv")
    tf.io.write_file(path, "x,1\ny,\n")
    assert tf.io.read_file(path).numpy() == b"x,1\ny,\n"
    assert tf.data.Dataset.list_files(path).map(tf.io.read_file).get_single_element().numpy() == b"x,1\ny,\n"
    assert tf.io.matching_files(str(tmp_path / "*" / "*.csv")).numpy().tolist() == [path.encode()]
    with pytest.raises(tf.errors.NotFoundError, match="no such file"):
        tf.io.read_file(path + "x")
    gfile = tf.io.gfile
    gfile.rename(path, path + "2")
    assert gfile.exists(path + "2") and gfile.listdir(os.path.dirname(path)) == ["a.csv2"] == [
        f for _, _, fs in gfile.walk(tmp_path) for f in fs]
    gfile.copy(path + "2", path)
    with pytest.raises(tf.errors.FailedPreconditionError, match="overwrite=True"):
        gfile.copy(path + "2", path)
    gfile.remove(path)
    gfile.rmtree(gfile.join(tmp_path, "new"))
    assert not gfile.exists(path) and gfile.isdir(tmp_path) and gfile.glob(str(tmp_path / "*")) == []


def test_lines_of_values():
    lines = tf.data.Dataset.from_tensor_slices(['a,1,2.5', '"b,c",,3'])
    rows = list(lines.map(lambda line: tf.io.decode_csv(line, [tf.constant([], tf.string), 7, 0.0])).as_numpy_iterator())
    assert rows == [(b"a", 1, 2.5), (b"b,c", 7, 3.0)]
    columns = tf.io.decode_csv(["1;NA", "2;3"], [tf.int64, 9], ";", na_value="NA")
    assert [c.numpy().tolist() for c in columns] == [[1, 2], [9, 3]]
    assert [c.numpy().tolist() for c in tf.io.decode_csv(["1,2,3"], [0], select_cols=[2])] == [[3]]
    for line, message in [("1,2", "Expected 1 fields"), ("", "is empty"), ("x", "is no float32")]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            tf.io.decode_csv(line, [tf.float32])


def test_raw_bytes():
    assert tf.io.decode_raw(["ab", "cd"], tf.uint8).numpy().tolist() == [[97, 98], [99, 100]]
    assert tf.io.decode_raw(b"\x01\x02", tf.uint16, little_endian=False).numpy().tolist() == [258]
    assert tf.io.decode_raw(["a", "bcd"], tf.uint8, fixed_length=2).numpy().tolist() == [[97, 0], [98, 99]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="one length"):
        tf.io.decode_raw(["a", "bcd"], tf.uint8)
