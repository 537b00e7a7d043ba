"""`PyDataset` with workers: batches made ahead, in order; failures; interrupts."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import numpy as np
import pytest

from keras_tests.oracle import ours


class Slow(ours.utils.PyDataset):
    """Batch i is full of i. Notes the threads that made batches, how many were begun, and the most under way at once."""

    def __init__(self, count=8, wrong=None, seconds=0.0, **kwargs):
        super().__init__(**kwargs)
        self.count, self.wrong, self.seconds = count, wrong, seconds
        self.made_by, self.begun, self.under_way, self.most_at_once = set(), 0, set(), 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.begun += 1
        self.made_by.add(threading.get_ident() if not self.use_multiprocessing else os.getpid())
        self.under_way.add(index)
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        time.sleep(self.seconds * (1 + index % 3))
        self.under_way.discard(index)
        if index == self.wrong:
            raise ZeroDivisionError(f"batch {index} is bad")
        return np.full([4, 2], index, np.float32), np.full([4, 1], index, np.float32)


class Endless(Slow):
    num_batches = None

    def __len__(self):
        raise TypeError("endless")


def model():
    made = ours.Sequential([ours.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def the_threads_end():
    deadline = time.perf_counter() + 20
    while [t for t in threading.enumerate() if t.name.startswith("treadle-batches")]:
        assert time.perf_counter() < deadline, "the threads go on"
        time.sleep(0.01)


def first_values(batches):
    return [float(x[0, 0]) for x, _ in batches]


def test_threads_work_ahead_and_in_order():
    data = Slow(12, seconds=0.01, workers=4, max_queue_size=5)
    assert first_values(data) == list(range(12))
    assert 1 < data.most_at_once <= 4 and 1 < len(data.made_by) <= 4
    assert threading.get_ident() not in data.made_by
    plain = Slow(3)
    assert first_values(plain) == [0, 1, 2] and plain.made_by == {threading.get_ident()}


def test_no_more_than_the_queue_holds_are_ahead():
    data = Slow(50, workers=2, max_queue_size=3)
    batches = iter(data)
    next(batches)
    time.sleep(0.05)
    assert data.begun <= 4
    batches.close()
    the_threads_end()
    assert data.begun <= 5


def test_fit_evaluate_predict():
    with_workers, without = Slow(workers=3), Slow()
    fitted = []
    for data in (with_workers, without):
        ours.utils.set_random_seed(1)
        made = model()
        history = made.fit(data, epochs=2, shuffle=False, verbose=0, validation_data=data)
        fitted.append((history.history, made.evaluate(data, verbose=0), made.predict(data, verbose=0).tolist()))
    assert fitted[0] == fitted[1] and len(with_workers.made_by) > 1
    history = model().fit(Endless(workers=2), epochs=2, steps_per_epoch=3, verbose=0)
    assert len(history.history["loss"]) == 2


def test_a_failure_in_a_worker_is_raised_with_its_line():
    with pytest.raises(ZeroDivisionError, match="batch 5 is bad") as failed:
        model().fit(Slow(wrong=5, workers=2), shuffle=False, verbose=0)
    assert "raise ZeroDivisionError" in "".join(traceback.format_exception(failed.value))
    del failed
    the_threads_end()


def test_processes():
    data = Slow(4, workers=2, use_multiprocessing=True)
    assert first_values(data) == [0, 1, 2, 3] and data.begun == 0
    with pytest.raises(ZeroDivisionError, match="batch 1 is bad") as failed:
        list(Slow(4, wrong=1, workers=1, use_multiprocessing=True))
    assert "raise ZeroDivisionError" in "".join(traceback.format_exception(failed.value))


PROGRAM = """
import time
import numpy as np
from treadle import keras
class Data(keras.utils.PyDataset):
    def __len__(self):
        return 100
    def __getitem__(self, index):
        time.sleep(0.3)
        print(f"batch {index}\\n", end="", flush=True)
        return np.ones([2, 2], np.float32), np.ones([2, 1], np.float32)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(Data(workers=2, max_queue_size=20), verbose=0)
"""


def test_an_interrupt_ends_the_program_at_once(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    running = subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    for _ in range(4):
        assert running.stdout.readline().startswith("batch")
    running.send_signal(signal.SIGINT)
    rest, told = running.communicate(timeout=60)
    assert rest.count("batch") <= 4 and "KeyboardInterrupt" in told
