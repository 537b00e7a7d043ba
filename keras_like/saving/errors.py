"""`ModelFileError`: what is wrong with a file."""

from __future__ import annotations

import os
from typing import Any

import treadle as tf


class ModelFileError(tf.errors.InvalidArgumentError):
    """A file of a model, of weights or of a checkpoint is damaged, not what it should be, or asks for what is not allowed.

    Nothing was changed by the attempt to load it.
    """

    entry = "files-that-do-not-load"
    problem = ""  # what is wrong, without which file and what to do


def refuse(source: Any, problem: str, advice: str = "") -> ModelFileError:
    """The error for a file: which one, what is wrong, what to do."""
    advice = advice or "Load a copy that is whole, from a source that you trust."
    error = ModelFileError(f"{describe(source)} {problem} {advice}")
    error.problem = problem
    return error


def describe(source: Any) -> str:
    """The file in words."""
    if isinstance(source, (str, os.PathLike)):
        return f"The file {os.fspath(source)!r}"
    name = getattr(source, "name", None)
    return f"The file {name!r}" if isinstance(name, str) else "The file"
