"""Dtype policies against Keras: dtypes of weights, results and gradients; loss scaling, also over steps that overflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

rng = np.random.default_rng(0)
FLAT = rng.normal(size=(4, 6)).astype(np.float32)
STEPS = rng.normal(size=(2, 5, 3)).astype(np.float32)
IMAGE = rng.normal(size=(2, 6, 6, 4)).astype(np.float32)
TOKENS = np.array([[1, 2, 0], [3, 0, 0]], np.int32)
PLAIN = dict(recurrent_initializer="glorot_uniform")  # Keras cannot make orthogonal weights in 16 bits
LAYERS = [
    ("Dense", dict(units=3, activation="gelu"), FLAT), ("EinsumDense", dict(equation="ab,bc->ac", output_shape=3), FLAT),
    ("Conv2D", dict(filters=2, kernel_size=3), IMAGE), ("DepthwiseConv2D", dict(kernel_size=3), IMAGE),
    ("Conv2DTranspose", dict(filters=2, kernel_size=3), IMAGE), ("LSTM", dict(units=3, **PLAIN), STEPS),
    ("GRU", dict(units=3, **PLAIN), STEPS), ("SimpleRNN", dict(units=3, **PLAIN), STEPS),
    ("ConvLSTM1D", dict(filters=2, kernel_size=2, **PLAIN), IMAGE), ("BatchNormalization", {}, IMAGE),
    ("LayerNormalization", {}, STEPS), ("GroupNormalization", dict(groups=2), IMAGE), ("RMSNormalization", {}, STEPS),
    ("Embedding", dict(input_dim=5, output_dim=3, mask_zero=True), TOKENS), ("PReLU", {}, FLAT), ("Softmax", {}, FLAT),
    ("AveragePooling2D", dict(pool_size=2), IMAGE), ("GlobalAveragePooling2D", {}, IMAGE), ("Dropout", dict(rate=0.5), FLAT),
    ("UpSampling2D", dict(interpolation="bilinear"), IMAGE), ("Rescaling", dict(scale=0.5), FLAT), ("Masking", {}, STEPS),
    ("Activation", dict(activation="softmax"), FLAT)]
# The largest error, relative to the largest value. (Of float64 some of Keras' own steps are in float32.)
TOLERANCE = {"mixed_bfloat16": 2e-2, "bfloat16": 2e-2, "mixed_float16": 4e-3, "float16": 4e-3, "float64": 1e-6}
KERAS_CANNOT = {("SimpleRNN", "float64")}  # its loop mixes float32 and float64


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("name,config,inputs", LAYERS)
def test_layer(name, config, inputs, policy):
    mine, other = (getattr(k.layers, name)(dtype=policy, **config) for k in (ours, theirs))
    x = tf.constant(inputs)
    mine(x)
    values = [np.random.default_rng(i).normal(size=tuple(v.shape)) ** 2 * 0.3 for i, v in enumerate(mine.weights)]
    for variable, value in zip(mine.weights, values):
        variable.assign(tf.cast(tf.constant(value), variable.dtype))
    found = mine(x)
    compiled = tf.function(mine)(x)
    assert compiled.dtype is found.dtype
    close(compiled.numpy().astype(np.float64), found.numpy().astype(np.float64), "compiled", TOLERANCE[policy])
    if (name, policy) in KERAS_CANNOT:
        assert found.dtype.name == policy and all(v.dtype.name == policy for v in mine.weights)
        return
    with jax.enable_x64(policy == "float64"):
        other(jnp.asarray(inputs))
        assert [v.dtype.name for v in mine.weights] == [str(v.dtype) for v in other.weights]
        for variable, value in zip(other.weights, values):
            variable.assign(jnp.asarray(value, variable.dtype))
        expected = other(jnp.asarray(inputs))
        assert found.dtype.name == str(expected.dtype)
        close(found.numpy().astype(np.float64), np.asarray(expected).astype(np.float64), name, TOLERANCE[policy])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_gradients_have_the_dtype_of_the_weights(policy):
    layer = ours.layers.Dense(3, dtype=policy)
    layer(tf.constant(FLAT))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(tf.constant(FLAT)), "float32") ** 2)
    for gradient, variable in zip(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables):
        assert gradient.dtype is variable.dtype and gradient.shape == variable.shape


def test_loops_of_a_layer_read_weights_in_its_dtype():
    """A weight that a `for` on a tensor reads is cast inside it, and what the loop is given stays float32."""

    class Powers(ours.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1], input_shape[-1]), initializer="identity")

        def call(self, x):
            for _ in tf.range(3):
                x = x @ self.w * 2.0
            if tf.reduce_sum(x) > 1e9:
                x = x @ self.w
            return x

    for policy in ("mixed_bfloat16", "float32"):
        layer = Powers(dtype=policy)
        for call in (layer, tf.function(layer.__call__)):
            y = call(tf.constant(FLAT))
            assert y.dtype.name == layer.compute_dtype and layer.w.dtype.name == "float32"
            close(y.numpy().astype(np.float32), FLAT * 8, rtol=1e-2)


def test_a_function_called_by_a_layer_reads_weights_as_they_are_kept():
    class Outer(ours.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(6, 2), initializer="ones")
            self.product = tf.function(lambda x: tf.matmul(x, tf.convert_to_tensor(self.w)))

        def call(self, x):
            return self.product(x)

    y = Outer(dtype="mixed_bfloat16")(tf.constant(FLAT))
    close(y.numpy().astype(np.float32), FLAT @ np.ones((6, 2), np.float32), rtol=2e-2)


def make_model(k, policy):
    model = k.Sequential([k.Input((6,)), k.layers.Dense(8, activation="relu", dtype=policy),
                          k.layers.Dense(1, dtype=policy), k.layers.Activation("linear", dtype="float32")])
    model.dtype_policy = policy
    for i, variable in enumerate(model.weights):
        variable.assign(np.random.default_rng(i).normal(size=tuple(variable.shape)).astype(np.float32) * 0.3)
    return model


@pytest.mark.parametrize("factor,overflows", [(0.1, False), (100.0, True)])
def test_training_in_float16_scales_the_loss(factor, overflows):
    """Steps with infinite gradients are skipped and halve the scale, as in Keras; `compile` wraps the optimizer."""
    y = (FLAT[:, :1] * factor).astype(np.float32)
    models = [make_model(k, "mixed_float16") for k in (ours, theirs)]
    history = []
    for k, model in zip((ours, theirs), models):
        model.compile(k.optimizers.SGD(0.01), loss="mse")
        assert type(model.optimizer).__name__ == "LossScaleOptimizer"
        logs = []
        for _ in range(12):
            loss = model.train_on_batch(FLAT, y)
            logs.append((float(loss), float(model.optimizer.dynamic_scale), int(model.optimizer.iterations)))
        history.append(np.array(logs))
    mine, other = history
    np.testing.assert_array_equal(mine[:, 1:], other[:, 1:])
    np.testing.assert_allclose(mine[:, 0], other[:, 0], rtol=2e-3)
    assert (mine[-1, 1] < 2.0**15) == overflows == (mine[-1, 2] < 12)
    for a, b in zip(*(m.weights for m in models)):
        close(a.numpy(), np.asarray(b), a.path, 5e-3)
        assert a.dtype.name == "float32"


def test_training_in_bfloat16():
    """No scaling; weights and the optimizer's slots are float32, and the losses are those of Keras."""
    y = FLAT[:, :1]
    losses = []
    for k in (ours, theirs):
        model = make_model(k, "mixed_bfloat16")
        model.compile(k.optimizers.Adam(0.01), loss="mse")
        assert type(model.optimizer).__name__ == "Adam"
        losses.append(model.fit(FLAT, y, batch_size=4, epochs=5, shuffle=False, verbose=0).history["loss"])
        assert all(str(getattr(v.dtype, "name", v.dtype)) != "bfloat16" for v in model.optimizer.variables)
    np.testing.assert_allclose(*losses, rtol=2e-2)


def test_a_policy_for_all_layers():
    before = ours.config.dtype_policy() if hasattr(ours, "config") else None
    if before is None:
        pytest.skip("keras.config is not there yet")
    try:
        ours.config.set_dtype_policy("mixed_bfloat16")
        layer = ours.layers.Dense(2)
        assert (layer.compute_dtype, layer.variable_dtype, layer.dtype) == ("bfloat16", "float32", "float32")
        assert ours.layers.Dense(2, dtype="float32").compute_dtype == "float32"
    finally:
        ours.config.set_dtype_policy(before)


def test_autocast():
    """A layer with `autocast=False` gets its inputs and reads its weights as they are."""

    class Seen(ours.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=())
            self.kept = self.add_weight(shape=(), autocast=False)

        def call(self, x):
            self.seen = [x.dtype.name, tf.convert_to_tensor(self.w).dtype.name, tf.convert_to_tensor(self.kept).dtype.name]
            return x

    for autocast, expected in ((True, ["bfloat16", "bfloat16", "float32"]), (False, ["float32"] * 3)):
        layer = Seen(dtype="mixed_bfloat16", autocast=autocast)
        layer(tf.constant(FLAT))
        assert layer.seen == expected


def test_masks_survive_the_cast():
    embedded = ours.layers.Embedding(8, 3, mask_zero=True)(tf.constant(TOKENS))
    layer = ours.layers.LSTM(2, return_sequences=True, dtype="mixed_bfloat16")
    np.testing.assert_array_equal(layer(embedded)._keras_mask.numpy(), TOKENS != 0)
