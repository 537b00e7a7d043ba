"""Breakpoints in converted code: the debugger stops in the user's file and shows the user's variables."""

import subprocess
import sys

SCRIPT = '''import treadle as tf


def f(x):
    y = x * 2
    for i in tf.range(3):
        if x > 0:
            z = y + 1
            breakpoint()
            y = z
    return y


print("result", float(tf.function(f)(tf.constant(1.0))))
'''


def test_a_breakpoint_inside_staged_control_flow(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    # The loop's body may be traced more than once: the debugger stops each time, and once "EOF" would end the program.
    commands = "p z\np y\np sorted(locals())\nc\n" + "c\n" * 10
    done = subprocess.run([sys.executable, str(file)], input=commands, capture_output=True, text=True, timeout=120)
    # From Python 3.13 on it stops at the breakpoint itself, before at the next line.
    assert f"> {file}(10)f()" in done.stdout and "-> y = z" in done.stdout or (
        f"> {file}(9)f()" in done.stdout and "-> breakpoint()" in done.stdout)
    assert "(Pdb) <tf.Tensor 'add:0' shape=() dtype=float32>" in done.stdout
    assert "treadle_" not in done.stdout.replace(str(tmp_path), ""), done.stdout
    assert "result 5.0" in done.stdout, done.stdout + done.stderr


def test_tracebacks_show_the_users_lines_and_names(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(SCRIPT.replace("breakpoint()", "tf.ones([2]) + tf.ones([3])"))
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=120)
    assert f'File "{file}", line 9, in f' in done.stderr
    assert "treadle_" not in done.stderr and "/tracer/" not in done.stderr, done.stderr
