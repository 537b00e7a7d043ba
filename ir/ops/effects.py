"""Ops with an effect: a check that may raise, a text that is written, a Python function that is called.

    check(%ok, %x) {failure=<python Failure #0>}
    print(%x) {writer=<python "write" #1>}
    %1 = host_function(%x) {function=<python "f" #2>, types_out=...} : f32[2]

They happen in program order, each once, and stay although nobody uses their results. Eager execution carries them out
in Python (the `host` rule); in a compiled program `treadle.ir.passes.effects` turns them into values.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from treadle.ir import dtypes, errors, location
from treadle.ir.attributes import Opaque, Str
from treadle.ir.op import Op, Rest, op
from treadle.ir.operators import TABLE
from treadle.ir.ops.rules import FLOATS, require
from treadle.ir.types import TensorType


class Failure:
    """What a check raises. Called with the NumPy arrays of the check's data it returns the exception.

    `text` describes the failure where the data cannot be had. A check that is `required` belongs to the program's
    meaning (a `raise` of the user's); the others are left out under `tf.debugging.disable_checks()`.
    """

    __slots__ = ("build", "text", "required")

    def __init__(self, build: Callable[..., BaseException], text: str, required: bool = True):
        self.build, self.text, self.required = build, text, required

    def __call__(self, *arrays: np.ndarray) -> BaseException:
        return self.build(*arrays)

    def __repr__(self) -> str:
        return f"<failure: {self.text}>"


def _check_infer(condition: TensorType, *data: TensorType, failure: Any) -> tuple[()]:
    if not condition.dtype.is_bool or condition.shape:
        raise errors.DtypeError(f"The condition of a check is a bool scalar. Received: {condition}.")
    return ()


def _check_host(condition: np.ndarray, *data: np.ndarray, failure: Any) -> tuple[()]:
    if not condition:
        error = failure(*data)
        if isinstance(error, errors.OpError):
            error.location = location.user_location()
        raise error
    return ()


@op(infer=_check_infer, lower=None, host=_check_host, traits="effect", many=True)
def check(operands: Rest, *, failure: Opaque):
    """Raise `failure(*data)` unless the first operand, a bool scalar, is true. The other operands are the data."""


def _print_host(*arrays: np.ndarray, writer: Any) -> tuple[()]:
    writer(*arrays)
    return ()


@op(infer=lambda *types, writer: (), lower=None, host=_print_host, traits="effect", many=True)
def print_(operands: Rest, *, writer: Opaque):
    """Call `writer` with the operands as NumPy arrays; it writes them somewhere."""


def _host_function(*arrays: np.ndarray, function: Any, types_out: Any) -> list[np.ndarray]:
    return host_results(function, arrays, types_out)


def _host_vjp(g: Any, y: Any, *operands: Any, function: Any, types_out: Any) -> Any:
    transposed = getattr(function, "transposed", None)
    if transposed is None:
        return [None] * len(operands)
    places = [i for i, o in enumerate(operands) if o.dtype.is_differentiable]
    given = [c for c in g if c is not None]
    found: list[Any] = [None] * len(operands)
    results = host_function([*operands, *given], function=transposed(len(operands), tuple(places)),
                            types_out=tuple(operands[i].type for i in places))
    for place, result in zip(places, results):
        found[place] = result
    return found


@op(infer=lambda *types, function, types_out: types_out, lower=None, host=_host_function, vjp=_host_vjp,
    traits="effect", many=True)
def host_function(operands: Rest, *, function: Opaque, types_out: Opaque):
    """The results of a Python function that takes and returns NumPy arrays, of the types `types_out` (a tuple).

    If `function` has a method `transposed(count, places)`, that returns the function (operands, cotangents of the
    differentiable results) -> cotangents of the operands at `places`, which is the gradient; else there is none.
    """


def host_results(function: Callable, arrays: Sequence[np.ndarray], types: Sequence[TensorType]) -> list[np.ndarray]:
    """What a Python function returns for the arrays, checked against the types that were announced."""
    returned = function(*arrays)
    given = list(returned) if isinstance(returned, (list, tuple)) else [] if returned is None else [returned]
    name = getattr(function, "__name__", repr(function))
    if len(given) != len(types):
        raise errors.InvalidArgumentError(
            f"The function {name} was to return {len(types)} tensors. Received: {len(given)}.")
    results = []
    for i, (value, type) in enumerate(zip(given, types)):
        known = isinstance(value, (np.ndarray, np.generic))  # a Python number takes the dtype announced
        # A copy: the function may go on writing to what it returned.
        array = np.array(value, None if known else type.dtype.numpy)
        if array.dtype != type.dtype.numpy:
            raise errors.InvalidArgumentError(
                f"Result {i} of the function {name} was to have the dtype {type.dtype.name}. Received: {array.dtype}. "
                "Convert it in the function, or change `Tout`.")
        if type.shape is not None and array.shape != type.shape:
            raise errors.InvalidArgumentError(
                f"Result {i} of the function {name} was to have the shape {type.shape}. Received: {array.shape}.")
        results.append(array)
    return results


# --- numbers that must be finite: an ordinary op with a precondition ------------------------------------------------


def _finite(tensor: Any, *, message: str) -> Any:
    test = TABLE["is_finite"](tensor)
    return TABLE["reduce_all"](test) if test.type.shape else test


def _not_finite(array: np.ndarray, *, message: str) -> Exception:
    wide = array.astype(np.float64)
    found = [word for word, test in (("Inf", np.isinf), ("NaN", np.isnan)) if np.any(test(wide))]
    return errors.InvalidArgumentError(f"{message} : Tensor had {' and '.join(found)} values")


def _numerics_infer(tensor: TensorType, *, message: str) -> TensorType:
    require(tensor, FLOATS, "tensor")
    return tensor


def _numerics_gradient(g: Any, y: Any, tensor: Any, *, message: str) -> Any:
    return check_numerics(g, message=f"Inf or NaN detected in gradient. {message}")


@op(infer=_numerics_infer, lower=lambda xp, x, *, message: x, vjp=(_numerics_gradient,), valid=_finite, invalid=_not_finite)
def check_numerics(tensor, *, message: Str):
    """The tensor itself; an error if it, or the gradient that comes back through it, holds Inf or NaN."""


# --- in a compiled program ------------------------------------------------------------------------------------------

CODE = TensorType.of(dtypes.int32)
_raised: dict[int, tuple[BaseException, location.Location | None]] = {}
_codes = itertools.count(-1, -1)


class HostCall:
    """An op with an effect as a compiled program calls it: (code, *arrays) -> (code, *results).

    A code other than 0 says that the program has failed: then nothing is done. An exception makes the code negative;
    `raise_from_host(code)` raises it.
    """

    def __init__(self, op: Op, attributes: dict[str, Any], types: Sequence[TensorType],
                 where: location.Location | None = None):
        self.op, self.attributes, self.types, self.where = op, attributes, types, where

    def __call__(self, code: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray | np.generic]:
        if int(code) == 0:
            try:
                return [np.int32(0), *self.op.host(*arrays, **self.attributes)]  # type: ignore[misc]
            except BaseException as error:  # also KeyboardInterrupt: XLA would make it an error of its own
                code = np.int32(next(_codes))
                _raised[int(code)] = error, self.where
        return [np.int32(code), *(np.zeros(t.shape, t.dtype.numpy) for t in self.types)]


def raise_from_host(code: int) -> NoReturn:
    """Raise the exception that a host call gave the code for. It can be had once."""
    error, where = _raised.pop(code)
    traceback = error.__traceback__
    while traceback is not None:
        if not location.is_internal(traceback.tb_frame.f_code.co_filename):
            raise error  # the user's function raised it, in a line of its own
        traceback = traceback.tb_next
    errors.raise_at(error, where)


@op(infer=lambda code, *types, function: (CODE, *function.types),
    lower=lambda xp, *x, function: xp.host_call(function, [CODE, *function.types], x), traits="effect", many=True)
def host_call(operands: Rest, *, function: Opaque):
    """Call a `HostCall` from the program. The code that goes in and comes out keeps the calls in order."""
