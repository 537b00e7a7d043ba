"""`cond`, `case` and `switch_case`: a choice between functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.ops.effects import Failure, check
from treadle.ir.ops.elementwise import cast, minimum
from treadle.ir.ops.logic import greater_equal, less, less_equal, logical_and
from treadle.ir.ops.reductions import reduce_any, reduce_sum
from treadle.ir.ops.select import select
from treadle.runtime.composites.arrays import stack
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.functional.common import is_symbolic, is_tracing, user_function
from treadle.tracer.staging.block import as_predicate
from treadle.tracer.staging.branches import stage_if


def cond(pred: Any, true_fn: Callable | None = None, false_fn: Callable | None = None, name: str | None = None) -> Any:
    """`true_fn()` if `pred` is true, else `false_fn()`. Only the one that is chosen takes effect.

    Args:
        pred: a scalar tensor, or a Python value.
        true_fn, false_fn: functions of no arguments. In a compiled function, where a tensor decides, both must return the
            same structure, dtypes and shapes.

    Raises:
        DtypeError: one of them is not callable.
        StagingError: compiled, they return different kinds of values.

    >>> import treadle as tf
    >>> x = tf.constant(3.0)
    >>> tf.cond(x > 2.0, lambda: x * 10.0, lambda: x).numpy()
    np.float32(30.0)
    """
    true_fn, false_fn = user_function(true_fn, "true_fn"), user_function(false_fn, "false_fn")
    if not is_symbolic(pred):
        return true_fn() if pred else false_fn()
    return stage_if(as_predicate(convert_to_tensor(pred)), [true_fn, false_fn], [])


def case(pred_fn_pairs: Any, default: Callable | None = None, exclusive: bool = False, strict: bool = False,
         name: str | None = "case") -> Any:
    """The result of the function that stands beside the first true predicate; else that of `default`.

    Args:
        pred_fn_pairs: (bool scalar tensor, function of no arguments) in order.
        default: a function for when none is true.
        exclusive: raise if more than one predicate is true.
        strict: accepted for compatibility.

    Raises:
        InvalidArgumentError: no predicate is true and there is no default; with `exclusive`, more than one is true.
        DtypeError: a pair is not (bool tensor, function).

    >>> import treadle as tf
    >>> x = tf.constant(7)
    >>> tf.case([(x < 5, lambda: "small"), (x < 10, lambda: "middling")], default=lambda: "large")
    'middling'
    """
    pairs = [_pair(p) for p in pred_fn_pairs]
    if not pairs:
        raise errors.InvalidArgumentError("`tf.case` needs at least one pair of a predicate and a function. Received: none.")
    if default is not None:
        default = user_function(default, "default")
    predicates = [p for p, _ in pairs]
    if exclusive and len(pairs) > 1:
        count = reduce_sum(cast(stack(predicates), dtypes.int32), axis=0)
        _require(less_equal(count, 1),
                 "More than one condition evaluated as True although `exclusive=True`. Make them exclude one another.")
    if default is None:
        _require(reduce_any(stack(predicates)),
                 "None of conditions evaluated as True. Pass a `default`.")
        *pairs, (_, default) = pairs
    if all(not is_symbolic(p) for p in predicates):
        return next((f for p, f in pairs if p), default)()
    index: Any = len(pairs)
    for i in range(len(pairs) - 1, -1, -1):
        index = select(pairs[i][0], i, index)
    branches = [*(f for _, f in pairs), default]
    if not pairs:
        return branches[0]()
    return stage_if(index, branches, [], [f"case{i}" for i in range(len(branches))])


def _pair(pair: Any) -> tuple[Any, Callable]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise errors.DtypeError(f"Each entry in 'pred_fn_pairs' must be a 2-tuple. Received: {pair!r}.")
    predicate, function = pair
    if not isinstance(predicate, (Tensor, Variable)):
        raise errors.DtypeError(f"The predicates of `tf.case` must be tensors. Received: {predicate!r}.")
    if not predicate.dtype.is_bool or predicate.shape.rank:
        raise errors.DtypeError(f"The predicates of `tf.case` must be bool scalars. Received: {predicate.type}.")
    return convert_to_tensor(predicate), user_function(function, "fn")


def _require(condition: Any, message: str) -> None:
    check([condition], failure=Failure(lambda: errors.InvalidArgumentError(message), message))


def switch_case(branch_index: Any, branch_fns: Any, default: Callable | None = None, name: str | None = "switch_case") -> Any:
    """The result of `branch_fns[branch_index]()`; an index out of range means `default`, or the last function.

    Args:
        branch_index: an integer scalar tensor.
        branch_fns: functions of no arguments; or a dict, or pairs, from 0, 1, ... n-1 to them.

    Raises:
        DtypeError: the index is no integer tensor, or a branch cannot be called.
        InvalidArgumentError: there are no branches, or their numbers are not 0 to n-1.

    >>> import treadle as tf
    >>> tf.switch_case(tf.constant(1), [lambda: 10, lambda: 20])
    20
    >>> tf.switch_case(tf.constant(5), {0: lambda: 10, 1: lambda: 20}, default=lambda: -1)
    -1
    """
    if not isinstance(branch_index, (Tensor, Variable)):
        raise errors.DtypeError(f"'branch_index' must be a Tensor. Received: {branch_index!r}. "
                                "Convert it with `tf.constant`, or index a Python list of functions.")
    if not branch_index.dtype.is_integer:
        raise errors.DtypeError(f"'branch_index' must be an integer Tensor. Received: {branch_index.type}.")
    functions = [user_function(f, f"branch_fns[{i}]") for i, f in enumerate(_in_order(branch_fns))]
    functions.append(user_function(default, "default") if default is not None else functions[-1])
    last = len(functions) - 1
    if not is_tracing():
        index = int(branch_index)
        return functions[index if 0 <= index < last else last]()
    index = cast(branch_index, dtypes.int64)
    inside = logical_and(greater_equal(index, 0), less(index, last))
    index = cast(select(inside, index, last), dtypes.int32)
    if default is None:  # the last one again
        functions.pop()
        index = minimum(index, last - 1)
    return stage_if(index, functions, [], [f"branch{i}" for i in range(len(functions))])


def _in_order(branch_fns: Any) -> Sequence[Callable]:
    """The functions by number."""
    if isinstance(branch_fns, Mapping):
        branch_fns = list(branch_fns.items())
    branch_fns = list(branch_fns)
    if not branch_fns:
        raise errors.InvalidArgumentError("Must provide at least one item in 'branch_fns'. Received: none.")
    if all(callable(f) for f in branch_fns):
        return branch_fns
    for entry in branch_fns:
        if not isinstance(entry, tuple) or len(entry) != 2:
            raise errors.DtypeError(f"Each entry in 'branch_fns' must be a function or a 2-tuple. Received: {entry!r}.")
        if not isinstance(entry[0], int):
            raise errors.DtypeError(f"The number of a branch must be a Python int. Received: {entry[0]!r}.")
    ordered = dict(branch_fns)
    if sorted(ordered) != list(range(len(branch_fns))):
        raise errors.InvalidArgumentError(
            f"Branch indices (keys) must form the contiguous range of [0 to {len(branch_fns)}). "
            f"Received: {[k for k, _ in branch_fns]}.")
    return [ordered[i] for i in range(len(branch_fns))]
