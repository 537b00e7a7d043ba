"""Checkpoints: what is saved comes back, into the same objects or others made alike, whenever those are made."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

import treadle as tf
from treadle import keras
from treadle.keras_like.saving.errors import ModelFileError
from treadle.keras_like.saving.tensors import Group, write_tensors


class Net(keras.Model):
    """A linear model, as the guide of checkpoints has it."""

    def __init__(self):
        super().__init__()
        self.l1 = keras.layers.Dense(5)

    def call(self, x):
        return self.l1(x)


def data():
    inputs = tf.range(10.0)[:, None]
    labels = inputs * 5.0 + tf.range(5.0)[None, :]
    return tf.data.Dataset.from_tensor_slices({"x": inputs, "y": labels}).shuffle(10, seed=3).repeat().batch(2)


def step(net, example, optimizer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(net(example["x"]) - example["y"]))
    variables = net.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


class Training:
    """All that a training run consists of; made anew, as in a new process."""

    def __init__(self, folder, seed):
        tf.random.set_seed(seed)
        self.net, self.optimizer, self.iterator = Net(), keras.optimizers.Adam(0.1), iter(data())
        self.noise = tf.random.Generator.from_seed(seed)
        self.checkpoint = tf.train.Checkpoint(step=tf.Variable(1), optimizer=self.optimizer, net=self.net,
                                              iterator=self.iterator, noise=self.noise)
        self.manager = tf.train.CheckpointManager(self.checkpoint, str(folder), max_to_keep=3)

    def run(self, count):
        losses = []
        for _ in range(count):
            losses.append(step(self.net, next(self.iterator), self.optimizer).numpy() + self.noise.normal([]).numpy())
            self.checkpoint.step.assign_add(1)
        return losses


def test_a_run_that_goes_on_is_as_one_that_never_stopped(tmp_path):
    """The guide's training loop: everything that is lazy is restored when it is made."""
    whole = Training(tmp_path / "whole", 0)
    expected = whole.run(12)
    first = Training(tmp_path / "parts", 0)
    losses = first.run(7)
    first.manager.save()
    second = Training(tmp_path / "parts", 1)
    second.checkpoint.restore(second.manager.latest_checkpoint)
    assert int(second.checkpoint.step) == 8
    assert losses + second.run(5) == expected
    second.checkpoint.restore(tf.train.latest_checkpoint(tmp_path / "parts")).assert_consumed()


def test_part_of_a_checkpoint_goes_into_part_of_the_objects(tmp_path):
    net = Net()
    net(tf.ones([1, 1]))
    net.l1.bias.assign(tf.range(5.0))
    path = tf.train.Checkpoint(net=net, step=tf.Variable(3)).save(str(tmp_path / "ckpt"))
    bias = tf.Variable(tf.zeros([5]))
    status = tf.train.Checkpoint(net=tf.train.Checkpoint(l1=tf.train.Checkpoint(bias=bias))).restore(path)
    assert bias.numpy().tolist() == [0, 1, 2, 3, 4]
    status.assert_existing_objects_matched().assert_nontrivial_match().expect_partial()
    with pytest.raises(AssertionError, match="2 values of .* were not used, the first: .'net/l1/kernel', 'step'"):
        status.assert_consumed()


def test_values_wait_for_layers_that_are_not_built(tmp_path):
    net = Net()
    net(tf.ones([1, 3]))
    path = tf.train.Checkpoint(net=net).save(str(tmp_path / "ckpt"))
    kernel = tf.Variable(tf.zeros([3, 5]))
    new = tf.train.Checkpoint(net=tf.train.Checkpoint(l1=tf.train.Checkpoint(kernel=kernel)))
    status = new.restore(path)
    assert np.array_equal(kernel, net.l1.kernel)
    with pytest.raises(AssertionError, match="net/l1/bias"):
        status.assert_consumed()
    bias = tf.Variable(tf.ones([5]))
    new.net.l1.bias = bias
    assert bias.numpy().tolist() == [1] * 5  # only the checkpoint that was restored waits
    for compiled in (False, True):
        other = Net()
        status = tf.train.Checkpoint(net=other).restore(path)
        run = tf.function(other) if compiled else other
        assert np.array_equal(run(tf.ones([1, 3])), net(tf.ones([1, 3])))
        status.assert_consumed()
        assert "build" not in vars(other.l1)


def test_attributes_set_later_are_restored(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable(1.0), b=[tf.Variable(2.0)]).save(str(tmp_path / "ckpt"))
    checkpoint = tf.train.Checkpoint(a=tf.Variable(0.0))
    status = checkpoint.restore(path)
    checkpoint.b = [tf.Variable(0.0)]
    assert checkpoint.b[0].numpy() == 2.0
    status.assert_consumed()


@pytest.mark.parametrize("make", [
    lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]),
    lambda: functional(),
    lambda: keras.Sequential([keras.layers.LSTM(2, dropout=0.5), keras.layers.Dense(1)]),
    lambda: keras.layers.Bidirectional(keras.layers.GRU(2)),
    lambda: Composite(),
    lambda: keras.optimizers.AdamW(0.1, use_ema=True),
    lambda: [keras.metrics.AUC(), {"mean": keras.metrics.Mean()}],
])
def test_objects_come_back(tmp_path, make, seed):
    """Each kind of object, with random values in all that it holds, in a checkpoint of its own and as its root."""
    draw = np.random.RandomState(seed % 2**32)

    def made():
        found = make()
        if isinstance(found, keras.optimizers.Optimizer):
            found.build([tf.Variable(tf.ones([3])), tf.Variable(1.0)])
        elif isinstance(found, keras.layers.Layer) and not found.built:
            found(tf.ones([2, 4, 3]) if not isinstance(found, Composite) else tf.ones([2, 3]))
        return found

    def values(checkpoint):
        tree = {}
        for name, _ in tf.train.list_variables(checkpoint.write(str(tmp_path / "look"))):
            tree[name] = tf.train.load_variable(str(tmp_path / "look"), name)
        return tree

    one, other = made(), made()
    for variable in variables_of(one):
        drawn = draw.uniform(1, 9, variable.shape.as_list()).astype(variable.dtype.as_numpy_dtype)
        variable.assign(drawn)
    assert variables_of(one)
    for wrap in (lambda x: tf.train.Checkpoint(x), lambda x: tf.train.Checkpoint(thing=x)):
        path = wrap(one).save(str(tmp_path / "ckpt"))
        wrap(other).restore(path).assert_consumed()
        for a, b in zip(variables_of(one), variables_of(other), strict=True):
            assert a.dtype is b.dtype and np.array_equal(a.numpy(), b.numpy())
        assert values(wrap(one)).keys() == values(wrap(other)).keys()


def variables_of(value):
    if isinstance(value, (list, dict)):
        return [v for part in (value.values() if isinstance(value, dict) else value) for v in variables_of(part)]
    return list(value.variables)


def functional():
    x = keras.Input((4, 3))
    shared = keras.layers.Dense(3)
    return keras.Model(x, keras.layers.Add()([shared(x), shared(shared(x))]))


class Composite(keras.layers.Layer):
    """Layers in lists, dicts and private attributes, a variable of its own, a module, a weight in no attribute."""

    def __init__(self):
        super().__init__()
        self.rows = [keras.layers.Dense(3), keras.layers.Dense(3)]
        self.named = {"a/b": keras.layers.Dense(3), ".": keras.layers.Dense(3), "": keras.layers.Dense(3)}
        self._hidden = keras.layers.Dense(3)
        self.again = self.rows[0]
        self.count = tf.Variable(0, trainable=False)
        self.module = tf.Module()
        self.module.v = tf.Variable([1.0])

    def build(self, input_shape):
        self.add_weight(shape=(2,), name="alone")

    def call(self, x):
        for layer in [*self.rows, *self.named.values(), self._hidden]:
            x = layer(x)
        return x


def test_one_object_of_two_names_is_kept_once(tmp_path):
    shared = tf.Variable(1.0)
    path = tf.train.Checkpoint(a=shared, b={"c": shared}).save(str(tmp_path / "ckpt"))
    assert [name for name, _ in tf.train.list_variables(path) if "save_counter" not in name] == [
        "a/.ATTRIBUTES/VARIABLE_VALUE"]
    one, two = tf.Variable(0.0), tf.Variable(0.0)
    tf.train.Checkpoint(a=one, b={"c": two}).restore(path).assert_consumed()
    assert one.numpy() == two.numpy() == 1.0


def test_objects_that_hold_each_other(tmp_path):
    class Part(tf.Module):
        pass
    one, two = Part(), Part()
    one.other, two.other, two.v = two, one, tf.Variable(5.0)
    path = tf.train.Checkpoint(one=one).save(str(tmp_path / "ckpt"))
    two.v.assign(0.0)
    tf.train.Checkpoint(one=one).restore(path).assert_consumed()
    assert two.v.numpy() == 5.0


def test_random_structures(tmp_path, seed, long):
    draw = random.Random(seed)

    def made(depth=0):
        kind = draw.random()
        if depth > 3 or kind < 0.4:
            dtype = draw.choice(["float32", "int64", "bool", "bfloat16", "complex64", "uint8", "float64"])
            return tf.Variable(tf.cast(tf.constant([[draw.randrange(2), draw.randrange(2)]]), dtype))
        names = draw.sample(["a", "b/c", ".", "", "%2E", "ü", "x y", "0", "vars"], draw.randrange(1, 4))
        if kind < 0.7:
            return {name: made(depth + 1) for name in names}
        return [made(depth + 1) for _ in names]

    def zeros(value):
        if isinstance(value, dict):
            return {k: zeros(v) for k, v in value.items()}
        return [zeros(v) for v in value] if isinstance(value, list) else tf.Variable(tf.zeros_like(value))

    for _ in range(300 if long else 15):
        saved = {"root": made()}
        loaded = zeros(saved)
        tf.train.Checkpoint(loaded).read(tf.train.Checkpoint(saved).write(str(tmp_path / "c"))).assert_consumed()
        for a, b in zip(tf.nest.flatten(saved), tf.nest.flatten(loaded), strict=True):
            assert a.dtype is b.dtype and np.array_equal(a.numpy(), b.numpy())


def test_what_does_not_fit_changes_nothing(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable(1.0), b=tf.Variable([1.0, 2.0])).save(str(tmp_path / "ckpt"))
    a = tf.Variable(0.0)
    for b, says in ((tf.Variable([0.0]), r"shape \(2,\) and dtype float32 at 'b', where here is one of shape \(1,\)"),
                    (tf.Variable([0, 0]), "dtype float32 at 'b', where here is one .* dtype int32"),):
        with pytest.raises(ModelFileError, match=says):
            tf.train.Checkpoint(a=a, b=b).restore(path)
        assert a.numpy() == 0.0
    with pytest.raises(tf.errors.DtypeError, match="step=3"):
        tf.train.Checkpoint(step=3)
    assert tf.train.Checkpoint(a=a).restore(None).expect_partial()
    with pytest.raises(AssertionError, match="No checkpoint"):
        tf.train.Checkpoint(a=a).restore(None).assert_consumed()
    with pytest.raises(AssertionError, match="Nothing in"):
        tf.train.Checkpoint(z=a).read(path).assert_nontrivial_match()


def test_a_failed_save_counts_nothing(tmp_path):
    checkpoint = tf.train.Checkpoint(a=tf.Variable(1.0))
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        checkpoint.save(str(tmp_path / "file" / "ckpt"))
    assert int(checkpoint.save_counter) == 0
    assert checkpoint.save(str(tmp_path / "ckpt")).endswith("ckpt-1")


def test_managers_keep_the_newest(tmp_path, monkeypatch):
    now = [1e9]
    monkeypatch.setattr("treadle.keras_like.saving.checkpoint_manager.time.time", lambda: now[0])
    step = tf.Variable(0)
    checkpoint = tf.train.Checkpoint(step=step)
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, 2, keep_checkpoint_every_n_hours=2, checkpoint_name="m")
    assert manager.restore_or_initialize() is None and manager.latest_checkpoint is None
    for i in range(6):
        now[0] += 3600
        step.assign(i)
        assert manager.save() == str(tmp_path / f"m-{i + 1}") == tf.train.latest_checkpoint(tmp_path)
    assert [os.path.basename(p) for p in manager.checkpoints] == ["m-5", "m-6"]
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "m-2.h5", "m-4.h5", "m-5.h5", "m-6.h5"]
    state = tf.train.get_checkpoint_state(tmp_path)
    assert state.all_model_checkpoint_paths == manager.checkpoints and state.model_checkpoint_path.endswith("m-6")
    again = tf.train.CheckpointManager(tf.train.Checkpoint(step=step), tmp_path, 2, checkpoint_name="m")
    step.assign(0)
    assert again.restore_or_initialize() == str(tmp_path / "m-6") and step.numpy() == 5
    assert again.save(checkpoint_number=tf.constant(40)) == str(tmp_path / "m-40")
    assert again.checkpoints == [str(tmp_path / "m-6"), str(tmp_path / "m-40")]


def test_managers_wait_for_their_interval(tmp_path):
    step = tf.Variable(0)
    calls = []
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(step=step), tmp_path, None, step_counter=step,
                                         checkpoint_interval=3, init_fn=lambda: calls.append(1))
    manager.restore_or_initialize()
    saved = []
    for _ in range(7):
        saved.append(manager.save() is not None)
        step.assign_add(1)
    assert saved == [True, False, False] * 2 + [True] and calls == [1]
    assert manager.save(check_interval=False) is not None and len(manager.checkpoints) == 4
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_to_keep"):
        tf.train.CheckpointManager(manager.checkpoint, tmp_path, max_to_keep=0)


def test_readers(tmp_path):
    path = tf.train.Checkpoint(v=tf.Variable([[1.0, 2.0]]), n=tf.Variable(3)).save(str(tmp_path / "ckpt"))
    reader = tf.train.load_checkpoint(str(tmp_path))
    assert reader.get_variable_to_shape_map()["v/.ATTRIBUTES/VARIABLE_VALUE"] == [1, 2]
    assert reader.get_variable_to_dtype_map()["n/.ATTRIBUTES/VARIABLE_VALUE"] == tf.int32
    assert reader.get_tensor("v/.ATTRIBUTES/VARIABLE_VALUE").tolist() == [[1.0, 2.0]] and reader.has_tensor("n")
    assert tf.train.load_variable(path, "n") == 3
    with pytest.raises(tf.errors.NotFoundError, match="'w'"):
        reader.get_tensor("w")


@pytest.mark.parametrize("text, says", [
    ('model_checkpoint_path: "../evil"\n', "outside its folder"),
    ('model_checkpoint_path: "/etc/passwd"\n', "outside its folder"),
    ("garbage\n", "not understood"),
    ("", "names no checkpoint"),
    ("\0\xff", "not understood|not text"),
    ('all_model_checkpoint_timestamps: "1"\nmodel_checkpoint_path: 7\n', "not understood"),
    ('x: "' + "a" * (1 << 20) + '"', "larger than"),
])
def test_hostile_lists_of_checkpoints(tmp_path, text, says):
    (tmp_path / "checkpoint").write_text(text, encoding="latin-1")
    with pytest.raises(ModelFileError, match=says):
        tf.train.latest_checkpoint(tmp_path)


def test_files_that_are_no_checkpoints(tmp_path):
    v = tf.Variable(1.0)
    (tmp_path / "tensorflow.index").write_bytes(b"x")
    with pytest.raises(ModelFileError, match="TensorFlow's own format"):
        tf.train.Checkpoint(v=v).restore(str(tmp_path / "tensorflow"))
    with pytest.raises(ModelFileError, match="does not exist"):
        tf.train.Checkpoint(v=v).restore(str(tmp_path / "missing"))
    with pytest.raises(ModelFileError, match="is a folder"):
        tf.train.Checkpoint(v=v).restore(str(tmp_path))
    write_tensors(tmp_path / "weights.h5", {"v": np.float32(2)})
    with pytest.raises(ModelFileError, match="not a checkpoint"):
        tf.train.Checkpoint(v=v).restore(str(tmp_path / "weights"))
    for attributes, says in (({"aliases": "{"}, "damaged"), ({"aliases": '{"v": 3}'}, "list of paths"),
                             ({"aliases": "[" * 100_000}, "damaged"), ({"treadle_checkpoint": 2}, "version 2"),
                             ({"aliases": 5}, "damaged")):
        write_tensors(tmp_path / "bad.h5", Group({"v": np.float32(2)}, {"treadle_checkpoint": 1} | attributes))
        with pytest.raises(ModelFileError, match=says):
            tf.train.Checkpoint(v=v).restore(str(tmp_path / "bad"))
    write_tensors(tmp_path / "bad.h5", Group({"v": {"w": np.float32(2)}}, {"treadle_checkpoint": 1}))
    with pytest.raises(ModelFileError, match="object with parts at 'v'"):
        tf.train.Checkpoint(v=v).restore(str(tmp_path / "bad"))
    assert v.numpy() == 1.0


def test_an_iterator_that_is_too_far_goes_back(tmp_path):
    iterator = iter(tf.data.Dataset.range(5))
    next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "ckpt"))
    assert [int(x) for x in iterator] == [1, 2, 3, 4]
    tf.train.Checkpoint(iterator=iterator).restore(path)
    assert int(next(iterator)) == 1
    with pytest.raises(tf.errors.OutOfRangeError, match="has 0 elements"):
        tf.train.Checkpoint(iterator=iter(tf.data.Dataset.range(0))).restore(path)
