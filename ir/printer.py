"""The text form of a graph: what `print(graph)` shows, and what `treadle.ir.parser.parse` reads back.

    graph step(%x: f32[256,2], %w: f32[2,1]) -> (f32[256,1]) {
      %0 = matmul(%x, %w) {transpose_a=false, transpose_b=false} : f32[256,1]  @ train.py:12 in step
      %1 = constant() {value=f32[] 0.5} : f32[]  @ train.py:13 in step
      %2 = multiply(%0, %1) : f32[256,1]  @ train.py:13 in step
      return %2
    }
    file train.py = "/home/me/train.py"

Nested graphs are written after the graph that uses them and named there as `@name`; a graph used twice is written
once. Arrays of up to 64 elements are lists, arrays of one repeated element `all 0.5`; larger ones stand in a table
below the graphs (`#0`), in base64. A Python object that the IR only passes on is `<python name #1>`: it can be
read back in the same process for as long as it lives.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from treadle.ir import dtypes
from treadle.ir.dims import Dim
from treadle.ir.dtypes import DType
from treadle.ir.types import TensorType

if TYPE_CHECKING:
    from treadle.ir.graph import Graph, Operation, Value
    from treadle.ir.location import Location

PLAIN_NAME = re.compile(r"[A-Za-z_][\w./]*")
PLAIN_FILE = re.compile(r'[^\s:"]+')
_LONGEST_LIST = 64  # elements
_WIDTH = 120
_WORDS = {True: "true", False: "false", None: "none"}

# The Python objects that were printed, by number, as long as they live.
python_objects: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_numbers: dict[int, int] = {}  # id of the object -> its number
_count = itertools.count(1)


def to_text(graph: Graph) -> str:
    """The graph, the graphs nested in it, and the tables they refer to."""
    return Printer([graph, *reversed(graph.nested()[:-1])]).text()


def operation_text(operation: Operation) -> str:
    """One operation as a line, its operands named as in a graph of its own: for error messages."""
    printer = Printer(operation.graphs)
    names: dict[Any, str] = {}
    for i, operand in enumerate(operation.operands):
        names.setdefault(operand, f"%{operand.name or i}")
    return printer.operation(operation, names, (f"%{len(names) + i}" for i in itertools.count()))


class Printer:
    """Writes graphs. The tables of files and data are filled on the way."""

    def __init__(self, graphs: Sequence[Graph]):
        self.graphs = graphs
        taken: set[str] = set()
        self.graph_names = {id(g): _unique(g.name or "graph", taken) for g in graphs}
        self.files: dict[str, str] = {}  # file -> label
        self.data: dict[int, tuple[str, np.ndarray]] = {}  # id of the array -> label, array

    def text(self) -> str:
        parts = ["\n".join(self.graph(g)) for g in self.graphs]
        text = "\n\n".join(parts)
        for file, label in self.files.items():
            if label != file:
                text += f"\nfile {quoted(label, PLAIN_FILE)} = {json.dumps(file)}"
        for label, array in self.data.values():
            text += f'\ndata {label} = "{base64.b64encode(array.tobytes()).decode()}"'
        return text

    def graph(self, graph: Graph) -> Iterable[str]:
        taken: set[str] = set()
        names: dict[Value, str] = {}
        for i, value in enumerate(graph.inputs):
            plain = value.name if value.name and not value.name[0].isdigit() else f"arg{value.name or i}"
            names[value] = "%" + quoted(_unique(plain, taken))
        inputs = [f"{n}: {v.type}" for v, n in names.items()]
        outputs = ", ".join(str(v.type) for v in graph.outputs)
        name = quoted(self.graph_names[id(graph)])
        head = f"graph {name}({', '.join(inputs)}) -> ({outputs}) {{"
        if len(head) > _WIDTH:
            head = f"graph {name}(\n    " + ",\n    ".join(inputs) + f"\n) -> ({outputs}) {{"
        yield head
        fresh = (f"%{i}" for i in itertools.count())
        for operation in graph.operations:
            yield "  " + self.operation(operation, names, fresh)
        yield f"  return {', '.join([names.get(v, UNDEFINED) for v in graph.outputs])}".rstrip()
        yield "}"

    def operation(self, operation: Operation, names: dict[Value, str], fresh: Iterable[str]) -> str:
        """One operation as a line; its results get the next of the `fresh` names."""
        operands = ", ".join([names.get(o, UNDEFINED) for o in operation.operands])
        line = f"{operation.op.name}({operands})"
        if operation.attributes:
            line += f" {{{', '.join([f'{k}={self.attribute(v)}' for k, v in operation.attributes.items()])}}}"
        if operation.results:
            names.update(zip(operation.results, fresh))
            line = f"{', '.join([names[r] for r in operation.results])} = {line} : " + ", ".join(
                [str(r.type) for r in operation.results])
        return line + self.location(operation.location)

    def location(self, where: Location | None) -> str:
        """`  @ train.py:12 in step`. The file's full path goes to the table of files."""
        if where is None:
            return ""
        label = self.files.get(where.file)
        if label is None:
            label = _unique(re.split(r"[/\\]", where.file)[-1] or "file", set(self.files.values()))
            self.files[where.file] = label
        function = f" in {quoted(where.function, PLAIN_FILE)}" if where.function else ""
        return f"  @ {quoted(label, PLAIN_FILE)}:{where.line}{function}"

    def attribute(self, value: Any) -> str:
        """An attribute as a literal. Each kind has a spelling of its own, so that it is read back exactly."""
        kind = type(value)
        if kind in (bool, type(None)):
            return _WORDS[value]
        if kind is int or isinstance(value, (Dim, TensorType)):
            return str(value)
        if kind is float or kind is complex:
            return number(value)
        if kind is str:
            return json.dumps(value)
        if kind is bytes:
            return "b" + json.dumps(value.decode("latin-1"))
        if kind is tuple:
            return f"({', '.join(map(self.attribute, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, DType):
            return value.short
        if isinstance(value, np.ndarray):
            return self.array(value)
        if id(value) in self.graph_names:
            return "@" + quoted(self.graph_names[id(value)])
        return f"<python {quoted(getattr(value, '__name__', kind.__name__))} #{_python_number(value)}>"

    def array(self, array: np.ndarray) -> str:
        """`f32[2,2] [[1.0, 2.0], [3.0, 4.0]]`, `f32[784,10] all 0.0` or `f32[784,10] #0`."""
        type = TensorType.of(dtypes.as_dtype(array.dtype), array.shape)
        element = self.attribute if type.dtype.is_string else element_format(array.dtype)
        if array.size > 1 and not type.dtype.is_string and is_splat(array):
            return f"{type} all {element(array.flat[0])}"
        if array.size <= _LONGEST_LIST or type.dtype.is_string:
            return f"{type} {_nested_list(array, element)}"
        label, _ = self.data.setdefault(id(array), (f"#{len(self.data)}", array))
        return f"{type} {label}"


UNDEFINED = "%undefined"


def number(value: Any) -> str:
    """A Python number; floats as the shortest text that reads back to the same float."""
    if isinstance(value, complex):
        return f"complex({value.real!r}, {value.imag!r})"
    return repr(value)


def element_format(dtype: np.dtype) -> Callable[[Any], str]:
    """How elements of an array are written: short where short reads back exactly, else in full."""
    kind = dtypes.as_dtype(dtype)
    if kind.is_bool:
        return lambda x: _WORDS[bool(x)]
    if kind.is_integer:
        return lambda x: str(int(x))
    if kind.is_complex:
        part = element_format(kind.real_dtype.numpy)
        return lambda x: f"complex({part(x.real)}, {part(x.imag)})"

    def floating(x: Any) -> str:
        exact = float(x)
        short = str(x)
        if math.isnan(exact) or dtype.type(float(short)) != x:
            return repr(exact)
        return short if any(c in short for c in ".en") else short + ".0"
    return floating


def is_splat(array: np.ndarray) -> bool:
    """True if every element has the same bits as the first (the array is not empty)."""
    if array.strides == (0,) * array.ndim:
        return True
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(array.size, -1)
    return bool((raw == raw[0]).all())


def quoted(name: str, plain: re.Pattern = PLAIN_NAME) -> str:
    """A name as it is where it can't be misread, else in quotes."""
    return name if plain.fullmatch(name) else json.dumps(name)


def _nested_list(array: np.ndarray, element: Callable[[Any], str]) -> str:
    if array.ndim == 0:
        return element(array[()])
    if array.ndim == 1:
        return f"[{', '.join([element(x) for x in array])}]"
    return f"[{', '.join([_nested_list(a, element) for a in array])}]"


def _unique(name: str, taken: set[str]) -> str:
    candidates = itertools.chain([name], (f"{name}.{i}" for i in itertools.count(1)))
    found = next(c for c in candidates if c not in taken)
    taken.add(found)
    return found


def _python_number(value: Any) -> int:
    """The number under which an object can be read back; 0 if it can't be referred to weakly."""
    found = _numbers.get(id(value))
    if found is None or python_objects.get(found) is not value:
        found = next(_count)
        try:
            python_objects[found] = value
        except TypeError:
            return 0
        _numbers[id(value)] = found
    return found
