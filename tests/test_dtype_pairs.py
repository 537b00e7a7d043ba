"""Which dtype comes of `a op b`, for every kind of operand: TensorFlow's answers, recorded by `oracles/make_dtype_pairs.py`.

treadle differs on purpose where TensorFlow silently changes a value to make it fit the tensor beside it: it refuses.
"""

import importlib.util
import json
import pathlib
import warnings

import numpy as np
import pytest

import treadle as tf

ORACLES = pathlib.Path(__file__).parent / "oracles"
_spec = importlib.util.spec_from_file_location("make_dtype_pairs", ORACLES / "make_dtype_pairs.py")
make_dtype_pairs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_dtype_pairs)

THEIRS = json.loads((ORACLES / "dtype_pairs.json").read_text())
_ORDER = {"bool": -1, "int": 0, "uint": 0, "float": 1, "complex": 2}


@pytest.fixture(scope="module")
def ours():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_dtype_pairs.table(lambda value, dtype: tf.cast(tf.constant(value), dtype))


def reason_to_refuse(value, dtype):
    """Why treadle refuses a value next to a tensor of `dtype`, where TensorFlow does not; None if it has no reason."""
    array = np.asarray(value)
    kind = tf.as_dtype(array.dtype).kind
    if (kind == "bool") != dtype.is_bool:
        return "a truth value is no number"
    if _ORDER[kind] > _ORDER[dtype.kind]:
        return "a fraction or an imaginary part would be lost"
    if dtype.is_integer and not (dtype.min <= int(array.ravel()[0]) <= dtype.max):
        return "the number is outside the dtype's range"
    return None


def test_every_pair(ours):
    values = make_dtype_pairs.operands(lambda value, dtype: tf.as_dtype(dtype))
    refused = set()
    for row, theirs in THEIRS.items():
        if ours[row] == theirs:
            continue
        left, _, right = row.split(" ")
        a, b = values[left], values[right]
        other, dtype = (a, b) if isinstance(b, tf.DType) else (b, a)
        assert ours[row] == "error", f"{row}: {ours[row]}, in TensorFlow {theirs}"
        reason = reason_to_refuse(other, dtype)
        assert reason, f"{row}: an error, in TensorFlow {theirs}"
        refused.add(reason)
    assert len(refused) == 3


def test_two_tensors_never_mix(ours):
    pairs = [r for r in ours if r.count("tensor") == 2]
    for row in pairs:
        left, _, right = row.split(" ")
        assert left == right or ours[row] == "error", row


@pytest.mark.parametrize("function", [tf.multiply, tf.maximum, lambda a, b: tf.stack([a, b])])
def test_arrays_take_the_dtype_of_a_tensor_beside_them(function):
    for a, b in [(tf.constant([1.0]), np.array([2.5])), (np.array([2.5]), tf.constant([1.0]))]:
        assert function(a, b).dtype == "float32"
    assert tf.add(np.array([1.0]), 1).dtype == "float64"
    assert tf.add([1.0, 2.0], 1).dtype == "float32"
