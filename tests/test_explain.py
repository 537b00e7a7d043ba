"""`f.explain`: what it says about each line, and that saying it changes nothing."""

from __future__ import annotations

import inspect
from html.parser import HTMLParser

import numpy as np
import pytest

import treadle as tf

RATE = 0.5


def said(explanation, function):
    """{source text of a line: what is said about it} for the lines of a function of this file."""
    lines, first = inspect.getsourcelines(inspect.unwrap(getattr(function, "python_function", function)))
    found = {}
    for file in explanation.files:
        if file.path == __file__:
            for part in file.parts:
                for line in part:
                    if first <= line.number < first + len(lines):
                        found[line.source.strip()] = [f"{e.kind}: {e.text}" for e in line.events]
    return found


def rows(explanation, start):
    return next(t.rows for title, t in explanation.tables.items() if title.startswith(start))


def scaled(x, flag):
    factor = 3
    if flag:
        y = x * factor
    else:
        y = x - 1.0
    return y


def generated():
    yield 1.0


def test_each_line_says_what_became_of_it():
    @tf.function
    def f(x, n):
        for k in range(3):
            x = x + k
        if tf.reduce_sum(x) > 0:
            x = scaled(x, True)
        else:
            x = -x
        total = tf.reduce_sum(x)
        for row in x:
            total += row
        while total < 100.0:
            total = total * 2.0
        i = 0
        while i < 2:
            i += 1
        for g in generated():
            total -= g
        return total * n

    e = f.explain(tf.ones([4]), 2)
    f_lines, helper = said(e, f), said(e, scaled)
    assert f_lines["for k in range(3):"] == ["unrolled: 3 iterations, 3 operations"]
    assert f_lines["x = x + k"] == ["traced: 3 operations: 3 add"]
    assert f_lines["if tf.reduce_sum(x) > 0:"] == [
        "staged: `cond`: both branches are compiled, the program takes one", "traced: 2 operations: reduce_sum, greater"]
    assert f_lines["for row in x:"] == ["staged: `scan`: 4 iterations, the body is compiled once"]
    assert "`while`: runs until its condition is false" in f_lines["while total < 100.0:"][0]
    assert f_lines["total = total * 2.0"] == ["traced: 1 operation: multiply"]
    assert f_lines["while i < 2:"] == ["unrolled: 2 iterations"]
    assert f_lines["i = 0"] == ["python: no operation of its own: Python, while tracing"]
    assert "as is: `generated` runs as it is: it is a generator" in f_lines["for g in generated():"]
    assert helper["if flag:"] == ["python: Python decides while tracing: True"]
    assert helper["y = x * factor"] == ["traced: 1 operation: multiply"]
    assert helper["y = x - 1.0"] == ["skipped: not traced"]
    assert [name.rsplit(".", 1)[-1] for name in e.files[0].names[:2]] == ["f", "scaled"] and len(e.files) == 1


def test_a_while_whose_trip_count_the_passes_find():
    @tf.function
    def f(x):
        i = tf.constant(0)
        while i < 7:
            x = x * 2.0
            i += 1
        return x

    e = f.explain(tf.constant(1.0))
    assert said(e, f)["while i < 7:"][0] == "staged: `while`, made a `scan`: 7 iterations, the body is compiled once"


def test_it_neither_runs_the_program_nor_changes_variables():
    v, seen = tf.Variable(1.0), []

    @tf.function
    def f(x):
        tf.py_function(seen.append, [x], [])
        return v.assign_add(x) * 1.0

    first, second = (str(f.explain(tf.constant(2.0))) for _ in range(2))
    assert v.numpy() == 1.0 and not seen
    assert first == second and f.experimental_get_tracing_count() == 1
    assert float(f(tf.constant(2.0))) == 3.0 and v.numpy() == 3.0
    assert f.experimental_get_tracing_count() == 1
    assert rows(f.explain(tf.constant(2.0)), "Calls of Python")[0][1].startswith("test_explain.py:")


def test_retraces_guards_and_checks():
    @tf.function
    def f(x, k):
        assert tf.reduce_sum(x) > 0, "must be positive"
        return tf.gather(x, k) * RATE

    f(tf.ones([2]), tf.constant(0))
    f(tf.ones([3]), tf.constant(0))
    e = f.explain()
    assert "f32[3]" in e.summary
    (title, table), = ((k, t) for k, t in e.tables.items() if k.startswith("Traced"))
    assert title.startswith("Traced 2 times") and "`x`: f32[2] before, f32[3] now" in table.rows[0][0]
    assert "reduce_retracing=True" in table.rows[0][0] and table.rows[0][1].startswith("test_explain.py:")
    guards = {label: value for label, value, _ in rows(e, "Python state")}
    assert guards["the global `RATE`"] == "0.5"
    checks = rows(e, "Checks")
    assert any("must be positive" in text for text, _ in checks) and len(checks) == 2
    assert "checked: 1 check when it runs" in said(e, f)["return tf.gather(x, k) * RATE"]


def test_passes_times_memory_and_cost():
    f = tf.function(lambda x: (x @ x) + (x @ x) * 0.0 + tf.reduce_sum(x - x))
    e = f.explain(tf.ones([64, 64]))
    passes = rows(e, "Operations after each pass")
    assert passes[0][0] == "input" and int(passes[-1][1]) < int(passes[0][1])
    times = dict(rows(e, "Time"))
    assert list(times) == ["tracing the Python code", "converting its control flow", "passes", "lowering to XLA",
                           "XLA's compiler"]
    assert all(float(t.removesuffix(" ms")) >= 0 for t in times.values()) and float(times["XLA's compiler"][:-3]) > 0
    costs = dict(rows(e, "Memory and cost"))
    assert costs["arguments"] == "16.0 KiB"
    assert float(costs["floating point operations"].replace(",", "")) >= 2 * 64**3


def test_specs_open_sizes_and_methods():
    class Model:
        @tf.function
        def step(self, x):
            return x * 2.0

    model = Model()
    e = model.step.explain(tf.TensorSpec([None], tf.float32))
    assert "open sizes" in str(e) and said(e, Model.__dict__["step"])["return x * 2.0"] == ["traced: 1 operation: multiply"]
    fixed = tf.function(lambda x: x + 1.0, input_signature=[tf.TensorSpec([2], tf.float32)])
    assert "input" in str(fixed.explain())
    with pytest.raises(TypeError) as caught:
        fixed.explain(tf.ones([3]))
    assert not [t for t in _files(caught.value) if t != __file__ and "pytest" not in t]


def _files(error):
    found, traceback = [], error.__traceback__
    while traceback is not None:
        found.append(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
    return found


def test_autograph_off_is_explained_too():
    @tf.function(autograph=False)
    def f(x):
        return x - 1.0

    assert said(f.explain(tf.ones([2])), f)["return x - 1.0"] == ["traced: 1 operation: subtract"]


def test_gradients_count_at_the_tapes_line():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def f(x):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.tanh(x * v))
        return tape.gradient(y, v)

    assert said(f.explain(tf.ones([2])), f)["return tape.gradient(y, v)"][0].startswith("traced: ")


def test_text_fits_a_terminal():
    @tf.function
    def f(x):
        very_long_name = tf.reduce_sum(tf.nn.softmax(tf.nn.relu(tf.reshape(x, [2, 2])), axis=-1) * tf.ones([2, 2]), axis=0)
        if tf.reduce_all(very_long_name > 0): return tf.nn.log_softmax(very_long_name)  # noqa: E701
        return very_long_name

    assert max(map(len, str(f.explain(tf.ones([4]))).splitlines())) <= 132
    events = [line for line in str(f.explain(tf.ones([4]))).splitlines() if "| " in line]
    assert events and max(map(len, events)) <= 112


class Checker(HTMLParser):
    """Every tag that opens closes in order; collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags, self.styles = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.styles += [v for k, v in attrs if k == "style"]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_html_is_well_formed_and_escaped():
    @tf.function
    def f(x):
        note = "<script>&amp;"
        if tf.reduce_sum(x) > 0:
            x = x * len(note)
        return x

    checker = Checker()
    checker.feed(f.explain(tf.ones([2]))._repr_html_())
    checker.close()
    text = "".join(checker.text)
    assert not checker.open and "script" not in checker.tags
    assert 'note = "<script>&amp;"' in text and "both branches are compiled" in text
    assert checker.tags.count("details") >= 4 and any("border-left-color" in s for s in checker.styles)
    np.testing.assert_allclose(f(tf.ones([2])), 13.0)
