"""`tf.random`: random numbers."""

from treadle.runtime.composites.random import (
    categorical,
    fold_in,
    gamma,
    normal,
    poisson,
    shuffle,
    split,
    stateless_binomial,
    stateless_categorical,
    stateless_gamma,
    stateless_normal,
    stateless_poisson,
    stateless_shuffle,
    stateless_truncated_normal,
    stateless_uniform,
    truncated_normal,
    uniform,
)
from treadle.runtime.generator import Generator, get_global_generator, get_state, set_global_generator, set_seed, set_state

__all__ = [
    "Generator", "categorical", "fold_in", "gamma", "get_global_generator", "get_state", "normal", "poisson",
    "set_global_generator", "set_seed", "set_state", "shuffle", "split", "stateless_binomial", "stateless_categorical",
    "stateless_gamma", "stateless_normal", "stateless_poisson", "stateless_shuffle", "stateless_truncated_normal",
    "stateless_uniform", "truncated_normal", "uniform",
]
