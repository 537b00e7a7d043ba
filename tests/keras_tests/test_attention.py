"""Attention layers against Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, leaves, ours, same_layer, theirs

rng = np.random.default_rng(6)
Q, V, K = (rng.normal(size=(2, n, 6)).astype(np.float32) for n in (4, 5, 5))
Q_MASK, V_MASK = rng.random((2, 4)) < 0.7, np.array([[1, 1, 0, 1, 0], [1, 0, 1, 1, 1]], bool)


@pytest.mark.parametrize("name,config,inputs,call", [
    ("Attention", {}, [Q, V], {}),
    ("Attention", dict(use_scale=True), [Q, V, K], dict(return_attention_scores=True, use_causal_mask=True)),
    ("Attention", dict(score_mode="concat", use_scale=True), [Q, V], dict(mask=[Q_MASK, V_MASK])),
    ("Attention", dict(score_mode="concat"), [Q, V], dict(mask=[None, V_MASK], use_causal_mask=True)),
    ("AdditiveAttention", {}, [Q, V, K], dict(mask=[Q_MASK, V_MASK])),
    ("AdditiveAttention", dict(use_scale=False), [Q, V], {})])
def test_layer(name, config, inputs, call):
    # The gradient of one number, the scale, is a sum of terms that nearly cancel.
    layer = same_layer(name, config, inputs, call, rtol=3e-5 if config.get("use_scale") else 1e-5)
    assert layer.get_config().keys() == getattr(theirs.layers, name)(**config).get_config().keys()
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def same(name, config, given, call, gradients=True):
    """The same weights and inputs in both: outputs and gradients."""
    mine, other = getattr(ours.layers, name)(**config), getattr(theirs.layers, name)(**config)
    tensors = [tf.constant(x) for x in given]
    mine(*tensors, **call)
    other(*given, **call)
    assert [w.name for w in mine.weights] == [w.name for w in other.weights]
    assert [tuple(w.shape) for w in mine.weights] == [tuple(w.shape) for w in other.weights]
    values = [rng.normal(size=v.shape).astype(np.float32) * 0.5 for v in mine.weights]
    mine.set_weights(values)
    other.set_weights(values)
    expected = leaves(other(*given, **call))
    for a, b in zip(leaves(mine(*tensors, **call)), expected, strict=True):
        close(a, b, name)
    for a, b in zip(leaves(tf.function(lambda *xs: mine(*xs, **call))(*tensors)), expected, strict=True):
        close(a, b, name)
    shapes = [x.shape for x in given]
    assert mine.compute_output_shape(*shapes) == other.compute_output_shape(*shapes)
    config = mine.get_config()
    assert config.keys() == other.get_config().keys() and type(mine).from_config(config).get_config() == config
    if not gradients:
        return
    weight = rng.normal(size=expected[0].shape).astype(np.float32)

    def loss(variables, inputs):
        outputs, _ = other.stateless_call(variables, [v.value for v in other.non_trainable_variables], *inputs, **call)
        return jnp.sum(jax.tree_util.tree_leaves(outputs)[0] * weight)

    wanted = jax.grad(loss, argnums=(0, 1))([v.value for v in other.trainable_variables], [jnp.asarray(x) for x in given])
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = tf.reduce_sum(tf.nest.flatten(mine(*tensors, **call))[0] * weight)
    found = tape.gradient(total, [mine.trainable_variables, tensors])
    # Gradients of biases of keys are 0 but for rounding: compared to the size of all others.
    scale = max(float(np.abs(w).max()) for w in wanted[0])
    for a, b in zip(leaves(found), [np.asarray(x) for x in (*wanted[0], *wanted[1])], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("config,given,call", [
    (dict(num_heads=2, key_dim=3), (Q, V), {}),
    (dict(num_heads=2, key_dim=3, value_dim=4, output_shape=7, use_bias=False), (Q, V, K),
     dict(return_attention_scores=True, use_causal_mask=True)),
    (dict(num_heads=1, key_dim=2, sliding_window=2, use_gate=True), (Q, V), dict(attention_mask=rng.random((2, 4, 5)) < 0.7)),
    (dict(num_heads=3, key_dim=2, dropout=0.5), (Q, V), dict(value_mask=V_MASK, use_causal_mask=True)),
    (dict(num_heads=2, key_dim=3, attention_axes=(1, 2)), (Q.reshape(2, 2, 2, 6), V.reshape(2, 5, 1, 6)), {}),
    (dict(num_heads=2, key_dim=3, attention_axes=-2), (Q.reshape(2, 2, 2, 6), Q.reshape(2, 2, 2, 6)), {})])
def test_multi_head(config, given, call):
    same("MultiHeadAttention", config, given, call)


@pytest.mark.parametrize("config,given,call", [
    (dict(head_dim=3, num_query_heads=4, num_key_value_heads=2), (Q, V), {}),
    (dict(head_dim=2, num_query_heads=3, num_key_value_heads=1, use_gate=True, use_bias=False), (Q, V, K),
     dict(return_attention_scores=True, use_causal_mask=True)),
    (dict(head_dim=2, num_query_heads=2, num_key_value_heads=2, sliding_window=1), (Q, V), dict(value_mask=V_MASK))])
def test_grouped(config, given, call):
    same("GroupQueryAttention", config, given, call)


def test_masks_that_tensors_carry():
    x = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
    mine, other = (k.layers.MultiHeadAttention(2, 3) for k in (ours, theirs))
    embeddings = [k.layers.Embedding(4, 6, mask_zero=True) for k in (ours, theirs)]
    results = []
    for layer, embedding in zip((mine, other), embeddings):
        embedding(x)
        embedding.set_weights([np.arange(24, dtype=np.float32).reshape(4, 6) / 10])
        h = embedding(x)
        layer(h, h)
        layer.set_weights([np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(mine.weights)])
        h = embedding(x)  # in Keras, a call takes the mask off its inputs
        results.append(layer(h, h))
    close(results[0].numpy()[:, :2], np.asarray(results[1])[:, :2])
    np.testing.assert_array_equal(results[0]._keras_mask.numpy(), x != 0)


def test_dropout_in_training_only():
    layer = ours.layers.Attention(dropout=0.5, seed=1)
    q, v = tf.constant(Q), tf.constant(V)
    close(layer([q, v]), ours.layers.Attention()([q, v]).numpy())
    _, weights = layer([q, v], training=True, return_attention_scores=True)
    assert (weights.numpy() == 0).any()
    heads = ours.layers.MultiHeadAttention(2, 3, dropout=0.5)
    assert not np.array_equal(heads(q, v, training=True), heads(q, v))


def test_symbolic_open_lengths():
    q, v = ours.Input(shape=(None, 6)), ours.Input(shape=(None, 6))
    a = ours.layers.MultiHeadAttention(2, 3)(q, v, use_causal_mask=True)
    b = ours.layers.Attention()([q, v], use_causal_mask=True)
    c = ours.layers.MultiHeadAttention(2, 3)(q, q)
    model = ours.Model([q, v], [a, b, c])
    for output in model([tf.constant(Q), tf.constant(V)]):
        assert output.shape == Q.shape
    assert tuple(a.shape) == (None, None, 6)


def test_mistakes():
    for make, text in [
            (lambda: ours.layers.MultiHeadAttention(0, 2), "num_heads"), (lambda: ours.layers.Attention()(Q), "list"),
            (lambda: ours.layers.Attention(score_mode="x"), "score_mode"),
            (lambda: ours.layers.GroupQueryAttention(2, 3, 2), "multiple"),
            (lambda: ours.layers.MultiHeadAttention(1, 2, sliding_window=0), "sliding_window"),
            (lambda: ours.layers.MultiHeadAttention(1, 2, flash_attention=True, dropout=0.1), "[Ff]lash"),
            (lambda: ours.layers.MultiHeadAttention(1, 2)(Q, V, Q), "[Kk]eys")]:
        with pytest.raises(ValueError, match=text):
            make()
