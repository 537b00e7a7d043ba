"""Random programs with Python control flow: compiled, they do what they do as plain Python, or are refused with a line."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
from control_programs import Node, Programs, program_text, shrink
from test_control_flow import assert_same, gradient, message, plain

import treadle as tf

CALLS = [(1.5, -0.5, 3, 1, [0.5, -1.0, 2.0]), (-1.25, 2.0, 0, 5, [-0.5, 0.25, -3.0]), (0.0, 0.75, -2, 4, [3.0, 0.0, 1.0])]
# The kinds of refusal that the programs may meet: state that differs by the path taken.
EXPECTED = re.compile(
    r"must leave the same kind of value|keeps the kind, dtype and shape|by the branch taken|"
    r"An exception that depends on a tensor cannot be caught|before and after an iteration|may run no iteration")

# Eagerly a tape passes no gradient through `assign` and `float`, and `max` gives it to one of two equal numbers.
NO_GRADIENT = re.compile(r"var\.assign|float\(|\bmax\(")


class Wrong(AssertionError):
    """What went wrong, by kind, so that shrinking keeps to one failure."""

    def __init__(self, kind: str, text: str):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Outcome:
    """A call's result or exception, what it printed, and the variables after it."""

    def __init__(self, f, arguments, variables):
        self.result = self.error = None
        for v, start in zip(variables, (0.5, 2)):
            v.assign(start)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            try:
                self.result = f(*arguments)
                tf.nest.map_structure(lambda r: r.numpy() if isinstance(r, tf.Tensor) else r, self.result)
            except Exception as error:
                self.error = error
        self.printed = plain(output.getvalue())
        self.state = [v.numpy() for v in variables]


def load(text: str, path: Path):
    """The program of a module's text, made anew: (function, variables)."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make


def arguments(call):
    return [tf.constant(a) for a in call]


def compare(found, expected, what, path, derivative=False):
    """None, or the refusal."""
    if isinstance(found.error, tf.errors.StagingError) and not isinstance(expected.error, tf.errors.StagingError):
        text = str(found.error)
        if str(path) not in text:
            raise Wrong(f"{what} refused without a line", text)
        if not EXPECTED.search(text):
            raise Wrong(f"{what} refused unexpectedly", text)
        return text
    if (found.error is None) != (expected.error is None) or type(found.error) is not type(expected.error):
        raise Wrong(f"{what} {type(found.error).__name__} for {type(expected.error).__name__}",
                    f"{found.error!r} is not {expected.error!r}") from found.error
    if expected.error is not None and message(found.error) != message(expected.error):
        raise Wrong(f"{what} message", f"{message(found.error)!r} is not {message(expected.error)!r}")
    try:
        if expected.error is None:
            assert_same(found.result, expected.result, 2e-4 if derivative else 2e-5, 1e-4 if derivative else 1e-5)
    except AssertionError as error:
        raise Wrong(f"{what} result", str(error)) from None
    if derivative:
        return None
    if found.printed != expected.printed:
        raise Wrong(f"{what} printed", f"{found.printed!r} is not {expected.printed!r}")
    # A step happens or it does not: an exception leaves the variables as they were.
    state = expected.state if expected.error is None else [0.5, 2]
    if not np.allclose(found.state, state, rtol=2e-5, atol=1e-5):
        raise Wrong(f"{what} state", f"{found.state} is not {state}")
    return None


def fails_when_traced(run, call):
    try:
        tf.function(run).get_concrete_function(*arguments(call))
    except tf.errors.StagingError:
        return False
    except Exception:
        return True
    return False


def check(body: list[Node], path: Path, gradients: bool) -> str | None:
    """Run a program in all ways. Raises Wrong; returns the refusal, if it was refused."""
    make = load(program_text(body), path)
    (eager, variables), (run, compiled_variables) = make(), make()
    compiled = tf.function(run)
    expected = [Outcome(eager, arguments(c), variables) for c in CALLS]
    for outcome, call in zip(expected, CALLS):
        found = Outcome(compiled, arguments(call), compiled_variables)
        if outcome.error is not None and fails_when_traced(run, call):
            continue  # a certain exception comes before whatever the program would do or raise first
        refusal = compare(found, outcome, "compiled", path)
        if refusal is not None:
            return refusal
    if gradients and all(o.error is None for o in expected) and not NO_GRADIENT.search(path.read_text()):
        whole = tf.function(lambda *a: gradient(run, a))
        for call in CALLS[:2]:
            derivative = Outcome(lambda *a: gradient(eager, a), arguments(call), variables)
            for way, f in (("gradient outside", lambda *a: gradient(compiled, a)), ("gradient inside", whole)):
                compare(Outcome(f, arguments(call), compiled_variables), derivative, way, path, derivative=True)
    return None


def kind_of_failure(body, path, gradients) -> str | None:
    try:
        check(body, path, gradients)
    except Wrong as wrong:
        return None if "is not defined" in str(wrong) else wrong.kind
    except SyntaxError:
        return None
    return None


def shrunk(body, path, gradients, kind):
    """The smallest program that fails in the same way."""
    count = iter(range(10**9))
    return shrink(body, lambda b: kind_of_failure(b, path.with_name(f"{path.stem}_{next(count)}.py"), gradients) == kind)


def test_random_control_flow(seed, long, tmp_path):
    refusals = Counter()
    total = 3000 if long else 40
    for i in range(total):
        body = Programs(seed + i, wide=long).program()  # TensorArrays, `with`, `match`, exits from `finally`
        path = tmp_path / f"program_{seed + i}.py"
        try:
            refused = check(body, path, gradients=i % 4 == 0)
        except Wrong as wrong:
            if wrong.kind.endswith("refused unexpectedly") and not long:
                refusals["refused"] += 1  # loud, at the user's line; `--long` asks for the reason too
                continue
            small = shrunk(body, path, i % 4 == 0, wrong.kind)
            raise AssertionError(f"seed {seed + i}: {wrong}\n{program_text(small)}") from wrong
        refusals["refused" if refused else "compiled"] += 1
    assert refusals["refused"] < 0.2 * total, refusals
