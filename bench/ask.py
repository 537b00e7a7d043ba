"""The questions, in the report's order, and asking one in a process of its own: none disturbs another.

`python -m bench.ask QUESTION [--brief]` prints a question's table as JSON.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from bench.measure import ROOT, Patience, Table

QUESTIONS = (  # "file.function" of this folder, or "file.model" where its `run` takes a model's name
    "linear_regression.run", "many_variables.run", "training_steps.mlp", "training_steps.conv_net", "training_steps.lstm",
    "training_steps.transformer", "kept_memory.transformer", "mlp_step.run_digits", "mlp_step.run", "fit_epoch.run",
    "fit_models.conv_net", "fit_models.lstm", "fit_models.transformer", "eager.run_op", "eager.run_gradient",
    "eager.run_loop", "data_epoch.run", "first_call.run", "first_call.run_chain", "first_call.run_deep",
    "first_call.run_import", "while_loop.run", "while_loop.run_unrolled", "guards.run", "checks.run_small", "checks.run",
    "checks.run_eager", "saving.save_small", "saving.save_large", "saving.load_small", "saving.load_large", "memory.mlp",
    "memory.conv_net", "memory.transformer", "memory.models", "memory.signatures")
LONG = ("first_call.run_deep",)  # minutes: compared only where it is named


class Failed(Exception):
    """A question that got no answer, and why."""


def chosen(names: Iterable[str]) -> list[str]:
    """The questions whose names start with one of these, or all; raises ValueError for a name that fits none."""
    names = list(names)
    for name in names:
        if not any(q.startswith(name) for q in QUESTIONS):
            raise ValueError(f"No question starts with {name!r}. There are: {', '.join(QUESTIONS)}.")
    return [q for q in QUESTIONS if not names or any(q.startswith(name) for name in names)]


def find(question: str) -> Callable[..., Table]:
    """The function that answers a question."""
    file, name = question.split(".")
    module = importlib.import_module(f"bench.{file}")
    return getattr(module, name) if hasattr(module, name) else partial(module.run, name)


def ask(question: str, root: Path = ROOT, seconds: float = 400, brief: bool = False) -> Table:
    """A question's table, found by the code in `root`, without the cache of compiled programs."""
    command = [sys.executable, "-m", "bench.ask", question, *(["--brief"] if brief else [])]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, env={**os.environ, "PYTHONPATH": str(root), "TREADLE_CACHE": ""})
    try:
        out, errors = process.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started, which would disturb the next question
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Failed(f"no answer within {seconds:.0f} s") from None
        raise
    try:
        found = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        found = {"failed": (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]}
    if "failed" in found or process.returncode:
        sys.stderr.write(errors)
        raise Failed(found.get("failed", f"exit status {process.returncode}"))
    return Table(**found)


def main() -> int:
    question, *options = sys.argv[1:]
    try:
        function, more = find(question), {}
        if "--brief" in options:
            Patience.rounds, Patience.seconds = 3, 1.5
            rounds = inspect.signature(function).parameters.get("rounds")
            more = {"rounds": min(3, rounds.default)} if rounds else {}
        print(json.dumps(asdict(function(**more))))
    except Exception as error:
        traceback.print_exc()
        print(json.dumps({"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
