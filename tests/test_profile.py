"""`tf.profile`, `tf.profiler` and `f.explain(..., measure=True)`: what they say, and that saying it changes nothing."""

from __future__ import annotations

import gzip
import inspect
import json
import re
import runpy
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import profiler

import treadle as tf
from treadle.ir.cost import costs, is_contraction
from treadle.ir.location import Location, inside
from treadle.lowering import labels
from treadle.runtime.profiling.events import Ran, overlap, shares, union

needs_profiler = pytest.mark.skipif(not hasattr(profiler, "ProfileData"), reason="this JAX cannot read its profiler's files")


class Net(tf.Module):
    """Two layers, one of them in a scope."""

    def __init__(self):
        super().__init__()
        self.w1 = tf.Variable(np.full([64, 96], 0.01, np.float32), name="w1")
        self.w2 = tf.Variable(np.full([96, 32], 0.01, np.float32), name="w2")

    @tf.function
    def step(self, x):
        with tf.GradientTape() as tape:
            with tf.name_scope("first"):
                h = tf.tanh(x @ self.w1)
            y = h @ self.w2
            loss = tf.reduce_sum(y * y)
        for v, g in zip([self.w1, self.w2], tape.gradient(loss, [self.w1, self.w2])):
            v.assign_sub(0.001 * g)
        return loss


def line_of(text):
    """The line of `Net.step` that holds a text."""
    lines, first = inspect.getsourcelines(Net)
    return first + next(i for i, line in enumerate(lines) if text in line)


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """A profile of four steps, and the values before and after each."""
    net, x = Net(), tf.ones([128, 64])
    net.step(x)
    folder = tmp_path_factory.mktemp("profile")
    with tf.profile(folder) as p:
        for _ in range(4):
            net.step(x)
    return p


@needs_profiler
def test_lines_layers_and_programs(profiled):
    assert [(s.name, s.calls) for s in profiled.programs] == [("step", 4)]
    lines = {s.where.line: s for s in profiled.lines if s.where is not None}
    first, second = lines[line_of("x @ self.w1")], lines[line_of("h @ self.w2")]
    assert first.where.file == __file__ and first.where.function == "step" and "x @ self.w1" in first.source
    for line in (first, second):  # the products, and those of their gradients
        assert 0 < line.gradient < line.seconds and line.calls >= 8
    assert line_of("v.assign_sub") in lines
    layers = {s.name: s for s in profiled.layers}
    assert layers["first"].calls <= first.calls and layers["first"].gradient > 0
    products = [w for w in profiled.kernels if w.operations and w.operations[0].op.name == "matmul"]
    assert {w.calls for w in products} == {4} and len(products) == 5
    assert [w.is_gradient for w in products].count(True) == 3


@needs_profiler
def test_the_parts_add_up(profiled):
    told = sum(w.seconds for w in profiled.kernels)
    assert told == pytest.approx(profiled.busy) == pytest.approx(sum(s.seconds for s in profiled.lines))
    assert 0 < profiled.busy + profiled.compiling + profiled.dispatch <= profiled.seconds
    assert profiled.compiling == 0


@needs_profiler
def test_text(profiled):
    text = str(profiled)
    for part in ("Profile of ", "program step: 4 runs", "By source line", f"test_profile.py:{line_of('x @ self.w1')}",
                 "By layer", "first", "matmul", "trace.json.gz"):
        assert part in text, text
    assert max(map(len, text.splitlines())) <= 132 or str(profiled.trace) in text


@needs_profiler
def test_the_trace_labels_kernels(profiled):
    with gzip.open(profiled.trace, "rt") as file:
        events = json.load(file)["traceEvents"]
    spans = [e for e in events if e["ph"] == "X"]
    assert all(e["dur"] >= 0 and e["ts"] >= 0 for e in spans)
    named = [e for e in spans if e.get("args", {}).get("operation") == "matmul"]
    here = f"{__file__}:{line_of('x @ self.w1')}"
    assert {e["args"]["line"] for e in named} == {here, f"{__file__}:{line_of('h @ self.w2')}"}
    assert any(e["name"].startswith("first/matmul") and e["args"]["layer"] == "first" for e in named)
    assert any(e["args"]["gradient"] for e in named) and any(e["name"] == "step" for e in spans)
    rows = {}
    for e in sorted(spans, key=lambda e: e["ts"]):  # a viewer takes overlapping spans of a row for nested ones
        if e["pid"] == 2:
            assert e["ts"] >= rows.get(e["tid"], 0.0) - 0.002
            rows[e["tid"]] = e["ts"] + e["dur"]


@needs_profiler
def test_layers_of_a_model_in_fit():
    model = tf.keras.Sequential([tf.keras.layers.Dense(32, "tanh", name="wide"), tf.keras.layers.Dense(4, name="out")])
    model.compile("sgd", "mse")
    x, y = np.ones([64, 48], np.float32), np.zeros([64, 4], np.float32)
    model.fit(x, y, batch_size=32, verbose=0)
    with tf.profile() as p:
        model.fit(x, y, batch_size=32, verbose=0)
    assert p.trace is None
    found = {s.name.rsplit("/", 1)[-1]: s for s in p.layers}
    assert found["wide"].gradient > 0 and found["out"].gradient > 0 and model.optimizer.name in found
    assert {s.where.line for s in p.lines if s.where is not None} == {
        inspect.currentframe().f_lineno - 7}  # all that is done for the line that calls `fit`


@needs_profiler
def test_eager_operations_and_nothing_at_all():
    x = tf.ones([64, 64])
    tf.sin(x)
    with tf.profile() as p:
        tf.sin(x)
    assert [s.name for s in p.lines] == ["(sin, eager)"]
    with tf.profile() as p:
        pass
    assert p.kernels == [] and "No compiled program ran" in str(p)


@needs_profiler
def test_wrong_use():
    with tf.profile() as p:
        with pytest.raises(tf.errors.FailedPreconditionError, match="already being made"):
            with tf.profile():
                pass
    with pytest.raises(tf.errors.FailedPreconditionError, match="was already made"):
        p.__enter__()
    with pytest.raises(ZeroDivisionError):  # the block's own exception, and the next profile works
        with tf.profile():
            raise ZeroDivisionError
    with pytest.raises(tf.errors.FailedPreconditionError, match="No profile"):
        tf.profiler.experimental.stop()


@needs_profiler
def test_tensorflows_names(tmp_path):
    f = tf.function(lambda x: x @ x)
    x = f(tf.ones([32, 32]))
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)
    tf.profiler.experimental.start(str(tmp_path / "a"), options=options)
    with tf.profiler.experimental.Trace("work", step_num=7, _r=1):
        f(x)
    p = tf.profiler.experimental.stop()
    assert p.trace == tmp_path / "a" / "trace.json.gz" and "work 7" in gzip.open(p.trace, "rt").read()
    assert list((tmp_path / "a").glob("plugins/profile/*/*.xplane.pb"))  # what TensorBoard reads
    with tf.profiler.experimental.Profile(str(tmp_path / "b")):
        f(x)
    assert (tmp_path / "b" / "trace.json.gz").exists()
    tf.profiler.experimental.start(str(tmp_path / "c"))
    assert tf.profiler.experimental.stop(save=False) is None and not (tmp_path / "c" / "trace.json.gz").exists()


def test_a_program_from_the_disk_is_labelled_too(tmp_path, monkeypatch):
    """What is on disk may have been compiled for other lines: the labels are made for these."""
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path))
    for _ in range(2):
        f = tf.function(lambda x: tf.reduce_sum(tf.sin(x @ x)))
        executable = f.get_concrete_function(tf.TensorSpec([40, 40])).compiled().program.executable
        kernels = labels.kernels(executable).values()
        mine = {o.op.name: o.location.line for k in kernels for o in k.operations if o.location is not None}
        assert mine["matmul"] == mine["reduce_sum"] == inspect.currentframe().f_lineno - 4
    assert executable.lowering_seconds == 0.0  # it came from the disk


def test_what_xla_makes_anew_is_labelled_too():
    """It turns the gradient of a convolution's filters into a convolution of its own, without a word where it comes from."""
    def gradients(x, w):
        with tf.GradientTape() as tape:
            tape.watch(w)
            y = tf.reduce_sum(tf.square(tf.nn.conv2d(x, w, 1, "SAME")))
        return tape.gradient(y, w)

    concrete = tf.function(gradients).get_concrete_function(tf.TensorSpec([8, 14, 14, 16]), tf.TensorSpec([3, 3, 16, 16]))
    kernels = labels.kernels(concrete.compiled().program.executable).values()
    found = {k.operations[0].op.name for k in kernels if k.operations and k.opcode != "bitcast"}
    assert {"convolution", "convolution_filter_gradient"} <= found


def test_scopes_are_noted_where_operations_are_made():
    def body(x):
        with tf.name_scope("a"), tf.name_scope("b") as name:
            assert name == "a/b/"
            y = tf.sin(x)
            with tf.name_scope("c/"):
                y = tf.cos(y)
        return tf.exp(y)

    graph = tf.function(body).get_concrete_function(tf.TensorSpec([2])).graph
    assert {o.op.name: o.location.scope for o in graph.operations} == {"sin": "a/b", "cos": "c", "exp": ""}
    assert inside.scope == ""
    with pytest.raises(ValueError):
        with tf.name_scope("left"):
            raise ValueError
    assert inside.scope == ""


def test_gradients_know_the_line_they_are_of():
    def body(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(tf.sin(x))
            g = tape.gradient(y, x)
        return outer.gradient(g, x)

    graph = tf.function(body).get_concrete_function(tf.TensorSpec([2])).graph
    first = body.__code__.co_firstlineno
    cosine = next(o for o in graph.operations if o.op.name == "cos")
    assert cosine.location.line == first + 6 and cosine.location.forward.line == first + 5
    sine = [o for o in graph.operations if o.op.name == "sin"][-1]
    assert sine.location.line == first + 7 and sine.location.forward.forward.line == first + 5
    assert isinstance(sine.location, Location) and inside.forward is None


# --- explain, measured ---


def test_explain_measures_without_training():
    net, x = Net(), tf.convert_to_tensor(jax.numpy.ones([128, 64]))  # on the device: nothing to transfer
    net.step(x)
    before = [v.numpy() for v in net.variables]
    traces = net.step.experimental_get_tracing_count()
    e = net.step.explain(x, measure=True)
    m = e.measured
    assert all(np.array_equal(b, v.numpy()) for b, v in zip(before, net.variables))
    assert net.step.experimental_get_tracing_count() == traces
    assert m.total > 0 and m.compute > 0 and 0 < m.dispatch < m.total and m.transfer == 0 and m.calls >= 5
    # Two products forward; the gradients of w1, w2 and h.
    products = 2 * 128 * 64 * 96 * 2 + 2 * 128 * 96 * 32 * 3
    assert products < m.flops < 1.1 * products and m.dtype == "float32"
    assert m.least == max(m.flops / m.peak, m.bytes / m.bandwidth) and 0 < m.reached <= 1
    text = str(e)
    for part in ("One call, measured", "dispatch", "Roofline", "GFLOP/s", "reached"):
        assert part in text
    if hasattr(profiler, "ProfileData"):
        assert m.gains[0].gain >= m.gains[-1].gain >= 0
        assert sum(g.flops for g in m.gains) == pytest.approx(m.flops, rel=0.1)
        assert f"matmul at test_profile.py:{line_of('x @ self.w1')} in first" in text
    assert not np.array_equal(before[0], (net.step(x), net.w1.numpy())[1])  # the function itself trains as ever
    assert "One call" not in str(net.step.explain(x))


def test_explain_measures_small_packed_state_and_random_numbers():
    a, b = tf.Variable(1.0), tf.Variable(2.0)

    @tf.function
    def f(x, k):
        a.assign_add(tf.random.uniform([]) + x)
        b.assign(a * k)
        return {"b": b + 0.0}

    f(tf.constant(1.0), 2)
    f(tf.constant(1.0), 2)
    tf.random.set_seed(3)
    expected = float(tf.random.uniform([]))
    tf.random.set_seed(3)
    before = a.numpy(), b.numpy()
    m = f.explain(np.float32(1.0), k=2, measure=True).measured
    assert (a.numpy(), b.numpy()) == before and float(tf.random.uniform([])) == expected
    assert m.total > 0 and 0 <= m.transfer < m.total


def test_explain_refuses_to_measure():
    f = tf.function(lambda x: x + 1.0)
    for arguments in ((), (tf.TensorSpec([2]),)):
        f(tf.ones([2]))
        with pytest.raises(tf.errors.InvalidArgumentError, match="pass the arguments"):
            f.explain(*arguments, measure=True)

    @tf.function
    def prints(x):
        tf.print(x)
        return x

    with pytest.raises(tf.errors.InvalidArgumentError, match="calls Python"):
        prints.explain(tf.ones([2]), measure=True)


def cost_of(function, *shapes):
    concrete = tf.function(function).get_concrete_function(*[tf.TensorSpec(s) for s in shapes])
    return costs(concrete.compiled().pipeline.graph)


def test_costs_of_products_and_convolutions():
    assert cost_of(lambda x, y: x @ y, [3, 5], [5, 7]).flops == 2 * 3 * 5 * 7
    assert cost_of(lambda x, y: tf.matmul(x, y, transpose_a=True), [2, 5, 3], [5, 7]).flops == 2 * 2 * 3 * 5 * 7
    assert cost_of(lambda x, y: tf.einsum("bij,bkj->bik", x, y), [2, 3, 5], [2, 7, 5]).flops == 2 * 2 * 3 * 5 * 7
    convolution = 2 * (2 * 8 * 8 * 16) * (3 * 3 * 4)
    assert cost_of(lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), [2, 8, 8, 4], [3, 3, 4, 16]).flops == convolution

    def gradients(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.reduce_sum(tf.square(tf.nn.conv2d(x, w, 1, "SAME")))
        return tape.gradient(y, [x, w])

    found = cost_of(gradients, [2, 8, 8, 4], [3, 3, 4, 16]).operations
    assert sum(c.total for c in found if is_contraction(c.operation)) == 3 * convolution
    assert cost_of(lambda x: tf.reduce_sum(tf.exp(x)) + 1.0, [10, 10]).flops == 201
    assert cost_of(lambda x: tf.transpose(tf.reshape(x, [5, 20])), [10, 10]).flops == 0


def test_costs_of_loops_and_branches():
    def loop(x):
        for _ in tf.range(10):
            x = x @ x
        return x

    found = cost_of(loop, [4, 4])
    assert found.flops == 10 * 2 * 4**3 and not found.open_loops

    def nested(x):
        for _ in tf.range(3):
            for _ in tf.range(5):
                x = tf.nn.conv2d(x, tf.ones([3, 3, 2, 2]), 1, "SAME")
        return x

    assert cost_of(nested, [1, 6, 6, 2]).flops == 15 * 2 * 72 * 18

    def until(x):
        while tf.reduce_sum(x) < 100.0:
            x = x @ x
        return x

    found = cost_of(until, [4, 4])
    assert len(found.open_loops) == 1 and found.flops >= 2 * 4**3

    def branches(x):
        if tf.reduce_sum(x) > 0:
            y = x @ x @ x
        else:
            y = x @ x
        return y

    assert 2 * 2 * 4**3 <= cost_of(branches, [4, 4]).flops < 3 * 2 * 4**3
    assert cost_of(lambda x: tf.vectorized_map(lambda row: tf.reduce_sum(tf.exp(row)), x), [7, 5]).flops >= 70


@needs_profiler
def test_the_page_runs(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).resolve().parent.parent / "docs" / "profiling.md").read_text()
    (tmp_path / "train.py").write_text("\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)))
    monkeypatch.chdir(tmp_path)
    runpy.run_path("train.py")
    text = capsys.readouterr().out
    assert "train.py:10  loss = loss_of(y, model(x))" in text and "program step: 10 runs" in text
    assert "matmul, gradient at train.py:10 in sequential" in text and (tmp_path / "folder" / "trace.json.gz").exists()


# --- the arithmetic of time ---


def test_time_is_shared_by_what_ran_at_once():
    ran = [Ran(k, "m", 0, 0, a, b) for k, a, b in [("dot", 0, 10), ("add", 4, 6), ("while.1", 0, 20), ("dot", 15, 16)]]
    assert shares(ran) == [9, 1, 9, 1]  # the loop has what its kernels leave
    assert union([(5, 7), (0, 2), (1, 3)]) == [(0, 3), (5, 7)]
    assert list(overlap([(0, 3), (5, 9)], [(2, 6), (8, 12)])) == [(2, 3), (5, 6), (8, 9)]
