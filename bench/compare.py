"""What got slower since a commit? `python -m bench.compare COMMIT [QUESTION ...]`; the exit status is 1 if something did.

The commit is checked out beside this one, with this one's bench/, and both answer the questions in turns, each time in a
new process. For each row: the median over the rounds of now / then, where both are divided by the yardstick, hand-written
code that the same process timed in turns with it, so that a busy machine hits both. And the interval in which the true
median lies with 99%, by the signs alone, without an assumption about the noise. A row is slower if the whole interval lies
above 1, and the median above `--least`.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.ask import Failed, ask, chosen
from bench.measure import ROOT, Table


@contextlib.contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with the repository as it was at a commit, but with this bench/."""
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "then"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", folder, commit], cwd=ROOT, check=True)
        try:
            shutil.rmtree(folder / "bench", ignore_errors=True)
            shutil.copytree(ROOT / "bench", folder / "bench")
            yield folder
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def interval(values: Sequence[float], confidence: float = 0.99) -> tuple[float, float]:
    """Where the median of what they are drawn from lies: the innermost pair of the ordered values that is sure enough.

    The k-th value from below lies above the median with probability P(at most k - 1 of n coins show heads). With fewer than
    8 values even the outermost pair is less sure than 99%; it is returned all the same.
    """
    ordered, n = sorted(values), len(values)
    outside, place = 2.0 * 0.5**n, 0
    while place + 1 < n // 2 and outside + 2 * math.comb(n, place + 1) * 0.5**n <= 1 - confidence:
        place += 1
        outside += 2 * math.comb(n, place) * 0.5**n
    return ordered[place], ordered[n - 1 - place]


def scores(table: Table) -> dict[str, float]:
    """The rows, against the yardstick where that is not treadle itself."""
    if not re.search("jax|lax", table.against, re.IGNORECASE):
        return table.rows
    return {row: found / table.rows[table.against] for row, found in table.rows.items() if row != table.against}


def compare(now: Path, then: Path, question: str, rounds: int) -> dict[str, list[float]]:
    """now / then of each round, for each row that both have."""
    ratios: dict[str, list[float]] = {}
    for turn in range(rounds):
        sides = [now, then] if turn % 2 else [then, now]
        found = {side: scores(ask(question, side)) for side in sides}
        for row in found[now].keys() & found[then].keys():
            ratios.setdefault(row, []).append(found[now][row] / found[then][row])
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="what to compare the working tree with")
    parser.add_argument("questions", nargs="*", help='such as "training_steps" or "eager.run_op"; all of them otherwise')
    parser.add_argument("--rounds", type=int, default=8, help="processes on each side for each question (default 8)")
    parser.add_argument("--least", type=float, default=1.03, help="ratios below are not called slower (default 1.03)")
    options = parser.parse_args()
    try:
        questions = chosen(options.questions)
    except ValueError as error:
        parser.error(str(error))
    if options.rounds < 8:
        print(f"({options.rounds} rounds give a first impression: from 8 on the intervals hold with 99%)")
    slower = []
    print("| question | row | now / then | interval | |\n|---|---|---|---|---|")
    with checkout(options.commit) as then:
        for question in questions:
            try:
                ratios = compare(ROOT, then, question, options.rounds)
            except Failed as error:
                print(f"| {question} | no answer: {error} | | | |", flush=True)
                continue
            for row, found in sorted(ratios.items()):
                middle, (low, high) = statistics.median(found), interval(found)
                verdict = "slower" if low > 1 and middle > options.least else "faster" if high < 1 else ""
                if verdict == "slower" and "by hand" not in row:
                    slower.append(f"{question}, {row}")
                print(f"| {question} | {row} | {middle:.3f} | {low:.3f} to {high:.3f} | {verdict} |", flush=True)
    print("\nSlower beyond noise: " + ("; ".join(slower) or "nothing"))
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
