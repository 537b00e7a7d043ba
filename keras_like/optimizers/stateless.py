"""`Stateless`: an optimizer's step as a function of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf


class Stateless:
    """Mixed into `Optimizer`."""

    built: bool
    variables: list[Any]
    _trainable_variables: list[Any]
    apply: Any

    def stateless_apply(self, optimizer_variables: Sequence[Any], grads: Sequence[Any],
                        trainable_variables: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """A step from given values: (the trained variables' values after it, the optimizer's). Its own stay as they are.

        Raises FailedPreconditionError before `build`, and InvalidArgumentError for more or fewer values.

        >>> import treadle as tf
        >>> from treadle import keras
        >>> w, optimizer = tf.Variable([1.0, 2.0]), keras.optimizers.SGD(0.5)
        >>> optimizer.build([w])
        >>> values, state = optimizer.stateless_apply(optimizer.variables, [tf.constant([1.0, 1.0])], [w])
        >>> values[0].numpy().tolist(), w.numpy().tolist()
        ([0.5, 1.5], [1.0, 2.0])
        """
        if not self.built:
            raise tf.errors.FailedPreconditionError("Call `optimizer.build(trainable_variables)` before `stateless_apply`.")
        own = [*self._trainable_variables, *self.variables]
        values = [*trainable_variables, *optimizer_variables]
        count = len(self._trainable_variables)
        if len(trainable_variables) != count or len(values) != len(own):
            raise tf.errors.InvalidArgumentError(
                f"The optimizer was built for {count} variables and has {len(own) - count} of its own. Received: "
                f"{len(trainable_variables)} and {len(optimizer_variables)} values.")
        values = [tf.convert_to_tensor(v) for v in values]
        before = [tf.convert_to_tensor(v) for v in own]
        try:
            for variable, value in zip(own, values):
                variable.assign(value)
            self.apply(grads, self._trainable_variables)
            after = [tf.convert_to_tensor(v) for v in own]
            return after[:count], after[count:]
        finally:
            for variable, value in zip(own, before):
                variable.assign(value)
