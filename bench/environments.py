"""The environments of other libraries: made from bench/peers/NAME.txt, and asked for their figures.

`python -m bench --peers` makes .venv-peers/NAME for each list of requirements. What could not be installed, or failed, is a row
that says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measure import ROOT, Table

FOLDER = ROOT / ".venv-peers"
LISTS = {path.stem: path for path in sorted((ROOT / "bench" / "peers").glob("*.txt"))}
LIBRARIES = {"tensorflow": ("tensorflow", "keras"), "keras_jax": ("keras", "jax"), "torch": ("torch",),
             "nnx": ("flax", "optax")}  # with the packages that they need
LIMIT = 300  # seconds for one library's answer to one question


def make(name: str) -> Path:
    """The Python of an environment, made anew where its requirements have changed; it does not exist if that failed."""
    folder, wanted = FOLDER / name, LISTS[name].read_text()
    done, failed = folder / "installed", FOLDER / f"{name}.failed"
    if done.exists() and done.read_text() == wanted:
        return folder / "bin" / "python"
    shutil.rmtree(folder, ignore_errors=True)
    failed.unlink(missing_ok=True)
    venv.create(folder, with_pip=True)
    pip = subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", LISTS[name]],
                         capture_output=True, text=True)
    if pip.returncode:
        said = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")]
        failed.write_text((said or [f"pip's exit status is {pip.returncode}"])[-1])
        shutil.rmtree(folder)
    else:
        done.write_text(wanted)
    return folder / "bin" / "python"


def make_all(tell: Callable[[str], None]) -> list[Path]:
    """The Pythons of all environments; those that could not be made do not exist."""
    pythons = []
    for name in LISTS:
        tell(f"environment {name} ...")
        pythons.append(make(name))
        if not pythons[-1].exists():
            tell(f"environment {name}: {why_not(pythons[-1])}")
    return pythons


def why_not(python: Path) -> str:
    """Why there is no such Python."""
    folder = python.parent.parent
    failed = folder.with_name(f"{folder.name}.failed")
    return f"could not be installed ({failed.read_text()})" if failed.exists() else f"no file {python}"


def ask_peers(table: Table, pythons: Sequence[Path]) -> None:
    """Add the rows that the table's script in bench/peers finds in these environments."""
    for python in pythons if table.peers else ():
        if not python.exists():
            table.missing[python.parent.parent.name] = why_not(python)
            continue
        for library in LIBRARIES:
            rows, why = _asked(python, library, *table.peers)
            table.rows |= rows
            if why:
                table.missing[library] = why


def _asked(python: Path, library: str, script: str, *arguments: str) -> tuple[dict[str, float], str]:
    """What a library's function in a peers' script found, or why it found nothing."""
    command = [str(python), "-m", "bench.peers", library, script, *arguments]
    backend = {"KERAS_BACKEND": "jax" if library == "keras_jax" else "tensorflow"}
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT,
                              env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": "", **backend})
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {LIMIT} s"
    last = (done.stdout.splitlines() or [""])[-1]
    if not last.startswith("{"):
        sys.stderr.write(done.stderr)
        return {}, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    found = json.loads(last)
    if found["failed"]:
        sys.stderr.write(done.stderr)
    return found["rows"], found["failed"]
