"""`enable_lora` of `Dense`, `EinsumDense`, `Embedding` and the convolutions, against Keras."""

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, theirs

rng = np.random.default_rng(3)
CASES = [
    ("Dense", dict(units=5, kernel_regularizer="l2"), rng.normal(size=(4, 3))),
    ("Dense", dict(units=5, use_bias=False), rng.normal(size=(2, 4, 3))),
    ("EinsumDense", dict(equation="abc,cde->abde", output_shape=(None, 2, 4), bias_axes="e"), rng.normal(size=(2, 3, 5))),
    ("Embedding", dict(input_dim=7, output_dim=4), rng.integers(0, 7, (3, 5))),
    ("Conv1D", dict(filters=4, kernel_size=2), rng.normal(size=(2, 6, 3))),
    ("Conv2D", dict(filters=4, kernel_size=3, groups=2), rng.normal(size=(2, 6, 6, 2))),
    ("Conv3D", dict(filters=4, kernel_size=2, use_bias=False), rng.normal(size=(1, 3, 3, 3, 2)))]
CASES = [(name, config, x.astype(np.float32 if x.dtype.kind == "f" else np.int32)) for name, config, x in CASES]


def pair(name, config, x, **lora):
    """The layer in a model of both, with the same weights."""
    made = []
    for k in (ours, theirs):
        layer = getattr(k.layers, name)(**config)
        model = k.Sequential([k.Input(x.shape[1:], dtype=x.dtype.name), layer])
        layer.enable_lora(2, **lora)
        made.append(model)
    mine, other = made
    assert [tuple(w.shape) for w in mine.weights] == [tuple(w.shape) for w in other.weights]
    assert [(w.name, w.trainable) for w in mine.weights] == [(w.name, w.trainable) for w in other.weights]
    values = [rng.normal(size=w.shape).astype(np.float32) for w in mine.weights]
    mine.set_weights(values)
    other.set_weights(values)
    return mine, other


@pytest.mark.parametrize("name,config,x", CASES)
def test_outputs_and_files(name, config, x, tmp_path):
    mine, other = pair(name, config, x, lora_alpha=3.0)
    expected = np.asarray(other(x))
    close(mine(tf.constant(x)), expected)
    close(tf.function(mine)(tf.constant(x)), expected)
    close(mine.losses[0] if mine.losses else 0, np.asarray(other.losses[0]) if other.losses else 0)
    assert mine.layers[0].get_config()["lora_rank"] == 2 and mine.layers[0].get_config()["lora_alpha"] == 3.0
    # The sum is one weight in a file. Both read what both wrote, with the small ones and without.
    mine.save(tmp_path / "mine.keras")
    other.save(tmp_path / "other.keras")
    mine.save_weights(tmp_path / "mine.weights.h5")
    for file in ("mine.keras", "other.keras"):
        found, their = ours.models.load_model(tmp_path / file), theirs.models.load_model(tmp_path / file)
        assert found.layers[0].lora_enabled and their.layers[0].lora_enabled
        close(found(tf.constant(x)), expected, file)
        close(np.asarray(their(x)), expected, file)
        assert [tuple(w.shape) for w in found.weights] == [tuple(w.shape) for w in mine.weights]
    for k in (ours, theirs):
        plain = k.Sequential([k.Input(x.shape[1:], dtype=x.dtype.name), getattr(k.layers, name)(**config)])
        plain.load_weights(tmp_path / "mine.weights.h5")
        close(np.asarray(plain(x)), expected, "without")
        plain.save_weights(tmp_path / "plain.weights.h5")
        mine.load_weights(tmp_path / "plain.weights.h5")
        close(mine(tf.constant(x)), expected, "back")


@pytest.mark.parametrize("name,config,x", CASES[:4])
def test_training_moves_the_two_small_ones_only(name, config, x):
    mine, other = pair(name, config, x)
    before = mine.get_weights()
    y = np.zeros_like(np.asarray(other(x)))
    for k, model in ((ours, mine), (theirs, other)):
        model.compile(k.optimizers.SGD(0.01), "mse")
        model.fit(x, y, epochs=2, batch_size=2, shuffle=False, verbose=0)
    for weight, was, their in zip(mine.weights, before, other.get_weights()):
        close(weight.numpy(), their, weight.name, rtol=1e-4)
        assert weight.trainable == (not np.array_equal(weight.numpy(), was)), weight.name


def test_asked_for_at_once():
    """`lora_rank` calls it in `build`; at first nothing changes; training goes on after loading."""
    x = CASES[0][2]
    layer = ours.layers.Dense(5, lora_rank=2, lora_alpha=8)
    model = ours.Sequential([layer])
    y = model(x)
    assert layer.lora_enabled and layer.lora_alpha == 8 and not layer.__dict__["kernel"].trainable
    close(y, x @ layer.__dict__["kernel"].numpy())
    assert layer.lora_kernel_a.path.endswith("dense/lora_kernel_a") or "dense" in layer.lora_kernel_a.path
    again = ours.layers.Dense.from_config(layer.get_config())
    again.build(x.shape)
    again.load_own_variables({"0": layer.kernel.numpy(), "1": layer.bias.numpy()})
    assert again.lora_kernel_a.numpy().any() and not again.lora_kernel_b.numpy().any()
    assert "lora_rank" not in ours.layers.Dense(2).get_config()


def test_frozen_and_half_precision():
    layer = ours.layers.Dense(4, dtype="mixed_bfloat16")
    layer.trainable = False
    x = CASES[0][2]
    layer(x)
    layer.enable_lora(1)
    assert layer.trainable_weights == [] and layer(x).dtype.name == "bfloat16"
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["bias", "lora_kernel_a", "lora_kernel_b"]
    assert layer.lora_kernel_a.dtype.name == "float32" and layer.kernel.dtype.name == "bfloat16"


def test_mistakes():
    dense = ours.layers.Dense(2)
    for make, text in [
            (lambda: dense.enable_lora(2), "no weights yet"), (lambda: dense.kernel, "before it is built"),
            (lambda: ours.layers.Dense(2, lora_rank=0), "positive integer"),
            (lambda: ours.layers.Dense(2, kernel_constraint="non_neg", lora_rank=1)(np.ones([1, 2])), "kernel_constraint"),
            (lambda: ours.layers.Dense(2, quantization_config={}), "8 and 4 bits")]:
        with pytest.raises((ValueError, RuntimeError, AttributeError, tf.errors.UnimplementedError), match=text):
            make()
    dense(np.ones([1, 3]))
    dense.enable_lora(1)
    with pytest.raises(tf.errors.FailedPreconditionError, match="before"):
        dense.enable_lora(1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 weights in a file"):
        dense.load_own_variables({"0": np.ones([3, 2])})
