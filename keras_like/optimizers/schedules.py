"""Learning rate schedules: functions of the number of steps made so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.resolve import named


class LearningRateSchedule:
    """Base of schedules: a subclass defines `__call__(step)`, the learning rate; for saving also `get_config`.

    Optimizers pass `step` as a float32 scalar.

    >>> from treadle import keras
    >>> class Reciprocal(keras.optimizers.schedules.LearningRateSchedule):
    ...     def __init__(self, initial_learning_rate):
    ...         self.initial_learning_rate = initial_learning_rate
    ...     def __call__(self, step):
    ...         return self.initial_learning_rate / (step + 1)
    >>> keras.optimizers.SGD(Reciprocal(0.5)).learning_rate.numpy()
    np.float32(0.5)
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `__call__(self, step)`.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise tf.errors.UnimplementedError(
            f"`{type(self).__name__}` does not define `get_config()`, so it cannot be saved.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The schedule of a configuration."""
        return cls(**config)


class _BuiltIn(LearningRateSchedule):
    """A schedule whose configuration is its attributes."""

    def get_config(self) -> dict[str, Any]:
        return {k.lstrip("_"): v for k, v in vars(self).items()}

    def _initial(self, step: Any) -> tuple[Any, Any]:
        """The initial rate, and the step in its dtype."""
        rate = self.initial_learning_rate  # type: ignore[attr-defined]
        rate = tf.convert_to_tensor(rate, dtype=None if hasattr(rate, "dtype") else tf.float32)
        return rate, tf.cast(step, rate.dtype)


def _check_positive(name: str, value: float) -> None:
    if value <= 0:
        raise tf.errors.InvalidArgumentError(f"`{name}` must be > 0. Received: {name}={value!r}.")


class _Decay(_BuiltIn):
    """A function of step / decay_steps, which is rounded down with `staircase`."""

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool, name: str):
        _check_positive("decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def _part(self, step: Any) -> tuple[Any, Any]:
        """The initial rate, and how far the decay is."""
        rate, step = self._initial(step)
        p = step / self.decay_steps
        return rate, tf.floor(p) if self.staircase else p


class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate ** (step / decay_steps), the quotient rounded down with `staircase`.

    >>> from treadle import keras
    >>> keras.optimizers.schedules.ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)(20).numpy()
    np.float32(0.25)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str = "ExponentialDecay"):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> Any:
        rate, p = self._part(step)
        return rate * tf.pow(tf.cast(self.decay_rate, rate.dtype), p)


class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps), the quotient rounded down with `staircase`.

    >>> from treadle import keras
    >>> keras.optimizers.schedules.InverseTimeDecay(1.0, decay_steps=10, decay_rate=0.5)(20).numpy()
    np.float32(0.5)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str = "InverseTimeDecay"):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: Any) -> Any:
        rate, p = self._part(step)
        return rate / (1 + self.decay_rate * p)


class PiecewiseConstantDecay(_BuiltIn):
    """values[0] up to boundaries[0], values[1] up to boundaries[1], ..., values[-1] after; each boundary included.

    >>> from treadle import keras
    >>> rate = keras.optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
    >>> [float(rate(step)) for step in (0, 10, 11, 21)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise tf.errors.InvalidArgumentError(
                f"There must be one boundary less than values. Received: boundaries={boundaries}, values={values}.")
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        step = tf.convert_to_tensor(step)
        rate = tf.convert_to_tensor(self.values[-1])
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1])):
            rate = tf.where(step <= tf.cast(boundary, step.dtype), tf.cast(value, rate.dtype), rate)
        return rate


class PolynomialDecay(_BuiltIn):
    """(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate.

    After `decay_steps` it stays at the end; with `cycle`, `decay_steps` is taken as its next multiple instead.

    >>> from treadle import keras
    >>> keras.optimizers.schedules.PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.5)(5).numpy()
    np.float32(0.75)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001,
                 power: float = 1.0, cycle: bool = False, name: str = "PolynomialDecay"):
        _check_positive("decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: Any) -> Any:
        rate, step = self._initial(step)
        if self.cycle:
            steps = self.decay_steps * tf.maximum(tf.math.ceil(step / self.decay_steps), 1)
        else:
            steps = tf.cast(self.decay_steps, rate.dtype)
            step = tf.minimum(step, steps)
        left = tf.maximum(1 - step / steps, 0)  # division may be by a rounded reciprocal: a bit below 0 at the end
        return (rate - self.end_learning_rate) * tf.pow(left, self.power) + self.end_learning_rate


class CosineDecay(_BuiltIn):
    """initial_learning_rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha), constant at the end.

    With `warmup_target`, the rate first goes to that in a straight line of `warmup_steps`, and decays from there.

    >>> from treadle import keras
    >>> rate = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)
    >>> [round(float(rate(step)), 4) for step in (0, 2, 4, 9, 14)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "CosineDecay",
                 warmup_target: float | None = None, warmup_steps: int = 0):
        _check_positive("decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = (
            initial_learning_rate, decay_steps, alpha, name)
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> Any:
        rate, step = self._initial(step)
        if self.warmup_target is None:
            return self._decayed(rate, step)
        peak = tf.cast(self.warmup_target, rate.dtype)
        decayed = self._decayed(peak, step - self.warmup_steps)
        if not self.warmup_steps:
            return decayed
        return tf.where(step < self.warmup_steps, (peak - rate) * (step / self.warmup_steps) + rate, decayed)

    def _decayed(self, rate: Any, step: Any) -> Any:
        fraction = tf.minimum(step, self.decay_steps) / self.decay_steps
        return rate * ((1 - self.alpha) * 0.5 * (1 + tf.cos(math.pi * fraction)) + self.alpha)


class CosineDecayRestarts(_BuiltIn):
    """Periods of cosine decay: the first takes `first_decay_steps`, each next one `t_mul` times as long and `m_mul` as high.

    >>> from treadle import keras
    >>> rate = keras.optimizers.schedules.CosineDecayRestarts(1.0, 10, m_mul=0.5)
    >>> [round(float(rate(step)), 4) for step in (0, 5, 10, 20)]
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
                 alpha: float = 0.0, name: str = "SGDRDecay"):
        _check_positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self._t_mul, self._m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: Any) -> Any:
        rate, step = self._initial(step)
        fraction = step / self.first_decay_steps
        if self._t_mul == 1.0:
            restart = tf.floor(fraction)
            fraction = fraction - restart
        else:
            t_mul = tf.cast(self._t_mul, rate.dtype)
            restart = tf.floor(tf.math.log(1 - fraction * (1 - t_mul)) / tf.math.log(t_mul))
            length = tf.pow(t_mul, restart)
            fraction = (fraction - (1 - length) / (1 - t_mul)) / length
        height = tf.pow(tf.cast(self._m_mul, rate.dtype), restart)
        return rate * ((1 - self.alpha) * 0.5 * height * (1 + tf.cos(math.pi * fraction)) + self.alpha)


named("schedules", **{kind.__name__: kind for kind in (
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay)})


def serialize(learning_rate_schedule: Any) -> dict[str, Any]:
    """A schedule as a dictionary."""
    return describe(learning_rate_schedule)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule of a dictionary."""
    return from_description(config, custom_objects, family="schedules")
