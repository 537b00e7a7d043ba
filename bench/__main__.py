"""Run every benchmark and print the report; `--write` puts it into bench/README.md.

With TREADLE_PEERS=/path/to/python of an environment that has TensorFlow or torch, their figures are added.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from bench import (
    checks,
    eager,
    first_call,
    fit_epoch,
    fit_models,
    guards,
    linear_regression,
    many_variables,
    measure,
    mlp_step,
    training_steps,
    while_loop,
)

QUESTIONS = [linear_regression.run, many_variables.run, mlp_step.run_digits, mlp_step.run, training_steps.mlp,
             training_steps.conv_net, training_steps.lstm, training_steps.transformer, fit_epoch.run, eager.run_op,
             eager.run_gradient, eager.run_loop, first_call.run, first_call.run_import, while_loop.run,
             while_loop.run_unrolled, guards.run,
             checks.run_small, checks.run, checks.run_eager, fit_models.conv_net, fit_models.lstm, fit_models.transformer]
README = Path(__file__).parent / "README.md"
START, END = "<!-- measured -->", "<!-- end -->"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the report into bench/README.md")
    options = parser.parse_args()
    parts = [f"Measured {datetime.date.today()} on {measure.versions()}. Medians; `spread` is the interquartile range "
             "over the median."]
    for question in QUESTIONS:
        table = question()
        if table is not None:  # some need peers
            parts.append(str(table))
            print(parts[-1] + "\n", flush=True)
    if options.write:
        before, _, rest = README.read_text().partition(START)
        after = rest.partition(END)[2]
        README.write_text(before + START + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after)


if __name__ == "__main__":
    main()
