"""What got slower since a commit? `python -m bench.compare COMMIT [QUESTION ...]`; the exit status is 1 if something did.

The commit is checked out beside this one, with this one's bench/, and both answer the questions in turns, briefly, each time
in a new process. For each row: the median over the rounds of now / then, where both are divided by the yardstick, hand-written
code that the same process timed in turns with it, so that a busy machine hits both. And the interval in which the true
median lies with 99%, by the signs alone, without an assumption about the noise. A row is slower if the whole interval lies
above 1, and the median above `--least`; of a hundred rows, noise alone brings one there now and then, so what looks slower is
measured a second time, and has to be slower again. A question ends early once none of its rows can become slower or faster.
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

from bench.ask import LONG, Failed, ask, chosen
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


def place(n: int, confidence: float = 0.99) -> int:
    """How many of n values may lie on the other side of 1 before it belongs to the interval."""
    outside, found = 2.0 * 0.5**n, 0
    while found + 1 < n // 2 and outside + 2 * math.comb(n, found + 1) * 0.5**n <= 1 - confidence:
        found += 1
        outside += 2 * math.comb(n, found) * 0.5**n
    return found


def interval(values: Sequence[float], confidence: float = 0.99) -> tuple[float, float]:
    """Where the median of what they are drawn from lies: the innermost pair of the ordered values that is sure enough.

    The k-th value from below lies above the median with probability P(at most k - 1 of n coins show heads). With fewer than
    8 values even the outermost pair is less sure than 99%; it is returned all the same.
    """
    ordered, k = sorted(values), place(len(values), confidence)
    return ordered[k], ordered[-1 - k]


def settled(ratios: Sequence[float], rounds: int) -> bool:
    """Whether the interval will hold 1, whatever the rest of the rounds bring."""
    return sum(r <= 1 for r in ratios) > place(rounds) and sum(r >= 1 for r in ratios) > place(rounds)


def verdict(ratios: Sequence[float], least: float) -> str:
    """What these ratios say, if anything: "slower" or "faster"."""
    low, high = interval(ratios)
    return "slower" if low > 1 and statistics.median(ratios) > least else "faster" if high < 1 else ""


def scores(table: Table) -> dict[str, float]:
    """The rows, against the yardstick where that is not treadle itself."""
    if not re.search("by hand|jax", table.against, re.IGNORECASE):
        return table.rows
    return {row: found / table.rows[table.against] for row, found in table.rows.items() if row != table.against}


def compare(now: Path, then: Path, question: str, rounds: int) -> dict[str, list[float]]:
    """now / then of each round, for each row that both have."""
    ratios: dict[str, list[float]] = {}
    for turn in range(rounds):
        sides = [now, then] if turn % 2 else [then, now]
        found = {side: scores(ask(question, side, brief=True)) for side in sides}
        for row in found[now].keys() & found[then].keys():
            ratios.setdefault(row, []).append(found[now][row] / found[then][row])
        if all(settled(found, rounds) for found in ratios.values()):
            break
    return ratios


def judged(now: Path, then: Path, question: str, rounds: int, least: float) -> Iterator[tuple[str, list[float], str]]:
    """Each row, its ratios, and what they say; what looks slower is measured a second time."""
    first, second = compare(now, then, question, rounds), {}
    if any(verdict(found, least) == "slower" for found in first.values()):
        second = compare(now, then, question, rounds)
    for row, found in sorted(first.items()):
        said = verdict(found, least)
        if said == "slower" and verdict(second[row], least) != "slower":
            said = "slower, but not a second time"
        yield row, found + (second[row] if said.startswith("slower") else []), said


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="what to compare the working tree with")
    parser.add_argument("questions", nargs="*",
                        help=f'such as "training_steps" or "eager.run_op"; otherwise all but {", ".join(LONG)}')
    parser.add_argument("--rounds", type=int, default=12, help="processes on each side for each question (default 12)")
    parser.add_argument("--least", type=float, default=1.03, help="ratios below are not called slower (default 1.03)")
    options = parser.parse_args()
    try:
        questions = [q for q in chosen(options.questions) if q not in LONG or q in options.questions]
    except ValueError as error:
        parser.error(str(error))
    if options.rounds < 8:
        print(f"({options.rounds} rounds give a first impression: from 8 on the intervals hold with 99%)")
    slower, failed = [], []
    print("| question | row | now / then | interval | rounds | |\n|---|---|---|---|---|---|")
    with checkout(options.commit) as then:
        for number, question in enumerate(questions, 1):
            print(f"[{number}/{len(questions)}] {question} ...", file=sys.stderr, flush=True)
            try:
                for row, found, said in judged(ROOT, then, question, options.rounds, options.least):
                    low, high = interval(found)
                    figures = f"{statistics.median(found):.3f} | {low:.3f} to {high:.3f} | {len(found)}"
                    print(f"| {question} | {row} | {figures} | {said} |", flush=True)
                    if said == "slower" and "by hand" not in row:
                        slower.append(f"{question}, {row}")
            except Failed as error:
                failed.append(question)
                print(f"| {question} | no answer: {error} | | | | |", flush=True)
    print("\nSlower beyond noise: " + ("; ".join(slower) or "nothing"))
    if failed:
        print("No answer: " + ", ".join(failed))
    return 1 if slower or failed else 0


if __name__ == "__main__":
    sys.exit(main())
