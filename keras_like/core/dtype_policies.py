"""`keras.dtype_policies`: policies for layers by their path, and policies as configurations."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.policy import DTypePolicy, as_policy, dtype_policy


class DTypePolicyMap(MutableMapping):
    """Policies by the layers' paths. A path that is no key gets that of the one key that matches it as a pattern.

    Args:
        default_policy: that of other layers. Default: `keras.config.dtype_policy()`.
        policy_map: path, or regular expression -> policy.

    >>> from treadle import keras
    >>> policies = keras.dtype_policies.DTypePolicyMap(policy_map={"encoder/.*": "mixed_bfloat16"})
    >>> policies["encoder/dense"].name, policies["head"].name
    ('mixed_bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: Any = None):
        self._default = None if default_policy is None else as_policy(default_policy)
        self._policies = {key: as_policy(value) for key, value in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that nothing matches."""
        return dtype_policy() if self._default is None else self._default

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [pattern for pattern in self._policies if re.search(pattern, key)]
        if len(matching) > 1:
            raise tf.errors.InvalidArgumentError(
                f"The path {key!r} is matched by several keys: {', '.join(map(repr, matching))}. Make them narrower.")
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise tf.errors.InvalidArgumentError(f"There is a policy for {key!r} already. Delete it first.")
        self._policies[key] = as_policy(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"default_policy": None if self._default is None else serialize(self._default),
                "policy_map": {key: serialize(value) for key, value in self._policies.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicyMap:
        """The map of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default={self.default_policy.name!r}, {len(self)} policies>"


def get(identifier: Any) -> Any:
    """The policy of a name, a dtype, a configuration, or a policy; the default for None.

    >>> from treadle import keras
    >>> keras.dtype_policies.get("mixed_bfloat16").compute_dtype
    'bfloat16'
    """
    return identifier if isinstance(identifier, DTypePolicyMap) else as_policy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The policy as a configuration."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The policy of a configuration."""
    return get(config)
