"""`DeferredTensor`: a tensor that is yet to be computed, outside of any trace: what `keras.Input` returns.

Ops on it are noted as `Deferral`s and carried out later, once for each value that the inputs are given. Its sizes may be
open, as in a trace; they become those of the values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from treadle.ir import dims, errors
from treadle.ir.builder import LARGEST_KNOWN, substitute_sizes
from treadle.ir.dims import Dim
from treadle.ir.interpreter import Interpreter
from treadle.ir.op import Op
from treadle.ir.types import TensorType
from treadle.runtime.eager import EAGER, has_open_size
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor import EagerTensor, Tensor

_symbols = itertools.count()


class DeferredTensor(Tensor):
    """Stands for the `index`-th result of `deferral`, or for an input (`deferral` is None)."""

    __slots__ = ("type", "known", "name", "deferral", "index", "__dict__", "__weakref__")

    def __init__(self, type: TensorType, name: str = "", deferral: Deferral | None = None, index: int = 0):
        self.type, self.name, self.deferral, self.index = type, name, deferral, index
        self.known: Any = None
        self.effects: list[Deferral] = []  # what returns nothing but is done with it: checks, prints

    def _refuse(self, what: str) -> Any:
        raise errors.StagingError(
            f"{what} needs the value of a tensor, but a symbolic input of a model has none. Received: {self!r}. Put the "
            "computation into a layer's `call`, or use functions of tensors.")

    def __bool__(self) -> bool:
        return self._refuse("A Python condition")

    def __iter__(self) -> Any:
        return self._refuse("A Python loop")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._refuse("NumPy")

    def numpy(self) -> Any:
        """Not available: there is no value."""
        return self._refuse("`.numpy()`")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={tuple(self.shape)}, dtype={self.dtype.name}, name={self.name}>"


class Deferral:
    """Something to be done later: `run(*values)` with the `inputs`' values gives the `outputs`' values, as a list."""

    def __init__(self, run: Callable[..., Sequence[Any]], inputs: Sequence[Any], types: Sequence[TensorType], name: str,
                 owner: Any = None, arguments: Any = None):
        self.run, self.inputs, self.name, self.owner = run, list(inputs), name, owner
        self.arguments = arguments  # what the owner was called with; an op's attributes
        self.outputs = [DeferredTensor(t, name, self, i) for i, t in enumerate(types)]


class Deferring(Interpreter):
    """Notes operations on deferred tensors. Entered by an op that meets one."""

    is_eager = True

    def is_operand(self, value: Any) -> bool:
        return isinstance(value, (DeferredTensor, EagerTensor))

    def convert(self, value: Any, hint: Any = None) -> Any:
        return value if isinstance(value, DeferredTensor) else EAGER.convert(value, hint)

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
        if not any(isinstance(o, DeferredTensor) for o in operands):
            if not has_open_size(attributes):
                return EAGER.execute(op, operands, attributes)
            if op.operand_names[:1] == ("key",):  # which was drawn just now, and would be the same in each call
                raise errors.StagingError(
                    f"`{op.name}` of a size that depends on a model's symbolic input would give the same numbers in each call. "
                    "Put it into the `call` of a layer (or use `keras.layers.GaussianNoise`, `Dropout` ...).")
        types = op.infer_types([o.type for o in operands], attributes)

        def run(sizes: Mapping[str, Any], *values: Any) -> Sequence[Any]:
            static = {k: substitute_sizes(v, sizes) for k, v in attributes.items()}
            return op(*values, **static) if not op.variadic else op(list(values), **static)

        deferral = Deferral(run, operands, types, op.name, op, attributes)
        if not types:
            for tensor in _checked(operands):
                tensor.effects.append(deferral)
            return ()
        few = isinstance(types[0].count, int) and types[0].count <= LARGEST_KNOWN
        if op.sizes is not None and not op.many and types[0].dtype.is_integer and few:
            known = op.sizes(*operands, **attributes)
            deferral.outputs[0].known = None if known is None else np.asarray(known, object)
        return tuple(deferral.outputs)


def _checked(operands: Sequence[Any]) -> Iterator[DeferredTensor]:
    """The tensors that an effect is about: not the conditions among its operands but what they are computed from."""
    stack = [o for o in operands if isinstance(o, DeferredTensor)]
    while stack:
        tensor = stack.pop()
        if tensor.dtype.is_bool and tensor.deferral is not None:
            stack.extend(o for o in tensor.deferral.inputs if isinstance(o, DeferredTensor))
        else:
            yield tensor


DEFERRING = DeferredTensor.interpreter = Deferring()  # type: ignore[attr-defined]
EAGER.for_open_sizes = DEFERRING


def deferred_input(spec: TensorSpec, name: str) -> DeferredTensor:
    """An input of the given shape and dtype, with a symbol of its own for each open size."""
    sizes = [Dim.symbol(f"k{next(_symbols)}") if s is None else s for s in spec.shape]
    return DeferredTensor(TensorType.of(spec.dtype, sizes), name)


def defer(run: Callable[..., Sequence[Any]], inputs: Sequence[Any], types: Sequence[TensorType], name: str,
          owner: Any = None, arguments: Any = None) -> list[DeferredTensor]:
    """Note something to be done with the values of `inputs`; returns tensors that stand for its results."""
    return Deferral(run, inputs, types, name, owner, arguments).outputs


def deferrals_between(inputs: Iterable[DeferredTensor], outputs: Iterable[DeferredTensor]) -> list[Deferral]:
    """What must be done to get from inputs to outputs, in an order that works. Raises if another input is needed.

    Effects on the tensors on the way are done too, if they need no other inputs.
    """
    inputs = list(inputs)
    given = {id(i) for i in inputs}
    order: list[Deferral] = []
    state: dict[int, bool] = {}  # False: entered, True: done
    _collect(outputs, given, order, state)
    effects = [e for t in (*inputs, *(o for d in order for o in d.outputs)) for e in t.effects]
    for effect in dict.fromkeys(effects):
        try:
            _collect([i for i in effect.inputs if isinstance(i, DeferredTensor)], given, order, state)
        except errors.InvalidArgumentError:
            continue  # of another model
        order.append(effect)
    return order


def _collect(outputs: Iterable[DeferredTensor], given: set[int], order: list[Deferral], state: dict[int, bool]) -> None:
    """Add to `order` what is needed for the outputs and not there."""
    stack: list[tuple[DeferredTensor, bool]] = [(o, False) for o in list(outputs)[::-1]]
    while stack:
        tensor, entered = stack.pop()
        if id(tensor) in given or not isinstance(tensor, DeferredTensor):
            continue
        deferral = tensor.deferral
        if deferral is None:
            raise errors.InvalidArgumentError(
                f"The outputs depend on a tensor that is not among the inputs. Received: {tensor!r}. Add it to the inputs.")
        if entered:
            if not state[id(deferral)]:
                state[id(deferral)] = True
                order.append(deferral)
        elif id(deferral) not in state:
            state[id(deferral)] = False
            stack.append((tensor, True))
            stack.extend((i, False) for i in deferral.inputs[::-1] if isinstance(i, DeferredTensor))


def carry_out(order: Sequence[Deferral], values: dict[int, Any], sizes: Mapping[str, Any]) -> None:
    """Do what was deferred. `values` (by the id of the deferred tensor) holds the inputs' and gets everybody's."""
    for deferral in order:
        operands = [values[id(i)] if isinstance(i, DeferredTensor) else i for i in deferral.inputs]
        results = deferral.run(sizes, *operands)
        results = results if isinstance(results, (list, tuple)) else [results]
        values.update((id(o), r) for o, r in zip(deferral.outputs, results))


def sizes_of(inputs: Sequence[DeferredTensor], values: Sequence[Any]) -> dict[str, Any]:
    """What the open sizes of the inputs are in their values. Raises where a known size differs."""
    sizes: dict[str, Any] = {}
    for tensor, value in zip(inputs, values):
        if len(tensor.type.shape) != len(value.type.shape):
            raise errors.InvalidArgumentError(
                f"The input {tensor.name!r} has the shape {tensor.shape}. Received: a tensor of shape {value.shape}.")
        for expected, given in zip(tensor.type.shape, value.type.shape):
            if isinstance(expected, Dim) and expected.is_symbol:
                sizes[str(expected)] = given
            elif dims.is_known(expected, given) and expected != given:
                raise errors.InvalidArgumentError(
                    f"The input {tensor.name!r} has the shape {tensor.shape}. Received: a tensor of shape {value.shape}.")
    return sizes
