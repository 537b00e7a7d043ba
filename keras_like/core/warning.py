"""`warn`: a warning that points at the user's line."""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType

import treadle as tf

_LIBRARY = os.path.dirname(str(tf.__file__)) + os.sep


def warn(message: str) -> None:
    """Warn at the innermost line outside the library, however deep inside it the matter was noticed."""
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARY):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
