"""The benchmarks can be asked, and `treadle bench` times a script's function."""

from __future__ import annotations

import importlib
import random
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pytest

from bench import ask, by_hand, compare, measure, plot, training_steps, workloads
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


@pytest.mark.parametrize("name", ["step", "trainer.step", "open_rank"])
def test_a_function_is_timed(bench, name):
    status, out, errors = bench(f"script.py:{name}")
    assert (status, errors) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert "script.py:" in lines[name] and "traced in" in lines["first"]
    assert lines["compiled"].endswith("1.00x") and float(lines["eager"].split()[-1].rstrip("x")) > 0


@pytest.mark.parametrize("target, said", [
    ("script.py", '"train.py:step"'), ("nowhere.py:step", "no such file"), ("script.py:gone", "are: step, open_rank, signed"),
    ("script.py:plain", "not decorated"), ("script.py:bare.step", "takes x. Write a function `bare_step_arguments()`"),
    ("script.py:w.nothing", "has no 'w.nothing'"), ("script.py:signed", "number of axes open")])
def test_what_cannot_be_timed(bench, target, said):
    status, out, errors = bench(target)
    assert status in (1, 2) and said in errors and out == ""


def test_every_question_is_there():
    for question in ask.QUESTIONS:
        module, function = question.rsplit(".", 1)
        assert callable(getattr(importlib.import_module(f"bench.{module}"), function)), question
    assert ask.chosen(["memory.m"]) == ["memory.mlp", "memory.models"] and len(ask.chosen([])) == len(ask.QUESTIONS)
    with pytest.raises(ValueError, match="'nothing'"):
        ask.chosen(["nothing"])
    asked = {question.split(".")[0] for question in ask.QUESTIONS} | {"data_epoch"}
    helpers = {"__init__", "__main__", "ask", "by_hand", "compare", "measure", "plot", "workloads", "saving"}
    assert {path.stem for path in Path(ask.__file__).parent.glob("*.py")} == asked | helpers


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


def test_the_picture_shows_the_tables():
    found = measure.Table("a < b?", "us", {"jax.jit by hand": 2.0, "treadle": 1.0, "Keras on jax": 500.0, "other": 3.0},
                          "jax.jit by hand")
    none = measure.Table("memory", "MB", {"before": 1.0, "after": 1.0}, "before")
    root = xml.fromstring(plot.svg([found, none]))
    dots = {title.text: float(dot.get("cx")) for dot in root.iter() for title in dot if title.tag.endswith("title")}
    assert list(dots) == ["Keras on jax: 250.00x", "treadle: 0.50x"]
    assert dots["treadle: 0.50x"] < dots["Keras on jax: 250.00x"] <= float(root.get("width"))
    assert "a < b?" in [text.text for text in root.iter() if text.tag.endswith("text")]
