"""Assertions. What is known while tracing fails at once; the rest is checked when the program runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.dtypes import DType
from treadle.ir.operators import TABLE
from treadle.ir.ops import effects
from treadle.ir.ops.effects import Failure, check
from treadle.ir.ops.rules import as_operand, as_operands, broadcast_shapes, show
from treadle.runtime import checks
from treadle.runtime.composites.arrays import known_array
from treadle.runtime.tensor import Tensor


def require(holds: Callable, condition: Callable, build: Callable, text: str, *data: Any) -> None:
    """Raise `build(*arrays)` unless `holds(*arrays)`, now if the data's values are known, else when the program runs.

    `condition(*tensors)` is the same test as a bool scalar tensor.
    """
    known = [known_array(d) for d in data]
    if all(k is not None for k in known):
        if checks.checks_enabled() and not holds(*known):
            raise build(*known)
    else:
        check([condition(*data), *data], failure=Failure(build, text, required=False))


def _prefixed(message: str | None, text: str, between: str = "\n") -> str:
    return f"{message}{between}{text}" if message else text


def _described(name: str, x: np.ndarray) -> str:
    return f"{name} (shape={show(x.shape)} dtype={dtypes.as_dtype(x.dtype).name}) = \n{x}"


# --- comparisons ----------------------------------------------------------------------------------------------------


def _comparison_error(symbol: str, test: Callable, message: str | None, summarize: int | None, x: np.ndarray,
                      y: np.ndarray) -> errors.InvalidArgumentError:
    count = 3 if summarize is None else summarize
    lines = [f"Condition x {symbol} y did not hold."]
    if x.shape == y.shape != ():
        wrong = np.argwhere(~test(x, y))
        wrong = wrong if count < 0 else wrong[:count]
        places = tuple(wrong.T)
        lines += [f"Indices of first {len(wrong)} different values:", str(wrong), "Corresponding x values:",
                  str(x[places].reshape(-1)), "Corresponding y values:", str(y[places].reshape(-1))]
    for name, array in (("x", x), ("y", y)):
        shown = array.reshape(-1) if count < 0 else array.reshape(-1)[:count]
        lines += [f"First {len(shown)} elements of {name}:", str(shown)]
    return errors.InvalidArgumentError(_prefixed(message, "\n".join(lines)), see="assertion-failed")


def _comparison(name: str, symbol: str, example: str, op: str | None = None) -> Callable[..., None]:
    op = op or name
    test = getattr(np, op)

    def assertion(x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> None:
        x, y = as_operands(x, y)
        broadcast_shapes(x.type.shape, y.type.shape)
        require(lambda a, b: bool(np.all(test(a, b))), lambda a, b: TABLE["reduce_all"](TABLE[op](a, b)),
                partial(_comparison_error, symbol, test, message, summarize),
                _prefixed(message, f"Condition x {symbol} y did not hold."), x, y)

    assertion.__doc__ = f"""Raise InvalidArgumentError unless x {symbol} y, element by element, with broadcasting.

    Args:
        message: begins the error's text.
        summarize: how many elements the error shows (default 3; -1: all).

    >>> import treadle as tf
    >>> tf.debugging.assert_{name}({example})
    """
    assertion.__name__ = assertion.__qualname__ = f"assert_{name}"
    return assertion


assert_equal = _comparison("equal", "==", "[1, 2], [1, 2]")
assert_none_equal = _comparison("none_equal", "!=", "[1, 2], [2, 1]", op="not_equal")
assert_less = _comparison("less", "<", "[1, 2], 3")
assert_less_equal = _comparison("less_equal", "<=", "[1, 3], 3")
assert_greater = _comparison("greater", ">", "[4, 5], 3")
assert_greater_equal = _comparison("greater_equal", ">=", "[3, 4], 3")


def _sign_error(symbol: str, message: str | None, x: np.ndarray) -> errors.InvalidArgumentError:
    text = f"Condition x {symbol} 0 did not hold element-wise:\n{_described('x', x)}"
    return errors.InvalidArgumentError(_prefixed(message, text, ".  \n"), see="assertion-failed")


def _sign(name: str, symbol: str, comparison: str) -> Callable[..., None]:
    test = getattr(np, comparison)

    def assertion(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> None:
        require(lambda a: bool(np.all(test(a, 0))), lambda a: TABLE["reduce_all"](TABLE[comparison](a, 0)),
                partial(_sign_error, symbol, message), _prefixed(message, f"Condition x {symbol} 0 did not hold."),
                as_operand(x))

    assertion.__doc__ = f"Raise InvalidArgumentError unless x {symbol} 0, for each element. `message` begins the error's text."
    assertion.__name__ = assertion.__qualname__ = f"assert_{name}"
    return assertion


assert_non_negative = _sign("non_negative", ">=", "greater_equal")
assert_positive = _sign("positive", ">", "greater")
assert_negative = _sign("negative", "<", "less")
assert_non_positive = _sign("non_positive", "<=", "less_equal")


def _near_error(message: str | None, x: np.ndarray, y: np.ndarray, rtol: np.ndarray,
                atol: np.ndarray) -> errors.InvalidArgumentError:
    text = f"x and y not equal to tolerance rtol = {rtol}, atol = {atol}\n{_described('x', x)}\n{_described('y', y)}"
    return errors.InvalidArgumentError(_prefixed(message, text), see="assertion-failed")


def assert_near(x: Any, y: Any, rtol: Any = None, atol: Any = None, message: str | None = None,
                summarize: int | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError unless |x - y| <= atol + rtol * |y|, element by element.

    Args:
        rtol, atol: default 10 times the dtype's epsilon.

    >>> import treadle as tf
    >>> tf.debugging.assert_near([1.0], [1.0000001])
    """
    x, y = as_operands(x, y)
    small = 10 * np.finfo(np.float32 if x.dtype.size < 4 or not x.dtype.is_floating else x.dtype.numpy).eps
    rtol, atol = [as_operand(small if t is None else t, x.dtype) for t in (rtol, atol)]
    require(lambda x, y, r, a: bool(np.all(np.abs(x - y) <= a + r * np.abs(y))),
            lambda x, y, r, a: TABLE["reduce_all"](TABLE["less_equal"](TABLE["abs"](x - y), a + r * TABLE["abs"](y))),
            partial(_near_error, message), _prefixed(message, "x and y not equal to tolerance"), x, y, rtol, atol)


# --- numbers --------------------------------------------------------------------------------------------------------


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """The tensor itself; raises InvalidArgumentError if it, or its gradient, holds Inf or NaN.

    >>> import treadle as tf
    >>> tf.debugging.check_numerics([1.0, 2.0], "weights").numpy().tolist()
    [1.0, 2.0]
    """
    return effects.check_numerics(tensor, message=message)


def assert_all_finite(x: Any, message: str, name: str | None = None) -> Tensor:
    """The tensor itself; raises InvalidArgumentError if it holds Inf or NaN. `message` begins the error's text."""
    return effects.check_numerics(x, message=message)


# --- conditions -----------------------------------------------------------------------------------------------------


def _assert_error(shown: str, constants: Sequence[Any], summarize: int | None, ok: Any,
                  *arrays: np.ndarray) -> errors.InvalidArgumentError:
    given = iter(arrays)
    count = 3 if summarize is None else summarize
    texts = []
    for constant in constants:
        flat = np.asarray(next(given) if constant is None else constant).reshape(-1)
        cut = flat if count < 0 else flat[:count]
        values = [repr(v.encode() if isinstance(v, str) else v) if isinstance(v, (str, bytes)) else str(v) for v in cut]
        texts.append(", ".join([*values, "..."] if len(cut) < len(flat) else values))
    return errors.InvalidArgumentError(f"Expected '{shown}' to be true. Summarized data: " + "\n".join(texts))


def Assert(condition: Any, data: Sequence[Any], summarize: int | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError, which shows `data`, unless `condition` (a bool scalar) is true.

    Args:
        data: tensors, numbers and strings.
        summarize: how many elements of each are shown (default 3; -1: all).

    >>> import treadle as tf
    >>> tf.Assert(tf.reduce_all(tf.constant([1, 2]) > 0), ["must be positive"])
    """
    shown = "tf.Tensor(False, shape=(), dtype=bool)" if hasattr(condition, "dtype") else str(condition)
    items = data if isinstance(data, (list, tuple)) else [data]
    # XLA has no strings: they are known now.
    constants = [d if isinstance(d, (str, bytes, int, float)) else d.numpy() if isinstance(d, Tensor) and d.dtype.is_string
                 else None for d in items]
    require(lambda ok, *_: bool(np.all(ok)), lambda ok, *_: ok,
            partial(_assert_error, shown, constants, summarize), f"Expected '{shown}' to be true.",
            as_operand(condition, dtypes.bool_), *(as_operand(d) for d, c in zip(items, constants) if c is None))


# --- types and shapes: known while tracing --------------------------------------------------------------------------


def _expect(holds: bool, message: str | None, text: str, kind: type[errors.OpError] = errors.InvalidArgumentError) -> None:
    if not holds:
        raise kind(_prefixed(message, text, ".  "))


def assert_rank(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError unless x has the rank."""
    _check_rank(as_operand(x), lambda found: found == int(rank), f"rank {int(rank)}", message)


def assert_rank_at_least(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError unless x has the rank or a higher one."""
    _check_rank(as_operand(x), lambda found: found >= int(rank), f"rank at least {int(rank)}", message)


def assert_rank_in(x: Any, ranks: Sequence[Any], message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError unless x has one of the ranks."""
    allowed = tuple(int(r) for r in ranks)
    _check_rank(as_operand(x), lambda found: found in allowed, f"rank in {allowed}", message)


def _check_rank(x: Any, holds: Callable[[int], bool], what: str, message: str | None) -> None:
    rank = len(x.type.shape)
    _expect(holds(rank), message, f"Tensor must have {what}.  Received rank {rank}, shape {show(x.type.shape)}")


def assert_scalar(tensor: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise InvalidArgumentError unless the tensor has rank 0."""
    shape = as_operand(tensor).type.shape
    _expect(not shape, message, f"Expected scalar shape, saw shape: {show(shape)}.")


def assert_shapes(shapes: Any, data: Any = None, summarize: int | None = None, message: str | None = None,
                  name: str | None = None) -> None:
    """Raise InvalidArgumentError unless tensors have the shapes given, and sizes of one name are equal.

    Args:
        shapes: pairs (tensor, shape), or a dictionary. A shape is a tuple of integers, names, and None or "." for any size;
            "..." or `...` at its beginning or end stands for any number of sizes.

    >>> import treadle as tf
    >>> tf.debugging.assert_shapes([(tf.zeros([2, 3]), ("N", "D")), (tf.zeros([3]), ("D",))])
    """
    pairs = shapes.items() if isinstance(shapes, dict) else shapes
    named: dict[str, tuple[Any, str]] = {}
    for tensor, given in pairs:
        x = as_operand(tensor.deref() if hasattr(tensor, "deref") else tensor)
        wanted, found = list(given) if hasattr(given, "__iter__") else [given], x.type.shape
        places = list(range(len(found)))
        if wanted and wanted[0] in (Ellipsis, "..."):
            wanted, places = wanted[1:], places[len(places) - len(wanted) + 1:]
        elif wanted and wanted[-1] in (Ellipsis, "..."):
            wanted, places = wanted[:-1], places[:len(wanted) - 1]
        _expect(len(wanted) == len(places), message,
                f"Tensor must have rank {len(wanted)}.  Received rank {len(found)}, shape {show(found)}")
        for want, place in zip(wanted, places):
            if want in (None, "."):
                continue
            where = f"Tensor of shape {show(found)}, dimension {place},"
            size, source = named.setdefault(want, (found[place], where)) if isinstance(want, str) and not want.isdigit() else (
                int(want), "")
            begin = f"Specified by {source[0].lower()}{source[1:]}  " if source else "Specified explicitly.  "
            text = f"{begin}{where} must have size {size}.  Received size {found[place]}."
            if dims.is_known(size, found[place]):
                _expect(size == found[place], message, text)
            elif size != found[place]:
                assert_equal(TABLE["from_size"](size=found[place], dtype=dtypes.int32),
                             TABLE["from_size"](size=size, dtype=dtypes.int32), message=_prefixed(message, text, ".  "))


def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise DtypeError (a TypeError) unless the tensor has the dtype."""
    found, wanted = as_operand(tensor).dtype, dtypes.as_dtype(tf_type)
    _expect(found is wanted, message, f"tensor must be of type {wanted!r}; got {found!r}", errors.DtypeError)


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> None:
    """Raise DtypeError (a TypeError) unless x has an integer dtype."""
    found = as_operand(x).dtype
    _expect(found.is_integer, message, f'Expected "x" to be integer type.  Found: tensor of dtype {found!r}', errors.DtypeError)


def assert_same_float_dtype(tensors: Sequence[Any] | None = None, dtype: Any = None) -> DType:
    """The floating dtype that all tensors, and `dtype`, share (float32 for none). Raises DtypeError if they do not."""
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    for tensor in tensors or ():
        found = as_operand(tensor).dtype
        wanted = wanted or found
        _expect(found is wanted, None, f"Expected all tensors to be of type {wanted!r}. Received: one of {found!r}.",
                errors.DtypeError)
    wanted = wanted or dtypes.float32
    _expect(wanted.is_floating, None, f"Expected floating point type, got {wanted!r}.", errors.DtypeError)
    return wanted


def assert_proper_iterable(values: Any) -> None:
    """Raise DtypeError (a TypeError) unless `values` is an iterable other than a tensor, an array or text."""
    bad = isinstance(values, (Tensor, np.ndarray, str, bytes)) or not hasattr(values, "__iter__")
    _expect(not bad, None, f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}', errors.DtypeError)


def is_numeric_tensor(tensor: Any) -> bool:
    """True if `tensor` is a tensor of numbers (not bool, not string)."""
    return isinstance(tensor, Tensor) and not tensor.dtype.is_bool and not tensor.dtype.is_string


# --- program order --------------------------------------------------------------------------------------------------


class control_dependencies:
    """A context for code that is to happen after `control_inputs`. Everything happens in program order anyway.

    >>> import treadle as tf
    >>> with tf.control_dependencies([tf.Assert(True, [])]):
    ...     x = tf.constant(1)
    """

    def __init__(self, control_inputs: Any):
        self.control_inputs = control_inputs

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: Any) -> None:
        pass


def group(*inputs: Any, name: str | None = None) -> None:
    """Nothing: the inputs, operations or structures of them, have been carried out, in order, when it is called."""


def no_op(name: str | None = None) -> None:
    """Nothing happens."""


errors.shield(globals())
