"""Ask every question, or those whose names start with the given ones, and print the report.

`--write` puts it into bench/README.md, with the picture beside it. With TREADLE_PEERS, Pythons of environments that have
TensorFlow, Keras, torch or flax (with ":" between them), their figures are added: `make bench-peers`.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from pathlib import Path

from bench import measure, plot
from bench.ask import Failed, ask, chosen

FOLDER = Path(__file__).parent
START, END = "<!-- measured -->", "<!-- end -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("questions", nargs="*", help='such as "training_steps" or "memory.mlp"')
    parser.add_argument("--write", action="store_true", help="write the report into bench/README.md")
    options = parser.parse_args()
    try:
        questions = chosen(options.questions)
    except ValueError as error:
        parser.error(str(error))
    if options.write and options.questions:
        parser.error("a report that is written answers all questions: leave their names out, or leave out --write")
    start, tables, parts, failed = time.perf_counter(), [], [], 0
    for question in questions:
        before = time.perf_counter()
        try:
            table = ask(question)
            tables.append(table)
            parts.append(str(table))
        except Failed as error:
            failed += 1
            parts.append(f"### {question}\n\nNo answer: {error}")
        print(f"{parts[-1]}\n\n({question}: {time.perf_counter() - before:.0f} s)\n", flush=True)
    minutes = (time.perf_counter() - start) / 60
    head = (f"Measured {datetime.date.today()} on {measure.versions()}, in {minutes:.0f} minutes. Medians; `spread` is the "
            "interquartile range over the median.")
    print(head)
    if options.write:
        readme = FOLDER / "README.md"
        before_it, _, rest = readme.read_text().partition(START)
        readme.write_text(before_it + START + "\n\n" + "\n\n".join([head, *parts]) + "\n\n" + END + rest.partition(END)[2])
        (FOLDER / "results.svg").write_text(plot.svg(tables))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
