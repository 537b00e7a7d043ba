"""SimpleRNN, GRU, LSTM and what wraps them, against Keras."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, leaves, ours, same_layer, theirs

rng = np.random.default_rng(3)
X = rng.normal(size=(2, 5, 3)).astype(np.float32)
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
ALL = dict(return_sequences=True, return_state=True)


@pytest.mark.parametrize("name,config,call", [
    ("SimpleRNN", dict(), {}),
    ("SimpleRNN", dict(activation="relu", use_bias=False, **ALL), dict(mask=MASK)),
    ("LSTM", dict(), {}),
    ("LSTM", dict(go_backwards=True, unit_forget_bias=False, **ALL), dict(mask=MASK)),
    ("GRU", dict(), {}),
    ("GRU", dict(reset_after=False, **ALL), {}),
    ("GRU", dict(use_bias=False, recurrent_activation="hard_sigmoid", return_state=True, go_backwards=True), dict(mask=MASK)),
])
def test_layer(name, config, call):
    same_layer(name, dict(units=4, **config), X, call={k: np.array(v) for k, v in call.items()})


def pair(make, inputs=X, **call):
    """A layer made in both with the same weights; (ours, theirs)."""
    mine, other = make(ours.layers), make(theirs.layers)
    mine(tf.constant(inputs), **call)
    other(jnp.asarray(inputs), **call)
    assert [tuple(w.shape) for w in mine.weights] == [tuple(w.shape) for w in other.weights]
    values = [rng.normal(size=v.shape).astype(np.float32) * 0.5 for v in mine.weights]
    mine.set_weights(values)
    other.set_weights(values)
    return mine, other


def same_output(make, inputs=X, **call):
    mine, other = pair(make, inputs, **call)
    expected = other(jnp.asarray(inputs), **call)
    found = mine(tf.constant(inputs), **call)
    compiled = tf.function(lambda x: mine(x, **call))(tf.constant(inputs))
    for a, b, c in zip(leaves(found), leaves(expected), leaves(compiled), strict=True):
        close(a, b)
        close(c, b)
    shape = mine.compute_output_shape(inputs.shape)
    assert shape == other.compute_output_shape(inputs.shape)
    return mine


MAKERS = {
    "unrolled": (lambda k: k.LSTM(4, unroll=True, **ALL), {}),
    "zeros for masked": (lambda k: k.GRU(4, zero_output_for_mask=True, return_sequences=True), dict(mask=MASK)),
    "initial state": (lambda k: k.SimpleRNN(4, return_sequences=True), dict(initial_state=[np.ones((2, 4), np.float32)],
                                                                            mask=MASK)),
    "stacked": (lambda k: k.RNN([k.LSTMCell(4), k.GRUCell(3)], **ALL), dict(mask=MASK)),
    "backwards": (lambda k: k.RNN(k.LSTMCell(4), go_backwards=True, return_sequences=True), {}),
    "one cell": (lambda k: k.RNN(k.GRUCell(4, reset_after=False), return_state=True), {}),
    "bidirectional": (lambda k: k.Bidirectional(k.LSTM(4, return_sequences=True)), {}),
    "sum": (lambda k: k.Bidirectional(k.GRU(4, **ALL), merge_mode="sum"), dict(mask=MASK)),
    "both": (lambda k: k.Bidirectional(k.GRU(4), merge_mode=None), {}),
    "own backward layer": (lambda k: k.Bidirectional(k.GRU(4), "mul", backward_layer=k.SimpleRNN(4, go_backwards=True)), {}),
    "average of cells": (lambda k: k.Bidirectional(k.RNN(k.SimpleRNNCell(2)), merge_mode="ave"), {}),
    "time": (lambda k: k.TimeDistributed(k.Dense(4, activation="relu")), {}),
}


@pytest.mark.parametrize("name", MAKERS)
def test_outputs(name):
    make, call = MAKERS[name]
    same_output(make, **call)


def test_state_goes_on():
    mine, other = pair(lambda k: k.LSTM(4, stateful=True))
    assert len(mine.weights) == 3 and [tuple(s.shape) for s in mine.states] == [(2, 4)] * 2
    mine.reset_state()
    other.reset_state()
    step = tf.function(mine)
    for call in (mine, step, mine, step):
        close(call(tf.constant(X)), other(jnp.asarray(X)))
    mine.reset_states()
    other.reset_state()
    close(mine(tf.constant(X)), other(jnp.asarray(X)))
    with pytest.raises(ValueError, match="batches of 2"):
        mine(tf.ones([3, 5, 3]))


class Minimal(ours.layers.Layer):
    """The cell of the Keras guides."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel")

    def call(self, inputs, states):
        output = tf.matmul(inputs, self.kernel) + tf.matmul(states[0], self.recurrent_kernel)
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Nested(ours.layers.Layer):
    """A cell with two inputs, two outputs and two states."""

    state_size = output_size = [tf.TensorShape([2]), tf.TensorShape([3, 4])]

    def call(self, inputs, states):
        a, b = inputs["a"] + states[0], inputs["b"] + states[1]
        return (a, b), [a, b]


class Plain:
    """A cell that is no layer."""

    state_size = 3

    def call(self, inputs, states, constants=None):
        new = inputs + states[0] + (0.0 if constants is None else constants[0])
        return new, [new]


def test_custom_cells():
    x = tf.constant(X)
    layer = ours.layers.RNN(Minimal(4), return_sequences=True)
    state, expected = tf.zeros([2, 4]), []
    layer(x)
    for t in range(5):
        state = x[:, t] @ layer.cell.kernel + state @ layer.cell.recurrent_kernel
        expected.append(state)
    close(layer(x), tf.stack(expected, axis=1).numpy())
    again = ours.layers.RNN.from_config(layer.get_config(), custom_objects={"Minimal": Minimal})
    assert again.cell.units == 4 and again.return_sequences
    with pytest.raises(ValueError, match="Minimal"):
        ours.layers.RNN.from_config(layer.get_config())
    assert ours.layers.RNN([Minimal(4), Minimal(6)])(x).shape == (2, 6)
    a, b = tf.ones([2, 5, 2]), tf.ones([2, 5, 3, 4])
    outputs = ours.layers.RNN(Nested(), return_sequences=True)({"a": a, "b": b})
    close(outputs[0], np.cumsum(a.numpy(), axis=1))
    close(outputs[1], np.cumsum(b.numpy(), axis=1))
    plain = ours.layers.RNN(Plain())
    close(plain(x, constants=[tf.constant(1.0)]), X.sum(axis=1) + 5)


def test_dropout_is_the_same_at_each_step_and_only_in_training():
    ones = tf.ones([1, 6, 50])
    config = dict(activation=None, use_bias=False, kernel_initializer="identity", recurrent_initializer="zeros",
                  return_sequences=True)
    layer = ours.layers.SimpleRNN(50, dropout=0.5, seed=1, **config)
    close(layer(ones), ones)
    found = layer(ones, training=True).numpy()
    assert set(np.unique(found)) == {0.0, 2.0} and (found == found[:, :1]).all()
    assert not np.array_equal(found, layer(ones, training=True).numpy())
    compiled = tf.function(lambda x: layer(x, training=True))
    assert not np.array_equal(compiled(ones).numpy(), compiled(ones).numpy())
    same = ours.layers.SimpleRNN(50, dropout=0.5, seed=1, **config)
    np.testing.assert_array_equal(tf.function(lambda x: same(x, training=True))(ones), found)
    for kind in ("LSTM", "GRU"):
        both = getattr(ours.layers, kind)(4, dropout=0.3, recurrent_dropout=0.4, seed=2)
        assert not np.array_equal(both(ones, training=True), both(ones)) and both(ones, training=True).shape == (1, 4)
    stacked = ours.layers.RNN([ours.layers.LSTMCell(4, dropout=0.5), ours.layers.GRUCell(3, recurrent_dropout=0.5)])
    assert stacked(ones, training=True).shape == (1, 3)


@pytest.mark.parametrize("length", [7, 70])
@pytest.mark.parametrize("kind,loop", [("LSTM", "lstm"), ("GRU", "scan"), ("SimpleRNN", "scan")])
def test_one_loop_however_long(kind, loop, length):
    layer = getattr(ours.layers, kind)(4, return_sequences=True)
    layer(tf.ones([2, 3, 3]))
    graph = str(tf.function(layer).get_concrete_function(tf.TensorSpec([None, length, 3])).graph)
    assert graph.count("= lstm(") + graph.count("= scan(") == graph.count(f"= {loop}(") == 1
    assert graph.count("= matmul(") + graph.count("= tensordot(") <= 3


def test_symbolic_open_lengths():
    x = ours.Input(shape=(None, 3))
    y = ours.layers.Bidirectional(ours.layers.GRU(4, return_sequences=True))(x)
    z, state = ours.layers.GRU(8, return_state=True)(y)
    again = ours.layers.GRU(8)(y, initial_state=[state])
    model = ours.Model(x, [z, again])
    assert [tuple(o.shape) for o in model.outputs] == [(None, 8)] * 2
    for length in (2, 5):
        assert model(tf.ones([3, length, 3]))[1].shape == (3, 8)
    with pytest.raises(ValueError, match="unroll"):
        ours.layers.GRU(4, unroll=True)(x)


CONFIGS = [
    lambda k: k.LSTM(4, kernel_initializer="he_normal", dropout=0.5, seed=1), lambda k: k.GRU(3, reset_after=False),
    lambda k: k.SimpleRNN(2, kernel_regularizer="l2"), lambda k: k.LSTMCell(2), lambda k: k.GRUCell(2),
    lambda k: k.SimpleRNNCell(2), lambda k: k.RNN([k.LSTMCell(2), k.GRUCell(3)]), lambda k: k.TimeDistributed(k.GRU(2)),
    lambda k: k.Bidirectional(k.LSTM(4, return_sequences=True), merge_mode="sum")]


@pytest.mark.parametrize("make", CONFIGS)
def test_configurations(make):
    mine, other = make(ours.layers), make(theirs.layers)

    config = mine.get_config()
    assert config.keys() - other.get_config().keys() <= {"seed"} and config.keys() >= other.get_config().keys()
    json.dumps(config)
    again = type(mine).from_config(config)
    assert again.get_config() == config


def test_mistakes():
    for make, text in [
            (lambda: ours.layers.LSTM(0), "units"), (lambda: ours.layers.RNN(3), "state_size|call"),
            (lambda: ours.layers.Bidirectional(3), "layer"), (lambda: ours.layers.TimeDistributed(3), "layer"),
            (lambda: ours.layers.Bidirectional(ours.layers.GRU(2), merge_mode="max"), "merge_mode"),
            (lambda: ours.layers.TimeDistributed(ours.layers.Dense(2))(tf.ones([2, 3])), "3 axes"),
            (lambda: ours.layers.LSTM(2, stateful=True)(ours.Input((None, 3))), "batch size")]:
        with pytest.raises(ValueError, match=text):
            make()
