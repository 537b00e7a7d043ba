"""`keras.ops` against Keras: values and dtypes eagerly, compiled, and on symbolic inputs; gradients; control flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests import ops_rows
from keras_tests.oracle import leaves, ours, theirs

# What Keras gives for these is JAX's affair: in 0.12 sinc(n) is exactly 0, sinc(inf) too, and there is no cross
# product of vectors of two numbers; up to 0.10 it is as in NumPy.
_CHANGED = {"sinc", "cross"} if jax.__version_info__ >= (0, 11) else set()
ROWS = [row for row in ops_rows.ROWS if row[0] not in _CHANGED]


def _op(keras, name):
    found = keras.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _filled(value, make):
    """The arguments with make(array) in place of each array."""
    if isinstance(value, np.ndarray):
        return make(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(v, make) for v in value)
    return {k: _filled(v, make) for k, v in value.items()} if isinstance(value, dict) else value


def _arrays(value):
    found = []
    _filled(value, found.append)
    return found


def _same(found, expected, mark, how):
    found, expected = leaves(found), leaves(expected)
    assert len(found) == len(expected), how
    for a, b in zip(found, expected):
        assert a.shape == b.shape, f"{how}: the shape {a.shape} is not {b.shape}"
        assert a.dtype == b.dtype or "values" in mark, f"{how}: the dtype {a.dtype} is not {b.dtype}"
        if "unordered" in mark:
            continue
        if a.dtype.kind not in "fc":
            np.testing.assert_array_equal(a, b, err_msg=how)
            continue
        rtol = 2e-3 if b.dtype == np.float16 else 1e-4 if "loose" in mark else 1e-5
        largest = np.max(np.abs(b[np.isfinite(b)]), initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * min(largest, 1e3), err_msg=how)


def _symbolic(op, arguments, mark):
    """The op's results on symbolic inputs (with an open batch, if it can), given the arrays."""
    arrays = _arrays(arguments)
    inputs = []
    for place, array in enumerate(arrays):
        shape = array.shape
        if shape and shape[0] > 1 and "known" not in mark and (place == 0 or "first" not in mark):
            shape = (None, *shape[1:])
        inputs.append(ours.Input(batch_shape=shape, dtype=str(array.dtype)))
    values = iter(inputs)
    args, kwargs = _filled(arguments, lambda _: next(values))
    outputs = tf.nest.flatten(op(*args, **kwargs))
    symbolic = [t for t in outputs if isinstance(t, ours.KerasTensor)]
    found = iter(ours.Function(inputs, symbolic)([tf.constant(a) for a in arrays]))
    return [next(found) if isinstance(t, ours.KerasTensor) else t for t in outputs]


@pytest.mark.parametrize("name,args,kwargs,mark", ROWS, ids=[f"{i}-{r[0]}" for i, r in enumerate(ROWS)])
def test_as_keras(name, args, kwargs, mark):
    if name in ("empty", "empty_like"):
        kwargs = {**kwargs, "dtype": kwargs.get("dtype", "float32")}
    op, arguments = _op(ours, name), (args, kwargs)
    given = _filled(arguments, jnp.asarray)
    expected = _op(theirs, name)(*given[0], **given[1])
    mine = _filled(arguments, tf.constant)
    found = op(*mine[0], **mine[1])
    if name == "empty":
        return
    _same(found, expected, mark, f"{name}, eagerly")
    if "eager" in mark:
        return

    def run(*tensors):
        values = iter(tensors)
        args, kwargs = _filled(arguments, lambda _: next(values))
        return op(*args, **kwargs)

    arrays = _arrays(arguments)
    _same(tf.function(run)(*map(tf.constant, arrays)), expected, mark, f"{name}, compiled")
    if arrays:
        _same(_symbolic(op, arguments, mark), expected, mark, f"{name}, symbolic")


DIFFERENTIABLE = [r for r in ROWS if "nograd" not in r[3] and "eager" not in r[3] and "unordered" not in r[3]
                  and any(a.dtype == np.float32 for a in _arrays(r[:3]))]


@pytest.mark.parametrize("index", range(40))
def test_gradients(index, seed):
    """Gradients of a weighted sum of the results, of rows that are drawn."""
    rows = np.random.default_rng(seed + index).permutation(len(DIFFERENTIABLE))[:1]
    name, args, kwargs, mark = DIFFERENTIABLE[int(rows[0])]
    arrays = _arrays((args, kwargs))
    places = [i for i, a in enumerate(arrays) if a.dtype == np.float32]

    def total(keras, sum_of, values):
        found = iter(values)
        filled, named = _filled((args, kwargs), lambda _: next(found))
        result = 0.0
        for i, out in enumerate(tf.nest.flatten(_op(keras, name)(*filled, **named))):
            if "float32" in str(getattr(out, "dtype", "")):
                result = result + sum_of(out * np.random.default_rng(i).normal(size=tuple(out.shape)).astype(np.float32))
        return result

    def theirs_total(floats):
        values = [jnp.asarray(a) for a in arrays]
        for place, value in zip(places, floats):
            values[place] = value
        return total(theirs, jnp.sum, values)

    expected = jax.grad(lambda floats: jnp.asarray(theirs_total(floats), jnp.float32))([jnp.asarray(arrays[i]) for i in places])
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch([tensors[i] for i in places])
        result = total(ours, tf.reduce_sum, tensors)
    if not isinstance(result, tf.Tensor):
        return
    found = tape.gradient(result, [tensors[i] for i in places], unconnected_gradients="zero")
    for a, b in zip(found, expected):
        a, b = np.asarray(a), np.asarray(b)
        largest = max(np.max(np.abs(b[np.isfinite(b)]), initial=0.0), 1e-2)
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4 * largest, err_msg=f"{name}{args}{kwargs}")


def test_all_names():
    def public(module):
        return {n for n in dir(module) if not n.startswith("_")}

    assert public(theirs.ops) <= public(ours.ops)
    for part in ("numpy", "nn", "linalg", "image"):
        assert public(getattr(theirs.ops, part)) <= public(getattr(ours.ops, part))


X = np.arange(6, dtype=np.float32).reshape(3, 2)
CONTROL = {
    "cond": lambda ops, x: ops.cond(ops.sum(x) > 3, lambda: x + 1, lambda: x - 1),
    "switch": lambda ops, x: ops.switch(1, [lambda v: v, lambda v: v * 2], x),
    "while_loop": lambda ops, x: ops.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, v * 2), (0, x)),
    "at most": lambda ops, x: ops.while_loop(lambda i, v: i < 9, lambda i, v: (i + 1, v * 2), (0, x), maximum_iterations=2),
    "fori_loop": lambda ops, x: ops.fori_loop(0, 3, lambda i, v: v + ops.cast(i, "float32"), x),
    "map": lambda ops, x: ops.map(lambda row: {"sum": ops.sum(row), "row": row * 2}, x),
    "vectorized_map": lambda ops, x: ops.vectorized_map(lambda row: row / ops.sum(row + 1), x),
    "scan": lambda ops, x: ops.scan(lambda c, row: (c + row, c * row), x[0], x),
    "scan, reverse": lambda ops, x: ops.scan(lambda c, row: (c + row, ops.sum(c)), x[0], x, reverse=True),
    "scan, length": lambda ops, x: ops.scan(lambda c, _: (c * 2, c), x, length=3),
    "associative_scan": lambda ops, x: ops.associative_scan(lambda a, b: a + b, x),
    "associative_scan, reverse": lambda ops, x: ops.associative_scan(lambda a, b: a * b, x, reverse=True, axis=1),
    "vectorize": lambda ops, x: ops.vectorize(lambda a, b: ops.sum(a) * b, signature="(n),()->()")(x, x[:, 0]),
}


@pytest.mark.parametrize("name", CONTROL)
def test_control_flow(name):
    expected = CONTROL[name](theirs.ops, jnp.asarray(X))
    _same(CONTROL[name](ours.ops, tf.constant(X)), expected, "", f"{name}, eagerly")
    _same(tf.function(lambda x: CONTROL[name](ours.ops, x))(tf.constant(X)), expected, "", f"{name}, compiled")
    if name != "cond":
        x = ours.Input(batch_shape=X.shape)
        _same(ours.Function(x, CONTROL[name](ours.ops, x))(tf.constant(X)), expected, "", f"{name}, symbolic")


def test_custom_gradient_and_jvp():
    @ours.ops.custom_gradient
    def scaled(x):
        return ours.ops.sum(x * x), lambda upstream: upstream * 10.0 * ours.ops.ones_like(x)

    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = scaled(x)
    np.testing.assert_array_equal(tape.gradient(y, x), np.full_like(X, 10.0))
    value, moved = ours.ops.linalg.jvp(lambda v: ours.ops.sin(v), (tf.constant(X),), (tf.ones_like(x),))
    np.testing.assert_allclose(value, np.sin(X), rtol=1e-6)
    np.testing.assert_allclose(moved, np.cos(X), rtol=1e-5)


def test_sparsemax_sums_to_one():
    """Keras' own adds up too much where several elements are over 0."""
    found = ours.ops.sparsemax(tf.constant([[0.1, 0.2, 0.3], [5.0, 0.0, 0.0]])).numpy()
    np.testing.assert_allclose(found, [[0.2333333, 0.3333333, 0.4333333], [1, 0, 0]], rtol=1e-5)


def test_dtypes_of_64_bits():
    ops, single = ours.ops, tf.constant([1.0, 2.0])
    assert ops.add(single, np.array([1.0, 2.0])).dtype == "float32"  # NumPy makes 64 bits of anything
    assert ops.add(single, tf.constant([1.0, 2.0], "float64")).dtype == "float64"
    assert ops.add(tf.constant([1, 2]), tf.constant([1, 2], "int64")).dtype == "int64"
    assert ops.sqrt(tf.constant([4], "int64")).dtype == "float32"
    assert ops.mean(tf.constant([1, 2])).dtype == "float32"


def test_shapes_of_symbolic_inputs_are_followed():
    x = ours.Input((4, 3))
    batch, rows, columns = ours.ops.shape(x)
    y = ours.ops.reshape(x, (batch, rows * columns))
    assert (rows, columns, tuple(y.shape)) == (4, 3, (None, 12))
    assert ours.Model(x, y)(tf.ones([2, 4, 3])).shape == (2, 12)


@pytest.mark.parametrize("call,error", [
    (lambda ops: ops.convert_to_tensor([1], sparse=True), tf.errors.UnimplementedError),
    (lambda ops: ops.one_hot([1], 2, sparse=True), tf.errors.UnimplementedError),
    (lambda ops: ops.pad([1], 1, mode="mean"), tf.errors.UnimplementedError),
    (lambda ops: ops.split([1, 2, 3], 2), tf.errors.InvalidArgumentError),
    (lambda ops: ops.quantile([1.0], 0.5, method="best"), tf.errors.InvalidArgumentError),
    (lambda ops: ops.ldexp([1.0], [1.0]), tf.errors.DtypeError),
    (lambda ops: ops.gcd([1.0], [2]), tf.errors.DtypeError),
    (lambda ops: ops.rearrange([[1]], "a b -> a c"), tf.errors.InvalidArgumentError),
    (lambda ops: ops.qr([[1.0]], mode="r"), tf.errors.InvalidArgumentError),
    (lambda ops: ops.image.crop_images(np.ones((4, 4, 3)), 1), tf.errors.InvalidArgumentError),
    (lambda ops: tf.function(ops.nonzero)(tf.constant([0, 1])), tf.errors.UnimplementedError),
    (lambda ops: tf.function(ops.unique)(tf.constant([0, 1])), tf.errors.UnimplementedError),
])
def test_errors(call, error):
    with pytest.raises(error, match="Received"):
        call(ours.ops)
