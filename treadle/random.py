"""`tf.random`: random numbers."""

from types import SimpleNamespace

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

experimental = SimpleNamespace(
    Generator=Generator, get_global_generator=get_global_generator, set_global_generator=set_global_generator,
    stateless_fold_in=fold_in, stateless_shuffle=stateless_shuffle, stateless_split=split)

__all__ = [
    "Generator", "categorical", "experimental", "fold_in", "gamma", "get_global_generator", "get_state", "normal", "poisson",
    "set_global_generator", "set_seed", "set_state", "shuffle", "split", "stateless_binomial", "stateless_categorical",
    "stateless_gamma", "stateless_normal", "stateless_poisson", "stateless_shuffle", "stateless_truncated_normal",
    "stateless_uniform", "truncated_normal", "uniform",
]
