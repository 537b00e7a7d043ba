"""`treadle run script.py`: a TensorFlow 2 script on treadle, and what it compiled."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import treadle as tf
from treadle.keras_like.scripts.aliases import aliases
from treadle.keras_like.scripts.execute import execute
from treadle.keras_like.scripts.summary import summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--no-summary", action="store_true", help="do not say at the end what was compiled")
    parser.add_argument("script", type=Path, help="a Python file that imports tensorflow or keras")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the script's own arguments")


def run(script: Path, arguments: list[str], with_summary: bool = True) -> int:
    """Run a script on treadle; the summary goes to standard error. Returns the exit status."""
    if not script.is_file():
        print(f"treadle run: there is no such file. Received: {str(script)!r}.", file=sys.stderr)
        return 2
    start = time.perf_counter()
    with aliases(), tf.debugging.record_compilations() as events:
        status = execute(script, arguments)
    if with_summary:
        print(summary(events, time.perf_counter() - start), file=sys.stderr)
    return status
