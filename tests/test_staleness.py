"""No silent staleness: changed Python state is seen, or a warning or an error names the line. The table is `staleness/`."""

from __future__ import annotations

import inspect
import traceback
import warnings

import numpy as np
import pytest
from staleness import QUIET, RIGHT, RIGHT_OR_LOUD

import treadle as tf

NOTHING = object()


def table(programs):
    return pytest.mark.parametrize("program", [pytest.param(p, id=name) for name, p in programs.items()])


def value(result):
    """Tensors and variables as arrays, so that what they hold now is kept."""
    return tf.nest.map_structure(
        lambda leaf: np.asarray(leaf.numpy()) if isinstance(leaf, (tf.Tensor, tf.Variable)) else leaf, result)


class Run:
    """One run of a program: what each call gave, and how many calls had been made when a warning named its file."""

    def __init__(self, program, compile):
        self.results, self.warned_at, self.error, self.warnings = [], None, None, []
        file = inspect.getsourcefile(program)
        steps = program()
        given = next(steps)
        f, look = given if isinstance(given, tuple) else (given, lambda: None)
        if compile and not hasattr(f, "experimental_get_tracing_count"):
            f = tf.function(f)
        arguments = None
        while arguments is not NOTHING:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    result = f(*((tf.constant(2.0),) if arguments is None else arguments))
                    self.results.append((value(result), value(look())))
                except Exception as error:
                    self.error = error
            self.warnings += [str(w.message) for w in caught]
            if self.warned_at is None and any(names_line(w, file) for w in caught):
                self.warned_at = len(self.results) - 1
            if self.error is not None:
                break
            arguments = next(steps, NOTHING)
        steps.close()

    def loud_by(self, call, program):
        """Whether a warning came no later than that call, or the run ended there with an error that names the line."""
        if self.warned_at is not None and self.warned_at <= call:
            return True
        file = inspect.getsourcefile(program)
        return self.error is not None and call == len(self.results) and (
            file in str(self.error) or any(frame.filename == file for frame in traceback.extract_tb(self.error.__traceback__)))


def names_line(warning, file):
    """A warning about this program (not that it is traced often), at one of its lines."""
    return "traced" not in str(warning.message) and (warning.filename == file or file in str(warning.message))


def both(program):
    tf.config.run_functions_eagerly(True)
    try:
        eager = Run(program, compile=False)
    finally:
        tf.config.run_functions_eagerly(False)
    if eager.error is not None:
        raise eager.error
    assert not eager.warnings, f"a warning without compilation: {eager.warnings}"
    return eager, Run(program, compile=True)


def first_difference(eager, compiled):
    """The number of the first call whose result or look is not the eager one, or None."""
    for call, expected in enumerate(eager.results):
        if call == len(compiled.results) or not same(compiled.results[call], expected):
            return call
    return None


def same(found, expected):
    a, b = tf.nest.flatten(found), tf.nest.flatten(expected)
    return len(a) == len(b) and all(map(same_leaf, a, b))


def same_leaf(a, b):
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b)


@table({**RIGHT, **RIGHT_OR_LOUD})
def test_eager(program):
    """The program runs as plain Python, and what it changes changes what comes out (or else it tests nothing)."""
    tf.config.run_functions_eagerly(True)
    try:
        run = Run(program, compile=False)
    finally:
        tf.config.run_functions_eagerly(False)
    if run.error is not None:
        raise run.error
    assert len(run.results) > 1 and any(not same(r, run.results[0]) for r in run.results[1:])


@table(RIGHT)
def test_right(program):
    eager, compiled = both(program)
    if compiled.error is not None:
        raise compiled.error
    call = first_difference(eager, compiled)
    assert call is None, f"stale at call {call}: {compiled.results[call]} is not {eager.results[call]}"
    assert not compiled.warnings


@table(RIGHT_OR_LOUD)
def test_right_or_loud(program):
    eager, compiled = both(program)
    call = first_difference(eager, compiled)
    if call is not None and not compiled.loud_by(call, program):
        found = compiled.results[call] if call < len(compiled.results) else repr(compiled.error)
        pytest.fail(f"stale at call {call}, silently: {found} is not {eager.results[call]}; warned: {compiled.warnings}")


@table(QUIET)
def test_quiet(program):
    """Five equal calls: one trace, no warning."""
    found = next(program())
    f, arguments = found if isinstance(found, tuple) else (found, (tf.constant(2.0),))
    compiled = f if hasattr(f, "experimental_get_tracing_count") else tf.function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            compiled(*arguments)
    assert compiled.experimental_get_tracing_count() == 1


def test_the_table_is_large_enough():
    assert len(RIGHT) + len(RIGHT_OR_LOUD) >= 60 and len(QUIET) >= 20
