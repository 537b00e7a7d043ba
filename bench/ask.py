"""The questions, in the report's order, and asking one in a process of its own: none disturbs another.

`python -m bench.ask QUESTION` prints a question's table as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from bench.measure import ROOT, Table

QUESTIONS = (  # "file.function" of this folder
    "linear_regression.run", "many_variables.run", "training_steps.mlp", "training_steps.conv_net", "training_steps.lstm",
    "training_steps.transformer", "mlp_step.run_digits", "mlp_step.run", "fit_epoch.run", "fit_models.conv_net",
    "fit_models.lstm", "fit_models.transformer", "eager.run_op", "eager.run_gradient", "eager.run_loop", "first_call.run",
    "first_call.run_chain",
    "first_call.run_import", "while_loop.run", "while_loop.run_unrolled", "guards.run", "checks.run_small", "checks.run",
    "checks.run_eager", "memory.mlp", "memory.conv_net", "memory.transformer", "memory.models", "memory.signatures")


class Failed(Exception):
    """A question that got no answer, and why."""


def chosen(names: Iterable[str]) -> list[str]:
    """The questions whose names start with one of these, or all; raises ValueError for a name that fits none."""
    names = list(names)
    for name in names:
        if not any(q.startswith(name) for q in QUESTIONS):
            raise ValueError(f"No question starts with {name!r}. There are: {', '.join(QUESTIONS)}.")
    return [q for q in QUESTIONS if not names or any(q.startswith(name) for name in names)]


def ask(question: str, root: Path = ROOT, seconds: float = 900) -> Table:
    """A question's table, found by the code in `root`, without the cache of compiled programs."""
    try:
        done = subprocess.run([sys.executable, "-m", "bench.ask", question], cwd=root, capture_output=True, text=True,
                              timeout=seconds, env={**os.environ, "PYTHONPATH": str(root), "TREADLE_CACHE": ""})
    except subprocess.TimeoutExpired:
        raise Failed(f"no answer within {seconds:.0f} s") from None
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    sys.stderr.write("".join(line for line in done.stderr.splitlines(True) if line.startswith("(peer")))
    return Table(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    module, function = sys.argv[1].rsplit(".", 1)
    print(json.dumps(asdict(getattr(importlib.import_module(f"bench.{module}"), function)())))
