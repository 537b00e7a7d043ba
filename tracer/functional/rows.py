"""Functions of the rows of tensors, one after the other: `map_fn`, `scan`, `foldl`, `foldr`.

All four are `over_rows`: a Python loop eagerly, one `scan` operation in a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.interpreter import interpreting
from treadle.ir.ops.arrays import concat, expand_dims
from treadle.ir.ops.control import dynamic_row
from treadle.ir.ops.rules import show
from treadle.runtime import nest
from treadle.runtime.composites.arrays import zeros
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor_shape import TensorShape
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.functional.common import Held, is_tracing, same_structure, tensors, user_function
from treadle.tracer.staging.block import BlockEnds
from treadle.tracer.staging.elements import stack_many
from treadle.tracer.staging.loops import Iteration, Loop


def as_rows(elems: Any, name: str) -> list[Any]:
    """The tensors of a structure, which must have as many rows as one another."""
    leaves = [convert_to_tensor(leaf) for leaf in nest.flatten(elems)]
    if not leaves:
        raise errors.InvalidArgumentError(
            f"`elems` must be a tensor or a structure of tensors. Received: {elems!r}, which holds none.")
    for leaf in leaves:
        if not leaf.type.shape:
            raise errors.InvalidArgumentError(
                f"`{name}` goes over the rows of its `elems`: they must be 1+ dimensional tensors, not scalars. "
                f"Received: {elems!r}. Convert a list of numbers with `tf.constant`.")
    sizes = [leaf.type.shape[0] for leaf in leaves]
    if any(dims.is_known(a, b) and a != b for a, b in zip(sizes, sizes[1:])):
        raise errors.InvalidArgumentError(f"All tensors in `elems` must have as many rows as one another. Received: "
                                          f"{', '.join(show(leaf.type.shape) for leaf in leaves)}.")
    return leaves


def over_rows(rows: Sequence[Any], step: Callable[[list[Any]], list[Any]], held: Sequence[Held], reverse: bool) -> list[Any]:
    """Run `step(one row of each tensor)` for all rows; it may replace what `held` holds. The tensors it returns, stacked."""
    count = rows[0].type.shape[0]
    if is_tracing():
        names = [h.name for h in held]
        loop = Loop(held, names, names)
        loop.run(Iteration(step, count=count, rows=list(rows), reverse=reverse))
        if loop.ended:  # every row raises
            raise BlockEnds
        return loop.stacked
    if count == 0:
        return _empty(rows, step, held)
    found = []
    for i in range(count - 1, -1, -1) if reverse else range(count):
        index = convert_to_tensor(i, dtypes.int32)
        found.append(step([dynamic_row(r, index) for r in rows]))
    if reverse:
        found.reverse()
    return [stack_many(parts) for parts in zip(*found)]


def _empty(rows: Sequence[Any], step: Callable, held: Sequence[Held]) -> list[Any]:
    """The results for no rows: a trace that is thrown away says what their types would be."""
    before = [h.get() for h in held]
    trace = FuncGraph("no_rows", converts=True)
    with interpreting(trace):
        found = step([trace.add_argument(r.type.with_shape(r.type.shape[1:]), "row") for r in rows])
    for place, value in zip(held, before):
        place.set(value)
    return [zeros((0, *f.type.shape), f.type.dtype) for f in found]


def map_fn(fn: Callable, elems: Any, dtype: Any = None, parallel_iterations: int | None = None, back_prop: bool = True,
           swap_memory: bool = False, infer_shape: bool = True, name: str | None = None,
           fn_output_signature: Any = None) -> Any:
    """`fn` of each row of `elems`, the results stacked: y[i] = fn(elems[i]).

    Args:
        fn: takes a structure of rows nested as `elems`; its results must agree in dtype and shape.
        elems: a tensor, or a structure of tensors of equal length.
        fn_output_signature: the structure of dtypes (or `tf.TensorSpec`) that `fn` returns, where it is not that of
            `elems`. `dtype` is its old name.
        parallel_iterations, back_prop, swap_memory, infer_shape: accepted for compatibility.

    Raises:
        InvalidArgumentError (a ValueError): a scalar in `elems`, lengths or structures that differ.

    Compiled, this is one loop that traces `fn` once. `tf.vectorized_map` is quicker where rows need not wait for one another.

    >>> import treadle as tf
    >>> tf.map_fn(lambda row: tf.reduce_sum(row), tf.constant([[1, 2], [3, 4]])).numpy()
    array([3, 7], dtype=int32)
    """
    fn = user_function(fn, "fn")
    rows = as_rows(elems, "tf.map_fn")
    signature = dtype if fn_output_signature is None else fn_output_signature
    expected = nest.pack_sequence_as(elems, [r.dtype for r in rows]) if signature is None else signature
    specs = nest.flatten(expected)
    first: list[Any] = []

    def step(row: list[Any]) -> list[Any]:
        result = fn(nest.pack_sequence_as(elems, row))
        same_structure(result, expected, "what `fn` returns must be nested like `elems`; if not, pass `fn_output_signature`.")
        found = [_of_spec(leaf, spec) for leaf, spec in zip(nest.flatten(result), specs)]
        if not is_tracing():
            _same_shapes(first, found)
        return found

    return nest.pack_sequence_as(expected, over_rows(rows, step, [], False))


def _of_spec(value: Any, spec: Any) -> Any:
    """A result of the user's function as a tensor of the dtype (and shape) that was announced."""
    wanted = spec.dtype if isinstance(spec, TensorSpec) else dtypes.as_dtype(spec)
    found = convert_to_tensor(value, None if hasattr(value, "dtype") else wanted)
    if found.dtype is not wanted:
        raise errors.DtypeError(
            f"`fn` was to return {wanted.name}. Received: {found.dtype.name}. Pass the dtypes that it returns as "
            "`fn_output_signature`, or cast the result.")
    if isinstance(spec, TensorSpec) and not spec.shape.is_compatible_with(TensorShape(found.type.shape)):
        raise errors.InvalidArgumentError(f"Incompatible shape for value ({found.shape}), expected ({spec.shape}).")
    return found


def _same_shapes(first: list[Any], found: list[Any]) -> None:
    """Raise unless the results have the shapes of the first row's, which `first` keeps."""
    for a, b in zip(first, found):
        if a is not b.type:
            raise errors.InvalidArgumentError(
                f"Incompatible shape for value ({show(b.type.shape)}), expected ({show(a.shape)}): the results for all rows "
                "are stacked. Pad them to one shape.")
    if not first:
        first.extend(f.type for f in found)


def scan(fn: Callable, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
         swap_memory: bool = False, infer_shape: bool = True, reverse: bool = False, name: str | None = None) -> Any:
    """All accumulated values a[i] = fn(a[i-1], elems[i]), stacked; a[-1] is the initializer.

    Args:
        fn: (accumulated, row) -> accumulated, of the same structure, dtypes and shapes.
        elems: a tensor, or a structure of tensors of equal length.
        initializer: what goes in first. None: the first row, which is then the first result.
        reverse: from the last row to the first.
        parallel_iterations, back_prop, swap_memory, infer_shape: accepted for compatibility.

    Raises:
        OutOfRangeError: no rows and no initializer.
        InvalidArgumentError: what `fn` returns differs from the initializer in structure or shape; DtypeError: in dtype.

    >>> import treadle as tf
    >>> tf.scan(lambda a, x: a + x, tf.constant([1, 2, 3])).numpy()
    array([1, 3, 6], dtype=int32)
    """
    rows, held, step, ends = _accumulation(fn, elems, initializer, reverse, "tf.scan")

    def collecting(row: list[Any]) -> list[Any]:
        step(row)
        return nest.flatten(held.get())

    first = nest.flatten(held.get())
    structure = held.get()
    found = over_rows(rows, collecting, [held], reverse)
    if ends:
        own = [expand_dims(f, axis=0) for f in first]
        found = [concat([a, b][::-1 if reverse else 1], axis=0) for a, b in zip(own, found)]
    return nest.pack_sequence_as(structure, found)


def foldl(fn: Callable, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
          swap_memory: bool = False, name: str | None = None) -> Any:
    """fn(... fn(fn(initializer, elems[0]), elems[1]) ..., elems[-1]); see `tf.scan` for arguments and errors.

    >>> import treadle as tf
    >>> tf.foldl(lambda a, x: a * 10 + x, tf.constant([1, 2, 3])).numpy()
    np.int32(123)
    """
    return _fold(fn, elems, initializer, False, "tf.foldl")


def foldr(fn: Callable, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
          swap_memory: bool = False, name: str | None = None) -> Any:
    """fn(... fn(fn(initializer, elems[-1]), elems[-2]) ..., elems[0]); see `tf.scan` for arguments and errors.

    >>> import treadle as tf
    >>> tf.foldr(lambda a, x: a * 10 + x, tf.constant([1, 2, 3])).numpy()
    np.int32(321)
    """
    return _fold(fn, elems, initializer, True, "tf.foldr")


def _fold(fn: Callable, elems: Any, initializer: Any, reverse: bool, name: str) -> Any:
    rows, held, step, _ = _accumulation(fn, elems, initializer, reverse, name)
    if rows[0].type.shape[0] != 0:
        over_rows(rows, step, [held], reverse)
    return held.get()


def _accumulation(fn: Callable, elems: Any, initializer: Any, reverse: bool,
                  name: str) -> tuple[list[Any], Held, Callable[[list[Any]], list[Any]], bool]:
    """(the rows to go over, where the accumulated value is kept, what a row does, whether a row was the initializer)."""
    fn = user_function(fn, "fn")
    rows = as_rows(elems, name)
    first_row = initializer is None
    if first_row:
        if rows[0].type.shape[0] == 0:
            raise errors.OutOfRangeError(
                f"`{name}` without an initializer needs a row to begin with. Received: no rows. Pass an `initializer`.")
        begin = [r[-1 if reverse else 0] for r in rows]
        rows = [r[:-1] if reverse else r[1:] for r in rows]
        initializer = nest.pack_sequence_as(elems, begin)
    held = Held("initializer", tensors(initializer))
    before = held.get()
    types = [t.type for t in nest.flatten(before)]

    def step(row: list[Any]) -> list[Any]:
        result = fn(held.get(), nest.pack_sequence_as(elems, row))
        same_structure(result, before, "`fn` must return what it takes as its first argument.")
        found = []
        for leaf, type in zip(nest.flatten(result), types):
            value = convert_to_tensor(leaf, None if hasattr(leaf, "dtype") else type.dtype)
            if value.dtype is not type.dtype:
                raise errors.DtypeError(f"`fn` of `{name}` must keep the dtype of the initializer, {type.dtype.name}. "
                                        f"Received: {value.dtype.name}. Cast the initializer or the result.")
            if value.type is not type:
                raise errors.InvalidArgumentError(
                    f"Incompatible shape for value ({show(value.type.shape)}), expected ({show(type.shape)}): `fn` of "
                    f"`{name}` must keep the shape of the initializer.")
            found.append(value)
        held.set(nest.pack_sequence_as(before, found))
        return []

    return rows, held, step, first_row
