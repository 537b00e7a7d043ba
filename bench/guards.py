"""What do guards cost? One small step that reads 0, 10 or 50 things of Python's state: globals, attributes, list items."""

from __future__ import annotations

from types import SimpleNamespace

import treadle as tf
from bench.measure import Table, in_turns

RATE, DECAY, NAME = 0.1, 0.5, "relu"


class Step:
    """A step with settings, as people write them: 10 guards."""

    def __init__(self) -> None:
        self.w = tf.Variable(1.0)
        self.training = True
        self.cfg = SimpleNamespace(lr=0.1, clip=None)
        self.scales = [1.0, 2.0]

    @tf.function
    def plain(self, x):
        return x * 2.0

    @tf.function
    def guarded(self, x):
        y = x * RATE * DECAY if NAME == "relu" else x
        if self.training and self.cfg.clip is None:
            y = y * self.cfg.lr * self.scales[0]
        return self.activation(y)

    def activation(self, x):
        return x + 1.0


def _many(count: int):
    """A step that reads `count` attributes."""
    settings = SimpleNamespace(**{f"s{k}": k * 0.5 for k in range(count)})
    names = list(vars(settings))

    @tf.function
    def step(x):
        for name in tuple(names):
            x = x + getattr(settings, name)
        return x
    return step


def _number(function, *args) -> int:
    return len(function.get_concrete_function(*args).guards.reads)


def run() -> Table:
    x, step, many = tf.constant(1.0), Step(), _many(47)
    none = tf.function(lambda x: x * 2.0)
    ways = {"no guards": none, "method, no settings": step.plain, "typical step": step.guarded, "many attributes": many}
    labelled = {f"{name} ({_number(f, x)} guards)": (lambda f=f: f(x)) for name, f in ways.items()}
    rows, spread = in_turns(labelled, 2000)
    checks = {f"the check alone: {name}": f.get_concrete_function(x).check.quick for name, f in ways.items()
              if f.get_concrete_function(x).check is not None}
    alone, more = in_turns(checks, 5000)
    return Table("What the check of Python's state costs a call", "us a call", {**rows, **alone}, next(iter(rows)),
                 "a typical step's check under 0.5 us", {**spread, **more})


if __name__ == "__main__":
    print(run())
