"""What happened at each line of the user's source, from a trace's graph and its notes."""

from __future__ import annotations

import ast
import linecache
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from types import CodeType
from typing import NamedTuple

from treadle.ir.graph import Graph, Operation
from treadle.ir.location import Location
from treadle.ir.passes.effects import Site
from treadle.tracer.frontend.source import NoSource, function_tree
from treadle.tracer.report import Note

KINDS = ("staged", "unrolled", "traced", "python", "skipped", "as is", "checked")
_STAGED = ("cond", "while", "scan")
_MOST_NAMES = 5
_ONE = re.compile(r"\b1 (iteration|operation)s")
# Statements of which there is nothing to say if they make no operation.
_SILENT = (ast.Pass, ast.Break, ast.Continue, ast.Return, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)


class Event(NamedTuple):
    """One thing to say about a line."""

    kind: str
    text: str


class Line(NamedTuple):
    """A line of source, and what happened there."""

    number: int
    source: str
    events: list[Event]


class File(NamedTuple):
    """The functions of one file that were traced. `parts` are runs of lines, `names` the functions."""

    path: str
    names: list[str]
    parts: list[list[Line]]


Events = dict[tuple[str, int], list[Event]]


def source_files(functions: dict[CodeType, str], traced: Graph, final: Graph | None, notes: Sequence[Note],
                 sites: Sequence[Site]) -> tuple[list[File], list[tuple[str, str]]]:
    """The files' lines with their events; and (place, what) of operations made by lines in none of the functions."""
    events = _events(traced, final, notes, sites)
    regions: dict[str, list[tuple[int, int]]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    for code, name in functions.items():
        try:
            tree = function_tree(code)
        except NoSource:
            continue
        first = min([tree.lineno, *(d.lineno for d in getattr(tree, "decorator_list", []))])
        regions[code.co_filename].append((first, tree.end_lineno or first))
        names[code.co_filename].append(name.replace("<locals>.", ""))
        if isinstance(tree.body, list):
            _Statements(code.co_filename, events, notes).visit(tree.body)
    files = [File(path, list(dict.fromkeys(names[path])), _parts(path, merged(found), events))
             for path, found in regions.items()]
    shown = {(f.path, line.number) for f in files for part in f.parts for line in part}
    elsewhere = [(f"{path}:{line}", "; ".join(e.text for e in found))
                 for (path, line), found in events.items() if (path, line) not in shown]
    return files, elsewhere


def merged(regions: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs of lines in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(regions):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def _parts(path: str, regions: list[tuple[int, int]], events: Events) -> list[list[Line]]:
    return [[Line(n, linecache.getline(path, n).rstrip("\n"), events.get((path, n), [])) for n in range(first, last + 1)]
            for first, last in regions]


def _by_line(graph: Graph) -> dict[tuple[str, int], list[Operation]]:
    found: dict[tuple[str, int], list[Operation]] = defaultdict(list)
    for inner in graph.nested():
        for operation in inner.operations:
            if operation.location is not None:
                found[operation.location.file, operation.location.line].append(operation)
    return found


def _events(traced: Graph, final: Graph | None, notes: Sequence[Note], sites: Sequence[Site]) -> Events:
    events: Events = defaultdict(list)
    kept = _by_line(final) if final is not None else {}
    for place, operations in _by_line(traced).items():
        staged = [o for o in operations if o.op.name in _STAGED]
        for text, count in Counter(_staged(o, kept.get(place), final is not None) for o in staged).items():
            events[place].append(Event("staged", text + _times(count)))
        plain = [o for o in operations if o.op.name not in (*_STAGED, "constant", "check")]
        if plain:
            events[place].append(Event("traced", _traced(plain)))
    for (kind, detail, where), count in Counter((n.kind, n.detail, n.where) for n in notes if n.where is not None).items():
        if kind == "unrolled":
            events[where.file, where.line].insert(0, Event("unrolled", _ONE.sub(r"1 \1", detail) + _times(count)))
        elif kind == "plain":
            events[where.file, where.line].append(Event("as is", detail + _times(count)))
    for place, truths in _truths(notes).items():
        events[place].insert(0, Event("python", _decided(truths)))
    for place, count in Counter((s.location.file, s.location.line) for s in sites if s.location is not None).items():
        events[place].append(Event("checked", f"{count} check{'s' * (count > 1)} when it runs"))
    return events


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


def _traced(operations: Sequence[Operation]) -> str:
    counts = Counter(o.op.name for o in operations)
    shown = [name if n == 1 else f"{n} {name}" for name, n in counts.most_common(_MOST_NAMES)]
    more = len(counts) - len(shown)
    total = len(operations)
    return f"{total} operation{'s' * (total > 1)}: {', '.join(shown)}" + (f" and {more} more kinds" if more else "")


def _staged(operation: Operation, kept: Sequence[Operation] | None, compiled: bool) -> str:
    """What a staged operation is, and what the passes made of it."""
    now = {o.op.name for o in kept or ()}
    if operation.op.name == "cond":
        count = len(operation.attributes["branches"])
        text = "`cond`: both branches are compiled" if count == 2 else f"`cond`: all {count} branches are compiled"
        return text + (", the program takes one" if not compiled or "cond" in now else "; no choice is left in the program")
    if operation.op.name == "scan":
        return f"`scan`: {operation.attributes['length']} iterations, the body is compiled once"
    lengths = {o.attributes["length"] for o in kept or () if o.op.name == "scan"}
    if len(lengths) == 1 and "while" not in now:
        return f"`while`, made a `scan`: {lengths.pop()} iterations, the body is compiled once"
    if compiled and "while" not in now:
        return "`while`; nothing of it is left in the program"
    return "`while`: runs until its condition is false, the body is compiled once"


def _truths(notes: Sequence[Note]) -> dict[tuple[str, int], Counter]:
    found: dict[tuple[str, int], Counter] = defaultdict(Counter)
    for note in notes:
        if note.kind == "python" and note.where is not None:
            found[note.where.file, note.where.line][note.detail] += 1
    return found


def _decided(truths: Counter) -> str:
    if len(truths) == 1:
        (value, count), = truths.items()
        return f"Python decides while tracing: {value}{_times(count)}"
    return f"Python decides while tracing: True {truths['True']} times, False {truths['False']} times"


class _Statements:
    """Marks statements that made no operation: they ran in Python, or were not reached."""

    def __init__(self, path: str, events: Events, notes: Sequence[Note]):
        self.path, self.events = path, events
        self.truths = _truths(notes)

    def visit(self, statements: Sequence[ast.stmt]) -> None:
        for s in statements:
            if isinstance(s, ast.If):
                truths = self.truths.get((self.path, s.test.lineno)) or self.truths.get((self.path, s.lineno))
                for value, body in (("True", s.body), ("False", s.orelse)):
                    if truths is not None and value not in truths:
                        self._skip(body)
                    else:
                        self.visit(body)
            elif isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if self._has_events(s):
                    self.visit(s.body)
            elif isinstance(s, ast.Match):
                for case in s.cases:
                    self.visit(case.body)
            elif hasattr(s, "body"):
                for field in ("body", "orelse", "finalbody"):
                    self.visit(getattr(s, field, []))
                for handler in getattr(s, "handlers", []):
                    self.visit(handler.body)
            elif not isinstance(s, _SILENT) and not _is_docstring(s) and not self._has_events(s):
                self._add(s, Event("python", "no operation of its own: Python, while tracing"))

    def _skip(self, statements: Sequence[ast.stmt]) -> None:
        for s in statements:
            if not self._has_events(s):
                self._add(s, Event("skipped", "not traced"))

    def _has_events(self, s: ast.stmt) -> bool:
        return any(self.events.get((self.path, n)) for n in range(s.lineno, (s.end_lineno or s.lineno) + 1))

    def _add(self, s: ast.stmt, event: Event) -> None:
        self.events[self.path, s.lineno].append(event)


def _is_docstring(s: ast.stmt) -> bool:
    return isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)


def place(where: Location | None) -> str:
    """A location as `file:line`, short."""
    return "" if where is None else f"{where.file.rsplit('/', 1)[-1]}:{where.line}"
