"""The `treadle` command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import treadle as tf
from treadle.keras_like.demo import digits_classifier, linear_regression, report
from treadle.keras_like.scripts import bench, command


def demo(data: str, folder: Path) -> None:
    """Train both models, time them three ways, and report."""
    print(f"treadle {tf.__version__}")
    print("\nLinear regression, 20,000 points, batch 256 (compiled):")
    regression = linear_regression.run(print)
    print(f"\nDigits classifier, MLP 256-256-10, Adam, batch 64, data: {data} (compiled):")
    digits = digits_classifier.run(print, data)
    report.write(folder, print, regression, digits)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="treadle", description=tf.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("demo", help="train real models eagerly and compiled, and show the speed-up")
    one.add_argument("--data", default="digits", help='"digits" (built in), "mnist" (from the Keras cache folder), '
                     "or the path of an mnist.npz")
    one.add_argument("--out", type=Path, default=Path("demo_output"), help="folder for the graphs and the picture")
    command.add_arguments(commands.add_parser("run", help="run a TensorFlow 2 script on treadle, and say what was compiled"))
    bench.add_arguments(commands.add_parser("bench", help="time a script's own compiled function against eager execution"))
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        hint = " (the script's own options stand behind --)" if options.command == "bench" else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if options.command == "bench":
        return bench.run(options.target, options.arguments, options.seconds, options.size)
    if options.command == "run":
        return command.run(options.script, options.arguments, not options.no_summary)
    try:
        demo(options.data, options.out)
    except (FileNotFoundError, ValueError) as error:
        if isinstance(error, tf.errors.OpError):
            raise
        parser.exit(2, f"treadle demo: {error}\n")
    return 0
