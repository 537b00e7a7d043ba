"""What the demo shows at its end: a table, the compiled step's graph before and after the passes, and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from treadle.keras_like.demo import digits_classifier, linear_regression


def table(rows: Mapping[str, tuple[Mapping[str, float], int]]) -> str:
    """Microseconds a step for each job and way, and the ratios to eager and to hand-written JAX."""
    lines = [f"{'':<22}{'way':<18}{'us a step':>12}{'faster than eager':>20}{'time against jax.jit':>22}"]
    for job, (seconds, steps) in rows.items():
        by_hand = seconds["jax.jit by hand"]
        for way, found in seconds.items():
            lines.append(f"{job if way == 'eager' else '':<22}{way:<18}{found / steps * 1e6:>12.1f}"
                         f"{seconds['eager'] / found:>18.1f} x{found / by_hand:>20.2f} x")
    return "\n".join(lines)


def graphs(concrete: Any) -> str:
    """The traced graph and the graph that was compiled, as text."""
    pipeline = concrete.pipeline()
    return (f"--- as traced ({len(concrete.graph)} operations)\n{concrete.graph}\n\n"
            f"--- after the passes ({len(pipeline.graph)} operations)\n{pipeline.graph}\n")


def picture(path: Path, regression: linear_regression.Result, digits: digits_classifier.Result) -> None:
    """The scatter of the regression's predictions and both loss curves, as a PNG."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 5))
    points = regression.points[::10]
    shown = left.scatter(points[:, 0], points[:, 1], c=regression.predictions[::10, 0], s=4, cmap="coolwarm",
                         vmin=0, vmax=1)
    figure.colorbar(shown, ax=left, label="prediction")
    wrong = float(((regression.predictions > 0.5) != (regression.labels > 0.5)).mean())
    left.set(title=f"linear regression: {wrong:.2%} on the wrong side", xlabel="x0", ylabel="x1")
    right.plot(regression.losses, marker="o", label="regression: mean squared error")
    right.plot(digits.losses, marker="o", label="digits: cross-entropy")
    right.set(title=f"loss by epoch (digits: {digits.test_accuracy:.1%} right on unseen ones)", xlabel="epoch",
              yscale="log")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def write(folder: Path, say: Callable[[str], None], regression: linear_regression.Result,
          digits: digits_classifier.Result) -> None:
    """Print the table and the regression's graphs; write all graphs and the picture to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    say("\n" + table({"linear regression": (regression.seconds, regression.steps),
                      "digits MLP": (digits.seconds, digits.steps)}))
    say("\nThe compiled linear-regression step:\n\n" + graphs(regression.concrete))
    (folder / "linear_regression_graph.txt").write_text(graphs(regression.concrete))
    (folder / "digits_graph.txt").write_text(graphs(digits.concrete))
    written = "linear_regression_graph.txt, digits_graph.txt"
    try:
        picture(folder / "demo.png", regression, digits)
        written += ", demo.png"
    except ImportError:
        say("(no picture: install matplotlib, or `pip install treadle[viz]`)")
    say(f"Written to {folder}/: {written}")
