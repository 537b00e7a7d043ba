"""`tf.config.keep_freed_memory`: memory that is freed stays with the process, until it is switched off."""

import subprocess
import sys
import textwrap

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


def test_without_glibc_the_error_says_so(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    with pytest.raises(tf.errors.UnimplementedError, match="GNU C library"):
        tf.config.keep_freed_memory()
