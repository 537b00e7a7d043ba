"""Dtype policies: the dtype weights are kept in, and the one a layer computes in."""

from __future__ import annotations

from typing import Any

import treadle as tf

_floatx = "float32"
_policy: DTypePolicy | None = None


class DTypePolicy:
    """`name` is a dtype for both, or "mixed_bfloat16" / "mixed_float16": compute in 16 bits, keep float32 weights.

    >>> from treadle import keras
    >>> policy = keras.DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None):
        name = _floatx if name is None else name
        if not isinstance(name, str):
            raise tf.errors.DtypeError(f"A dtype policy is named by a string. Received: {name!r}.")
        if name in ("mixed_float16", "mixed_bfloat16"):
            self._compute, self._variable = name.removeprefix("mixed_"), "float32"
        else:
            self._compute = self._variable = tf.as_dtype(name).name
        self._name = name

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of a layer's arithmetic and results."""
        return self._compute

    @property
    def variable_dtype(self) -> str:
        """The dtype of a layer's weights."""
        return self._variable

    quantization_mode = None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy of a configuration."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


def floatx() -> str:
    """The dtype of weights and inputs where nothing else is said: "float32" by default."""
    return _floatx


def set_floatx(value: str) -> None:
    """Change `floatx()`."""
    global _floatx
    if value not in ("float16", "bfloat16", "float32", "float64"):
        raise tf.errors.InvalidArgumentError(
            f"`floatx` is one of 'float16', 'bfloat16', 'float32', 'float64'. Received: {value!r}.")
    _floatx = value


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    return _policy if _policy is not None else DTypePolicy(_floatx)


def set_dtype_policy(policy: DTypePolicy | str | None) -> None:
    """Change the policy of layers made from now on."""
    global _policy
    _policy = None if policy is None else as_policy(policy)


def as_policy(value: Any) -> DTypePolicy:
    """A policy from one, from a name, from a dtype, from a configuration, or the default for None."""
    if value is None:
        return dtype_policy()
    if isinstance(value, DTypePolicy):
        return value
    if isinstance(value, dict):
        return DTypePolicy.from_config(value.get("config", value))
    return DTypePolicy(value if isinstance(value, str) else tf.as_dtype(value).name)
