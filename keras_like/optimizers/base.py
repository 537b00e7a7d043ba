"""`Optimizer`: everything that optimizers have in common; a subclass is its slots (`build`) and its formula (`update_step`)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import policy
from treadle.keras_like.core import resolve as lookup
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.overrides import convert_overrides, shield
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.optimizers import clipping, schedules
from treadle.keras_like.optimizers.schedules import LearningRateSchedule
from treadle.keras_like.optimizers.stateless import Stateless

_OURS = "treadle.keras_like."
# What is neither a hyperparameter nor a variable of the optimizer's own.
_BOOKKEEPING = {"_variables", "_trainable_variables", "_indices", "_programs", "_revision", "_given_rate", "_undecayed",
                "built"}


class Optimizer(Stateless):
    """Base of optimizers.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function of no arguments.
        weight_decay: if given, w <- w - learning_rate * weight_decay * w before each update.
        clipnorm: if given, the largest norm that each gradient may have.
        clipvalue: if given, the largest absolute value that an element of a gradient may have.
        global_clipnorm: if given, the largest norm that all gradients together may have.
        use_ema: whether to keep an exponential moving average of the variables.
        ema_momentum: average <- ema_momentum * average + (1 - ema_momentum) * w.
        ema_overwrite_frequency: if given, every that many steps the variables become their averages. Without it, call
            `finalize_variable_values` at the end.
        loss_scale_factor: if given, `scale_loss` multiplies by it, and gradients are divided by it.
        gradient_accumulation_steps: if given, the mean of that many gradients makes one update.
        name: default: the class's name in snake case, numbered.

    A subclass makes its slots in `build` and defines `update_step`:

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Momentum(keras.optimizers.Optimizer):
    ...     def build(self, variables):
    ...         super().build(variables)
    ...         self.momentums = self.add_optimizer_variables(variables, "momentum")
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         m = self.momentums[self._get_variable_index(variable)]
    ...         self.assign(m, 0.9 * m - learning_rate * gradient)
    ...         self.assign_add(variable, m)
    >>> w = tf.Variable([1.0, 2.0])
    >>> _ = Momentum(0.5).apply_gradients([(tf.constant([1.0, 1.0]), w)])
    >>> w.numpy().tolist()
    [0.5, 1.5]

    An eager `apply` of a built-in optimizer runs as one compiled program; a subclass written elsewhere runs op by op.
    """

    _sums_over_replicas = True  # the gradients that the replicas of a `tf.distribute` strategy computed

    def __init_subclass__(cls, named: bool = True) -> None:
        """Built-in optimizers are known by their names, but for their bases (named=False)."""
        if named and cls.__module__.startswith(_OURS):
            lookup.named("optimizers", **{cls.__name__: cls, cls.__name__.lower(): cls})
        shield(cls)
        convert_overrides(cls, ("update_step", "apply"))

    def __init__(self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None, use_ema: bool = False,
                 ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
                 loss_scale_factor: float | None = None, gradient_accumulation_steps: int | None = None,
                 name: str | None = None, **kwargs: Any):
        self._variables: list[Variable] = []
        self._trainable_variables: list[tf.Variable] = []
        self._indices: dict[int, int] = {}
        self._programs: dict[tuple, Callable] = {}
        self._revision = 0
        self._given_rate: Any = None
        self._undecayed: tuple[list[Any], str | None] = ([], None)
        self.built = False
        learning_rate = kwargs.pop("lr", learning_rate)
        if kwargs.pop("decay", None) is not None:
            warnings.warn("The argument `decay` has no effect. Use a `LearningRateSchedule`.", stacklevel=3)
        if kwargs:
            raise tf.errors.DtypeError(
                f"`{type(self).__name__}` has no argument {next(iter(kwargs))!r}. Received: {kwargs}.")
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_arguments()
        self._iterations = self._variable(0, dtype="int64", name="iteration")
        if callable(learning_rate) and not isinstance(learning_rate, (tf.Tensor, tf.Variable)):
            self._learning_rate = learning_rate
        elif isinstance(learning_rate, (Real, np.ndarray, tf.Tensor, tf.Variable)):
            self._learning_rate = self._variable(float(learning_rate), dtype=policy.floatx(), name="learning_rate")
        else:
            raise tf.errors.DtypeError(
                "`learning_rate` is a number, a `LearningRateSchedule`, or a function of no arguments. "
                f"Received: {learning_rate!r}.")

    def _check_arguments(self) -> None:
        limits = {n: getattr(self, n) for n in ("clipnorm", "clipvalue", "global_clipnorm")}
        if sum(limit is not None for limit in limits.values()) > 1:
            raise tf.errors.InvalidArgumentError(
                f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be given. Received: {limits}.")
        steps = self.gradient_accumulation_steps
        if steps and not steps >= 2:
            raise tf.errors.InvalidArgumentError(
                f"`gradient_accumulation_steps` must be an integer >= 2. Received: {steps!r}.")
        if self.use_ema:
            if not 0 <= self.ema_momentum <= 1:
                raise tf.errors.InvalidArgumentError(
                    f"`ema_momentum` must lie in [0, 1]. Received: {self.ema_momentum!r}.")
            every = self.ema_overwrite_frequency
            if every and (not isinstance(every, int) or every < 1):
                raise tf.errors.InvalidArgumentError(
                    f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: {every!r}.")

    def __setattr__(self, name: str, value: Any) -> None:
        if "_variables" not in vars(self) and name != "_variables":
            raise tf.errors.FailedPreconditionError(
                f"`{type(self).__name__}` sets `{name}` before `super().__init__()` was called. Call it first.")
        object.__setattr__(self, name, value)
        if name not in _BOOKKEEPING:
            self._forget_programs()  # they hold the hyperparameters as constants
            for variable in _variables_in(value):
                self._track(variable)

    def _forget_programs(self) -> None:
        self._programs.clear()
        self._revision += 1

    # --- variables ---

    def _variable(self, value: Any, **options: Any) -> Variable:
        with tf.init_scope():
            variable = Variable(value, trainable=False, **options)
        variable.path = f"{self.name}/{variable.name}"
        self._track(variable)
        return variable

    def _track(self, variable: Any) -> None:
        if all(v is not variable for v in self._variables):
            self._variables.append(variable)

    def build(self, variables: Sequence[Any]) -> None:
        """Make the slots for the variables to be trained. Called before the first update."""
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._trainable_variables = list(variables)
        self._indices = {id(v): i for i, v in enumerate(variables)}
        self.built = True

    def add_variable(self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none",
                     layout: Any = None, name: str | None = None) -> Variable:
        """Make a variable that belongs to the optimizer's state."""
        return self._variable(lookup.resolve("initializers", initializer), shape=tuple(shape),
                              dtype=policy.floatx() if dtype is None else dtype, name=name)

    def add_variable_from_reference(self, reference_variable: Any, name: str | None = None,
                                    initializer: Any = "zeros") -> Variable:
        """Make a slot: a variable of the shape and dtype of `reference_variable`, named after it."""
        path = getattr(reference_variable, "path", None) or reference_variable.name.replace(":", "_")
        slot = self.add_variable(reference_variable.shape, initializer, reference_variable.dtype,
                                 name=f"{path.replace('/', '_')}_{name or 'var'}")
        if reference_variable._sharding is not None:  # it lies on several devices: the slot beside it
            slot.spread(reference_variable._sharding)
        return slot

    def add_optimizer_variables(self, trainable_variables: Sequence[Any], name: Any, initializer: Any = "zeros") -> Any:
        """Make one slot for each variable; for a list of names, a tuple of such lists."""
        names = [name] if isinstance(name, str) else list(name)
        initializers = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(initializers) != len(names):
            raise tf.errors.InvalidArgumentError(
                f"There must be as many initializers as names. Received: name={name!r}, initializer={initializer!r}.")
        # Variable by variable, then name by name: the order in which they are saved.
        rows = [[self.add_variable_from_reference(v, n, i) for n, i in zip(names, initializers)]
                for v in trainable_variables]
        slots = tuple([row[place] for row in rows] for place in range(len(names)))
        return slots[0] if isinstance(name, str) else slots

    @property
    def variables(self) -> list[Variable]:
        """The state: iterations, learning rate (if it is a number), and slots."""
        return list(self._variables)

    def _get_variable_index(self, variable: Any) -> int:
        return self._indices[id(variable)]

    def _slots(self, variable: Any, *slots: Sequence[Any]) -> list[Any]:
        """The variable's own among the slots."""
        index = self._get_variable_index(variable)
        return [s[index] for s in slots]

    def _local_step(self, variable: Any) -> Any:
        """The number of this update, from 1, in the variable's dtype."""
        return tf.cast(self.iterations + 1, variable.dtype)

    # --- the learning rate ---

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        steps = self.gradient_accumulation_steps
        return self._iterations // steps if steps else self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate now. Set it to a number, a schedule, or a function; compiled steps need no retracing for a
        number."""
        if self._given_rate is not None:
            return self._given_rate
        if isinstance(self._learning_rate, LearningRateSchedule):
            return tf.autograph.tf_convert(self._learning_rate)(tf.cast(self._iterations, policy.floatx()))
        return self._learning_rate if isinstance(self._learning_rate, tf.Variable) else tf.autograph.tf_convert(
            self._learning_rate)()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, (tf.Tensor, tf.Variable)):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
        elif isinstance(self._learning_rate, tf.Variable):
            self._learning_rate.assign(tf.cast(value, self._learning_rate.dtype))
        else:
            raise tf.errors.DtypeError(
                "The learning rate of this optimizer is a schedule or a function, so it cannot be set to a number. "
                f"Received: {value!r}. Make the optimizer with a number, or set another schedule.")

    lr = learning_rate

    # --- updating ---

    def assign(self, variable: Any, value: Any) -> None:
        """variable <- value, in the variable's dtype."""
        variable.assign(tf.cast(value, variable.dtype))

    def assign_add(self, variable: Any, value: Any) -> None:
        """variable <- variable + value."""
        variable.assign_add(tf.cast(value, variable.dtype))

    def assign_sub(self, variable: Any, value: Any) -> None:
        """variable <- variable - value."""
        variable.assign_sub(tf.cast(value, variable.dtype))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable. Gradient and learning rate come in the variable's dtype."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `update_step`.")

    def minimize(self, loss: Any, var_list: Any, tape: Any = None) -> Any:
        """Compute the gradients of `loss` (a function of no arguments, or a tensor that `tape` recorded) and apply them."""
        return self.apply_gradients(self.compute_gradients(loss, var_list, tape))

    def compute_gradients(self, loss: Any, var_list: Any, tape: Any = None) -> list[tuple[Any, Any]]:
        """Pairs of gradient and variable."""
        if not callable(loss) and tape is None:
            raise tf.errors.InvalidArgumentError(
                f"A loss that is a tensor needs the tape that recorded it. Received: loss={loss!r}, tape=None.")
        if callable(loss):
            tape = tape if tape is not None else tf.GradientTape()
            with tape:
                loss = loss()
                var_list = var_list() if callable(var_list) else var_list
        variables = tf.nest.flatten(var_list() if callable(var_list) else var_list)
        return list(zip(tape.gradient(loss, variables), variables))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]], name: str | None = None) -> Any:
        """Update each variable of (gradient, variable) pairs. Returns the number of steps so far."""
        pairs = list(grads_and_vars)
        if pairs:
            self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Update the variables (default: those that the optimizer was built for) by their gradients.

        Raises InvalidArgumentError for variables other than those, and if all gradients are None.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._known(grads, trainable_variables)
        present = [(_dense(g, v), v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not present:
            raise tf.errors.InvalidArgumentError("No gradients provided for any variable. Received: None for each.")
        if len(present) < len(grads):
            missing = [getattr(v, "path", v.name) for g, v in zip(grads, variables) if g is None]
            warnings.warn(f"Gradients do not exist for variables {missing} when minimizing the loss.", stacklevel=3)
        grads, variables = [g for g, _ in present], [v for _, v in present]
        if self._sums_over_replicas:
            grads = tf.distribute.summed_over_replicas(grads)
        with tf.name_scope(self.name):
            if tf.executing_eagerly() and tf.config.eager_calls_are_fused() and self._compiles(variables):
                rates = () if is_ours(self._learning_rate) else (tf.cast(self.learning_rate, policy.floatx()),)
                self._program(variables, bool(rates))([*rates, *grads])
            else:
                self._step(grads, variables)

    def _known(self, grads: list[Any], variables: Sequence[Any] | None) -> list[Any]:
        """The variables to update; the slots are made if this is the first update."""
        if variables is None:
            if not self.built:
                raise tf.errors.InvalidArgumentError(
                    "`apply(grads)` without variables needs an optimizer that is built. Call "
                    "`optimizer.build(trainable_variables)` first, or pass the variables.")
            if len(grads) != len(self._trainable_variables):
                raise tf.errors.InvalidArgumentError(
                    f"There must be one gradient for each of the {len(self._trainable_variables)} variables. "
                    f"Received: {len(grads)}.")
            return self._trainable_variables
        variables = list(variables)
        if not self.built:
            with tf.init_scope():
                self.build(variables)
            self.built = True
        for variable in variables:
            if id(variable) not in self._indices:
                raise tf.errors.InvalidArgumentError(
                    f"Unknown variable: {variable!r}. An optimizer updates the variables that it was first called with. "
                    "Make a new optimizer for new variables.")
        return variables

    def _compiles(self, variables: Sequence[Any]) -> bool:
        """True if no code from elsewhere runs in a step: only that may look at values, or change Python's state."""
        return is_ours(self) and all(is_ours(v.constraint) for v in variables)

    def _settings(self) -> Any:
        """A value that changes whenever a hyperparameter does."""
        return self._revision

    def _program(self, variables: list[Any], has_rate: bool) -> Callable:
        key = (has_rate, self._settings(), *map(id, variables))
        found = self._programs.get(key)
        if found is None:
            def step(given: list[Any]) -> None:
                self._given_rate = given[0] if has_rate else None
                try:
                    self._step(given[has_rate:], variables)
                finally:
                    self._given_rate = None

            found = self._programs[key] = tf.function(step, autograph=False)
        return found

    def _step(self, grads: list[Any], variables: list[Any]) -> None:
        """One call of `apply`, in tensors."""
        grads = [tf.cast(g, v.dtype) for g, v in zip(grads, variables)]
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._average()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(tf.autograph.tf_convert(variable.constraint)(variable))
        self._iterations.assign_add(1)

    def _update(self, grads: list[Any], variables: list[Any]) -> None:
        grads = clipping.clipped(grads, self.clipnorm, self.clipvalue, self.global_clipnorm)
        self._apply_weight_decay(variables)
        self._update_steps(grads, variables, self.learning_rate)

    def _update_steps(self, grads: list[Any], variables: list[Any], learning_rate: Any) -> None:
        for gradient, variable in zip(grads, variables):
            self.update_step(gradient, variable, tf.cast(learning_rate, variable.dtype))

    def _accumulate(self, grads: list[Any], variables: list[Any]) -> None:
        """Every so many calls, update by the mean of the gradients; keep their sum in the meantime."""
        steps = self.gradient_accumulation_steps
        sums = [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]

        def update() -> None:
            self._update([(g + s) / steps for g, s in zip(grads, sums)], variables)
            for accumulated in self._accumulated_gradients:
                accumulated.assign(tf.zeros_like(accumulated))

        def add() -> None:
            for accumulated, gradient in zip(sums, grads):
                accumulated.assign_add(gradient)

        tf.cond((self._iterations + 1) % steps == 0, update, add)

    # --- weight decay and averages ---

    def exclude_from_weight_decay(self, var_list: Sequence[Any] | None = None,
                                  var_names: Sequence[str] | None = None) -> None:
        """Do not decay the variables of `var_list`, nor those whose name holds a match of one of `var_names`."""
        self._undecayed = list(var_list or []), "|".join(var_names) if var_names else None
        self._forget_programs()

    def _use_weight_decay(self, variable: Any) -> bool:
        variables, pattern = self._undecayed
        return all(v is not variable for v in variables) and not (pattern and re.search(pattern, variable.name))

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        if self.weight_decay is not None:
            for variable in variables:
                if self._use_weight_decay(variable):
                    self._decay(variable, self.weight_decay)

    def _decay(self, variable: Any, weight_decay: float) -> None:
        variable.assign_sub(variable * weight_decay * tf.cast(self.learning_rate, variable.dtype))

    def _average(self) -> None:
        """average <- momentum * average + (1 - momentum) * variable; the first average is the variable."""
        for variable, average in zip(self._trainable_variables, self._model_variables_moving_average):
            momentum = tf.cast(self.iterations != 0, variable.dtype) * self.ema_momentum
            average.assign(momentum * average + (1 - momentum) * variable)
        if self.ema_overwrite_frequency:
            tf.cond((self.iterations + 1) % self.ema_overwrite_frequency == 0,
                    lambda: self.finalize_variable_values(self._trainable_variables), lambda: None)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """With `use_ema`, set the variables to their averages: for the end of training."""
        if self.use_ema:
            averages = self._model_variables_moving_average
            if len(var_list) != len(averages):
                raise tf.errors.InvalidArgumentError(
                    f"There are averages of {len(averages)} variables. Received: {len(var_list)} variables.")
            for variable, average in zip(var_list, averages):
                variable.assign(average)

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # --- state and configuration ---

    def get_weights(self) -> list[np.ndarray]:
        """The values of `variables`."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the values of `variables`."""
        if not self.built:
            raise tf.errors.InvalidArgumentError(
                "`set_weights` needs an optimizer that is built. Call `optimizer.build(trainable_variables)` first.")
        for variable, weight in zip(self.variables, weights):
            variable.assign(np.asarray(weight).astype(variable.dtype.as_numpy_dtype))

    def save_own_variables(self, store: Any) -> None:
        """Put the values into a store, by number."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the values from a store."""
        if len(store.keys()) != len(self.variables):
            warnings.warn(
                f"The state of the optimizer {self.name!r} was not loaded: it has {len(self.variables)} variables, the file "
                f"has {len(store.keys())}." + ("" if self.built else " The optimizer is not built yet."), stacklevel=2)
            return
        for i, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(i)]).astype(variable.dtype.as_numpy_dtype))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        rate = self._learning_rate
        common = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
                  "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")
        return {"name": self.name,
                "learning_rate": float(rate) if isinstance(rate, tf.Variable) else schedules.serialize(rate),
                **{name: getattr(self, name) for name in common}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The optimizer of a configuration."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_programs": {}, "_indices": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._indices = {id(v): i for i, v in enumerate(self._trainable_variables)}


shield(Optimizer)


def is_ours(value: Any) -> bool:
    """True for what runs no code from elsewhere."""
    return value is None or isinstance(value, Variable) or type(value).__module__.startswith(_OURS)


def _variables_in(value: Any) -> Iterator[Any]:
    if isinstance(value, tf.Variable):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _variables_in(part)


def _dense(gradient: Any, variable: Any) -> Any:
    """The gradient as a tensor; that of a lookup may be an `IndexedSlices`."""
    if isinstance(gradient, tf.Tensor):
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        values = tf.convert_to_tensor(gradient.values)
        zeros = tf.zeros(variable.shape, values.dtype)
        return tf.tensor_scatter_nd_add(zeros, tf.expand_dims(gradient.indices, -1), values)
    return tf.convert_to_tensor(gradient, dtype=None if hasattr(gradient, "dtype") else variable.dtype)
