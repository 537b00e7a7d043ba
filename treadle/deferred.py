"""Tensors that are yet to be computed: what models with symbolic inputs are made of."""

from treadle.runtime.deferred import (
    Deferral,
    DeferredTensor,
    carry_out,
    defer,
    deferrals_between,
    deferred_input,
    sizes_of,
)

__all__ = ["Deferral", "DeferredTensor", "carry_out", "defer", "deferrals_between", "deferred_input", "sizes_of"]
