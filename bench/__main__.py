"""Ask every question, or those whose names start with the given ones, and print the report.

`--write` puts it into bench/README.md, with the picture beside it. `--peers` adds the figures of TensorFlow, Keras, torch and
flax, from environments of their own that are made in .venv-peers/; environments whose Pythons $TREADLE_PEERS names (with ":"
between them) are asked too. A question that gets no answer does not keep the others from the report; the exit status is 1.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
from pathlib import Path

from bench import environments, measure, plot
from bench.ask import Failed, ask, chosen

FOLDER = Path(__file__).parent
START, END = "<!-- measured -->", "<!-- end -->"


def tell(line: str) -> None:
    """Progress: where somebody looks while the report may go to a file."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("questions", nargs="*", help='such as "training_steps" or "memory.mlp"')
    parser.add_argument("--write", action="store_true", help="write the report into bench/README.md")
    parser.add_argument("--peers", action="store_true", help="make the environments of other libraries and measure them too")
    parser.add_argument("--brief", action="store_true", help="a few rounds: to see that everything runs")
    options = parser.parse_args()
    try:
        questions = chosen(options.questions)
    except ValueError as error:
        parser.error(str(error))
    if options.write and (options.questions or options.brief):
        parser.error("a report that is written answers all questions at length: leave out --write, or the rest")
    start, load = time.perf_counter(), os.getloadavg()[0]
    pythons = [Path(python) for python in os.environ.get("TREADLE_PEERS", "").split(os.pathsep) if python]
    if options.peers:
        pythons += environments.make_all(tell)
        tell(f"(environments: {time.perf_counter() - start:.0f} s)")
    versions, tables, parts, failed = measure.versions(), [], [], []
    for place, question in enumerate(questions, 1):
        before = time.perf_counter()
        tell(f"[{place}/{len(questions)}, {(before - start) / 60:.1f} min] {question} ...")
        try:
            table = ask(question, brief=options.brief)
            environments.ask_peers(table, pythons)
            tables.append(table)
            parts.append(str(table))
        except Failed as error:
            failed.append(question)
            parts.append(f"### {question}\n\nNo answer: {error}")
        print(f"{parts[-1]}\n\n({question}: {time.perf_counter() - before:.0f} s)\n", flush=True)
    minutes = (time.perf_counter() - start) / 60
    head = (f"Measured {datetime.date.today()} on {versions}, in {minutes:.0f} minutes; load average before: {load:.1f}. "
            "Medians; `spread` is the interquartile range over the median.")
    print(head)
    if failed:
        tell(f"No answer: {', '.join(failed)}")
    if options.write:
        readme = FOLDER / "README.md"
        before_it, _, rest = readme.read_text().partition(START)
        readme.write_text(before_it + START + "\n\n" + "\n\n".join([head, *parts]) + "\n\n" + END + rest.partition(END)[2])
        (FOLDER / "results.svg").write_text(plot.svg(tables))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
