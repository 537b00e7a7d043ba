"""A profile as text for a terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from treadle.ir.location import Location

if TYPE_CHECKING:
    from treadle.runtime.profiling.profile import Profile, Share

_MOST_ROWS = 12
_WIDTH = 132


def to_text(profile: Profile) -> str:
    """The whole profile."""
    total = profile.seconds or 1.0
    rest = max(0.0, profile.seconds - profile.busy - profile.compiling - profile.dispatch)
    parts = [("kernels ran", profile.busy), ("XLA compiled", profile.compiling),
             ("calls of programs, beside their kernels", profile.dispatch), ("Python, and waiting", rest)]
    lines = [f"Profile of {milliseconds(profile.seconds)}"]
    lines += [f"  {milliseconds(s):>10} {s / total:>6.1%}  {what}" for what, s in parts if s > 0]
    for share in profile.programs[:_MOST_ROWS]:
        each = milliseconds(share.seconds / max(1, share.calls))
        lines.append(f"  program {share.name}: {share.calls} runs, kernels of {each} in each")
    if not profile.kernels:
        lines.append("  No compiled program ran.")
        return "\n".join(lines)
    lines += _table("By source line", profile.lines, total)
    lines += _table("By layer", profile.layers, total)
    lines += ["", f"{'Kernels':<12}{'ms':>7}{'share':>8}{'calls':>8}  what it is for"]
    for work in profile.kernels[:_MOST_ROWS]:
        more = len({o.op.name for o in work.operations}) - 1
        at = f" at {place(work.location)}" if work.location else ""
        layer = f" in {work.layer}" if work.layer else ""
        rest_ = f" (and {more} more)" if more > 0 else ""
        lines.append(_cut(f"{'':<12}{work.seconds * 1e3:>7.2f}{work.seconds / total:>8.1%}{work.calls:>8}  "
                          f"{work.what}{rest_}{at}{layer}  [{work.kernel}]"))
    if profile.trace is not None:
        lines += ["", f"Trace: {profile.trace} (open it at https://ui.perfetto.dev)"]
    return "\n".join(lines)


def _table(title: str, shares: Sequence[Share], total: float) -> list[str]:
    lines = ["", f"{title}", f"{'ms':>9}{'share':>8}{'gradient':>10}{'kernels':>9}"]
    for share in shares[:_MOST_ROWS]:
        gradient = f"{share.gradient / share.seconds:.0%}" if share.gradient and share.seconds else ""
        name = f"{place(share.where)}  {share.source}" if share.where is not None else share.name
        lines.append(_cut(f"{share.seconds * 1e3:>9.2f}{share.seconds / total:>8.1%}{gradient:>10}{share.calls:>9}  {name}"))
    left = shares[_MOST_ROWS:]
    if left:
        seconds = sum(s.seconds for s in left)
        lines.append(f"{seconds * 1e3:>9.2f}{seconds / total:>8.1%}{'':>10}{sum(s.calls for s in left):>9}  {len(left)} more")
    return lines


def place(where: Location | None) -> str:
    """A location as `file:line`, without the folders."""
    return "" if where is None else f"{os.path.basename(where.file)}:{where.line}"


def milliseconds(seconds: float) -> str:
    """A time with its unit."""
    return f"{seconds:.2f} s" if seconds >= 10 else f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[:_WIDTH - 3] + "..."
