"""Python control flow: what plain Python gives eagerly is what the compiled function gives. The table is `control_flow/`."""

from __future__ import annotations

import inspect
import json
import re
import sys
import warnings

import numpy as np
import pytest
from control_flow import PROGRAMS, REFUSED
from control_flow.record import FILE, recorded

import treadle as tf

ORACLE = json.loads(FILE.read_text())


def table(programs):
    return pytest.mark.parametrize("program", [pytest.param(p, id=name) for name, p in programs.items()])


@pytest.fixture(autouse=True)
def _public_names(request):
    program = request.node.callspec.params.get("program") if hasattr(request.node, "callspec") else None
    if program is not None and program.needs:
        found = tf
        for name in program.needs.split("."):
            found = getattr(found, name, None)
        if found is None:
            pytest.skip(f"tf.{program.needs} does not exist yet")


# --- running a program, and what comes out of it --------------------------------------------------------------------


class Outcome:
    """What a call gave: a result or an exception, what it printed, and the state it left."""

    def __init__(self, f, arguments, state, capfd, error_types=Exception):
        tf.random.set_seed(7)
        capfd.readouterr()
        self.result = self.error = None
        try:
            self.result = f(*arguments)
        except error_types as error:
            self.error = error
        self.printed = plain("".join(capfd.readouterr()))
        self.state = tf.nest.map_structure(value, state())

    def __repr__(self):
        return f"result {self.result!r}, error {self.error!r}, printed {self.printed!r}, state {self.state!r}"


def eagerly(f):
    """`f` with every compiled function run as plain Python."""
    def run(*arguments):
        tf.config.run_functions_eagerly(True)
        try:
            return f(*arguments)
        finally:
            tf.config.run_functions_eagerly(False)
    return run


def plain(text):
    """Printed text without what `print` (eagerly) adds to a tensor's value and `tf.print` does not."""
    text = re.sub(r"tf\.Tensor\((.*?), shape=\([\d, ]*\), dtype=\w+\)", r"\1", text, flags=re.S)
    return text.replace(",", "")


def value(leaf):
    """A tensor or variable as an array; a Python object as it is."""
    return leaf.numpy() if isinstance(leaf, (tf.Tensor, tf.Variable)) else leaf


def message(error):
    return getattr(error, "message", str(error)).split("\n  at ")[0]


def assert_same(found, expected, rtol=2e-5, atol=1e-6, what="result"):
    """Structures, dtypes and values agree. Python numbers come out of a compiled function as tensors."""
    assert tf.nest.map_structure(lambda _: 0, found) == tf.nest.map_structure(lambda _: 0, expected), (
        f"{what}: the structure {found!r} is not {expected!r}")
    for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(expected)):
        if b is None or isinstance(b, (str, bytes)):
            assert a == b, f"{what}: {a!r} is not {b!r}"
            continue
        assert a is not None, f"{what}: None in place of {b!r}"
        if isinstance(a, (tf.Tensor, tf.Variable)) or isinstance(b, (tf.Tensor, tf.Variable)):
            a, b = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
            assert a.dtype == b.dtype, f"{what}: {a.dtype} is not {b.dtype}"
            assert a.shape == b.shape, f"{what}: {a.shape} is not {b.shape}"
        a, b = value(a), value(b)
        if np.asarray(b).dtype.kind not in "fc":
            np.testing.assert_array_equal(a, b, err_msg=what)
        else:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


def assert_same_outcome(found, expected):
    if expected.error is None and found.error is not None:
        raise found.error
    if expected.error is not None:
        assert type(found.error) is type(expected.error), f"{found} is not {expected}"
        assert message(found.error) == message(expected.error)
    else:
        assert_same(found.result, expected.result)
    assert found.printed == expected.printed
    assert_same(found.state, expected.state, what="state")


# --- eager ----------------------------------------------------------------------------------------------------------


def lines_of(code):
    """The lines on which a function has something to run, nested functions and classes included."""
    found = {line for *_, line in code.co_lines() if line is not None and line != code.co_firstlineno}
    for constant in code.co_consts:
        if inspect.iscode(constant):
            found |= lines_of(constant) | {constant.co_firstlineno}
    return found


def run_recording_lines(program, capfd):
    """The outcomes of all calls, and the lines reached."""
    file, reached = program.function.__code__.co_filename, set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != file:
            return None
        reached.add(frame.f_lineno)
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        f, state = program.fresh()
        return [Outcome(eagerly(f), a, state, capfd) for a in program.arguments()], reached
    finally:
        sys.settrace(before)


@table(PROGRAMS)
def test_eager(program, capfd):
    """The program is plain Python that runs, its calls reach every line, and it raises only what the table says."""
    outcomes, reached = run_recording_lines(program, capfd)
    for outcome in outcomes:
        if outcome.error is not None and not (program.raises and isinstance(outcome.error, program.raises)):
            raise outcome.error
    assert not program.raises or any(o.error for o in outcomes), "no call raises"
    assert len(outcomes) > 1, "one call cannot take different paths"
    missed = lines_of(program.function.__code__) - reached - {program.function.__code__.co_firstlineno}
    assert not program.reaches_all or not missed, f"no call reaches the lines {sorted(missed)}"


@table({name: p for name, p in PROGRAMS.items() if p.oracle == "tf"})
def test_as_tensorflow(program):
    """Plain Python on tensors gives what it gives in TensorFlow."""
    f, _ = program.fresh()
    for arguments, expected in zip(program.arguments(), ORACLE[program.id], strict=True):
        found = recorded(tf, eagerly(f), arguments)
        if isinstance(expected, str):
            assert found == expected
            continue
        assert isinstance(found, list), f"raised {found}"
        assert [dtype for dtype, _ in found] == [dtype for dtype, _ in expected]
        for (dtype, a), (_, b) in zip(found, expected):
            if "float" in dtype:
                np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)
            else:
                assert a == b


# --- compiled -------------------------------------------------------------------------------------------------------


@table(PROGRAMS)
def test_compiled(program, capfd):
    """Values, dtypes, structures, exceptions, prints and the state after each call are the eager ones."""
    f, state = program.fresh()
    g, compiled_state = program.fresh()
    compiled = tf.function(g)
    for arguments in program.arguments():
        expected = Outcome(eagerly(f), arguments, state, capfd)
        found = Outcome(compiled, arguments, compiled_state, capfd)
        assert_same_outcome(found, expected)


# --- gradients ------------------------------------------------------------------------------------------------------


def is_float(leaf):
    return isinstance(leaf, tf.Tensor) and leaf.dtype.is_floating


def total(result):
    """One number that depends on every float result, each element with a weight of its own."""
    results = [tf.convert_to_tensor(r) for r in tf.nest.flatten(result) if r is not None]
    terms = [tf.reduce_sum(r * tf.reshape(tf.cast(tf.range(1, 1 + tf.size(r)), r.dtype), tf.shape(r)))
             for r in results if is_float(r)]
    return tf.add_n(terms)


def gradient(f, arguments):
    """The gradient of `total(f(...))` for the float arguments."""
    floats = [a for a in tf.nest.flatten(arguments) if is_float(a)]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        loss = total(f(*arguments))
    return tape.gradient(loss, floats, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def second(f, arguments):
    """The gradient of the sum of the gradient."""
    floats = [a for a in tf.nest.flatten(arguments) if is_float(a)]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        loss = tf.add_n([tf.reduce_sum(tf.sin(g)) for g in gradient(f, arguments)])
    return tape.gradient(loss, floats, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def forward(f, arguments):
    """The directional derivative of `total(f(...))` along all ones."""
    floats = [a for a in tf.nest.flatten(arguments) if is_float(a)]
    with tf.autodiff.ForwardAccumulator(floats, [tf.ones_like(a) for a in floats]) as accumulator:
        loss = total(f(*arguments))
    found = accumulator.jvp(loss)
    return tf.zeros_like(loss) if found is None else found


def same_derivative(program, derivative, capfd):
    """`derivative` is the same for the plain program, around the compiled one, and compiled with it."""
    f, _ = program.fresh()
    around, _ = program.fresh()
    inside, _ = program.fresh()
    compiled = tf.function(around)

    def whole(*arguments):
        return derivative(inside, arguments)
    whole_compiled = tf.function(whole)
    ways = {"outside": lambda *a: derivative(compiled, a), "inside": whole_compiled}
    for arguments in program.arguments():
        expected = Outcome(eagerly(lambda *a: derivative(f, a)), arguments, tuple, capfd)
        for way, run in ways.items():
            found = Outcome(run, arguments, tuple, capfd)
            if expected.error is not None:
                assert type(found.error) is type(expected.error), f"{way}: {found} is not {expected}"
            elif found.error is not None:
                raise found.error
            else:
                assert_same(found.result, expected.result, rtol=2e-4, atol=1e-5, what=f"derivative {way}")


@table({name: p for name, p in PROGRAMS.items() if p.grad})
def test_eager_gradient(program, capfd):
    """The plain program has a finite gradient, and not only zeros (or else the row should not ask for one)."""
    f, _ = program.fresh()
    outcomes = [Outcome(eagerly(lambda *a: gradient(f, a)), a, tuple, capfd) for a in program.arguments()]
    for outcome in outcomes:
        if outcome.error is not None and not (program.raises and isinstance(outcome.error, program.raises)):
            raise outcome.error
    gradients = [value(g) for o in outcomes if o.error is None for g in o.result]
    assert all(np.isfinite(g).all() for g in gradients) and any(np.any(g != 0) for g in gradients)


@table({name: p for name, p in PROGRAMS.items() if p.grad})
def test_gradient(program, capfd):
    same_derivative(program, gradient, capfd)


@table({name: p for name, p in PROGRAMS.items() if p.grad >= 2})
def test_second_order(program, capfd):
    same_derivative(program, second, capfd)


@table({name: p for name, p in PROGRAMS.items() if p.grad >= 2})
def test_forward_mode(program, capfd):
    same_derivative(program, forward, capfd)


# --- refused --------------------------------------------------------------------------------------------------------

ADVICE = (r"(?i)\b(use|write|pass|give|move|return|make|call|set|define|put|keep|let|convert|pad|collect|cast|assign|decide|"
          r"compute|raise|loop over)\b")


@table(REFUSED)
def test_refused(program):
    """Compiling raises the error of the table, with the user's line and what to write instead."""
    lines, first = inspect.getsourcelines(inspect.unwrap(program.function))
    marked = [first + i for i, line in enumerate(lines) if line.rstrip().endswith("# here")]
    f, _ = program.fresh()
    for arguments in program.arguments():
        with pytest.raises(program.error) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a coroutine that nobody awaits
            tf.function(f)(*arguments)
        text = str(caught.value)
        assert re.search(ADVICE, message(caught.value)), f"no advice: {text}"
        assert re.search(program.says, text), f"{program.says!r} is not in: {text}"
        assert any(f"{inspect.getsourcefile(inspect.unwrap(program.function))}:{n}" in text for n in marked) or not marked, (
            f"line {marked} is not in: {text}")


# --- the table itself -----------------------------------------------------------------------------------------------


def test_the_table_is_large_enough():
    assert len(PROGRAMS) >= 150 and len(REFUSED) >= 15
