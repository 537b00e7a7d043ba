"""Public functions against what real TensorFlow gave (tests/oracles/api.json), eagerly and inside `function`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import treadle as tf

ORACLES = Path(__file__).parent / "oracles"
sys.path.insert(0, str(ORACLES))
import api_cases  # noqa: E402

RECORDED = json.loads((ORACLES / "api.json").read_text())
SPACES = ("", "math", "linalg", "nn", "signal", "bitwise", "nest")

# The shape of the result depends on the values of these arguments: eagerly only.
DATA_DEPENDENT = {"boolean_mask", "dynamic_partition", "dynamic_stitch", "math.bincount", "math.confusion_matrix", "unique",
                  "unique_with_counts", "where", "repeat", "sequence_mask", "range", *(
                      f"math.segment_{n}" for n in ("sum", "mean", "max", "min", "prod"))}
NO_TENSORS = {"as_dtype", "is_tensor", "executing_eagerly", "get_static_value"}  # and nest

# Names without a case, and where they are tested instead.
ELSEWHERE = {
    "classes: test_tensor, test_variables, test_tape, test_function, test_nn":
        """DType GradientTape IndexedSlices Module Tensor TensorShape TensorSpec UnconnectedGradients Variable
        constant_initializer ones_initializer random_normal_initializer random_uniform_initializer zeros_initializer""",
    "transformations of functions: test_function, test_tape, test_jax":
        "custom_gradient function init_scope jax_call name_scope recompute_grad",
    "of treadle's own representation: test_function, test_tensor": "is_symbolic_tensor type_spec_from_value",
    "checks, prints and Python functions: test_effects":
        "Assert control_dependencies group no_op numpy_function print py_function",
    "control flow by name: test_functional":
        "TensorArray case cond foldl foldr map_fn scan switch_case vectorized_map while_loop",
    "measuring: test_profile": "profile",
    "several devices: test_distribute": "VariableAggregation VariableSynchronization device",
    "TensorFlow has no such function: op_cases/recurrent, test_native, test_nn": "nn.lstm",
    "random numbers, which are treadle's own: test_random, test_nn": "nn.dropout nn.stateless_dropout",
}

# Where treadle differs on purpose: a pattern of cases -> why.
DIFFERENT = {
    # Where the value of an element decides, and eager and compiled must do the same (docs/semantics.md).
    r"argmax.*nan|argmin.*nan|sort.*nan|argsort.*nan": "NaN counts as the extreme, and as larger than all when sorting",
    r"linalg.inv\(f32:\[\[1.0,2.0\],\[2.0,4.0": "a singular matrix gives infinities: no error that depends on values",
    r"saturate_cast.*'int32'": "exactly the largest int32, not the largest float32 below it",
    # Where TensorFlow refuses what treadle computes.
    r"math.(rint|erfinv|ndtri|erfcinv)\(f16|math.rint\([iu]": "TensorFlow has no kernel for the dtype",
    r"(math.squared_difference|truncatemod)\([iu]8": "TensorFlow has no kernel for the dtype",
    r"(size|signal.*window)\(.*(out_type='int64'|dtype='float64')": "a dtype may be a string everywhere",
    r"clip_by_global_norm\(.*use_norm=2.0": "a number is a tensor",
    r"constant\(\[1,1j\]\)": "an int among complex numbers is complex",
    r"broadcast_static_shape": "tuples are shapes",
    r"reverse_sequence\(.*seq_axis=-1": "a negative axis counts from the end everywhere",
    # Where treadle refuses what TensorFlow does silently.
    r"constant\(300, 'uint8'\)": "a number outside the dtype's range",
    r"repeat\(f32\[2\], \[1,-1\]\)": "negative repeats",
    r"math.imag\(bool": "a bool is no number",
    # Not there (the errors say so).
    r"linalg.diag(_part)?\(.*k=\(": "bands of several diagonals at once",
    r"bitcast\(c64": "complex numbers have no bits of their own: `tf.math.real`, `tf.math.imag`",
}


def difference(key):
    return next((why for pattern, why in DIFFERENT.items() if re.match(pattern, key)), None)


def same(found, expected):
    """Compare flattened results with the recorded ones."""
    assert len(found) == len(expected)
    for leaf, entry in zip(found, expected):
        if not isinstance(leaf, np.ndarray):
            assert leaf == entry
            continue
        dtype, shape, values = entry
        values = np.array(values, "float64")
        values = values.reshape(-1, 2) @ [1, 1j] if dtype.startswith("complex") else values
        assert (leaf.dtype.name, list(leaf.shape)) == (dtype, shape)
        if dtype.startswith(("int", "uint", "bool")):
            assert leaf.ravel().tolist() == np.array(values).astype(dtype).tolist()
        else:
            tolerance = {"float16": 4e-3}.get(dtype, 3e-5)
            scale = np.max(np.abs(values[np.isfinite(values)]), initial=0)
            with np.errstate(invalid="ignore"):
                np.testing.assert_allclose(leaf.ravel(), values, rtol=tolerance, atol=tolerance * min(1.0, scale))


def check(key, call):
    if RECORDED[key] == "error":
        with pytest.raises((tf.errors.OpError, TypeError, ValueError)):
            call()
    else:
        same(api_cases.plain(call()), RECORDED[key])


# A graph holds no strings (docs/errors.md#strings): these are for eager code.
OF_STRINGS = r"^(not_)?equal\(\['a'\]"
CHECKED = [key for key in api_cases.CASES if not difference(key)]


@pytest.mark.parametrize("key", CHECKED)
def test_as_tensorflow(key):
    check(key, lambda: api_cases.run(tf, key))


@pytest.mark.parametrize("name", sorted({api_cases.CASES[k][0] for k in CHECKED} - NO_TENSORS))
def test_traced_as_tensorflow(name):
    """All cases of a name in one function, their arrays as its arguments; those that fail each in one of their own."""
    if name.startswith("nest."):
        return
    of_the_name = [k for k in CHECKED if api_cases.CASES[k][0] == name]
    refused = [k for k in of_the_name if RECORDED[k] == "error" or re.search(OF_STRINGS, k)]
    keys = [k for k in of_the_name if k not in refused]
    for key in refused:
        with pytest.raises((tf.errors.OpError, TypeError, ValueError)):
            tf.function(lambda arrays, key=key: api_cases.run(tf, key, arrays))(api_cases.tensors(tf, api_cases.drawn(key)))
    traced = {}

    def run_all(arguments):
        for key, given in zip(keys, arguments):
            try:
                result = api_cases.run(tf, key, given)
                # A `range` of open length is good for loops, but no tensor.
                traced[key] = tf.convert_to_tensor(result) if name == "range" else result
            except (tf.errors.OpError, TypeError, ValueError) as error:
                assert name in DATA_DEPENDENT and isinstance(error, tf.errors.UnimplementedError), f"{key}: {error}"
        return list(traced.values())

    results = tf.function(run_all)([api_cases.tensors(tf, api_cases.drawn(k)) for k in keys])
    for key, result in zip(list(traced), results):
        same(api_cases.plain(result), RECORDED[key])


def public_names():
    for space in SPACES:
        module = getattr(tf, space) if space else tf
        for name in getattr(module, "__all__", None) or vars(module):
            item = getattr(module, name)
            if callable(item) and not name.startswith("_"):
                yield f"{space}.{name}".lstrip("."), item


def test_every_public_function_has_a_case():
    covered = {id(api_cases.function(tf, case[0])) for case in api_cases.CASES.values()}
    elsewhere = {name for names in ELSEWHERE.values() for name in names.split()}
    of_nn = set(re.findall(r"\w+", (ORACLES / "nn_cases.py").read_text()))
    missing = [name for name, item in public_names() if id(item) not in covered and name not in elsewhere
               and not (name.startswith("nn.") and name.split(".")[1] in of_nn)]
    assert not missing
    assert set(api_cases.CASES) == set(RECORDED), "record them: python tests/oracles/make_api.py"


def test_every_difference_is_one():
    """A pattern that no case matches, or whose cases all agree, is out of date."""
    for pattern, why in DIFFERENT.items():
        found = [key for key in RECORDED if re.match(pattern, key)]
        assert any(disagrees(key) for key in found), f"{pattern}: {why}"


def disagrees(key):
    try:
        check(key, lambda: api_cases.run(tf, key))
    except (Exception, pytest.fail.Exception):
        return True
    return False


@pytest.mark.parametrize("call", [
    lambda: tf.zeros([-1, 2]), lambda: tf.ones(-1), lambda: tf.fill([2, -1], 0), lambda: tf.eye(-1),
    lambda: tf.eye(2, -3), lambda: tf.one_hot([0], -2), lambda: tf.repeat([1.0], -1), lambda: tf.repeat([1.0], [-1]),
    lambda: tf.tile([1.0], [-1]), lambda: tf.broadcast_to(1.0, [-2]), lambda: tf.linspace(0.0, 1.0, -2),
    lambda: tf.sequence_mask([1], -1), lambda: tf.random.normal([-1, 2]), lambda: tf.random.uniform([-1]),
    lambda: tf.random.uniform([-1], maxval=3, dtype=tf.int32), lambda: tf.random.truncated_normal([-1]),
    lambda: tf.random.gamma([-1], 1.0), lambda: tf.random.poisson([-1], 1.0),
    lambda: tf.random.categorical([[0.0]], -1), lambda: tf.random.stateless_normal([-1], [1, 2]),
    lambda: tf.random.stateless_uniform([-1], [1, 2]), lambda: tf.random.stateless_binomial([-1], [1, 2], 1.0, 0.5),
    lambda: tf.random.Generator.from_seed(1).normal([-1]), lambda: tf.math.unsorted_segment_sum([1.0], [0], -1),
    lambda: tf.math.unsorted_segment_prod([1.0], [0], -1), lambda: tf.scatter_nd([[0]], [1.0], [-1]),
    lambda: tf.nn.top_k([1.0], -1), lambda: tf.split([1.0], [2, -2]), lambda: tf.pad([1.0], [[-1, 0]]),
])
def test_negative_sizes(call):
    """A clear error at the caller's line, eagerly and while tracing."""
    for run in (call, tf.function(call)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="negative") as caught:
            run()
        assert "test_api.py" in str(caught.value)


@pytest.mark.parametrize("call, message", [
    (lambda: tf.concat([], 0), "empty list"),
    (lambda: tf.concat([1, 2], 0), "tf.stack"),
    (lambda: tf.range(0, 5, 0), "delta"),
    (lambda: tf.fill([2], [1, 2]), "scalar"),
    (lambda: tf.one_hot([0.0], 2), "int32"),
    (lambda: tf.math.bincount([-1]), "negative"),
    (lambda: tf.reverse_sequence([[1, 2]], [3], seq_axis=1), "between 0 and 2"),
    (lambda: tf.bitcast(tf.zeros([3], tf.uint8), tf.int32), "last axis"),
])
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_the_square_root_has_a_gradient():
    x = tf.constant([[4.0, 1.0], [0.5, 3.0]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.linalg.sqrtm(x)
        z = tf.reduce_sum(tf.matmul(y, y) * tf.constant([[1.0, 2.0], [3.0, 4.0]], tf.float64))
    np.testing.assert_allclose(tape.gradient(z, x), [[1, 2], [3, 4]], rtol=1e-9)
