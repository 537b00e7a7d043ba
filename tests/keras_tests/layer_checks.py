"""What every built-in layer must do besides computing the right numbers: symbolic inputs and configurations."""

from __future__ import annotations

import numpy as np

import treadle as tf
from keras_tests.oracle import close, leaves, ours, same_layer, shapes, theirs


def check_layer(name, config, inputs, call=None, **options):
    """`same_layer`, then: the same numbers on `keras.Input`; Keras' configuration keys; a copy made from them."""
    mine = same_layer(name, config, inputs, call, **options)
    given = inputs if isinstance(inputs, list) else [inputs]
    symbols = [ours.Input(shape=x.shape[1:], dtype=x.dtype.name) for x in given]
    pack = list if isinstance(inputs, list) else (lambda values: values[0])
    outputs = mine(pack(symbols), **(call or {}))
    for size, wanted in zip(tuple(outputs.shape)[1:], mine.compute_output_shape(shapes(inputs))[1:], strict=True):
        assert wanted in (None, size), f"{name}: symbolic shape"
    model = ours.Model(pack(symbols), outputs)
    expected = leaves(mine(pack([tf.constant(x) for x in given]), **(call or {})))
    for a, b in zip(leaves(model(pack([tf.constant(x) for x in given]))), expected, strict=True):
        close(a, b, f"{name}{config}: on symbolic inputs", options.get("rtol", 1e-5))
    check_config(name, config)
    return mine


def check_config(name, config):
    """Our configuration has Keras' keys and values; a copy made from it, and from Keras' own, has the same."""
    mine, other = getattr(ours.layers, name)(**config), getattr(theirs.layers, name)(**config)
    got, wanted = mine.get_config(), other.get_config()
    wanted.pop("quantization_config", None)  # not offered here
    assert wanted.keys() == got.keys(), f"{name}: {sorted(got)} are not {sorted(wanted)}"
    for key in wanted.keys() - {"name", "dtype"}:
        assert _plain(got[key]) == _plain(wanted[key]), f"{name}: {key}={got[key]!r} is not {wanted[key]!r}"
    copy = type(mine).from_config(got)
    assert copy.get_config() == got
    # Nothing but plain values: what a JSON file holds.
    assert type(mine).from_config(_jsonlike(got)).get_config() == got
    assert wanted.keys() <= type(other).from_config(got).get_config().keys()


def _plain(value):
    """A configuration's value for comparison: tuples as lists, objects by class name, float32 numbers."""
    if isinstance(value, dict) and "class_name" in value:
        return value["class_name"]
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def _jsonlike(value):
    """The value after a round trip through JSON: lists in place of tuples."""
    if isinstance(value, dict):
        return {k: _jsonlike(v) for k, v in value.items()}
    return [_jsonlike(v) for v in value] if isinstance(value, (list, tuple)) else value


def array(*shape, seed=1):
    """Normal numbers of a shape, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
