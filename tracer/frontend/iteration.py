"""`for`: staged over tensors, ranges with tensor bounds, `enumerate` and `zip` of them; Python's own over anything else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from treadle.ir import dtypes, errors, location
from treadle.ir.interpreter import state
from treadle.ir.operators import TABLE, Operators
from treadle.runtime.composites.arrays import range_, range_dtype
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import EagerTensor, SymbolicTensor, Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.frontend import datasets
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.branches import stage_if
from treadle.tracer.staging.loops import Iteration, Loop, may_unroll
from treadle.tracer.staging.places import places_of

_MOST_UNROLLED = 10_000     # iterations of a staged loop that is unrolled because its state does not go round
_MANY_OPERATIONS = 20_000   # made by one unrolled Python loop: worth a warning


class Staged:
    """Something a staged loop goes over: `length` items, of which `item(k)` makes the k-th."""

    length: Any  # an int, a symbolic size, or an int32 tensor

    def item(self, k: Any) -> Any:
        """The k-th item; k is an int32 tensor or an int."""
        raise NotImplementedError

    def rows(self) -> Any:
        """The tensor whose rows the items are, if they are that."""
        return None

    def reversed(self) -> Staged:
        """The items from the last to the first."""
        return Backwards(self)

    def unrolled(self) -> Iterator[Any]:
        """The items one by one, where their number is known."""
        if not isinstance(self.length, int):
            raise errors.StagingError(
                "This needs the number of items while tracing. Received: a length that is only known when the program runs. "
                "Use a `for` statement.")
        return (self.item(k) for k in range(self.length))


class Rows(Staged):
    """The rows of a tensor."""

    def __init__(self, tensor: Any):
        self.tensor = tensor
        if not tensor.type.shape:
            raise errors.DtypeError("A scalar tensor cannot be iterated over.")
        self.length = tensor.type.shape[0]

    def item(self, k: Any) -> Any:
        if isinstance(k, int):
            return TABLE["_getitem"](self.tensor, k)
        return TABLE["dynamic_row"](self.tensor, k)

    def rows(self) -> Any:
        return self.tensor


class StagedRange(Staged):
    """`range(start, stop, step)` with tensors among its arguments."""

    def __init__(self, start: Any, stop: Any, step: Any, dtype: Any):
        self.start, self.step, self.dtype = start, step, dtype
        convert = lambda v: v if isinstance(v, Tensor) and v.dtype is dtype else (
            TABLE["cast"](v, dtype) if isinstance(v, (Tensor, Variable)) else v)
        self.start, stop, self.step = map(convert, (start, stop, step))
        distance = TABLE["subtract"](stop, self.start) if _any_tensor(stop, self.start) else stop - self.start
        if isinstance(self.step, int) and self.step == 1:
            count = distance
        elif dtype.is_integer:
            sign = TABLE["sign"](self.step) if _any_tensor(self.step) else (self.step > 0) - (self.step < 0)
            count = TABLE["floordiv"](distance + self.step - sign, self.step)
        else:
            count = TABLE["ceil"](TABLE["divide_float"](distance, self.step))
        self.length = TABLE["cast"](TABLE["maximum"](count, 0), dtypes.int32)

    def item(self, k: Any) -> Any:
        k = TABLE["cast"](k, self.dtype)
        if not (isinstance(self.step, int) and self.step == 1):
            k = k * self.step
        return k if isinstance(self.start, int) and self.start == 0 else self.start + k


class OpenRange(StagedRange, Operators):
    """`tf.range` of a length that is only known when the program runs: for loops only, since XLA's shapes are fixed."""

    def __init__(self, given: tuple, start: Any, stop: Any, step: Any, dtype: Any):
        self._given = given
        super().__init__(start, stop, step, dtype)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return range_(*self._given)  # which says why not

    def __getitem__(self, key: Any) -> Any:
        return range_(*self._given)[key]

    def __len__(self) -> int:
        return len(range_(*self._given))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(range_(*self._given), name)


class Counted(Staged):
    """0, 1, 2 ...: the elements of `tf.range(n)` are computed, not read."""

    def __init__(self, tensor: Any):
        self.tensor, self.length = tensor, tensor.type.shape[0]

    def item(self, k: Any) -> Any:
        return TABLE["cast"](convert_to_tensor(k, dtypes.int32) if isinstance(k, int) else k, self.tensor.dtype)


class Enumerated(Staged):
    """`enumerate(items, start)`."""

    def __init__(self, items: Staged, start: Any):
        self.items, self.start, self.length = items, start, items.length

    def item(self, k: Any) -> Any:
        index = convert_to_tensor(k, dtypes.int32) if isinstance(k, int) else k
        plain = isinstance(self.start, int) and self.start == 0
        return (index if plain else index + self.start), self.items.item(k)


class EnumeratedDataset:
    """`enumerate(dataset, start)`."""

    def __init__(self, dataset: Any, start: int):
        self.dataset, self.start = dataset, start


class Zipped(Staged):
    """`zip(...)` of staged items: as many as the shortest has."""

    def __init__(self, items: Sequence[Staged], strict: bool):
        self.items = items
        lengths = [i.length for i in items]
        if all(isinstance(n, int) for n in lengths):
            if strict and len(set(lengths)) > 1:
                raise ValueError(f"zip() arguments have the lengths {lengths}")
            self.length = min(lengths)
        elif all(n is lengths[0] or n == lengths[0] for n in lengths if not isinstance(n, Tensor)) and not any(
                isinstance(n, Tensor) for n in lengths):
            self.length = lengths[0]
        else:
            self.length = _as_tensor(lengths[0], items[0])
            for n, item in zip(lengths[1:], items[1:]):
                self.length = TABLE["minimum"](self.length, _as_tensor(n, item))

    def item(self, k: Any) -> Any:
        return tuple(i.item(k) for i in self.items)


class Backwards(Staged):
    """`reversed(items)`."""

    def __init__(self, items: Staged):
        self.items, self.length = items, items.length

    def item(self, k: Any) -> Any:
        last = _as_tensor(self.length, self.items) if not isinstance(self.length, int) else self.length
        return self.items.item(last - 1 - k)


def _any_tensor(*values: Any) -> bool:
    return any(isinstance(v, (Tensor, Variable)) for v in values)


def _as_tensor(length: Any, items: Staged) -> Any:
    """A length as something to compute with."""
    if isinstance(length, (int, Tensor)):
        return length
    while not isinstance(items, (Rows, Counted)):
        items = items.items if isinstance(items.items, Staged) else next(  # type: ignore[attr-defined]
            i for i in items.items if i.length is length)  # type: ignore[attr-defined]
    return TABLE["_getitem"](TABLE["shape"](items.tensor), 0)


def is_staged(iterable: Any) -> bool:
    """True if a loop over it is staged while tracing."""
    if not isinstance(state.interpreter, FuncGraph):
        return False
    return isinstance(iterable, (Staged, SymbolicTensor, Variable)) or isinstance(iterable, EagerTensor)


def staged(iterable: Any) -> Staged:
    """The items of something for which `is_staged`."""
    if isinstance(iterable, Staged):
        return iterable
    tensor = current().convert(iterable)
    producer = tensor.value.producer
    if producer is not None and producer.op.name == "iota":
        return Counted(tensor)
    return Rows(tensor)


def staged_range(*args: Any) -> StagedRange:
    """`range` of which an argument is a tensor."""
    start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1) if len(args) == 2 else args
    tensors = [a for a in (start, stop, step) if isinstance(a, (Tensor, Variable))]
    for tensor in tensors:
        if not tensor.dtype.is_integer or tensor.shape.rank:
            raise errors.DtypeError(f"`range` takes integer scalars. Received: a tensor of type {tensor.type}.")
    return StagedRange(start, stop, step, tensors[0].dtype)


def open_range(start: Any, limit: Any, delta: Any, dtype: Any) -> OpenRange:
    """`tf.range` of a length that is only known when the program runs."""
    first, last = (0, start) if limit is None else (start, limit)
    kind = range_dtype(first, last, delta) if dtype is None else dtypes.as_dtype(dtype)
    return OpenRange((start, limit, delta, dtype), first, last, delta, kind)


def for_(iterable: Any, body: Callable[[Any], None], stop: Callable[[], Any] | None, names: tuple[str, ...],
         live: tuple[str, ...], stepped: tuple[str, ...]) -> None:
    """`for item in iterable: body(item)`, left when `stop()`."""
    if not isinstance(state.interpreter, FuncGraph):
        for item in iterable:
            body(item)
            if stop is not None and stop():
                break
        return
    if datasets.is_dataset(iterable):
        datasets.for_dataset(iterable, body, stop, names, live, stepped)
    elif isinstance(iterable, EnumeratedDataset):
        datasets.for_dataset(iterable.dataset, body, stop, names, live, stepped, iterable.start)
    elif is_staged(iterable):
        _staged_for(staged(iterable), body, stop, names, live, stepped)
    else:
        _python_for(iterable, body, stop, names)


def _staged_for(items: Staged, body: Callable, stop: Callable | None, names: tuple[str, ...], live: tuple[str, ...],
                stepped: tuple[str, ...]) -> None:
    if isinstance(items.length, int) and items.length == 0:
        return
    loop = Loop(places_of(names, (body, *([stop] if stop else []))), live, stepped)
    rows = items.rows() if stop is None and not isinstance(items.length, Tensor) else None
    count = items.length if stop is None else _as_tensor(items.length, items)
    test = None if stop is None else lambda: TABLE["logical_not"](current().convert(stop()))
    iteration = Iteration(body, test, count, rows, None if rows is not None else items.item, first=True)
    try:
        loop.run(iteration)
    except errors.StagingError as error:
        if not may_unroll(error) or not isinstance(items.length, int) or items.length > _MOST_UNROLLED:
            raise
        _python_for((items.item(k) for k in range(items.length)), body, stop, names)


def _python_for(iterable: Any, body: Callable, stop: Callable | None, names: tuple[str, ...]) -> None:
    """Python's own loop: each iteration is traced anew."""
    trace: Any = current()
    trace.guards.read_contents(iterable)
    start = len(trace.graph.operations)
    rounds = 0
    stopped: Any = False
    for item in iterable:
        if isinstance(stopped, SymbolicTensor):
            # Whether it goes on is decided when the program runs: what remains is done under that condition.
            def again(item: Any = item) -> None:
                body(item)
            stage_if(TABLE["logical_not"](stopped), (again, lambda: None), places_of(names, (body,)))
        else:
            body(item)
        rounds += 1
        stopped = stop() if stop is not None else False
        if stopped is True:
            break
    made = sum(o.op.name != "constant" for o in trace.graph.operations[start:])
    trace.note("unrolled", f"{rounds} iterations, {made} operations")
    if made > _MANY_OPERATIONS and rounds > 100:
        where = location.user_location() or location.Location(__file__, 0)
        warnings.warn_explicit(
            f"A Python loop of {rounds} iterations was unrolled into {made} operations, which takes long to compile. Loop over "
            f"`tf.range({rounds})` or a tensor to compile the body once (see docs/errors.md#unrolled-loops).",
            UserWarning, where.file, where.line)
