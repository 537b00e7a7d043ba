"""Names and seeds, set back: `keras.utils.clear_session` and `set_random_seed`. `Config`: attributes in a dict."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.naming import reset_names

_uids: Counter[str] = Counter()


def clear_session(free_memory: bool = True) -> None:
    """Number the names of layers from the start again: the next `Dense` is "dense". Memory goes with the last reference.

    >>> from treadle import keras
    >>> keras.utils.clear_session()
    >>> keras.layers.Dense(1).name
    'dense'
    """
    reset_names()
    _uids.clear()


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's and treadle's random numbers.

    >>> from treadle import keras
    >>> keras.utils.set_random_seed(1)
    >>> a = keras.random.normal((2,))
    >>> keras.utils.set_random_seed(1)
    >>> bool(keras.ops.all(a == keras.random.normal((2,))))
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise tf.errors.InvalidArgumentError(f"`seed` is an integer of 0 to 2**32 - 1. Received: seed={seed!r}.")
    random.seed(int(seed))
    np.random.seed(int(seed))
    tf.random.set_seed(int(seed))


def get_uid(prefix: str = "") -> int:
    """1, 2, 3 ... at each call with the same prefix."""
    _uids[prefix] += 1
    return _uids[prefix]


class Config:
    """Settings by name, as attributes and as items, which JSON can hold. A frozen one takes no more changes.

    >>> from treadle import keras
    >>> config = keras.utils.Config(units=3)
    >>> config.rate = 0.5
    >>> config.as_dict()
    {'units': 3, 'rate': 0.5}
    """

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_config", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._config:
            raise AttributeError(f"There is no setting {name!r}. Received: settings {', '.join(self._config)}.")
        return self._config[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if self._frozen:
            raise tf.errors.FailedPreconditionError(f"The settings are frozen. Received: {name}={value!r}.")
        self._config[name] = value

    def __delattr__(self, name: str) -> None:
        if self._frozen:
            raise tf.errors.FailedPreconditionError(f"The settings are frozen. Received: a deletion of {name!r}.")
        del self._config[name]

    __getitem__, __setitem__, __delitem__ = __getattr__, __setattr__, __delattr__

    def __contains__(self, name: object) -> bool:
        return name in self._config

    def __iter__(self) -> Any:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)

    def keys(self) -> Any:
        """The names."""
        return self._config.keys()

    def values(self) -> Any:
        """The values."""
        return self._config.values()

    def items(self) -> Any:
        """(name, value) of each."""
        return self._config.items()

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or `default`."""
        return self._config.get(name, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several."""
        for name, value in dict(*args, **kwargs).items():
            setattr(self, name, value)

    def freeze(self) -> None:
        """Take no more changes."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Take changes again."""
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """True if no changes are taken."""
        return self._frozen

    def as_dict(self) -> dict[str, Any]:
        """The settings as a dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """The settings as JSON."""
        return json.dumps(self._config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and other.as_dict() == self.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._config}>"
