"""Which operations of a graph XLA's kernels carry out.

The program is lowered once more with each operation in a JAX name scope of its own, which XLA notes beside every
instruction it makes. The program itself is compiled without: neither its speed nor its place in the cache on disk
depends on it. XLA compiles both to the same instructions under the same names, which is checked, kernel by kernel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax

from treadle.ir.graph import Graph, Operation
from treadle.ir.ops.structure import fusion
from treadle.lowering.executable import Executable
from treadle.lowering.fusion import fused
from treadle.lowering.namespace import JaxNamespace
from treadle.lowering.overrides import lowering_of

_COMPUTATION = re.compile(r"(?:ENTRY )?%?([\w.\-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_OPCODE = re.compile(r"\s([a-z][a-z0-9\-]*)\(")
_CALLED = re.compile(r"(?:calls|to_apply)=%?([\w.\-]+)")
_SCOPE = re.compile(r"treadle_(\d+)_")
_METADATA = re.compile(r", metadata=\{[^}]*\}|, stack_frame_id=\d+")
_TYPE = re.compile(r"\b([a-z]+[0-9]*(?:e\d\w+)?)\[([0-9,]*)\]")
_COPIED = re.compile(r"\S+ copy\(%arrays_(\d+)_")
_OPERAND = re.compile(r"%([\w.\-]+)")
_HEAVY = ("dot", "convolution", "custom-call")
CONTAINERS = ("while", "conditional", "call", "async-start", "async-done")  # run kernels, and do nothing themselves


class Kernel(NamedTuple):
    """One instruction of a compiled program, as the device runs it.

    `operations`: those of the graph that it carries out, or has a part in; the one it is for comes first. None at all: it
    is XLA's own, a copy. `bytes`: of what it reads and writes, as far as the shapes tell.
    """

    name: str
    opcode: str
    operations: tuple[Operation, ...]
    bytes: int
    copied: str = ""  # the name of the program's input, where it copies one


class _Instruction(NamedTuple):
    name: str
    opcode: str
    text: str
    is_root: bool
    number: int | None  # of the operation it was made for

    @property
    def plain(self) -> str:
        """The text without what was noted for it."""
        return _METADATA.sub("", self.text)


class _Labelling(JaxNamespace):
    """JAX's namespace, with a name scope around each operation."""

    def __init__(self, native: bool) -> None:
        self.native = native
        self.operations: list[Operation] = []
        self._numbers: dict[int, int] = {}

    def run_graph(self, graph: Graph, arrays: Sequence[Any]) -> list[Any]:
        graph = fused(graph) if self.native else graph
        values = dict(zip(graph.inputs, arrays))
        for operation in graph.operations:
            number = self._numbers.setdefault(id(operation), len(self.operations))
            if number == len(self.operations):
                self.operations.append(operation)
            with jax.named_scope(f"treadle_{number}_"):
                results = lowering_of(operation.op)(self, *[values[o] for o in operation.operands], **operation.attributes)
            values.update(zip(operation.results, results if operation.op.many else [results]))
        return [values[v] for v in graph.outputs]


def kernels(executable: Executable) -> dict[str, Kernel]:
    """The kernels of a program by name. Takes as long as compiling it, the first time."""
    if executable.kernels is None:
        executable.kernels = _kernels(executable)
    return executable.kernels


def module_name(executable: Executable) -> str:
    """The name that XLA knows the program by."""
    return executable.compiled.runtime_executable().hlo_modules()[0].name


def instruction_names(executable: Executable) -> set[str]:
    """The names of all kernels the program has, and of more that is in it."""
    return {i.name for instructions in _computations(executable.compiled.as_text()).values() for i in instructions}


def program_id(executable: Executable) -> int:
    """The number that XLA gave the program: the field `id` of its serialized form. -1: unknown.

    It tells apart programs that this process compiled; one that was read from disk has the number it got elsewhere.
    """
    data = executable.compiled.runtime_executable().hlo_modules()[0].as_serialized_hlo_module_proto()
    at = 0

    def number() -> int:
        nonlocal at
        result = shift = 0
        while True:
            byte = data[at]
            at += 1
            result |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return result

    while at < len(data):
        field, kind = divmod(number(), 8)
        value = number() if kind in (0, 2) else 0
        if (field, kind) == (5, 0):
            return value
        at += value if kind == 2 else 8 if kind == 1 else 4 if kind == 5 else 0
    return -1


def _kernels(executable: Executable) -> dict[str, Kernel]:
    labelling = _Labelling(executable.namespace.native)
    labelled = _computations(executable.compiled_again(labelling).as_text())
    known = {i.name: i for instructions in labelled.values() for i in instructions}
    inner = {name: [i for i in instructions if i.number is not None] for name, instructions in labelled.items()}
    adopted = {name: number for instructions in labelled.values() for name, number in _adopted(instructions, inner).items()}
    found: dict[str, Kernel] = {}
    for instructions in _computations(executable.compiled.as_text()).values():
        types = {i.name: i.text.split("(", 1)[0] if i.text[0] != "(" else i.text.split(") ", 1)[0] for i in instructions}
        for instruction in instructions:
            same = known.get(instruction.name)
            numbers = []
            if same is not None and same.plain == instruction.plain:
                numbers = _numbers(same, inner)
                if not numbers and same.name in adopted and same.opcode != "copy":
                    numbers = [adopted[same.name]]
            operations = _apart(labelling.operations[n] for n in dict.fromkeys(numbers))
            operations.sort(key=lambda o: o.location is None)  # those of checks, which have no line, last
            copied = _COPIED.match(instruction.text)
            found[instruction.name] = Kernel(
                instruction.name, instruction.opcode, tuple(operations), _bytes(instruction, types),
                executable.input_name(int(copied[1])) if copied else "")
    return found


def _apart(operations: Iterable[Operation]) -> list[Operation]:
    """The operations, with those that a fusion is made of in its place."""
    return [part for o in operations for part in (o.attributes["graph"].operations if o.op is fusion else [o])]


def _numbers(instruction: _Instruction, inner: dict[str, list[_Instruction]]) -> list[int]:
    """The operations that an instruction is made of: products and convolutions first, then what its result is."""
    called = _CALLED.search(instruction.text) if instruction.opcode not in CONTAINERS else None
    parts = inner.get(called[1], []) if called else []
    heavy = [i for i in parts if i.opcode in _HEAVY]
    roots = [instruction] if instruction.number is not None else [i for i in parts if i.is_root]
    return [i.number for i in [*heavy, *roots, *reversed(parts)] if i.number is not None]


def _adopted(instructions: Sequence[_Instruction], inner: dict[str, list[_Instruction]]) -> dict[str, int]:
    """For instructions that XLA made anew, the operation that uses their result. What only copies is nobody's."""
    found: dict[str, int] = {}
    for instruction in reversed(instructions):
        numbers = _numbers(instruction, inner)
        number = numbers[0] if numbers else found.get(instruction.name)
        if number is not None and instruction.opcode != "copy":
            for name in _operands(instruction):
                found[name] = number
    return found


def _operands(instruction: _Instruction) -> list[str]:
    text = instruction.plain
    opening = _OPCODE.search(text)
    return list(dict.fromkeys(_OPERAND.findall(text[opening.end():].split("), ", 1)[0]))) if opening else []


def _computations(text: str) -> dict[str, list[_Instruction]]:
    """The instructions of each computation in XLA's text form."""
    found: dict[str, list[_Instruction]] = {}
    current: list[_Instruction] = []
    for line in text.splitlines():
        start = _COMPUTATION.match(line)
        if start:
            current = found[start[1]] = []
            continue
        match = _INSTRUCTION.match(line)
        opcode = _OPCODE.search(f" {match[3]}" if match[3][0] != "(" else match[3]) if match else None
        if match and opcode:
            scopes = _SCOPE.findall(match[3])
            number = int(scopes[-1]) if scopes else None
            current.append(_Instruction(match[2], opcode[1], match[3], bool(match[1]), number))
    return found


def _bytes(instruction: _Instruction, types: dict[str, str]) -> int:
    """The size of an instruction's result and operands."""
    if instruction.opcode in CONTAINERS:
        return 0
    return _size(types[instruction.name]) + sum(_size(types.get(o, "")) for o in _operands(instruction))


def _size(type: str) -> int:
    total = 0
    for dtype, shape in _TYPE.findall(type):
        bits = re.search(r"\d+", dtype)
        count = math.prod(int(n) for n in shape.split(",")) if shape else 1
        total += count * (max(8, int(bits[0])) // 8 if bits else 1)
    return total
