"""Gradients given by the user: `custom_gradient`, and `recompute_grad`, which trades time for memory with it."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

from treadle.ir import errors
from treadle.ir.interpreter import recorders, state
from treadle.ir.operators import TABLE
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.eager import EAGER
from treadle.runtime.interpreter import TensorInterpreter, current
from treadle.runtime.tape import GradientTape
from treadle.runtime.variable import Variable


class UserGradient:
    """Stands in a tape's record for an op whose gradient the user wrote."""

    name = "custom_gradient"
    vjp = True
    many = True
    with_residuals = None

    def __init__(self, pullback: Callable[[Sequence[Any]], list[Any]]):
        self._pullback = pullback

    def cotangents(self, g: Sequence[Any], y: Any, operands: Any, attributes: Any, needed: Any) -> list[Any]:
        """The user's gradient for the cotangents `g`."""
        return self._pullback([TABLE["zeros_like"](r) if c is None else c for c, r in zip(g, y)])


def _pullback_of(grad_fn: Callable, variables: Sequence[Variable], n_args: int, name: str) -> Callable:
    """The user's `grad_fn` as a function from a list of cotangents to those of arguments, then of variables."""
    def pullback(g: Sequence[Any]) -> list[Any]:
        run = current().converted(grad_fn) if isinstance(current(), TensorInterpreter) else grad_fn
        if variables:
            try:
                found, by_variable = run(*g, variables=list(variables))
            except TypeError as error:
                raise errors.DtypeError(
                    f"`{name}` uses variables ({', '.join(v.name for v in variables)}), so its gradient function must "
                    f"take `variables=None` and return (gradients, gradients of the variables). {error}") from None
            by_variable = list(by_variable)
        else:
            found, by_variable = run(*g), []
        flat = nest.flatten(found) if isinstance(found, (list, tuple)) else [found]
        if len(flat) != n_args or len(by_variable) != len(variables):
            raise errors.InvalidArgumentError(
                f"The gradient of `{name}` must return {n_args} gradients"
                + (f" and {len(variables)} for variables" if variables else "")
                + f". Received: {len(flat)}" + (f" and {len(by_variable)}." if variables else "."))
        # Under `jacobian` the gradient function is run on values of a graph, which are operands as they are.
        return [c if c is None or state.interpreter.is_operand(c) else convert_to_tensor(c)
                for c in [*flat, *by_variable]]
    return pullback


def custom_gradient(f: Callable | None = None) -> Callable:
    """Decorate a function that returns (result, gradient function): the given gradient replaces the derived one.

    The gradient function takes the cotangent of each result and returns one for each positional argument. If `f` reads
    trainable variables it also takes `variables=None` and returns (gradients, gradients of the variables).

    >>> import treadle as tf
    >>> @tf.custom_gradient
    ... def log1pexp(x):
    ...     e = tf.exp(x)
    ...     return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
    >>> x = tf.constant(100.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = log1pexp(x)
    >>> tape.gradient(y, x).numpy()
    np.float32(1.0)
    """
    return custom_gradient if f is None else CustomGradient(f)


class CustomGradient:
    """A function, or a method, with the user's gradient. Made by `custom_gradient`."""

    def __init__(self, f: Callable, followed: bool = True):
        self._f = f
        self._followed = followed  # False: tapes do not see, and so do not keep, what `f` computes
        self.__name__ = getattr(f, "__name__", "custom_gradient")
        functools.update_wrapper(self, f)

    def __get__(self, instance: Any, owner: type | None = None) -> CustomGradient:
        return self if instance is None else CustomGradient(types.MethodType(self._f, instance), self._followed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        f, name = self._f, self.__name__
        try:
            flat = [convert_to_tensor(a) for a in nest.flatten(args)]
            if current() is not EAGER:
                return current().custom_gradient(current().converted(f), name, args, flat, kwargs, _pullback_of)
            listening = state.recorders
            # The tapes follow `f` too: what its gradient function takes from it counts in gradients of gradients.
            with recorders(listening if self._followed else ()), GradientTape() as seen:
                result, grad_fn = _two(f(*nest.pack_sequence_as(args, flat), **kwargs), name)
            variables = seen.watched_variables()
            # A result that is an argument itself must become a tensor of its own, by a step that no tape sees.
            with recorders(()):
                results = [TABLE["identity"](convert_to_tensor(r)) for r in nest.flatten(result)]
            reads = [v._stored() for v in variables]
            rule = UserGradient(_pullback_of(grad_fn, variables, len(flat), name))
            operands = [*flat, *reads]
            for recorder in listening:
                if recorder.watches(operands):
                    recorder.record(rule, operands, {}, results)  # type: ignore[arg-type]
            return nest.pack_sequence_as(result, results)
        except Exception as error:
            errors.hide_frames(error)
            raise


def _two(returned: Any, name: str) -> tuple[Any, Callable]:
    if not isinstance(returned, tuple) or len(returned) != 2 or not callable(returned[1]):
        raise errors.DtypeError(
            f"`{name}`, decorated with custom_gradient, must return (result, gradient function). "
            f"Received: {type(returned).__name__}.")
    return returned


def recompute_grad(f: Callable) -> Callable:
    """`f`, whose intermediate results are not kept for the gradient but computed again (gradient checkpointing).

    Memory falls from that of all intermediates of `f` to that of its arguments; the forward pass of `f` runs twice.
    Source: Griewank and Walther 2000 (Algorithm 799); Chen et al. 2016, arXiv:1604.06174.
    """
    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        leaves = nest.flatten(args)
        # Other arguments (None, flags) have no gradient: `f` gets them as they are.
        places = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype")]

        def call(tensors: Sequence[Any]) -> Any:
            filled = list(leaves)
            for place, tensor in zip(places, tensors):
                filled[place] = tensor
            return current().converted(f)(*nest.pack_sequence_as(args, filled), **kwargs)

        def once(*tensors: Any) -> Any:
            result = call(tensors)

            def gradient(*upstream: Any, variables: Any = None) -> Any:
                # The barrier keeps the optimiser from finding that this was computed before.
                sources = list(TABLE["optimization_barrier"](list(tensors)))
                with GradientTape(watch_accessed_variables=True) as tape:
                    tape.watch([t for t in sources if t.dtype.is_differentiable])
                    second = call(sources)
                found = tape.gradient(nest.flatten(second), [sources, list(variables or [])],
                                      output_gradients=list(upstream))
                return (found[0], found[1]) if variables is not None else found[0]

            return result, gradient
        once.__name__ = getattr(f, "__name__", "recompute_grad")
        return CustomGradient(once, followed=False)(*(leaves[i] for i in places))
    return recomputed


errors.shield(globals())
