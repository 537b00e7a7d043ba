"""`Moments`: what optimizers have in common that keep two averages of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle.keras_like.optimizers.base import Optimizer


class Moments(Optimizer, named=False):
    """Base of `Adamax`, `Nadam` and `Lamb`: two slots for each variable, named by `slot_names`.

    Args:
        beta_1, beta_2: how much of each average stays at a step.
        epsilon: added to what is divided by.
        common, options: as for `Optimizer`.
    """

    slot_names = ("momentum", "velocity")

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._first, self._second = self.add_optimizer_variables(variables, self.slot_names)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
