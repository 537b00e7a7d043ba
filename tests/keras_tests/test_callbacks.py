"""Callbacks beside those of Keras: the same metrics lead to the same decisions, files and lines on the terminal."""

import contextlib
import http.server
import io
import json
import os
import sys
import threading
import time
import urllib.parse
import warnings

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int64)


def model(keras, **compiled):
    found = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, kernel_initializer="ones")])
    found.compile(**{"optimizer": keras.optimizers.SGD(0.5), "metrics": ["accuracy"],
                     "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), **compiled})
    return found


@pytest.fixture(scope="module")
def models():
    return model(ours), model(theirs)


# --- the same stream of metrics, the same decisions -------------------------------------------------------------------

FALLING = [1.0, 0.8, 0.7, 0.69, 0.695, 0.6, 0.61, 0.62, 0.63, 0.55]
STUCK = [1.0, 0.5, 0.5, 0.49999, 0.4999, 0.51, 0.5, 0.5, 0.5, 0.5]
RISING = [0.1, 0.3, 0.25, 0.5, 0.5, 0.500001, 0.4, 0.45, 0.6, 0.2]
TINY = [0.3, 0.3 - 1e-9, 0.3 - 2e-9, 0.3 - 1e-7, 0.3 - 2e-7, 0.3, 0.3, 0.3, 0.3, 0.3]
NANS = [1.0, 0.5, np.nan, 0.4, np.nan, np.nan, 0.3, 0.2, 0.1, 0.0]
NAN_FIRST = [np.nan, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]
STREAMS = {"falling": FALLING, "stuck": STUCK, "rising": RISING, "tiny": TINY, "nans": NANS, "nan first": NAN_FIRST}

SETTINGS = [
    ("EarlyStopping", dict()), ("EarlyStopping", dict(patience=1)), ("EarlyStopping", dict(patience=3, min_delta=0.05)),
    ("EarlyStopping", dict(patience=2, mode="max")), ("EarlyStopping", dict(patience=2, baseline=0.55)),
    ("EarlyStopping", dict(patience=1, restore_best_weights=True)),
    ("EarlyStopping", dict(patience=2, restore_best_weights=True, start_from_epoch=3)),
    ("EarlyStopping", dict(patience=1, restore_best_weights=True, baseline=-1.0, mode="min")),
    ("ReduceLROnPlateau", dict(patience=1)), ("ReduceLROnPlateau", dict(patience=2, factor=0.5, cooldown=2)),
    ("ReduceLROnPlateau", dict(patience=1, factor=0.3, min_lr=0.05)), ("ReduceLROnPlateau", dict(patience=2, mode="max")),
    ("ReduceLROnPlateau", dict(patience=0, min_delta=0.1, cooldown=1)),
    ("LearningRateScheduler", dict(schedule=lambda epoch, rate: rate * 0.7)),
    ("LearningRateScheduler", dict(schedule=lambda epoch: 1.0 / (epoch + 1))),
]


def decisions(keras, trained, name, arguments, stream):
    """What a callback does with the values, epoch by epoch."""
    callback = getattr(keras.callbacks, name)(**arguments, verbose=1)
    callback.set_params({"epochs": 10, "verbose": 0, "steps": 1})
    callback.set_model(trained)
    trained.optimizer.learning_rate = 0.5
    trained.stop_training = False
    found, out = [], io.StringIO()
    with contextlib.redirect_stdout(out):
        callback.on_train_begin()
        for epoch, value in enumerate(stream):
            callback.on_epoch_begin(epoch, {})
            trained.set_weights([np.full(w.shape, epoch, np.float32) for w in trained.get_weights()])
            logs = {"loss": 9.0, "val_loss": value}
            callback.on_epoch_end(epoch, logs)
            found.append((sorted(logs), round(float(np.asarray(trained.optimizer.learning_rate)), 6)))
            if trained.stop_training:
                break
        callback.on_train_end({})
    lines = [line for line in out.getvalue().split("\n") if line]
    return found, trained.get_weights()[0].mean(), [line.split(" to ")[0] for line in lines]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name, arguments", SETTINGS, ids=lambda value: value if isinstance(value, str) else "")
def test_decisions(models, name, arguments, stream):
    mine, other = models
    found = decisions(ours, mine, name, arguments, STREAMS[stream])
    expected = decisions(theirs, other, name, arguments, STREAMS[stream])
    assert found == expected


@pytest.mark.parametrize("metric, up", [("accuracy", True), ("loss", False)])
def test_metrics_say_where_better_lies(metric, up):
    trained = model(ours)
    trained.fit(X, Y, verbose=0)
    for name in (metric, f"val_{metric}"):
        watching = ours.callbacks.EarlyStopping(name)
        watching.set_model(trained)
        assert watching.maximizes() is up
    unknown = ours.callbacks.EarlyStopping("val_other")
    unknown.set_model(trained)
    with pytest.raises(ValueError, match="mode='max' or mode='min'"):
        unknown.maximizes()


def test_metrics_of_outputs_say_where_better_lies(tmp_path):
    """As `compile` has them: objects with names of one's own, one for each output."""
    inputs = ours.Input((3,))
    one, two = (ours.layers.Dense(2, name=name)(inputs) for name in ("one", "two"))
    trained = ours.Model(inputs, {"one": one, "two": two})
    trained.compile("sgd", "mse", metrics={"one": ours.metrics.CosineSimilarity(name="alike"), "two": "mae"})
    x, y = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    watching = [ours.callbacks.ModelCheckpoint(tmp_path / f"{name}.weights.h5", f"val_{name}", save_best_only=True,
                                               save_weights_only=True) for name in ("one_alike", "two_mae")]
    trained.fit(x, {"one": y, "two": y}, validation_split=0.5, verbose=0, callbacks=watching)
    assert [callback.maximizes() for callback in watching] == [True, False]


def test_what_is_not_measured_is_a_warning():
    with pytest.warns(UserWarning, match="watches 'val_loss', which is not measured. Measured: accuracy, loss"):
        model(ours).fit(X, Y, epochs=1, verbose=0, callbacks=[ours.callbacks.EarlyStopping()])
    with pytest.warns(UserWarning, match="Received: 'most'"):
        ours.callbacks.EarlyStopping(mode="most")


def test_terminate_on_nan():
    for raise_error in (False, True):
        trained = model(ours, optimizer=ours.optimizers.SGD(1e30))
        ending = ours.callbacks.TerminateOnNaN(raise_error=raise_error)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            if raise_error:
                with pytest.raises(RuntimeError, match="not finite"):
                    trained.fit(X * 1e20, Y, epochs=5, batch_size=8, verbose=0, callbacks=[ending])
            else:
                history = trained.fit(X * 1e20, Y, epochs=5, batch_size=8, verbose=0, callbacks=[ending])
                assert len(history.epoch) == 1 and "Invalid loss, terminating training" in out.getvalue()


def test_a_schedule_must_return_a_float():
    with pytest.raises(ValueError, match="Received: 'fast'"):
        model(ours).fit(X, Y, verbose=0, callbacks=[ours.callbacks.LearningRateScheduler(lambda epoch, rate: "fast")])


# --- which callbacks need single batches ------------------------------------------------------------------------------

NEEDS = [
    (lambda c: c.Callback(), False), (lambda c: c.EarlyStopping(), False), (lambda c: c.TerminateOnNaN(), True),
    (lambda c: c.ModelCheckpoint("a.keras"), False), (lambda c: c.ModelCheckpoint("a.keras", save_freq=3), True),
    (lambda c: c.TensorBoard(), False), (lambda c: c.TensorBoard(update_freq=10), True),
    (lambda c: c.TensorBoard(profile_batch=3), True), (lambda c: c.CSVLogger("a.csv"), False),
    (lambda c: c.LambdaCallback(on_epoch_end=print), False), (lambda c: c.LambdaCallback(on_train_batch_end=print), True),
    (lambda c: c.SwapEMAWeights(), False), (lambda c: c.BackupAndRestore("a"), False),
    (lambda c: c.BackupAndRestore("a", save_freq=7), True), (lambda c: c.History(), False),
]


@pytest.mark.parametrize("make, needs", NEEDS)
def test_needs_batch(make, needs):
    callback = make(ours.callbacks)
    assert callback.needs_batch("train") is needs
    assert not callback.needs_batch("test") and not callback.needs_batch("predict")


def test_needs_of_own_callbacks():
    class Old(ours.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            pass

    class Testing(ours.callbacks.Callback):
        def on_test_batch_begin(self, batch, logs=None):
            pass

    several = ours.callbacks.CallbackList([Old(), Testing()])
    assert [several.needs_batch(kind) for kind in ("train", "test", "predict")] == [True, True, False]
    progress = ours.callbacks.ProgbarLogger()
    progress.set_params({"verbose": 1, "epochs": 1, "steps": 3})
    assert not progress.needs_batch("train")  # not on a terminal


def test_a_list_for_a_loop_of_ones_own():
    trained = model(ours)
    several = ours.callbacks.CallbackList(ours.callbacks.EarlyStopping("loss"), add_history=True, add_progbar=True,
                                          model=trained, epochs=3, verbose=0, steps=1)
    assert [type(c).__name__ for c in several.callbacks] == ["EarlyStopping", "History", "ProgbarLogger"]
    several.on_train_begin()
    for epoch, loss in enumerate([1.0, 2.0]):
        several.on_epoch_begin(epoch)
        several.on_epoch_end(epoch, {"loss": loss})
    several.on_train_end()
    assert trained.stop_training and trained.history.history == {"loss": [1.0, 2.0]}


# --- files --------------------------------------------------------------------------------------------------------------


class Saved:
    """Stands in for a model: notes what is saved."""

    def __init__(self):
        self.paths, self.metrics = [], []

    def save(self, path, overwrite=True):
        self.paths.append(path)

    save_weights = save


CHECKPOINTS = [
    dict(filepath="{epoch:02d}-{val_loss:.2f}.keras"), dict(filepath="a.keras", save_best_only=True),
    dict(filepath="{epoch}.weights.h5", save_best_only=True, save_weights_only=True, mode="max"),
    dict(filepath="{epoch}.keras", save_best_only=True, initial_value_threshold=0.65),
    dict(filepath="{epoch}.keras", save_best_only=True, monitor="other", mode="max"),
    dict(filepath="{epoch}-{batch}.keras", save_freq=3), dict(filepath="{epoch}-{batch}-{loss:.1f}.keras", save_freq=5),
    dict(filepath="{epoch}-{batch}.keras", save_freq=2, save_best_only=True, monitor="loss"),
]


def checkpoints(keras, folder, arguments):
    arguments = {**arguments, "filepath": os.path.join(folder, arguments["filepath"])}
    callback, saved, out = keras.callbacks.ModelCheckpoint(**arguments, verbose=1), Saved(), io.StringIO()
    callback.set_model(saved)
    with warnings.catch_warnings(record=True), contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        callback.on_train_begin()
        for epoch, value in enumerate(FALLING):
            callback.on_epoch_begin(epoch, {})
            for batch in range(4):
                callback.on_train_batch_end(batch, {"loss": value + batch})
            callback.on_epoch_end(epoch, {"loss": value, "val_loss": value})
    return saved.paths, out.getvalue()


@pytest.mark.parametrize("arguments", CHECKPOINTS, ids=lambda a: a["filepath"])
def test_checkpoints_are_written_when_keras_writes_them(tmp_path, arguments):
    if arguments.get("save_freq", "epoch") != "epoch" and arguments.get("save_best_only"):
        arguments = {**arguments, "mode": "min"}
        theirs_fails = True  # Keras compares before it knows how
    else:
        theirs_fails = False
    found, printed = checkpoints(ours, str(tmp_path), arguments)
    assert found
    if not theirs_fails:
        assert (found, printed) == checkpoints(theirs, str(tmp_path), arguments)


def test_checkpoint_can_be_loaded(tmp_path):
    trained = model(ours)
    keeping = ours.callbacks.ModelCheckpoint(tmp_path / "deep" / "{epoch}.keras")
    weights = ours.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", monitor="loss", save_best_only=True,
                                             save_weights_only=True)
    trained.fit(X, Y, epochs=2, verbose=0, callbacks=[keeping, weights])
    assert sorted(os.listdir(tmp_path / "deep")) == ["1.keras", "2.keras"]
    loaded = ours.models.load_model(tmp_path / "deep" / "2.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), trained.predict(X, verbose=0))
    fresh = model(ours)
    fresh.load_weights(tmp_path / "best.weights.h5")
    np.testing.assert_array_equal(fresh.get_weights()[0], trained.get_weights()[0])


@pytest.mark.parametrize("arguments, message", [
    (dict(filepath="a.h5", save_weights_only=True), "must end in .weights.h5"), (dict(filepath="a"), "must end in .keras"),
    (dict(filepath="a.keras", save_freq="step"), "Received: 'step'"), (dict(filepath="a.keras", save_freq=0), "Received: 0")])
def test_wrong_checkpoints(arguments, message):
    with pytest.raises(ValueError, match=message):
        ours.callbacks.ModelCheckpoint(**arguments)


def test_a_path_that_names_what_is_not_there(tmp_path):
    with pytest.raises(KeyError, match="'val_loss', which is not there"):
        model(ours).fit(X, Y, verbose=0, callbacks=[ours.callbacks.ModelCheckpoint(tmp_path / "{val_loss}.keras")])


def test_orbax_is_left_out():
    with pytest.raises(NotImplementedError, match="Use `ModelCheckpoint`"):
        ours.callbacks.OrbaxCheckpoint("folder")


LOGS = [{"loss": 0.5, "accuracy": 1.0}, {"loss": 0.25, "accuracy": 0.1, "more": 3.0}, {"accuracy": 0.5}]
VALIDATED = [{"loss": 0.5, "val_loss": 1.0}, {"loss": np.float32(0.25)}, {"loss": np.array([1.0, 2.0]), "val_loss": 3.0}]


@pytest.mark.parametrize("arguments", [dict(), dict(separator=";"), dict(append=True)])
@pytest.mark.parametrize("rows", [LOGS, VALIDATED])
def test_csv_files(tmp_path, arguments, rows):
    files = []
    for keras in (ours, theirs):
        path = tmp_path / f"{keras.__name__}.csv"
        for _ in range(2):
            callback = keras.callbacks.CSVLogger(str(path), **arguments)
            callback.on_train_begin()
            for epoch, logs in enumerate(rows):
                callback.on_epoch_end(epoch, logs)
            callback.on_train_end()
        files.append(path.read_bytes())
    assert files[0] == files[1]


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, self.headers["Content-Type"], self.headers["X-Key"], body))
        self.send_response(500 if self.path.startswith("/bad") else 200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    found = http.server.HTTPServer(("127.0.0.1", 0), Server)
    found.got = []
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def test_remote_monitor(server):
    root = f"http://127.0.0.1:{server.server_port}"
    ours.callbacks.RemoteMonitor(root, headers={"X-Key": "k"}).on_epoch_end(3, {"loss": np.float32(0.5)})
    ours.callbacks.RemoteMonitor(root, "/other", send_as_json=True).on_epoch_end(4, {"loss": np.array(0.25)})
    (path, kind, key, body), (other, kind2, _, body2) = server.got
    assert (path, kind, key) == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "k")
    assert json.loads(urllib.parse.parse_qs(body)["data"][0]) == {"epoch": 3, "loss": 0.5}
    assert (other, kind2, json.loads(body2)) == ("/other", "application/json", {"epoch": 4, "loss": 0.25})
    with pytest.warns(UserWarning, match="did not reach"):
        ours.callbacks.RemoteMonitor(root, "/bad").on_epoch_end(0, {})
    with pytest.warns(UserWarning, match="did not reach"):
        ours.callbacks.RemoteMonitor("http://127.0.0.1:1").on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ValueError, match="http"):
        ours.callbacks.RemoteMonitor("file:///etc/passwd")


# --- moving averages ------------------------------------------------------------------------------------------------------


def test_swapped_averages():
    trained = model(ours, optimizer=ours.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))
    trained.fit(X, Y, epochs=1, verbose=0)
    # `fit` may have ended with the averages in place of the weights.
    for weight in trained.trainable_weights:
        weight.assign(weight + 1.0)
    raw = trained.get_weights()
    averages = [v.numpy() for v in trained.optimizer._model_variables_moving_average]
    swap = ours.callbacks.SwapEMAWeights()
    seen = []
    look = ours.callbacks.LambdaCallback(on_test_begin=lambda logs: seen.append(trained.get_weights()))
    trained.evaluate(X, Y, verbose=0, callbacks=[swap, look])
    trained.predict(X, verbose=0, callbacks=[swap])
    np.testing.assert_array_equal(seen[0][0], averages[0])
    for weight, before in zip(trained.get_weights(), raw):
        np.testing.assert_array_equal(weight, before)
    for average, before in zip(trained.optimizer._model_variables_moving_average, averages):
        np.testing.assert_array_equal(average.numpy(), before)


def test_swapping_at_epochs_is_undone_for_training():
    def run(callbacks):
        tf.random.set_seed(0)
        trained = model(ours, optimizer=ours.optimizers.SGD(0.5, use_ema=True))
        losses = trained.fit(X, Y, epochs=4, shuffle=False, verbose=0, callbacks=callbacks).history["loss"]
        return losses, trained

    seen = []
    look = ours.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(look.model.get_weights()[0]))
    plain, first = run([])
    swapped, second = run([ours.callbacks.SwapEMAWeights(swap_on_epoch=True), look])
    assert plain == swapped
    averages = second.optimizer._model_variables_moving_average
    np.testing.assert_array_equal(averages[0].numpy(), first.optimizer._model_variables_moving_average[0].numpy())
    np.testing.assert_array_equal(seen[-1], averages[0].numpy())


def test_averages_are_needed():
    with pytest.raises(ValueError, match="use_ema=True"):
        model(ours).evaluate(X, Y, verbose=0, callbacks=[ours.callbacks.SwapEMAWeights()])


# --- the progress bar -------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drawn(bar_of, monkeypatch):
    """What a bar writes to a terminal while a clock of our own goes on."""
    out, now = Terminal(), [1000.0]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        patched.setattr(time, "time", lambda: now[0])
        bar = bar_of()
        for step in range(1, 13):
            now[0] += 0.7 if step == 1 else 0.03 if step < 8 else 70.0 if step == 9 else 4e-4
            bar.update(step, [("loss", 1.0 / step), ("tiny", -1e-5 * step)])
    return out.getvalue()


@pytest.mark.parametrize("arguments", [
    dict(target=12), dict(target=12, verbose=2), dict(target=12, verbose=0), dict(target=None), dict(target=90000),
    dict(target=12, stateless_metrics=["loss"]), dict(target=12, stateful_metrics=["loss"], unit_name="file", width=7)])
def test_progress_bar(arguments, monkeypatch):
    found = drawn(lambda: ours.utils.Progbar(**arguments), monkeypatch)
    assert found == drawn(lambda: theirs.utils.Progbar(**arguments), monkeypatch)


def test_fit_is_quiet_where_there_is_no_terminal(capsys):
    model(ours).fit(X, Y, batch_size=8, epochs=2, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2" and len(lines) == 4
    assert lines[1].startswith("5/5 ━━━━━━━━━━━━━━━━━━━━ ") and "val_loss: " in lines[1] and "\x1b" not in lines[1]
    model(ours).evaluate(X, Y, batch_size=8)
    assert len(capsys.readouterr().out.splitlines()) == 1
    model(ours).predict(X, verbose=2)
    assert capsys.readouterr().out.startswith("2/2 - ")


def test_fit_on_a_terminal_writes_over_its_line(monkeypatch):
    out = Terminal()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        model(ours).fit(X, Y, batch_size=8, epochs=1)
    assert out.getvalue().count("\n") == 1 and "\r\x1b[1m5/5\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m" in out.getvalue()
