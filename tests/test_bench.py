"""The benchmarks can be asked, and `treadle bench` times a script's function."""

from __future__ import annotations

import random
import sys
import types
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pytest

import bench.__main__ as report
import bench.peers.__main__ as peers
from bench import ask, by_hand, compare, environments, measure, plot, training_steps, workloads
from treadle.keras_like.cli import main

SCRIPT = """
import tensorflow as tf
w = tf.Variable(tf.zeros([2, 1]))

@tf.function
def step(x, y):
    loss = tf.reduce_mean(tf.square(y - x @ w))
    w.assign_add(tf.ones_like(w))
    return loss

def step_arguments():
    return tf.ones([8, 2]), tf.zeros([8, 1])

@tf.function
def called(x, factor):
    return x["a"] * factor

called({"a": tf.ones([3])}, 2)

class Trainer:
    @tf.function(input_signature=[tf.TensorSpec([None, 3]), {"i": tf.TensorSpec([4], tf.int32)}])
    def step(self, x, more):
        return tf.reduce_sum(tf.gather(x, more["i"]))

class Bare:
    @tf.function
    def step(self, x, scale=2.0):
        return x * scale

@tf.function
def open_rank(x):
    return x

@tf.function(input_signature=[tf.TensorSpec(None)])
def signed(x):
    return x

@tf.function
def broken():
    return tf.ones([2, 3]) @ tf.ones([2, 3])

trainer, bare = Trainer(), Bare()
open_rank_arguments = lambda: {"x": 1.0}

def plain():
    pass

if __name__ == "__main__":
    raise SystemExit("the script's own part ran")
"""


@pytest.fixture
def bench(tmp_path, capfd):
    """Runs `treadle bench`: (status, what it printed, what went to standard error)."""
    (tmp_path / "script.py").write_text(SCRIPT)

    def bench(target):
        return main(["bench", f"{tmp_path}/{target}", "--seconds", "0.1"]), *capfd.readouterr()
    return bench


@pytest.mark.parametrize("name", ["step", "trainer.step", "open_rank", "called"])
def test_a_function_is_timed(bench, name):
    status, out, errors = bench(f"script.py:{name}")
    assert (status, errors) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert "script.py:" in lines[name] and "traced in" in lines["first"]
    assert lines["compiled"].endswith("1.00x") and float(lines["eager"].split()[-1].rstrip("x")) > 0


@pytest.mark.parametrize("target, said", [
    ("script.py", '"train.py:step"'), ("nowhere.py:step", "no such file"),
    ("script.py:gone", "are: step, called, open_rank, signed"),
    ("script.py:plain", "not decorated"), ("script.py:bare.step", "takes x. Write a function `bare_step_arguments()`"),
    ("script.py:w.nothing", "has no 'w.nothing'"), ("script.py:signed", "number of axes open")])
def test_what_cannot_be_timed(bench, target, said):
    status, out, errors = bench(target)
    assert status in (1, 2) and said in errors and out == ""


def test_an_exception_is_shown_without_the_frames_of_the_command(bench):
    status, _, errors = bench("script.py:broken")
    assert status == 1 and "in broken" in errors and "(2, 3) and (2, 3)" in errors and "keras_like" not in errors


def test_a_script_s_option_before_the_dashes(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "script.py:step", "--quick"])
    assert "--quick (the script's own options stand behind --)" in capsys.readouterr().err


def test_every_question_is_there():
    for question in ask.QUESTIONS:
        assert callable(ask.find(question)), question
    assert ask.chosen(["memory.m"]) == ["memory.mlp", "memory.models"] and len(ask.chosen([])) == len(ask.QUESTIONS)
    with pytest.raises(ValueError, match="'nothing'"):
        ask.chosen(["nothing"])
    asked = {question.split(".")[0] for question in ask.QUESTIONS}
    helpers = {"__init__", "__main__", "ask", "by_hand", "compare", "environments", "measure", "pipelines", "plot", "workloads"}
    assert {path.stem for path in Path(ask.__file__).parent.glob("*.py")} == asked | helpers


def test_a_question_without_an_answer_says_why():
    with pytest.raises(ask.Failed, match="^TypeError: asdict"):
        ask.ask("measure.code")  # no table
    with pytest.raises(ask.Failed, match="within 0 s"):
        ask.ask("measure.device", seconds=0.05)


def test_the_report_has_what_was_found_although_a_question_fails(tmp_path, monkeypatch, capsys):
    def answer(question, brief):
        if question == "memory.mlp":
            raise ask.Failed("it was too dark")
        return measure.Table(question, "us", {"jax.jit by hand": 2.0, "treadle": 3000.0}, "jax.jit by hand", peers=["script"])

    (tmp_path / "README.md").write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n")
    for name, value in {"ask": answer, "FOLDER": tmp_path}.items():
        monkeypatch.setattr(report, name, value)
    monkeypatch.setenv("TREADLE_PEERS", str(tmp_path / "torch" / "bin" / "python"))
    (tmp_path / "torch.failed").write_text("ERROR: no file of torch")
    monkeypatch.setattr(sys, "argv", ["bench", "--write"])
    assert report.main() == 1
    written = (tmp_path / "README.md").read_text()
    assert written.startswith("before\n") and written.endswith(f"{report.END}\nafter\n") and "old" not in written
    assert "### memory.mlp\n\nNo answer: it was too dark" in written and f"{measure.device()} (" in written
    assert written.count("| treadle | 3,000 | 1500.00 |  |") == len(ask.QUESTIONS) - 1
    assert written.count("| torch | none: could not be installed (ERROR: no file of torch) | | |") == len(ask.QUESTIONS) - 1
    assert len(xml.fromstring((tmp_path / "results.svg").read_text())) > len(ask.QUESTIONS)
    assert f"[{len(ask.QUESTIONS)}/{len(ask.QUESTIONS)}, " in capsys.readouterr().err


def test_peers_keep_what_they_found_before_they_failed(monkeypatch, capsys):
    def numpy(name):
        yield f"{name}, first way", 1.0
        raise ValueError("no\ncompiler")

    monkeypatch.setitem(sys.modules, "bench.peers.fake", types.SimpleNamespace(numpy=numpy))
    monkeypatch.setitem(environments.LIBRARIES, "numpy", ("numpy",))
    peers.main("numpy", "fake", "mlp")
    monkeypatch.setitem(environments.LIBRARIES, "numpy", ("no_package_of_this_name",))
    peers.main("numpy", "fake", "mlp")
    first, second = capsys.readouterr().out.splitlines()
    assert first == '{"rows": {"mlp, first way": 1.0}, "failed": "ValueError: no compiler"}'
    assert second == '{"rows": {}, "failed": ""}'


def test_by_hand_computes_what_treadle_does():
    """For the smallest model; a benchmark of the others fails before it measures if they do not."""
    x, y = workloads.WORKLOADS["mlp"].batches(1)
    step, hand, state = training_steps.treadle_step("mlp"), by_hand.training_step("mlp"), by_hand.initial_state("mlp")
    for _ in range(3):
        state, loss = hand(state, x, y)
        np.testing.assert_allclose(step(x, y), loss, rtol=1e-5)


def test_the_interval_holds_the_median(seed):
    draw = random.Random(seed)
    held = 0
    for _ in range(300):
        low, high = compare.interval([draw.lognormvariate(0.3, 1.0) for _ in range(11)])
        held += low <= np.exp(0.3) <= high
    assert held >= 285  # 99% of 300 are 297: 7 standard deviations away


def test_what_gets_slower_is_told_from_noise(seed, monkeypatch):
    draw, asked = random.Random(seed), []

    def answer(question, root, brief):
        asked.append(root)
        busy = draw.lognormvariate(0.0, 0.5)  # a disturbance that the yardstick meets too
        figures = {"jax.jit by hand": 10.0, "same": 12.0, "slow": 15.0 if root == Path("now") else 10.0}
        return measure.Table(question, "us", {way: f * busy * draw.lognormvariate(0.0, 0.02) for way, f in figures.items()},
                             "jax.jit by hand")

    monkeypatch.setattr(compare, "ask", answer)
    found = {row: (len(ratios), said) for row, ratios, said in compare.judged(Path("now"), Path("then"), "q", 8, 1.03)}
    assert found["slow"] == (16, "slower") and found["same"][1] != "slower" and asked.count(Path("then")) == 16
    assert not any(said == "slower" for _, _, said in compare.judged(Path("then"), Path("then"), "q", 8, 1.03))
    assert compare.settled([0.9, 1.1], 8) and not compare.settled([1.1] * 7, 8) and not compare.settled([0.9, 1.1], 20)


def test_the_picture_shows_the_tables():
    found = measure.Table("a < b?", "us", {"jax.jit by hand": 2.0, "treadle": 1.0, "Keras on jax": 500.0, "other": 3.0},
                          "jax.jit by hand")
    none = measure.Table("memory", "MB", {"before": 1.0, "after": 1.0}, "before")
    root = xml.fromstring(plot.svg([found, none]))
    dots = {title.text: float(dot.get("cx")) for dot in root.iter() for title in dot if title.tag.endswith("title")}
    assert list(dots) == ["Keras on jax: 250.00x", "treadle: 0.50x"]
    assert dots["treadle: 0.50x"] < dots["Keras on jax: 250.00x"] <= float(root.get("width"))
    assert "a < b?" in [text.text for text in root.iter() if text.tag.endswith("text")]
