"""Where randomness has a state: `Generator`, the global seed, and the streams that `tf.random` draws from.

A generator's state is a variable, i64[2]: a counter and a seed. Each draw takes the next key from it, eagerly or in a
trace alike, so a compiled function draws the same numbers as eager code.
"""

from __future__ import annotations

import hashlib
import operator
import os
import struct
import threading
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.attributes import as_shape
from treadle.ir.interpreter import interpreting
from treadle.ir.ops import random as ops
from treadle.runtime import sampling
from treadle.runtime.aggregation import STREAMS
from treadle.runtime.eager import EAGER
from treadle.runtime.tensor import Tensor
from treadle.runtime.variable import Variable

_THREEFRY = 2  # TensorFlow's number for the algorithm
_ALGORITHMS = (None, "auto_select", "philox", "threefry", 1, 2, 3)
_INT64 = range(-2**63, 2**63)

# Reading a state and writing the next one back is one step: two threads must not draw the same numbers.
_lock = threading.RLock()


def as_seed(seed: Any, what: str = "seed") -> int:
    """A seed as a Python integer. Raises DtypeError for what is no integer, InvalidArgumentError beyond 64 bits."""
    try:
        if isinstance(seed, (bool, np.bool_)):
            raise TypeError
        number = operator.index(seed)
    except TypeError:
        raise errors.DtypeError(f"`{what}` must be an integer. Received: {seed!r}.") from None
    if number not in _INT64:
        raise errors.InvalidArgumentError(f"`{what}` must fit into 64 bits. Received: {seed!r}.")
    return number


def _check_algorithm(alg: Any) -> None:
    if alg not in _ALGORITHMS:
        raise errors.InvalidArgumentError(
            f"`alg` is 'auto_select', 'threefry' or 'philox'. Received: {alg!r}. (The bits are always Threefry's.)")


class Generator:
    """A stream of random numbers with a state of its own.

    The state is a variable: drawing inside a `@function` advances it as drawing eagerly does, and it can be saved
    with a checkpoint. Make one with `from_seed`, `from_non_deterministic_state`, `from_state` or `from_key_counter`.

    Args:
        copy_from: another generator, whose state is copied.
        state: in its place, a state: int64[2], a counter and a key.
        alg: 'auto_select', 'threefry' or 'philox'. The bits are Threefry's in each case.

    >>> import treadle as tf
    >>> g = tf.random.Generator.from_seed(1)
    >>> g.normal([2, 3]).shape
    TensorShape([2, 3])
    """

    def __init__(self, copy_from: Generator | None = None, state: Any = None, alg: Any = None):
        _check_algorithm(alg)
        if (copy_from is None) == (state is None):
            raise errors.InvalidArgumentError(
                "A generator is made from `copy_from` or from `state`. Received: "
                + ("neither. Use `tf.random.Generator.from_seed(seed)`." if state is None else "both."))
        with interpreting(EAGER):
            if copy_from is not None:
                state = copy_from._state.numpy()
            self._state: Variable = Variable(_as_state(state), trainable=False, name="generator_state", aggregation=STREAMS[1])

    @classmethod
    def from_state(cls, state: Any, alg: Any = None) -> Generator:
        """A generator that continues where a `state` (int64[2]) was taken."""
        return cls(state=state, alg=alg)

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Generator:
        """A generator that always produces the same stream for a seed, an integer."""
        return cls(state=[0, as_seed(seed)], alg=alg)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator whose stream differs from one run to the next."""
        return cls(state=[0, _entropy()], alg=alg)

    @classmethod
    def from_key_counter(cls, key: Any, counter: Any, alg: Any = None) -> Generator:
        """A generator from a key (an integer) and a counter (an integer, or a vector whose first element counts)."""
        return cls(state=_key_counter(key, counter), alg=alg)

    # --- state ---

    @property
    def state(self) -> Variable:
        """The state, a variable int64[2]: a counter and a key."""
        return self._state

    @property
    def algorithm(self) -> int:
        """The number of the algorithm: 2, Threefry."""
        return _THREEFRY

    @property
    def key(self) -> Tensor:
        """The key, an int64 scalar."""
        return self._state.value()[1]

    def reset(self, state: Any) -> None:
        """Replace the state."""
        self._state.assign(state if isinstance(state, (Tensor, Variable)) else _as_state(state))

    def reset_from_seed(self, seed: Any) -> None:
        """Start again from a seed, as `from_seed` does."""
        self.reset([0, as_seed(seed)])

    def reset_from_key_counter(self, key: Any, counter: Any) -> None:
        """Replace key and counter."""
        self.reset(_key_counter(key, counter))

    def skip(self, delta: Any) -> Tensor:
        """Move on by `delta` draws without drawing. Returns the new state."""
        with _lock:
            self._state.assign_add([as_seed(delta, "delta"), 0])
            return self._state.value()

    def next_key(self) -> Tensor:
        """A fresh key, u32[2]; the state moves on."""
        with _lock:
            state, key = ops.next_key(self._state.value())
            self._state.assign(state)
        return key

    # --- drawing ---

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32,
               name: str | None = None) -> Tensor:
        """Normal numbers of the given mean and standard deviation."""
        return sampling.normal(self.next_key(), shape, mean, stddev, dtype)

    def truncated_normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = dtypes.float32,
                         name: str | None = None) -> Tensor:
        """Normal numbers within two standard deviations of the mean."""
        return sampling.truncated_normal(self.next_key(), shape, mean, stddev, dtype)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = dtypes.float32,
                name: str | None = None) -> Tensor:
        """Numbers uniform over [minval, maxval). For floats `maxval` is 1 by default; integers need it."""
        return sampling.uniform(self.next_key(), shape, minval, maxval, dtype)

    def uniform_full_int(self, shape: Any, dtype: Any = dtypes.uint64, name: str | None = None) -> Tensor:
        """Integers uniform over the whole range of `dtype`."""
        return ops.random_bits(self.next_key(), shape=shape, dtype=dtype)

    def binomial(self, shape: Any, counts: Any, probs: Any, dtype: Any = dtypes.int32,
                 name: str | None = None) -> Tensor:
        """Numbers of successes among `counts` trials of probability `probs`."""
        return sampling.binomial(self.next_key(), shape, counts, probs, dtype)

    # --- more generators ---

    def make_seeds(self, count: Any = 1) -> Tensor:
        """Seeds for the `stateless` functions: int64[2, count], one a column."""
        return ops.random_bits(self.next_key(), shape=(2, *as_shape(count)), dtype=dtypes.int64)

    def split(self, count: int = 1) -> list[Generator]:
        """`count` new generators whose streams are independent of this one and of each other."""
        with interpreting(EAGER):
            seeds = self.uniform_full_int((count,), dtypes.int64).numpy()
        return [Generator(state=[0, int(seed)]) for seed in seeds]

    def __repr__(self) -> str:
        return f"<tf.random.Generator with state {self._state.value()!r}>"


def _as_state(state: Any) -> np.ndarray:
    array = np.asarray(state)
    if array.dtype.kind not in "iu" or array.shape != (2,):
        raise errors.InvalidArgumentError(
            f"A generator's state is two integers, a counter and a key. Received: {state!r}.")
    return array.astype(np.int64)


def _key_counter(key: Any, counter: Any) -> list[int]:
    words = np.asarray(counter).reshape(-1)
    if words.dtype.kind not in "iu" or not 1 <= words.size <= 2 or any(words[1:] != 0):
        raise errors.InvalidArgumentError(
            f"`counter` must be an integer, or two of which the second is 0. Received: {counter!r}.")
    return [int(words[0]), as_seed(np.asarray(key).reshape(())[()], "key")]


def _entropy() -> int:
    return int.from_bytes(os.urandom(8), "little", signed=True)


# --- the global seed and the streams of tf.random -------------------------------------------------------------------

# TensorFlow, too, has fixed numbers for an operation that has a seed of its own when no global seed was set.
_DEFAULT_GLOBAL_SEED = 87654321


class _Streams:
    """The generators behind `tf.random.normal(...)`: one for each `seed=` of an operation, None for those without."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.by_op_seed: dict[int | None, Generator] = {}
        self.default: Generator | None = None

    def get(self, op_seed: int | None) -> Generator:
        with _lock:
            if op_seed not in self.by_op_seed:
                self.by_op_seed[op_seed] = Generator(state=[0, self.start(op_seed)])
            return self.by_op_seed[op_seed]

    def start(self, op_seed: int | None) -> int:
        """The seed of a stream: a hash of the global seed and the operation's."""
        if self.seed is None and op_seed is None:
            return _entropy()
        first = _DEFAULT_GLOBAL_SEED if self.seed is None else self.seed
        words = struct.pack("<q?q", first, op_seed is None, op_seed or 0)
        return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "little", signed=True)


_streams = _Streams()


def stream(op_seed: Any = None) -> Generator:
    """The generator that an operation of `tf.random` with this `seed=` draws from."""
    return _streams.get(None if op_seed is None else as_seed(op_seed))


def set_seed(seed: Any) -> None:
    """Set the global seed: all functions of `tf.random` start their streams again.

    Numbers drawn after `set_seed(s)` are the same every time, eagerly and in compiled functions. An operation with a
    `seed=` of its own has a stream that follows from both seeds. `None` makes the streams differ from run to run.

    Raises DtypeError if `seed` is no integer.

    >>> import treadle as tf
    >>> tf.random.set_seed(7)
    >>> a = tf.random.uniform([])
    >>> tf.random.set_seed(7)
    >>> bool(a == tf.random.uniform([]))
    True
    """
    with _lock, interpreting(EAGER):
        _streams.seed = None if seed is None else as_seed(seed)
        # In place: compiled functions hold the state variables.
        for op_seed, generator in _streams.by_op_seed.items():
            generator.reset([0, _streams.start(op_seed)])


def get_state() -> dict[str, Any]:
    """The state of all randomness that belongs to no object: the global seed, the streams that functions of `tf.random` draw
    from, and the global generator. Plain numbers, lists and None, so that a file can hold it.

    >>> import treadle as tf
    >>> before = tf.random.get_state()
    >>> a = tf.random.normal([2])
    >>> tf.random.set_state(before)
    >>> bool(tf.reduce_all(a == tf.random.normal([2])))
    True
    """
    with _lock, interpreting(EAGER):
        streams = [[op_seed, *map(int, generator._state.numpy())] for op_seed, generator in _streams.by_op_seed.items()]
        default = None if _streams.default is None else list(map(int, _streams.default._state.numpy()))
        return {"seed": _streams.seed, "streams": streams, "global": default}


def set_state(state: dict[str, Any]) -> None:
    """Go on where `get_state` was called: what is drawn from now on is what was drawn after that."""
    with _lock, interpreting(EAGER):
        set_seed(state["seed"])  # streams that were not there then begin as they would have
        for op_seed, counter, key in state["streams"]:
            _streams.get(op_seed).reset([counter, key])
        if state["global"] is not None:
            get_global_generator().reset(state["global"])


def get_global_generator() -> Generator:
    """The generator for code that is handed none. It starts from the global seed, if one was set before."""
    with _lock:
        if _streams.default is None:
            _streams.default = Generator(state=[0, _entropy() if _streams.seed is None else _streams.seed])
        return _streams.default


def set_global_generator(generator: Generator) -> None:
    """Replace the generator that `get_global_generator` returns."""
    if not isinstance(generator, Generator):
        raise errors.DtypeError(f"Expected a `tf.random.Generator`. Received: {generator!r}.")
    _streams.default = generator


errors.shield(globals())
