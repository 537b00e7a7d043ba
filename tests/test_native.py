"""The C kernels: their values beside XLA's in float64, and what happens where they cannot be had."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

import treadle as tf
from treadle.lowering.native import library
from treadle.lowering.native.library import Library

COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu" or COMPILER is None, reason="needs a CPU and a C compiler")


@pytest.fixture
def switch():
    yield tf.config.use_native_kernels
    tf.config.use_native_kernels()


def text_of(function, *args):
    return function.get_concrete_function(*args).latest().program.executable.stablehlo()


def test_a_machine_with_a_compiler_has_kernels(switch):
    assert tf.config.native_kernels_are_used()
    switch(False)
    assert not tf.config.native_kernels_are_used()


# --- convolutions -------------------------------------------------------------------------------------------------------


def drawn_convolution(draw: random.Random) -> tuple[dict, tuple, tuple]:
    """How to convolve, and shapes of images and filters that the kernels take."""
    window = draw.randint(1, 5), draw.randint(1, 5)
    plain = draw.random() < 0.6
    strides = (1, 1) if plain else (draw.randint(1, 3), draw.randint(1, 3))
    dilations = (1, 1) if plain or max(strides) > 1 else (draw.randint(1, 3), draw.randint(1, 3))
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilations)]
    padding = draw.choice(["SAME", "VALID", [[0, 0], *([draw.randint(0, 6), draw.randint(0, 6)] for _ in "hw"), [0, 0]]])
    sizes = [draw.randint(span, span + 18) for span in spans]
    channels = draw.choice([1, 3, draw.randint(1, 40), Library.lanes() * draw.randint(1, 3)])
    filters = Library.lanes() * draw.randint(1, 5)
    return ({"strides": strides, "padding": padding, "dilations": dilations}, (draw.randint(1, 4), *sizes, channels),
            (*window, channels, filters))


def with_gradients(how):
    @tf.function
    def run(x, w, g):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.nn.conv2d(x, w, **how)
        return y, *tape.gradient(y, [x, w], g)
    return run


@pytest.mark.parametrize("number", range(40))
def test_values_are_those_of_float64(number):
    draw = random.Random(f"{os.environ.get('TREADLE_TEST_SEED', random.random())} {number}")
    how, images, filters = drawn_convolution(draw)
    rng = np.random.default_rng(draw.getrandbits(32))
    x, w = rng.normal(size=images), rng.normal(size=filters)
    g = rng.normal(size=tf.nn.conv2d(tf.constant(x), tf.constant(w), **how).shape)
    run = with_gradients(how)
    narrow, wide = ([tf.constant(a, t) for a in (x, w, g)] for t in (tf.float32, tf.float64))
    text = text_of(run, *narrow)
    assert text.count("@treadle_convolution_filter_gradient") == 1 and "@treadle_convolution(" in text, (how, images, filters)
    for found, expected, kind in zip(run(*narrow), run(*wide), ("y", "dx", "dw")):
        # A sum of n products of normal numbers: about sqrt(n), and its rounding below n eps of that.
        scale = np.sqrt(np.mean(expected.numpy() ** 2)) + 1e-30
        np.testing.assert_allclose(found.numpy() / scale, expected.numpy() / scale, atol=3e-5, rtol=0,
                                   err_msg=f"{kind} {how} {images} {filters}")


def test_eager_and_compiled_are_the_same_bits():
    rng = np.random.default_rng(0)
    x, w = (tf.constant(rng.normal(size=s), tf.float32) for s in ((3, 9, 11, 5), (3, 3, 5, 2 * Library.lanes())))
    compiled = tf.function(lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"))(x, w)
    np.testing.assert_array_equal(tf.nn.conv2d(x, w, 1, "SAME").numpy(), compiled.numpy())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_goes_where_it_goes_in_a_sum_of_products(value, switch):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 6, 7, 3)).astype(np.float32), rng.normal(size=(3, 3, 3, 2 * Library.lanes())).astype(np.float32)
    g = rng.normal(size=(2, 6, 7, 2 * Library.lanes())).astype(np.float32)
    x[1, 2, 3, 1] = w[0, 1, 2, 5] = g[0, 5, 6, 7] = value  # also times the zeros around an image
    with np.errstate(invalid="ignore"):
        rows = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        y = sum(np.einsum("nhwc,cf->nhwf", rows[:, i:i + 6, j:j + 7], w[i, j]) for i in range(3) for j in range(3))
        dw = np.stack([[np.einsum("nhwc,nhwf->cf", rows[:, i:i + 6, j:j + 7], g) for j in range(3)] for i in range(3)])
    found = with_gradients({"strides": 1, "padding": "SAME"})(*map(tf.constant, (x, w, g)))
    for ours, theirs in ((found[0], y), (found[2], dw)):
        np.testing.assert_array_equal(np.isfinite(ours.numpy()), np.isfinite(theirs))
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-4)


def test_zero_images_and_what_no_kernel_takes_are_left_to_xla():
    lanes = Library.lanes()
    for x, w, how in (((0, 5, 5, 3), (3, 3, 3, lanes), {}), ((2, 5, 5, 3), (3, 3, 3, lanes + 1), {}),
                      ((2, 5, 5, 4), (3, 3, 2, lanes), {}), ((2, 3, 5, 5), (3, 3, 3, lanes), {"data_format": "NCHW"})):
        run = tf.function(lambda x, w, how=how: tf.nn.conv2d(x, w, 1, "SAME", **how))
        args = tf.ones(x), tf.ones(w)
        assert "@treadle" not in text_of(run, *args)
        assert run(*args).shape[0] == x[0]
    run = with_gradients({"strides": 1, "padding": "SAME"})
    y, dx, dw = run(tf.ones((0, 5, 5, lanes)), tf.ones((3, 3, lanes, lanes)), tf.ones((0, 5, 5, lanes)))
    assert dx.shape == (0, 5, 5, lanes) and not dw.numpy().any()


def test_the_sums_do_not_depend_on_who_adds():
    rng = np.random.default_rng(1)
    x, w, g = (tf.constant(rng.normal(size=s), tf.float32) for s in ((16, 12, 12, 16), (3, 3, 16, 32), (16, 12, 12, 32)))
    run = with_gradients({"strides": 1, "padding": "SAME"})
    first = [a.numpy() for a in run(x, w, g)]
    wrong = []

    def again():
        for _ in range(30):
            wrong.extend(i for i, a in enumerate(run(x, w, g)) if not np.array_equal(a.numpy(), first[i]))

    threads = [threading.Thread(target=again) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_loop_of_steps_with_convolutions_is_one_program():
    lanes = Library.lanes()
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential([tf.keras.Input((8, 8, 1)), tf.keras.layers.Conv2D(lanes, 3), tf.keras.layers.Flatten(),
                                 tf.keras.layers.Dense(1)])
    model.compile(tf.keras.optimizers.SGD(1e-4), "mse")
    step = tf.function(model.train_step).get_concrete_function((tf.TensorSpec([2, 8, 8, 1]), tf.TensorSpec([2, 1])))
    assert not step.is_slow_in_loops
    x, y = np.ones((6, 8, 8, 1), np.float32), np.full((6, 1), 10, np.float32)
    losses = model.fit(x, y, batch_size=2, epochs=3, verbose=0).history["loss"]
    assert int(model.optimizer.iterations) == 9 and losses == sorted(losses, reverse=True)


def test_rows_of_a_map_and_programs_for_elsewhere_do_not_call_kernels():
    lanes = Library.lanes()
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(3, 2, 6, 6, 4)).astype(np.float32), rng.normal(size=(3, 3, 4, lanes)).astype(np.float32)
    one_by_one = np.stack([tf.nn.conv2d(row, w, 1, "SAME").numpy() for row in x])
    mapped = tf.vectorized_map(lambda row: tf.nn.conv2d(row, w, 1, "SAME"), tf.constant(x))
    np.testing.assert_allclose(mapped.numpy(), one_by_one, rtol=1e-5, atol=1e-5)

    def loss(x, w):
        return tf.reduce_sum(tf.nn.conv2d(x, w, 1, "SAME") ** 2)

    pure = tf.function(loss).to_jax(tf.TensorSpec(x[0].shape), tf.TensorSpec(w.shape))
    theirs = jax.grad(lambda w: pure([], x[0], w)[0])(w)
    v = tf.Variable(w)
    with tf.GradientTape() as tape:
        value = loss(x[0], v)
    np.testing.assert_allclose(theirs, tape.gradient(value, v).numpy(), rtol=1e-4, atol=1e-4)


def test_without_kernels_the_program_is_xla_s_own(switch):
    x, w = tf.ones((2, 6, 6, 3)), tf.ones((3, 3, 3, 2 * Library.lanes()))

    def convolve(x, w):
        return tf.nn.conv2d(x, w, 1, "VALID")

    assert "@treadle_convolution" in text_of(tf.function(convolve), x, w)
    switch(False)
    plain = tf.function(convolve)
    assert "@treadle" not in text_of(plain, x, w)
    assert (plain(x, w).numpy() == 27).all()


def test_gradients_of_convolutions_padded_further_than_windows_reach(switch):
    """XLA's own read outside of the images in the programs of training steps: pads below 0."""
    switch(False)
    rng = np.random.default_rng(4)
    how = {"strides": 1, "padding": [[0, 0], [6, 1], [5, 3], [0, 0]]}
    for channels, filters in ((16, 16), (1, 48), (48, 1)):
        x, w = rng.normal(size=(2, 17, 10, channels)), rng.normal(size=(3, 3, channels, filters))
        g = rng.normal(size=(2, 22, 16, filters))
        run = with_gradients(how)
        narrow, wide = (run(*[tf.constant(a, t) for a in (x, w, g)]) for t in (tf.float32, tf.float64))
        for found, expected in zip(narrow, wide):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-4, rtol=1e-4)


# --- products -----------------------------------------------------------------------------------------------------------


def product_of(function, *arrays):
    """The values in float32, those in float64, whether a kernel was called."""
    run = tf.function(function)
    narrow, wide = ([tf.constant(a, t) for a in arrays] for t in (tf.float32, tf.float64))
    return run(*narrow).numpy(), run(*wide).numpy(), "@treadle_product" in text_of(run, *narrow)


def assert_equal_sums(found, expected, terms):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * terms ** 0.5 * 4)


@pytest.mark.parametrize("number", range(60))
def test_products_of_matrices_are_those_of_float64(number):
    draw = random.Random(f"{os.environ.get('TREADLE_TEST_SEED', random.random())} {number}")
    rng = np.random.default_rng(draw.getrandbits(32))
    (m, n, k), batch = (draw.choice([1, 2, draw.randint(1, 70), draw.randint(60, 300)]) for _ in "mnk"), draw.choice(
        [(), (1,), (3,), (2, 3), (2, 1, 2)])
    a_turned, b_turned = draw.random() < 0.5, draw.random() < 0.5
    a = rng.normal(size=(*batch, k, m) if a_turned else (*batch, m, k))
    b = rng.normal(size=(*(batch if draw.random() < 0.7 else ()), n, k) if b_turned else (k, n))
    found, expected, _ = product_of(lambda a, b: tf.matmul(a, b, transpose_a=a_turned, transpose_b=b_turned), a, b)
    assert_equal_sums(found, expected, k)


EQUATIONS = {
    "aecd,abcd->acbe": True, "acbe,aecd->abcd": True, "acbe,abcd->aecd": True,  # attention and its gradients
    "abc,cde->abde": True, "abde,abc->cde": True, "abde,cde->abc": True,  # projections to heads and theirs
    "abcd,cde->abe": True, "abe,abcd->cde": True, "abe,cde->abcd": True,  # and from them
    "ab,bc->ca": True, "ab,cb->ca": True, "ba,cb->ac": True,
    "ab,b->a": False, "ab,a->b": False, "a,a->": False, "a,b->ab": False,  # too little to gain
    "abc,abc->ab": False, "abc,acd->bad": True, "abcd,dcef->abef": False, "ab,bc->a": False, "abc,cd->ad": False,
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_sums_of_products_are_those_of_float64(equation):
    rng = np.random.default_rng(5)
    for sizes in ({"a": 5, "b": 19, "c": 6, "d": 40, "e": 18, "f": 7}, {"a": 33, "b": 1, "c": 20, "d": 17, "e": 34, "f": 2},
                  {"a": 1, "b": 50, "c": 1, "d": 3, "e": 1, "f": 70}):
        inputs = equation.split("->")[0].split(",")
        a, b = (rng.normal(size=[sizes[label] for label in labels]) for labels in inputs)
        found, expected, native = product_of(lambda a, b: tf.einsum(equation, a, b), a, b)
        assert_equal_sums(found, expected, np.prod([sizes[label] for label in sizes]))
        if min(sizes.values()) > 1:
            assert native == EQUATIONS[equation], equation


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_row_and_column(value):
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(37, 45)).astype(np.float32), rng.normal(size=(45, 53)).astype(np.float32)
    a[3, 7] = b[9, 52] = value
    for x, y, how in ((a, b, {}), (a.T, b, {"transpose_a": True}), (a, b.T, {"transpose_b": True})):
        found = tf.matmul(np.ascontiguousarray(x), np.ascontiguousarray(y), **how).numpy()
        wrong = ~np.isfinite(found)
        assert wrong[3].all() and wrong[:, 52].all() and wrong.sum() == 37 + 53 - 1


def test_products_without_elements_or_terms_are_left_to_xla():
    for a, b in (((0, 3), (3, 32)), ((4, 0), (0, 32)), ((2, 4, 3), (2, 3, 0))):
        found, expected, native = product_of(tf.matmul, np.ones(a), np.ones(b))
        assert not native and found.shape == expected.shape and not found.any()


# --- recurrent networks -------------------------------------------------------------------------------------------------


def lstm_with_gradients(x, w, h, c, factor):
    """The results, their gradients, and a mean that still needs x after the gates have taken its place."""
    with tf.GradientTape() as tape:
        tape.watch([x, w, h, c])
        every, last_h, last_c = tf.nn.lstm(x, w, h, c)
        loss = tf.reduce_sum(every * factor) + tf.reduce_sum(last_h * last_c)
    return every, last_h, last_c, *tape.gradient(loss, [x, w, h, c]), tf.reduce_mean(tf.abs(tf.sin(x)))


def lstm_arrays(rng, time, batch, units, scale=1.0):
    shapes = [(time, batch, 4 * units), (units, 4 * units), (batch, units), (batch, units), (time, batch, units)]
    factors = [2.0 * scale, units ** -0.5, 1.0, 1.0, 1.0]
    return [rng.normal(size=shape) * factor for shape, factor in zip(shapes, factors)]


@pytest.mark.parametrize("number", range(20))
def test_a_recurrent_network_is_that_of_float64(number):
    draw = random.Random(f"{os.environ.get('TREADLE_TEST_SEED', random.random())} lstm {number}")
    units = Library.lanes() * draw.choice([1, 2, 3, 5, 8, 13])
    sizes = draw.choice([1, 2, draw.randint(3, 40)]), draw.choice([1, 2, draw.randint(3, 70)]), units
    arrays = lstm_arrays(np.random.default_rng(draw.getrandbits(32)), *sizes, draw.choice([1.0, 30.0]))
    narrow, wide = ([tf.constant(a, t) for a in arrays] for t in (tf.float32, tf.float64))
    run = tf.function(lstm_with_gradients)
    text = text_of(run, *narrow)
    assert "@treadle_lstm" in text and "@treadle_lstm_gradient" in text
    for found, expected in zip(run(*narrow), run(*wide), strict=True):
        size = max(1.0, np.abs(expected.numpy()).max(initial=0.0))
        np.testing.assert_allclose(found.numpy() / size, expected.numpy() / size, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1e30, 1e-40])
def test_a_row_of_a_batch_knows_nothing_of_another(value, switch):
    x, w, h, c, factor = (a.astype(np.float32) for a in lstm_arrays(np.random.default_rng(1), 4, 9, 2 * Library.lanes()))
    x[1, 5, ::7] = value
    native = [a.numpy() for a in tf.function(tf.nn.lstm)(x, w, h, c)]
    switch(False)
    for found, expected in zip(native, tf.function(lambda *a: tf.nn.lstm(*a))(x, w, h, c)):
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=2e-6)
    for found in native:
        assert np.isfinite(np.delete(found, 5, axis=-2)).all()


def test_recurrent_networks_that_no_kernel_takes_are_left_to_xla(switch):
    lanes = Library.lanes()
    for time, batch, units in ((0, 2, lanes), (2, 0, lanes), (2, 2, lanes + 1), (2, 2, 1024)):
        arrays = [tf.constant(a, tf.float32) for a in lstm_arrays(np.random.default_rng(2), time, batch, units)]
        run = tf.function(lstm_with_gradients)
        assert "@treadle_lstm" not in text_of(run, *arrays)
        assert run(*arrays)[0].shape == (time, batch, units)


def test_the_sums_of_a_recurrent_network_do_not_depend_on_the_threads():
    arrays = [tf.constant(a, tf.float32) for a in lstm_arrays(np.random.default_rng(3), 12, 33, 4 * Library.lanes())]
    run = tf.function(lstm_with_gradients)
    first = [a.numpy() for a in run(*arrays)]
    for _ in range(30):
        assert all(np.array_equal(a.numpy(), b) for a, b in zip(run(*arrays), first, strict=True))


@pytest.mark.parametrize("how", [
    {}, {"return_sequences": True}, {"return_state": True}, {"go_backwards": True, "return_sequences": True},
    {"go_backwards": True}, {"stateful": True}, {"use_bias": False, "return_sequences": True}, {"dropout": 0.5, "seed": 1}])
def test_the_layer_is_the_same_with_the_kernel_step_by_step_and_with_a_mask(how, switch):
    units = 2 * Library.lanes()
    x = np.random.default_rng(4).normal(size=(6, 7, 5)).astype(np.float32)
    results = []
    for native, more, mask in (
            (True, {}, None), (False, {}, None), (True, {"unroll": True}, None), (True, {}, np.ones((6, 7), np.bool_)),
            (True, {"recurrent_activation": lambda x: tf.sigmoid(x)}, None)):
        switch(native)
        tf.keras.utils.set_random_seed(3)
        layer = tf.keras.layers.LSTM(units, **how, **more)

        @tf.function
        def run(x, layer=layer, mask=mask):
            with tf.GradientTape() as tape:
                found = tf.nest.flatten(layer(x, mask=mask, training=True))
                loss = tf.add_n([tf.reduce_sum(tf.sin(y)) for y in found])
            return [*found, *tape.gradient(loss, layer.trainable_variables)]
        layer(x[:, :1] if not how.get("stateful") else x)
        run(x)
        results.append([a.numpy() for a in run(x)])
        assert ("@treadle_lstm" in text_of(run, x)) == (native and not more and mask is None)
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_recurrent_network_for_each_row_of_a_map(switch):
    rng = np.random.default_rng(5)
    x, w, h, c, _ = (tf.constant(a, tf.float32) for a in lstm_arrays(rng, 3, 4, Library.lanes()))
    rows = tf.stack([x, 2 * x, -x])
    mapped = tf.vectorized_map(lambda row: tf.nn.lstm(row, w, h, c)[0], rows)
    for found, row in zip(mapped.numpy(), rows):
        np.testing.assert_allclose(found, tf.nn.lstm(row, w, h, c)[0].numpy(), rtol=1e-5, atol=1e-6)

# --- the library ----------------------------------------------------------------------------------------------------------

SCRIPT = """
import numpy as np, treadle as tf
x, w = tf.ones((2, 8, 8, 3)), tf.ones((3, 3, 3, 64))
run = tf.function(lambda x, w: tf.nn.conv2d(x, w, 1, "VALID"))
assert (run(x, w).numpy() == 27).all()
executable = run.get_concrete_function(x, w).latest().program.executable
print(tf.config.native_kernels_are_used(), "@treadle_convolution" in executable.stablehlo(), executable.lowering_seconds == 0)
"""


def run(folder, **environment):
    """(there are kernels, the program calls them, it was read from disk)."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True,
                          env={**os.environ, "TREADLE_CACHE": str(folder), **environment})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return tuple(word == "True" for word in done.stdout.split())


def test_the_library_is_made_once_and_kept(tmp_path):
    folder = tmp_path / "kept"
    assert run(folder) == (True, True, False)
    made, = folder.glob("kernels-*.so")
    before = made.stat().st_mtime_ns, made.read_bytes()
    assert run(folder, CC="/no/such/compiler") == (True, True, True), "no compiler is needed now"
    assert made.read_bytes() == before[1] and list(folder.glob("*.so")) == [made]

    made.write_bytes(before[1][:len(before[1]) // 2])  # damaged: made anew
    assert run(folder) == (True, True, True) and made.read_bytes() == before[1]
    made.write_bytes(before[1][:-1])
    assert run(folder, CC="/no/such/compiler") == (False, False, False), "neither a compiler nor a sound library"

    made.write_bytes(before[1])
    made.chmod(0o777)  # somebody else could have written it
    assert run(folder, CC="/no/such/compiler")[:2] == (False, False)
    assert run(folder) == (True, True, True) and not made.stat().st_mode & stat.S_IWOTH


@pytest.mark.parametrize("compiler", ["/no/such/compiler", "false", f"{COMPILER} --no-such-option"])
def test_without_a_compiler_that_works_there_are_no_kernels(tmp_path, compiler):
    assert run(tmp_path / "kept", CC=compiler) == (False, False, False)
    assert not list((tmp_path / "kept").glob("*.so")) and not list((tmp_path / "kept").glob(".new*"))


def test_where_no_programs_are_kept_the_library_is_temporary(tmp_path):
    assert run("", TMPDIR=str(tmp_path)) == (True, True, False)
    folder, = tmp_path.glob("treadle-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run("", TMPDIR=str(tmp_path), CC="/no/such/compiler") == (True, True, False)
    folder.chmod(0o777)  # somebody else's library might lie there
    assert run("", TMPDIR=str(tmp_path)) == (False, False, False)


def test_it_compiles_for_other_processors_without_warnings(tmp_path):
    for options in (["-march=x86-64-v3"], ["-march=x86-64"]) if os.uname().machine == "x86_64" else ([],):
        command = [COMPILER, *options, *library.OPTIONS, "-shared", "-Wall", "-Wextra", "-I", jax.ffi.include_dir(),
                   "-o", str(tmp_path / "kernels.so"), *map(str, library.sources())]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
