"""`BackupAndRestore`: a run that is cut off, anywhere, and run again ends with the bits of one that nobody cut off."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import treadle as tf
from keras_tests import backup_program as program
from treadle import keras
from treadle.keras_like.data.resuming import random_state, set_random_state

PROGRAM = Path(program.__file__)


class CutOff(Exception):
    pass


class Cutting(keras.callbacks.Callback):
    """Raises at a batch or at the end of an epoch, counted from the start of the whole run."""

    def __init__(self, epoch, batch=None):
        super().__init__()
        self.at, self.epoch = (epoch, batch), -1

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise CutOff

    def on_epoch_end(self, epoch, logs=None):
        if (epoch, None) == self.at:
            raise CutOff


@pytest.fixture(scope="module")
def uncut():
    """What runs that nobody cuts off end with; each kind of data is trained on once."""
    found = {}

    def get(kind):
        if kind not in found:
            trained, history = program.train([], kind)
            found[kind] = program.digest(trained), history
        return found[kind]

    return get


CASES = [
    ("arrays", "epoch", [(1, 3)]), ("arrays", "epoch", [(0, 2)]), ("arrays", "epoch", [(0, None), (2, 0), (3, 6)]),
    ("arrays", 3, [(0, 4)]), ("arrays", 1, [(0, 0), (1, 7), (2, None)]), ("arrays", 5, [(1, 1), (3, 7)]),
    ("dataset", "epoch", [(1, 3), (3, 1)]), ("dataset", 2, [(1, 3), (3, 1)]), ("validated", "epoch", [(2, 1)]),
    ("validated", 4, [(2, 1), (3, 2)]), ("repeated", "epoch", [(2, 1)]), ("repeated", 3, [(0, 4), (2, 1)]),
    ("python", "epoch", [(1, 2)]), ("python", 2, [(1, 2), (2, 5)]), ("generator", "epoch", [(1, 2)]),
    ("generator", 2, [(1, 2), (2, 4)]),
]


@pytest.mark.parametrize("kind, frequency, cuts", CASES, ids=lambda v: str(v).replace(" ", ""))
def test_the_end_is_the_same(tmp_path, uncut, kind, frequency, cuts):
    expected, whole = uncut(kind)
    for cut in [*cuts, (99, 99)]:
        # The seed of a run that goes on is another one: nothing may depend on it.
        seed = 1000 if (tmp_path / "backup").exists() else 7
        callbacks = [Cutting(*cut), keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=frequency)]
        if cut != (99, 99):
            with pytest.raises(CutOff):
                program.train(callbacks, kind, seed=seed)
        else:
            trained, history = program.train(callbacks, kind, seed=seed)
    assert program.digest(trained) == expected
    for name, values in history.items():
        assert values == whole[name][-len(values):], name
    assert not (tmp_path / "backup").exists()


def test_a_model_without_input(tmp_path):
    """Weights, slots and metrics are made before the backup is restored."""
    backup = keras.callbacks.BackupAndRestore(tmp_path, save_freq=2)
    found = []
    for _ in range(3):
        tf.random.set_seed(7)  # of which layers make their own seeds
        found.append(program.model(lazy=True))
    cut, whole, trained = found
    with pytest.raises(CutOff):
        program.train([Cutting(1, 4), backup], of=cut)
    program.train([], of=whole)
    program.train([keras.callbacks.BackupAndRestore(tmp_path, save_freq=2)], seed=1, of=trained)
    assert program.digest(trained) != program.digest(cut)
    for a, b in zip(trained.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_more_epochs_follow(tmp_path):
    keep = dict(delete_checkpoint=False)
    program.train([keras.callbacks.BackupAndRestore(tmp_path, **keep)], epochs=2)
    _, history = program.train([keras.callbacks.BackupAndRestore(tmp_path, **keep)], epochs=4)
    assert len(history["loss"]) == 2
    assert program.train([keras.callbacks.BackupAndRestore(tmp_path, **keep)], epochs=4)[1] == {}
    assert os.listdir(tmp_path) == ["training_state.h5"]


# --- the files ---------------------------------------------------------------------------------------------------------


def cut_off(folder, **arguments):
    with pytest.raises(CutOff):
        program.train([Cutting(2, 1), keras.callbacks.BackupAndRestore(folder, **arguments)])


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_backup(tmp_path):
    cut_off(tmp_path)
    damage(tmp_path / "training_state.h5")
    with pytest.raises(ValueError, match="damaged"):
        program.train([keras.callbacks.BackupAndRestore(tmp_path)])


def test_the_backup_before_takes_the_place_of_a_damaged_one(tmp_path, uncut):
    cut_off(tmp_path, double_checkpoint=True)
    assert len(os.listdir(tmp_path)) == 2
    damage(tmp_path / "training_state.h5")
    with pytest.warns(UserWarning, match="the one before is taken"):
        trained, history = program.train([keras.callbacks.BackupAndRestore(tmp_path, double_checkpoint=True)])
    assert len(history["loss"]) == 3 and program.digest(trained) == uncut("arrays")[0]
    assert not tmp_path.exists()


def test_a_backup_of_another_model(tmp_path):
    cut_off(tmp_path)
    other = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    other.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = other.get_weights()[0]
    (x, y), _ = program.data("arrays")
    with pytest.raises(ValueError, match="backup of another model"):
        other.fit(x, y, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(tmp_path)])
    np.testing.assert_array_equal(other.get_weights()[0], before)


def test_only_its_own_files_are_removed(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    program.train([keras.callbacks.BackupAndRestore(tmp_path)], epochs=1)
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_the_random_state_is_plain_data():
    state = json.loads(json.dumps(random_state()))
    first = np.random.normal(), random.random(), float(tf.random.normal([])), float(tf.random.uniform([], seed=4))
    set_random_state(state)
    assert first == (np.random.normal(), random.random(), float(tf.random.normal([])), float(tf.random.uniform([], seed=4)))


@pytest.mark.parametrize("arguments", [dict(backup_dir=""), dict(backup_dir="a", save_freq=0),
                                       dict(backup_dir="a", save_freq="step")])
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match="Received"):
        keras.callbacks.BackupAndRestore(**arguments)


# --- kill -9 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frequency", ["epoch", "1"])
def test_kill(tmp_path, frequency, long, seed):
    """The program in a process of its own, killed after some of its batches, until it reaches the end."""
    drawn = random.Random(f"{seed}{frequency}")
    tf.random.set_seed(7)
    trained, _ = program.train([], of=program.model())
    expected = program.digest(trained)
    for run in range(20 if long else 1):
        result, kills = tmp_path / f"result{run}", 4 if long else 1
        command = [sys.executable, PROGRAM, tmp_path / f"backup{run}", result, frequency]
        environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])}
        while not result.exists():
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
                if kills:
                    for _ in range(drawn.randint(1, 10)):  # at least one batch, so that it comes to an end
                        child.stdout.readline()
                    child.send_signal(signal.SIGKILL)
                    kills -= 1
                elif child.wait():
                    raise AssertionError("the program failed")
        assert result.read_text() == expected
