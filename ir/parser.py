"""Reads the text form of graphs (`treadle.ir.printer`) back: `equal(parse(str(graph)), graph)`."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, cast

import numpy as np

from treadle.ir import dims, dtypes, errors, printer
from treadle.ir.dims import Size
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.location import Location
from treadle.ir.op import REGISTRY
from treadle.ir.types import TensorType, product


def parse(text: str) -> Graph:
    """The graph that `text` describes: the first in it, with the others nested where it names them.

    Raises InvalidArgumentError, naming the line, where the text is not a graph. The types are read, not inferred:
    `treadle.ir.verifier.verify` checks them.
    """
    parser = Parser(text)
    try:
        return parser.module()
    except errors.OpError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        parser.fail(f"this literal has no value ({error})")


_STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
_SPACE = re.compile(r"\s*")
_NAME = re.compile(rf"{printer.PLAIN_NAME.pattern}|{_STRING}")
_VALUE = re.compile(rf"%([\w./]+|{_STRING})")
_REFERENCE = re.compile(rf"@({printer.PLAIN_NAME.pattern}|{_STRING})")
_WORD = re.compile(r"\w+")
_LOCATION = re.compile(rf'@ ({_STRING}|[^\s:"]+):(-?\d+)(?: in ({_STRING}|[^\s:"]+))?')
_PYTHON = re.compile(rf"<python ({_STRING}|[^\s\"]+) #(\d+)>")
_FLOAT = re.compile(r"-?(?:\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+|inf\b|nan\b)")
_INT = re.compile(r"-?\d+(?![*+\w])")
_BYTES = re.compile(f"b({_STRING})")
_DTYPE = re.compile(rf"(?:{'|'.join(sorted(dtypes.BY_SHORT, key=len, reverse=True))})\b")
_CONSTANT_WORD = re.compile(r"(?:true|false|none)\b")
_WORDS = {"true": True, "false": False, "none": None}
_TABLE = re.compile(rf'^(?:file (?P<label>{_STRING}|[^\s:"]+) = (?P<file>{_STRING})|data #(?P<number>\d+) = '
                    r'"(?P<bytes>[A-Za-z0-9+/=]*)")[ \t]*$', re.MULTILINE)


class Parser:
    """Reads from left to right; `at` is the place reached."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.graphs: dict[str, Graph] = {}  # named so far; without operations until their text is reached
        self.defined: set[str] = set()
        self.files: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self.arrays: dict[tuple[str, TensorType], np.ndarray] = {}  # rows of `data` as they were used
        self.end = len(text)
        for row in _TABLE.finditer(text):
            self.end = min(self.end, row.start())
            if row["label"] is not None:
                self.files[_unquoted(row["label"])] = json.loads(row["file"])
            else:
                self.data[row["number"]] = row["bytes"]

    def module(self) -> Graph:
        main = self.graph()
        while not self.at_end():
            self.graph()
        for name in self.graphs:
            if name not in self.defined:
                self.fail(f"the graph @{name} is used but not written out")
        self.at = self.end
        for line in self.text[self.end:].splitlines():
            if line.strip() and not _TABLE.fullmatch(line):
                self.fail(f"expected a row of a table, found {line[:40]!r}")
            self.at += len(line) + 1
        return main

    # --- graphs and operations --------------------------------------------------------------------------------------

    def graph(self) -> Graph:
        self.expect("graph ")
        name = _unquoted(self.match(_NAME, "the graph's name")[0])
        graph = self.graphs.setdefault(name, Graph(name))
        if name in self.defined:
            self.fail(f"two graphs are called @{name}")
        self.defined.add(name)
        values: dict[str, Value] = {}
        self.expect("(")
        for name, type in self.sequence(")", self.input):
            if name in values:
                self.fail(f"two inputs are called %{name}")
            values[name] = graph.add_input(type, name)
        self.expect("->")
        self.expect("(")
        output_types = self.sequence(")", self.type)
        self.expect("{")
        while not self.accept("return"):
            graph.operations.append(self.operation(values))
        graph.outputs = [] if self.accept("}") else self.sequence("}", lambda: self.value(values))
        if [v.type for v in graph.outputs] != output_types:
            self.fail(f"@{graph.name} returns {[v.type for v in graph.outputs]}, not {output_types} as its head says")
        return graph

    def input(self) -> tuple[str, TensorType]:
        name = _unquoted(self.match(_VALUE, "an input's name")[1])
        self.expect(":")
        return name, self.type()

    def operation(self, values: dict[str, Value]) -> Operation:
        start = self.skip()
        names: list[str] = []
        if self.text.startswith("%", start):
            names = [_unquoted(self.match(_VALUE, "a result's name")[1])]
            while self.accept(","):
                names.append(_unquoted(self.match(_VALUE, "a result's name")[1]))
            self.expect("=")
        op_name = self.match(_WORD, "an op's name")[0]
        op = REGISTRY.get(op_name)
        if op is None:
            self.fail(f"there is no op called {op_name!r}", start)
        self.expect("(")
        operands = self.sequence(")", lambda: self.value(values))
        attributes = dict(self.sequence("}", self.named_attribute)) if self.accept("{") else {}
        types = []
        if self.accept(":"):
            types = [self.type()]
            while self.accept(","):
                types.append(self.type())
        if len(types) != len(names):
            self.fail(f"{len(names)} results, but {len(types)} types", start)
        where = None
        if self.text.startswith("@ ", self.skip()):
            found = self.match(_LOCATION, "a location")
            label = _unquoted(found[1])
            where = Location(self.files.get(label, label), int(found[2]), _unquoted(found[3] or ""))
        operation = Operation(op, operands, attributes, types, where)
        for name, result in zip(names, operation.results):
            if name in values:
                self.fail(f"%{name} is defined twice", start)
            values[name] = result
        return operation

    def value(self, values: dict[str, Value]) -> Value:
        start = self.skip()
        name = _unquoted(self.match(_VALUE, "a value")[1])
        found = values.get(name)
        if found is None:
            self.fail(f"%{name} is used before it is defined", start)
        return found

    # --- types and attributes ---------------------------------------------------------------------------------------

    def type(self) -> TensorType:
        dtype = self.dtype()
        if not self.text.startswith("[", self.at):
            self.fail("expected '['")
        self.at += 1
        return TensorType.of(dtype, self.sequence("]", self.size))

    def dtype(self) -> dtypes.DType:
        return dtypes.BY_SHORT[self.match(_DTYPE, "a type")[0]]

    def size(self) -> Size:
        """An integer, or a polynomial that `dims` reads: it ends at a comma or bracket that it did not open."""
        start = at = self.skip()
        depth = 0
        while at < self.end and (depth or self.text[at] not in ",])}"):
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            if self.text[at].isspace():
                break
            at += 1
        text = self.text[start:at]
        try:
            size = int(text) if text.isdigit() else dims.parse(text)
        except ValueError:
            self.fail(f"expected a size, found {text!r}")
        self.at = at
        return size

    def named_attribute(self) -> tuple[str, Any]:
        name = self.match(_WORD, "an attribute's name")[0]
        self.expect("=")
        return name, self.attribute()

    def attribute(self) -> Any:
        self.skip()
        if (found := self.try_match(_CONSTANT_WORD)):
            return _WORDS[found[0]]
        if (found := self.try_match(_FLOAT)):
            return float(found[0])
        if (found := self.try_match(_INT)):
            return int(found[0])
        if self.text.startswith('"', self.at):
            return self.string()
        if (found := self.try_match(_BYTES)):
            return json.loads(found[1]).encode("latin-1")
        if self.accept("complex("):
            return complex(*self.sequence(")", self.attribute))
        if self.accept("("):
            return tuple(self.sequence(")", self.attribute))
        if (found := self.try_match(_REFERENCE)):
            name = _unquoted(found[1])
            return self.graphs.setdefault(name, Graph(name))
        if self.text.startswith("<python ", self.at):
            return self.python_object()
        if _DTYPE.match(self.text, self.at):
            start = self.at
            dtype = self.dtype()
            if not self.text.startswith("[", self.at):
                return dtype
            self.at = start
            type = self.type()
            self.skip()
            return type if self.text.startswith((",", ")", "}"), self.at) else self.array(type)
        return self.size()

    def string(self) -> str:
        return json.loads(self.match(re.compile(_STRING), "a string")[0])

    def python_object(self) -> Any:
        start = self.at
        found = self.match(_PYTHON, "a Python object")
        value = printer.python_objects.get(int(found[2]))
        if value is None:
            self.fail(f"the Python object {found[0]} is not alive in this process", start)
        return value

    def array(self, type: TensorType) -> np.ndarray:
        """The elements after an array's type."""
        start = self.at
        if not type.is_static:
            self.fail(f"an array of symbolic size: {type}")
        dtype, shape = type.dtype.numpy, cast(tuple[int, ...], type.shape)
        if self.accept("all "):
            # One element, repeated without taking memory for each.
            return np.broadcast_to(np.asarray(self.attribute(), dtype), shape)
        if self.accept("#"):
            number = self.match(_WORD, "the number of a row of data")[0]
            if number not in self.data:
                self.fail(f"there is no row `data #{number}`", start)
            if (number, type) not in self.arrays:
                self.arrays[number, type] = self.decoded(number, type)
            return self.arrays[number, type]
        elements: list[Any] = []
        self.elements(shape, elements)
        try:
            array: np.ndarray = np.empty(len(elements), dtype)
            for i, element in enumerate(elements):
                array[i] = element
        except (ValueError, OverflowError, TypeError) as error:
            self.fail(f"not elements of {type}: {error}", start)
        array = array.reshape(shape)
        array.flags.writeable = False
        return array

    def decoded(self, number: str, type: TensorType) -> np.ndarray:
        """A row of the table of data as an array; read-only, as the bytes are."""
        try:
            raw = base64.b64decode(self.data[number], validate=True)
        except binascii.Error as error:
            self.fail(f"data #{number} is not base64: {error}")
        if len(raw) != product(type.shape) * type.dtype.size:
            self.fail(f"data #{number} has {len(raw)} bytes, which do not fill {type}")
        return np.frombuffer(raw, type.dtype.numpy).reshape(cast(tuple[int, ...], type.shape))

    def elements(self, shape: tuple, found: list[Any]) -> None:
        """Read nested lists of the given shape."""
        if not shape:
            found.append(self.attribute())
            return
        self.expect("[")
        rows = self.sequence("]", lambda: self.elements(shape[1:], found))
        if len(rows) != shape[0]:
            self.fail(f"expected a list of {shape[0]}, found {len(rows)}")

    # --- characters -------------------------------------------------------------------------------------------------

    def skip(self) -> int:
        self.at = _SPACE.match(self.text, self.at, self.end).end()  # type: ignore[union-attr]
        return self.at

    def at_end(self) -> bool:
        return self.skip() >= self.end

    def accept(self, token: str) -> bool:
        if self.text.startswith(token, self.skip(), self.end):
            self.at += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            self.fail(f"expected {token.strip()!r}, found {self.found()}")

    def try_match(self, pattern: re.Pattern) -> re.Match | None:
        found = pattern.match(self.text, self.at, self.end)
        if found:
            self.at = found.end()
        return found

    def match(self, pattern: re.Pattern, what: str) -> re.Match:
        self.skip()
        found = self.try_match(pattern)
        if found is None:
            self.fail(f"expected {what}, found {self.found()}")
        return found

    def sequence(self, close: str, item: Callable[[], Any]) -> list[Any]:
        """Items between commas, up to and including `close`."""
        items: list[Any] = []
        while not self.accept(close):
            if items:
                self.expect(",")
                if self.accept(close):
                    break
            items.append(item())
        return items

    def found(self) -> str:
        return repr(self.text[self.at:self.end].split("\n")[0][:30]) if self.at < self.end else "the end"

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        source = self.text[self.text.rfind("\n", 0, at) + 1:].split("\n", 1)[0]
        raise errors.InvalidArgumentError(
            f"Not the text of a graph; line {line}: {message}.\n    {source.strip()[:200]}")


def _unquoted(name: str) -> str:
    return json.loads(name) if name.startswith('"') else name
