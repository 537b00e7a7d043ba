"""Random numbers: types and gradients. Their distributions are tested in `tests/test_random.py`."""

import numpy as np

from op_cases import Case, normal, uniform
from treadle.ir.ops.random import (
    next_key,
    random_bernoulli,
    random_binomial,
    random_bits,
    random_categorical,
    random_gamma,
    random_gamma_grad,
    random_int,
    random_normal,
    random_permutation,
    random_poisson,
    random_truncated_normal,
    random_uniform,
    stateless_key,
)

KEY = np.array([3, 4], np.uint32)

CASES = [
    Case(next_key, np.array([2**63 - 1, -5], np.int64), symbolic=False),
    Case(stateless_key, np.array([1, 2], np.int32), symbolic=False),
    Case(stateless_key, np.array([1, 2], np.int64), symbolic=False),
    *[Case(random_bits, KEY, attributes={"shape": (2, 3), "dtype": dtype}, symbolic=False)
      for dtype in (np.int8, np.uint16, np.int32, np.uint64)],
    *[Case(random_int, KEY, np.array(2, dtype), np.array(9, dtype), attributes={"shape": (2, 3)}, symbolic=False)
      for dtype in (np.int8, np.uint16, np.int32, np.int64)],
    *[Case(op, KEY, normal(3, dtype=dtype), uniform(2, 1, low=3, high=4, dtype=dtype), attributes={"shape": (2, 3)},
           symbolic=False, tolerance=None)
      for op in (random_uniform, random_normal, random_truncated_normal) for dtype in (np.float32, np.float64)],
    Case(random_normal, KEY, normal(dtype=np.float16), normal(dtype=np.float16), attributes={"shape": (2, 3)},
         symbolic=False, gradient=False),
    Case(random_bernoulli, KEY, np.float32(0.5), attributes={"shape": (2, 3)}, symbolic=False),
    Case(random_gamma, KEY, uniform(3, low=0.5, high=3), attributes={"shape": (2, 3)}, symbolic=False, gradient=False),
    Case(random_gamma_grad, uniform(3), uniform(3), gradient=False),
    Case(random_poisson, KEY, uniform(3, low=1, high=20), attributes={"shape": (2, 3)}, symbolic=False),
    Case(random_binomial, KEY, np.float32([3, 40]), uniform(2), attributes={"shape": (2, 2)}, symbolic=False,
         gradient=False),
    Case(random_categorical, KEY, normal(2, 3), attributes={"num_samples": 4, "dtype": np.int64}, symbolic=False),
    Case(random_permutation, KEY, attributes={"size": 5}, symbolic=False),
]
