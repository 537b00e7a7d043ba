"""`tf.config.keep_freed_memory`: memory that is freed stays with the process, until it is switched off."""

import subprocess
import sys
import textwrap

import jax
import pytest

import treadle as tf

# Page faults of a process that asks for 64 MB again and again: the second half of the rounds finds the pages in place, or not.
PROGRAM = textwrap.dedent("""
    import resource, sys
    import numpy as np
    import treadle as tf
    if sys.argv[1] != "as it is":
        tf.config.keep_freed_memory()
    if sys.argv[1] == "off again":
        tf.config.keep_freed_memory(False)
    def touch():
        np.empty(16 << 20, np.float32).fill(1)
    for _ in range(3):
        touch()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        touch()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
""")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's setting")
@pytest.mark.parametrize("how, keeps", [("as it is", False), ("on", True), ("off again", False)])
def test_freed_memory_is_kept(how, keeps):
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # With huge pages 64 MB are 32 faults, else 16,384.
    assert (int(done.stdout) < 30) == keeps


# A chain whose values all wait for the gradient: 60 MB of temporary memory.
STEPS = textwrap.dedent("""
    import resource, sys
    import numpy as np
    import treadle as tf
    if sys.argv[1] == "kept":
        tf.config.keep_freed_memory()
    w = tf.Variable(np.linspace(-0.1, 0.1, 64 * 64, dtype=np.float32).reshape(64, 64))

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            for _ in range(12):
                x = tf.sin(x @ w)
            loss = tf.reduce_sum(x)
        w.assign_sub(1e-6 * tape.gradient(loss, w))
        return loss

    x = tf.ones([10_000, 64])
    losses, faults = [], []
    for _ in range(12):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        losses.append(float(step(x)))
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    print(sorted(faults[6:])[2], *losses)
""")


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="memory of programs on CPU")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's setting")
def test_kept_memory_is_not_mapped_anew_at_each_step(monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", "")
    found = {}
    for way in ("as it is", "kept"):
        done = subprocess.run([sys.executable, "-c", STEPS, way], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and not done.stderr, done.stderr
        faults, *losses = done.stdout.split()
        found[way] = int(faults), losses
    assert found["as it is"][1] == found["kept"][1]
    assert found["kept"][0] < 0.1 * found["as it is"][0]


def test_without_glibc_the_error_says_so(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    with pytest.raises(tf.errors.UnimplementedError, match="GNU C library"):
        tf.config.keep_freed_memory()
