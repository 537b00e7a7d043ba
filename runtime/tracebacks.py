"""The switch for library frames in tracebacks."""

from __future__ import annotations

from treadle.ir import errors


def enable_traceback_filtering() -> None:
    """Leave treadle's own frames out of tracebacks (the default)."""
    errors.show_library_frames = False


def disable_traceback_filtering() -> None:
    """Show treadle's own frames in tracebacks, to debug treadle itself."""
    errors.show_library_frames = True


def is_traceback_filtering_enabled() -> bool:
    """True if treadle's frames are left out."""
    return not errors.show_library_frames
