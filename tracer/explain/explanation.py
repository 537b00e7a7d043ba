"""`Explanation`: what is known about one trace of a function and the program compiled from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import CodeType
from typing import Any, NamedTuple

from treadle.ir.location import Location
from treadle.ir.ops.effects import HostCall
from treadle.ir.passes.rolling import rolled_loops
from treadle.runtime.dispatch import Program
from treadle.runtime.profiling.measure import Measured
from treadle.runtime.profiling.report import milliseconds
from treadle.tracer.concrete import Compiled, ConcreteFunction
from treadle.tracer.explain.html import to_html
from treadle.tracer.explain.lines import place, source_files
from treadle.tracer.explain.text import to_text

_MOST_GAINS = 10


class Table(NamedTuple):
    """A part of an explanation: rows of cells. `numbers` are the columns to set to the right."""

    title: str
    rows: Sequence[tuple[str, ...]]
    header: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()


class Explanation:
    """What the compiler made of a function. `str()` is text for a terminal; a notebook shows a table.

    `summary` is the signature, `input_signature` the same as (args, kwargs) of `TensorSpec`s, `files` the source with what
    happened at each line, `tables` everything else, by title.
    """

    def __init__(self, name: str, code: CodeType | None, concrete: ConcreteFunction, compiled: Compiled | None, traces: int,
                 retraces: Sequence[tuple[str, Location | None]], measured: Measured | None = None):
        report = concrete.report
        functions = dict(report.functions) if code is None else {code: code.co_qualname, **report.functions}
        program = None if compiled is None else compiled.program
        final = None if compiled is None else compiled.pipeline.graph
        self.name = name
        self.summary = repr(concrete)[len("<ConcreteFunction "):-1]
        self.input_signature = concrete.structured_input_signature
        self.files, elsewhere = source_files(functions, concrete.graph, final, report.notes,
                                             () if program is None else program.threaded.sites)
        self.measured = measured
        found = [
            *([] if measured is None else [
                Table(f"One call, measured: the median of {measured.calls}", _parts(measured), numbers=(1, 2)),
                Table("Roofline", _roofline(measured), numbers=(1, 3)),
                Table("Operations with the most to gain in one call", _gains(measured),
                      ("operation", "time", "least", "GFLOP/s"), (1, 2, 3))]),
            Table("Operations made by other code", elsewhere),
            Table("Not converted: control flow in these runs in Python", _plain(concrete)),
            _retraces(traces, retraces),
            Table("Python state it depends on: a change traces it again", _guards(concrete), ("what", "value", "read at")),
            _passes(compiled),
            Table("Equal blocks compiled as one loop: tf.config.roll_repeated_blocks", _loops(compiled),
                  ("first block at", "blocks", "operations of one"), (1, 2)),
            Table("Time", _times(concrete, compiled), numbers=(1,)),
            Table("Memory and cost of one call, as XLA plans it", _costs(program), numbers=(1,)),
            Table("Checks when it runs", _checks(program)),
            Table("Calls of Python when it runs", _host_calls(program)),
        ]
        self.tables = {t.title: t for t in found if t.rows}

    def __str__(self) -> str:
        return to_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return to_html(self)


def _plain(concrete: ConcreteFunction) -> list[tuple[str, ...]]:
    notes = dict.fromkeys((n.detail, place(n.where)) for n in concrete.report.notes if n.kind == "plain")
    return list(notes)


def _retraces(traces: int, retraces: Sequence[tuple[str, Location | None]]) -> Table:
    title = f"Traced {traces} time{'s' * (traces != 1)}; what changed each time"
    return Table(title, [(" ".join(text.split()), place(where)) for text, where in retraces])


def _guards(concrete: ConcreteFunction) -> list[tuple[str, ...]]:
    return [(r.label, "" if r.label.startswith("the code of") else r.expected.shown(), place(r.where))
            for r in concrete.guards.reads.values()]


def _passes(compiled: Compiled | None) -> Table:
    title = "Operations after each pass"
    if compiled is None:
        return Table(title, [("open sizes: pass example arguments to see the passes, the compiler's times and the memory",)])
    rows: list[tuple[str, ...]] = []
    before = 0
    for (name, count), seconds in zip(compiled.pipeline.counts, compiled.pipeline.seconds):
        if count != before or name == "input":
            rows.append((name, str(count), "" if name == "input" else f"{count - before:+d}", f"{seconds * 1e3:.1f} ms"))
        before = count
    return Table(title, rows, ("pass", "operations", "change", "time"), (1, 2, 3))


def _loops(compiled: Compiled | None) -> list[tuple[str, ...]]:
    loops = [] if compiled is None else rolled_loops(compiled.pipeline.graph)
    return [(place(o.location), str(o.attributes["length"]), str(len(o.attributes["body"]))) for o in loops]


def _times(concrete: ConcreteFunction, compiled: Compiled | None) -> list[tuple[str, ...]]:
    report = concrete.report
    rows = [("tracing the Python code", report.trace_seconds - report.conversion_seconds),
            ("converting its control flow", report.conversion_seconds)]
    if compiled is not None:
        executable = compiled.program.executable
        rows += [("passes", sum(compiled.pipeline.seconds)), ("lowering to XLA", executable.lowering_seconds),
                 ("XLA's compiler", executable.seconds - executable.lowering_seconds)]
    return [(what, f"{seconds * 1e3:.1f} ms") for what, seconds in rows]


def _costs(program: Program | None) -> list[tuple[str, ...]]:
    if program is None:
        return []
    memory, cost = program.executable.memory(), program.executable.cost()
    names = (("arguments", "argument_size_in_bytes"), ("outputs", "output_size_in_bytes"),
             ("temporaries", "temp_size_in_bytes"), ("outputs in the place of arguments", "alias_size_in_bytes"))
    rows: list[tuple[str, ...]] = [(what, _bytes(memory[key])) for what, key in names if key in memory]
    if "flops" in cost:
        rows.append(("floating point operations", f"{cost['flops']:,.0f}"))
    if "bytes accessed" in cost:
        rows.append(("memory read and written", _bytes(cost["bytes accessed"])))
    return rows


def _parts(measured: Measured) -> list[tuple[str, ...]]:
    rows = [("the whole call, until its results are there", measured.total),
            ("dispatch: Python, the signature, the state", measured.dispatch),
            ("transfer of arguments to the device", measured.transfer),
            ("compute: the compiled program", measured.compute)]
    return [(what, milliseconds(seconds), f"{seconds / measured.total:.0%}") for what, seconds in rows]


def _roofline(measured: Measured) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("floating point operations", f"{measured.flops:,.0f}",
         f"{measured.peak / 1e9:,.0f} GFLOP/s: a large {measured.dtype} product here",
         milliseconds(measured.flops / measured.peak)),
        ("arguments, variables and results", _bytes(measured.bytes),
         f"{measured.bandwidth / 1e9:,.0f} GB/s: arrays of this size updated here",
         milliseconds(measured.bytes / measured.bandwidth)),
        ("the least time", "", "the longer one of these", milliseconds(measured.least)),
        ("reached", "", "the least time in parts of the whole call", f"{measured.reached:.0%}")]
    rows += [("a loop of unknown length counts for one round", "", place(o.location), "") for o in measured.costs.open_loops]
    return rows


def _gains(measured: Measured) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for gain in measured.gains[:_MOST_GAINS]:
        work = gain.work
        where = f" at {place(work.location)}" if work.location else ""
        layer = f" in {work.layer}" if work.layer else ""
        rate = f"{gain.flops / gain.seconds / 1e9:,.1f}" if gain.flops and gain.seconds else ""
        rows.append((f"{work.what}{where}{layer}", milliseconds(gain.seconds), milliseconds(gain.least), rate))
    return rows


def _bytes(count: float) -> str:
    if count < 1024:
        return f"{count:.0f} bytes"
    size, unit = next((count / s, u) for s, u in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")) if count >= s)
    return f"{size:,.1f} {unit}"


def _checks(program: Program | None) -> list[tuple[str, ...]]:
    sites = () if program is None else program.threaded.sites
    counts = Counter((" ".join(s.text.split()), place(s.location)) for s in sites)
    return [(text + (f" ({count} times)" if count > 1 else ""), where) for (text, where), count in counts.items()]


def _host_calls(program: Program | None) -> list[tuple[str, ...]]:
    if program is None:
        return []
    calls = [(o.attributes["function"], o.location) for g in program.graph.nested() for o in g.operations
             if o.op.name == "host_call"]
    return [(_called(function), place(function.where or where)) for function, where in calls]


def _called(function: HostCall) -> str:
    if function.op.name == "print":
        return "print"
    inner = function.attributes.get("function")
    name: Any = getattr(inner, "__qualname__", None) or getattr(inner, "__name__", function.op.name)
    return name
