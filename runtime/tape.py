"""`GradientTape`: records operations as they happen and differentiates them afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from treadle.ir import errors, location
from treadle.ir.autodiff import Record, active_ids, sweep
from treadle.ir.builder import CapturingBuilder
from treadle.ir.graph import Graph
from treadle.ir.interpreter import Recorder, interpreting, recorders, state
from treadle.ir.op import REGISTRY, Op
from treadle.ir.operators import TABLE
from treadle.runtime import gradient_program, nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.interpreter import carriers
from treadle.runtime.tensor import Tensor
from treadle.runtime.variable import Variable


class UnconnectedGradients:
    """What `gradient` returns for a source that the target does not depend on: None, or zeros."""

    NONE = "none"
    ZERO = "zero"


class GradientTape(Recorder):
    """Records the operations of a `with` block, for `gradient` and `jacobian`.

    Args:
        persistent: allow more than one call of `gradient`. Default False.
        watch_accessed_variables: watch each trainable variable when it is read. Default True.

    >>> import treadle as tf
    >>> x = tf.constant(3.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> tape.gradient(y, x).numpy()
    np.float32(6.0)
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent = persistent
        self._watch_accessed = watch_accessed_variables
        self._entered = False
        self._opened = False  # it has been entered once
        self._used = False
        self._clear()

    def _clear(self) -> None:
        self._records: list[Record] = []
        self._active: set[int] = set()  # ids of the tensors that depend on something watched
        self._alive: list[Any] = []     # what those ids belong to, as far as no record holds it
        self._reads: dict[int, tuple[Variable, list[Tensor]]] = {}
        self._watched: set[int] = set()  # ids of the variables watched by request

    # --- recording ---

    @errors.filter_traceback
    def __enter__(self) -> GradientTape:
        if self._entered:
            raise errors.FailedPreconditionError("This tape is already recording.")
        if self._used and not self._persistent:
            self._clear()
            self._used = False
        self._entered = self._opened = True
        state.recorders = (*state.recorders, self)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._entered = False
        state.recorders = tuple(r for r in state.recorders if r is not self)

    def watches(self, operands: Sequence[Any]) -> bool:
        return not self._active.isdisjoint(map(id, operands))

    def record(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any], results: Sequence[Any]) -> None:
        if op.vjp is not None:
            self._records.append(Record(op, operands, attributes, results))
            self._active.update([id(r) for r in results if r.type.dtype.is_differentiable])

    def record_read(self, variable: Variable, tensor: Tensor) -> None:
        """Called when a variable is read while this tape records."""
        if not tensor.dtype.is_differentiable:
            return
        if (variable.trainable and self._watch_accessed) or id(variable) in self._watched:
            self._reads.setdefault(id(variable), (variable, []))[1].append(tensor)
            self._active.add(id(tensor))

    def watch(self, tensor: Any) -> None:
        """Differentiate with respect to `tensor` (a tensor or variable, or a structure of them) as well."""
        self._check_opened()
        for leaf in nest.flatten(tensor):
            if not isinstance(leaf, (Tensor, Variable)):
                raise errors.DtypeError(f"Only tensors and variables can be watched. Received: {leaf!r}.")
            if not leaf.dtype.is_differentiable:
                where = location.user_location() or location.Location(__file__, 0)
                warnings.warn_explicit(
                    "Only floating and complex tensors have gradients: that of the watched tensor will be None. Received: "
                    f"dtype {leaf.dtype.name}. Watch `tf.cast(x, tf.float32)`.", UserWarning, where.file, where.line)
                continue
            if isinstance(leaf, Variable):
                self._watched.add(id(leaf))
                self._reads.setdefault(id(leaf), (leaf, []))
            else:
                for carrier in carriers(leaf):
                    self._active.add(id(carrier))
                    self._alive.append(carrier)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables watched so far, in the order they were first read."""
        return tuple(variable for variable, _ in self._reads.values())

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """A context in which this tape does not record."""
        if not self._entered:
            raise errors.FailedPreconditionError("The tape is not recording, so it cannot be stopped.")
        with recorders(tuple(r for r in state.recorders if r is not self)):
            yield

    def reset(self) -> None:
        """Forget everything recorded so far."""
        self._clear()

    # --- differentiating ---

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None,
                 unconnected_gradients: str = UnconnectedGradients.NONE) -> Any:
        """The gradient of `target` (the sum over its elements) with respect to `sources`.

        Args:
            target: a tensor, or a structure of tensors, whose gradients are added.
            sources: a tensor or variable, or a structure of them; the result has the same structure.
            output_gradients: weights for the elements of `target`, of its structure and shapes. Default: ones.
            unconnected_gradients: "none" (None) or "zero" for sources that `target` does not depend on.

        Raises:
            FailedPreconditionError: a second call on a tape that is not persistent.
        """
        try:
            self._begin()
            targets = [self._resolve(t) for t in nest.flatten(target)]
            seeds = [None] * len(targets) if output_gradients is None else nest.flatten(output_gradients)
            if len(seeds) != len(targets):
                raise errors.InvalidArgumentError(
                    f"`output_gradients` must match `target`. Received: {len(seeds)} for {len(targets)}.")
            flat = nest.flatten(sources)
            points = self._points(flat)
            with self._listening():
                given = self._given(targets, seeds)
                found = gradient_program.gradients(self._records, targets, given, points, _differentiate)
                if found is None:
                    found = _differentiate(list(self._records), targets, given, points)
                if _is_zero(unconnected_gradients):
                    found = [REGISTRY["zeros_like"](s) if f is None else f for f, s in zip(found, flat)]
            self._drop()
            return nest.pack_sequence_as(sources, found)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def jacobian(self, target: Any, sources: Any, unconnected_gradients: str = UnconnectedGradients.NONE,
                 parallel_iterations: int | None = None, experimental_use_pfor: bool = True) -> Any:
        """The Jacobian d target[i...] / d source[j...], of shape `target.shape + source.shape`.

        The backward pass is traced once and run for all elements of `target` at the same time.
        """
        try:
            self._begin()
            resolved = self._resolve(target)
            flat = nest.flatten(sources)
            points = self._points(flat)
            with self._listening():
                count = resolved.type.count
                basis = TABLE["reshape"](TABLE["eye"](count, dtype=resolved.dtype),
                                         shape=(count, *resolved.type.shape))
                rows = self._pullback_rows(resolved, points, basis)
                found = [None if r is None else TABLE["reshape"](r, shape=(*resolved.type.shape, *s.type.shape))
                         for r, s in zip(rows, flat)]
                if _is_zero(unconnected_gradients):
                    found = [TABLE["zeros"]((*resolved.type.shape, *s.type.shape), dtype=s.dtype) if f is None else f
                             for f, s in zip(found, flat)]
            self._drop()
            return nest.pack_sequence_as(sources, found)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def batch_jacobian(self, target: Any, source: Any, unconnected_gradients: str = UnconnectedGradients.NONE,
                       parallel_iterations: int | None = None, experimental_use_pfor: bool = True) -> Any:
        """The Jacobian of each example: d target[b, i...] / d source[b, j...], of shape [b, i..., j...].

        Rows of `target` must depend on the same row of `source` only.
        """
        try:
            self._begin()
            resolved = self._resolve(target)
            t_shape, s_shape = resolved.type.shape, source.type.shape
            if not t_shape or not s_shape or (isinstance(t_shape[0], int) and isinstance(s_shape[0], int)
                                              and t_shape[0] != s_shape[0]):
                raise errors.InvalidArgumentError(
                    f"Target and source must share their first axis. Received: {resolved.shape} and {source.shape}.")
            points = self._points([source])
            with self._listening():
                batch, rest = t_shape[0], t_shape[1:]
                count = 1
                for size in rest:
                    count = count * size
                eye = TABLE["reshape"](TABLE["eye"](count, dtype=resolved.dtype), shape=(count, 1, *rest))
                basis = TABLE["broadcast_to"](eye, shape=(count, batch, *rest))
                found = self._pullback_rows(resolved, points, basis)[0]
                if found is None and _is_zero(unconnected_gradients):
                    found = TABLE["zeros"]((count, *s_shape), dtype=source.dtype)
                if found is not None:
                    axes = (1, 0, *range(2, len(s_shape) + 1))
                    found = TABLE["reshape"](TABLE["transpose"](found, axes), shape=(batch, *rest, *s_shape[1:]))
            self._drop()
            return found
        except Exception as error:
            errors.hide_frames(error)
            raise

    def _drop(self) -> None:
        """After an answer, a tape that gives no second one lets go of the tensors; which variables it saw stays known."""
        if not self._persistent:
            reads = [variable for variable, _ in self._reads.values()]
            self._clear()
            self._reads = {id(variable): (variable, []) for variable in reads}

    def _check_opened(self) -> None:
        if not self._opened:
            raise errors.FailedPreconditionError(
                "This tape has recorded nothing, as it was never entered. Write `with tf.GradientTape() as tape:` around what "
                "is to be differentiated.")

    def _begin(self) -> None:
        self._check_opened()
        if self._used and not self._persistent:
            raise errors.FailedPreconditionError(
                "This tape was already used. A tape that is asked more than once must be made with "
                "`tf.GradientTape(persistent=True)`.", see="tape-used-twice")
        self._used = True

    def _listening(self) -> Any:
        """While differentiating, the other tapes listen, so that gradients of gradients work; so does a persistent one."""
        listening = state.recorders if self._persistent else tuple(r for r in state.recorders if r is not self)
        return recorders(listening)

    def _resolve(self, target: Any) -> Tensor:
        """The target as the tensor that was recorded."""
        if isinstance(target, Variable):
            reads = self._reads.get(id(target))
            return reads[1][-1] if reads and reads[1] else target._stored()
        if not isinstance(target, Tensor):
            raise errors.DtypeError(f"A target must be a tensor. Received: {target!r}.")
        return target

    def _points(self, sources: Sequence[Any]) -> list[list[Tensor]]:
        """For each source, the tensors that carry its value in the records: a variable may have been read often."""
        points: list[list[Tensor]] = []
        for source in sources:
            if isinstance(source, Variable):
                points.append(self._reads.get(id(source), (source, []))[1])
            elif isinstance(source, Tensor):
                points.append([c for c in carriers(source) if id(c) in self._active])
            else:
                raise errors.DtypeError(f"A source must be a tensor or a variable. Received: {source!r}.")
        return points

    @staticmethod
    def _given(targets: Sequence[Tensor], seeds: Sequence[Any]) -> list[Any]:
        """The weights of the targets as tensors, None where they are ones."""
        return [None if seed is None or not target.dtype.is_differentiable
                else convert_to_tensor(seed, dtype_hint=target.dtype) for target, seed in zip(targets, seeds)]

    def _pullback_rows(self, target: Tensor, points: list[list[Tensor]], basis: Tensor) -> list[Any]:
        """For each source the cotangents for all rows of `basis` at once, or None where unconnected."""
        graph = Graph("pullback")
        builder = CapturingBuilder(graph)
        seed = graph.add_input(target.type, "g")
        with interpreting(builder):
            totals = _swept(list(self._records), {id(target): seed}, points)
        connected = [builder.convert(t) for t in totals if t is not None]
        if not connected:
            return [None] * len(points)
        graph.outputs = connected
        operands = [basis, *builder.captured]
        mapped = (True, *[False] * len(builder.captured))
        rows = iter(REGISTRY["vectorized_call"](operands, graph=graph, mapped=mapped))
        return [None if t is None else next(rows) for t in totals]


def _differentiate(records: Sequence[Record], targets: Sequence[Any], given: Sequence[Any],
                   points: Sequence[Sequence[Any]]) -> list[Any]:
    """For each source, of which `points` are the tensors in the records, its gradient; None where unconnected.

    `given`: the weights of the targets, None for ones. All may be tensors, or values of a graph that is being built.
    """
    cotangents: dict[int, Any] = {}
    for target, seed in zip(targets, given):
        if not target.dtype.is_differentiable:
            continue
        if seed is None:
            seed = REGISTRY["ones_like"](target)
        elif seed.type.shape != target.type.shape:
            seed = REGISTRY["broadcast_to"](seed, shape=target.type.shape)
        before = cotangents.get(id(target))
        cotangents[id(target)] = seed if before is None else REGISTRY["add"](before, seed)
    return _swept(records, cotangents, points)


def _swept(records: Sequence[Record], cotangents: dict[int, Any], points: Sequence[Sequence[Any]]) -> list[Any]:
    """The sum of the cotangents of each source's tensors, or None."""
    swept = sweep(records, cotangents, active_ids(records, [p for ps in points for p in ps]))
    return [_total(swept, ps) for ps in points]


def _total(cotangents: dict[int, Any], points: Sequence[Any]) -> Any:
    found = [cotangents[i] for i in dict.fromkeys(map(id, points)) if i in cotangents]
    if not found:
        return None
    total = found[0]
    for more in found[1:]:
        total = REGISTRY["add"](total, more)
    return total


def _is_zero(unconnected_gradients: Any) -> bool:
    if unconnected_gradients not in (UnconnectedGradients.NONE, UnconnectedGradients.ZERO):
        raise errors.InvalidArgumentError(
            f"`unconnected_gradients` is 'none' or 'zero'. Received: {unconnected_gradients!r}.")
    return unconnected_gradients == UnconnectedGradients.ZERO
