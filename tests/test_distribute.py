"""`tf.distribute`: one device here, several in a process of their own (`distribute_worker.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import distribute_worker
import numpy as np
import pytest

import treadle as tf

HERE = Path(__file__).parent


# Run under `--long`, and where this file is run by itself.
SLOW = {"check_fit_dataset", "check_keras_distribution", "check_save_and_load", "check_fit_train_step"}


def wanted(request):
    items = request.session.items
    alone = request.config.getoption("--long") or len({item.path for item in items}) == 1
    found = [i.callspec.params["check"] for i in items if hasattr(i, "callspec") and "check" in i.callspec.params]
    return [c for c in found if alone or c not in SLOW]


@pytest.fixture(scope="module")
def results(request):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "TREADLE_CACHE": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("XLA_FLAGS", None)
    command = [sys.executable, str(HERE / "distribute_worker.py"), *wanted(request)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", distribute_worker.names())
def test_on_several_devices(results, check):
    if check not in results:
        pytest.skip("with --long")
    assert results[check] is None, results[check]


# --- one device ---

def test_a_strategy_with_one_replica_runs_plainly():
    strategy = tf.distribute.MirroredStrategy(["GPU:0"])
    seen = []

    def step(x):
        context = tf.distribute.get_replica_context()
        seen.append((tf.distribute.get_strategy() is strategy, context.num_replicas_in_sync,
                     tf.distribute.in_cross_replica_context()))
        return context.all_reduce("SUM", x), context.replica_id_in_sync_group

    total, number = strategy.run(step, args=(tf.constant(3.0),))
    assert (total.numpy(), number.numpy(), seen) == (3.0, 0, [(True, 1, False)])  # eagerly: Python sees each call
    data = tf.data.Dataset.range(3)
    assert list(strategy.experimental_distribute_dataset(data).as_numpy_iterator()) == [0, 1, 2]
    assert strategy.reduce("SUM", tf.constant([1.0, 2.0]), axis=None).numpy().tolist() == [1.0, 2.0]
    assert strategy.reduce(tf.distribute.ReduceOp.SUM, tf.constant([1.0, 2.0]), axis=0).numpy() == 3.0


def test_scopes():
    assert not tf.distribute.has_strategy()
    default = tf.distribute.get_strategy()
    assert default.num_replicas_in_sync == 1
    with tf.distribute.OneDeviceStrategy(tf.config.list_logical_devices()[-1].name).scope():
        assert tf.distribute.has_strategy() and tf.distribute.in_cross_replica_context()
        assert tf.distribute.get_replica_context() is None
        assert isinstance(tf.distribute.get_strategy(), tf.distribute.OneDeviceStrategy)
    assert tf.distribute.get_strategy() is default


def test_control_flow_in_a_step_is_staged():
    strategy = tf.distribute.get_strategy()

    @tf.function
    def run(x):
        def step(x):
            if x > 0.0:
                return x * 2.0
            return x
        return strategy.run(step, args=(x,))

    assert [float(run(tf.constant(v))) for v in (1.0, -1.0)] == [2.0, -1.0]


@pytest.mark.parametrize("make", [tf.distribute.MultiWorkerMirroredStrategy,
                                  tf.distribute.experimental.ParameterServerStrategy])
def test_strategies_that_are_not_there(make):
    with pytest.raises(NotImplementedError, match="MirroredStrategy"):
        make()
    with pytest.raises((RuntimeError, ValueError)):
        tf.distribute.TPUStrategy()


# --- tf.device and settings ---

@pytest.mark.parametrize("name", ["/CPU:0", "cpu:0", "cpu", "/device:CPU:0", "GPU:7",
                                  "/job:localhost/replica:0/task:0/device:CPU:0",
                                  "", None, "/job:localhost", tf.config.LogicalDevice("/device:CPU:0", "CPU")])
def test_device(name):
    """What TensorFlow takes with its default, soft placement."""
    with tf.device(name), tf.device("/cpu:0"):
        assert (tf.constant(1.0) + 1.0).numpy() == 2.0


@pytest.mark.parametrize("name", ["foo", 5, tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU"), "GPU:x"])
def test_no_device(name):
    with pytest.raises(ValueError, match="Received"):
        tf.device(name)


def test_hard_placement():
    tf.config.set_soft_device_placement(False)
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match="TPU:5"), tf.device("TPU:5"):
            pass
        with tf.device(tf.distribute.get_strategy().devices[0]):
            pass
    finally:
        tf.config.set_soft_device_placement(True)
    assert tf.config.get_soft_device_placement()


def test_settings():
    cpu = tf.config.list_physical_devices("CPU")[0]
    assert tf.config.get_visible_devices("CPU") == [cpu]
    np.zeros(1) + tf.constant(1.0).numpy()  # JAX has started
    with pytest.raises(RuntimeError, match="JAX has started"):
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
    with pytest.raises(NotImplementedError):
        tf.config.set_visible_devices([], "CPU")
    tf.config.optimizer.set_jit(True)
    tf.debugging.set_log_device_placement(False)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.set_visible_devices([], "GPU")
