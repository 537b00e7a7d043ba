"""What glibc does with freed memory: it stays if `tf.config.keep_freed_memory` says so, and programs' blocks do."""

import os
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


# The same for eight blocks of 6 MB: without more ado glibc gives all but 12 MB of them back.
BLOCKS = textwrap.dedent("""
    import resource, sys
    import numpy as np
    from treadle.lowering import memory
    if sys.argv[1] == "kept":
        memory.keep_blocks()
    def touch():
        blocks = [np.empty(6 << 18, np.float32) for _ in range(8)]
        for block in blocks:
            block.fill(1)
    for _ in range(3):
        touch()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        touch()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
""")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's way")
@pytest.mark.parametrize("how, threshold, keeps", [("as it is", {}, False), ("kept", {}, True),
                                                   ("kept", {"MALLOC_TRIM_THRESHOLD_": str(1 << 20)}, False)])
def test_freed_blocks_are_kept_unless_the_user_set_how_many(how, threshold, keeps):
    done = subprocess.run([sys.executable, "-c", BLOCKS, how], capture_output=True, text=True, env={**os.environ, **threshold})
    assert done.returncode == 0, done.stderr
    assert (int(done.stdout) < 20) == keeps
