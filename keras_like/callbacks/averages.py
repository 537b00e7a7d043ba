"""`SwapEMAWeights`: evaluation with the moving averages of the weights."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Swap the weights and their moving averages before an evaluation or prediction, and back after it.

    The optimizer must keep averages (`use_ema=True`).

    Args:
        swap_on_epoch: swap at the end of each epoch too, and back at the beginning of the next: callbacks that come later
            in the list, as `ModelCheckpoint`, then see the averages. Default False.

    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(use_ema=True), "mse")
    >>> swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    """

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False
        self._program: tuple[list[Any], Any] | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)
            if epoch == self.params["epochs"] - 1 or self.model.stop_training:
                # `fit` ends with setting the weights to the averages: these must be the averages still.
                for weight, average in self._pairs():
                    average.assign(weight)

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Any = None) -> None:
        self._swap(False)

    on_predict_begin = on_test_begin
    on_predict_end = on_test_end

    def _pairs(self) -> list[tuple[Any, Any]]:
        """The weights and their averages."""
        outer = self.model.optimizer
        inner = getattr(outer, "inner_optimizer", outer)  # of a LossScaleOptimizer
        several = getattr(inner, "optimizers", None)
        found = [o for o in ([inner] if several is None else several) if getattr(o, "use_ema", False)]
        if not found:
            raise tf.errors.InvalidArgumentError(
                f"`SwapEMAWeights` needs an optimizer with `use_ema=True`. Received: {outer!r} without.")
        if not all(o.built for o in found):
            raise tf.errors.FailedPreconditionError(
                "`SwapEMAWeights` needs averages, which the first step of training makes. Train, or build the optimizer.")
        return [pair for o in found for pair in zip(o._trainable_variables, o._model_variables_moving_average)]

    def _swap(self, to: bool) -> None:
        """Swap, if it is not so already. All weights at once: Ctrl-C finds all of them swapped, or none."""
        if self._swapped == to:
            return
        pairs = self._pairs()
        flat = [v for pair in pairs for v in pair]
        if self._program is None or [id(v) for v in self._program[0]] != [id(v) for v in flat]:
            @tf.function
            def swap() -> None:
                values = [(tf.identity(weight), tf.identity(average)) for weight, average in pairs]
                for (weight, average), (was, averaged) in zip(pairs, values):
                    weight.assign(averaged)
                    average.assign(was)

            self._program = flat, swap
        self._program[1]()
        self._swapped = to
