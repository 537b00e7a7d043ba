"""Merging layers against Keras."""

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.layer_checks import array, check_layer
from keras_tests.oracle import close, ours, theirs

A, B, C = array(2, 4, 3), array(2, 4, 3, seed=2), array(2, 4, 3, seed=3)


@pytest.mark.parametrize("name", ["Add", "Multiply", "Average", "Maximum", "Minimum"])
def test_elementwise(name):
    check_layer(name, {}, [A, B, C])
    check_layer(name, {}, [A, array(2, 1, 3, seed=4)])
    check_layer(name, {}, [A, array(2, 3, seed=5)])
    close(getattr(ours.layers, name.lower())([tf.constant(A), tf.constant(B)]),
          getattr(theirs.layers, name.lower())([jnp.asarray(A), jnp.asarray(B)]), name)


def test_subtract():
    check_layer("Subtract", {}, [A, B])
    close(ours.layers.subtract([tf.constant(A), tf.constant(B)]), A - B)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_concatenate(axis):
    check_layer("Concatenate", dict(axis=axis), [A, B, C])
    close(ours.layers.concatenate([tf.constant(A), tf.constant(B)], axis=axis), np.concatenate([A, B], axis))


@pytest.mark.parametrize("axes,shapes", [
    (1, [(2, 3), (2, 3)]), (-1, [(2, 4, 3), (2, 5, 3)]), ((1, 2), [(2, 4, 3), (2, 5, 4)]), (1, [(2, 4, 3), (2, 4)]),
    ((2, 1), [(2, 4, 3), (2, 3, 5, 6)]), ((-1, -2), [(2, 5, 4, 3), (2, 3, 2)])])
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(axes, shapes, normalize):
    check_layer("Dot", dict(axes=axes, normalize=normalize), [array(*s, seed=i) for i, s in enumerate(shapes)])


MASKS = [np.random.default_rng(i).random((2, 4)) > 0.4 for i in range(2)]


@pytest.mark.parametrize("name", ["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Concatenate"])
@pytest.mark.parametrize("which", [(True, True), (True, False), (False, True)])
def test_masks(name, which):
    mine, other, results = [], [], []
    for value, mask, has in zip((A, B), MASKS, which):
        mine.append(tf.constant(value))
        other.append(jnp.asarray(value))
        if has:
            mine[-1]._keras_mask = tf.constant(mask)
            other[-1]._keras_mask = jnp.asarray(mask)
    for layers, inputs in ((ours.layers, mine), (theirs.layers, other)):
        results.append(getattr(layers, name)()(inputs))
    close(*results, name)
    masks = [getattr(r, "_keras_mask", None) for r in results]
    assert (masks[0] is None) == (masks[1] is None)
    if masks[0] is not None:
        np.testing.assert_array_equal(*map(np.asarray, masks))


@pytest.mark.parametrize("make,text", [
    (lambda: ours.layers.Add()(tf.constant(A)), "list"),
    (lambda: ours.layers.Add()([tf.constant(A), tf.ones([2, 5, 3])]), "axis 1"),
    (lambda: ours.layers.Add()([tf.ones([2, 3]), tf.ones([3, 3])]), "axis 0"),
    (lambda: ours.layers.Subtract()([tf.constant(A)] * 3), "2 tensors"),
    (lambda: ours.layers.Concatenate()([tf.ones([2, 3]), tf.ones([3, 3])]), "sizes"),
    (lambda: ours.layers.Dot(1)([tf.ones([2, 3]), tf.ones([2, 4])]), "equal sizes"), (lambda: ours.layers.Dot("a"), "axes"),
    (lambda: ours.layers.Dot(0)([tf.ones([2, 3]), tf.ones([2, 3])]), "batch")])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
