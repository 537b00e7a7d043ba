"""`Metric`: state in variables, a method that adds a batch to it, and a method that reads the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import treadle as tf
from treadle.keras_like.core.fused import Fusing, fused
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.overrides import convert_overrides, shield
from treadle.keras_like.core.policy import as_policy, floatx
from treadle.keras_like.core.resolve import resolve
from treadle.keras_like.core.tracking import Measuring, children
from treadle.keras_like.core.variable import Variable


class Metric(Fusing, Measuring):
    """Base class. Subclasses make variables in `__init__`, and define `update_state` and `result`.

    Args:
        dtype: the dtype of the computation. Default: `keras.config.floatx()`.
        name: default: the class's name in snake case.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Largest(keras.metrics.Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.largest = self.add_weight(name="largest", initializer="zeros")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(tf.maximum(self.largest, tf.reduce_max(y_pred)))
    ...     def result(self):
    ...         return self.largest + 0.0
    >>> metric = Largest()
    >>> metric.update_state([0.0], [3.0])
    >>> float(metric([0.0], [2.0]))
    3.0
    """

    _direction: str | None = None  # "up" or "down": where better values lie, if the class knows

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        convert_overrides(cls, ("update_state", "result"))
        if cls.__module__.startswith("treadle.keras_like."):
            for name in {"update_state", "result"} & vars(cls).keys():
                setattr(cls, name, fused(vars(cls)[name]))
        shield(cls)

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or auto_name(type(self).__name__)
        self._dtype = as_policy(dtype or floatx()).compute_dtype
        self._own: list[Variable] = []

    if TYPE_CHECKING:  # attributes that subclasses make by name

        def __getattr__(self, name: str) -> Any: ...

    @property
    def dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype

    def add_weight(self, *args: Any, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None,
                   aggregation: str = "sum", **kwargs: Any) -> Variable:
        """Make a variable of the state: not trained, zeros unless `initializer` says otherwise.

        `add_weight(shape, initializer, dtype)` by position is understood, and `add_weight(name, shape, ...)` too.
        """
        if not hasattr(self, "_own"):
            raise tf.errors.FailedPreconditionError(
                f"`{type(self).__name__}` adds a variable before `super().__init__()` was called. Call it first.")
        values = list(args)
        if values and isinstance(values[0], str):
            name = values.pop(0)
        given = dict(zip(("shape", "initializer", "dtype"), values))
        shape = given.get("shape", shape)
        initializer, dtype = given.get("initializer", initializer), given.get("dtype", dtype)
        with tf.init_scope():
            variable = Variable(resolve("initializers", "zeros" if initializer is None else initializer),
                                shape=(shape,) if isinstance(shape, int) else tuple(shape), dtype=dtype or floatx(),
                                trainable=False, autocast=False, aggregation=aggregation, name=name or "variable")
        variable.path = f"{self.name}/{variable.name}"
        self._own.append(variable)
        return variable

    add_variable = add_weight

    @property
    def variables(self) -> list[Any]:
        """The state: variables that were added, those set as attributes, those of metrics inside."""
        found = {id(v): v for v in [*getattr(self, "_own", []), *children(self, tf.Variable)]}
        for metric in children(self, Metric):
            found.update((id(v), v) for v in metric.variables)
        return list(found.values())

    weights = non_trainable_variables = variables

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch to the state. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `update_state`.")

    def result(self) -> Any:
        """The metric of all batches since the last reset. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `result`.")

    def reset_state(self) -> None:
        """Forget all batches: all variables become 0."""
        for variable in self.variables:
            variable.assign(tf.zeros(variable.shape, variable.dtype))

    def reset_states(self) -> None:
        """`reset_state`, by its older name."""
        self.reset_state()

    @tf.debugging.filter_traceback
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch; the result with it."""
        if not hasattr(self, "_own"):
            raise tf.errors.FailedPreconditionError(
                f"`{type(self).__name__}.__init__` must call `super().__init__()` before anything else.")
        self.update_state(*args, **kwargs)
        return self.result()

    # --- state passed by hand ---

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """The state after a batch, from a state; the metric's own stays as it is."""
        return self._with(metric_variables, lambda: self.update_state(*args, **kwargs))[1]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The result of a state."""
        return self._with(metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The state of no batches."""
        return self._with([v + 0 for v in self.variables], self.reset_state)[1]

    def _with(self, state: Sequence[Any], act: Callable[[], Any]) -> tuple[Any, list[Any]]:
        """What `act` returns on a state, and the state after it."""
        own = self.variables
        if len(own) != len(state):
            raise tf.errors.InvalidArgumentError(
                f"`{type(self).__name__}` has {len(own)} variables. Received: {len(state)} values.")
        before = [tf.convert_to_tensor(v) for v in own]
        for variable, value in zip(own, state):
            variable.assign(value)
        try:
            result = act()
            result = tf.nest.map_structure(tf.convert_to_tensor, result) if result is not None else None
            return result, [tf.convert_to_tensor(v) for v in own]
        finally:
            for variable, value in zip(own, before):
                variable.assign(value)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The metric of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
