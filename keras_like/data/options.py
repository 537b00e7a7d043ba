"""`Options`: wishes about how a pipeline runs. treadle keeps them and reports them back."""

from __future__ import annotations

import enum
from typing import Any


class Options:
    """Wishes about how a pipeline runs.

    None of them changes the elements. treadle schedules pipelines itself, so it grants `deterministic` always and
    ignores the others; they are kept so that code that sets them runs.

    >>> import treadle as tf
    >>> options = tf.data.Options()
    >>> options.threading.private_threadpool_size = 2
    >>> tf.data.Dataset.range(3).with_options(options).options().threading.private_threadpool_size
    2
    """

    _groups = ("autotune", "experimental_distribute", "experimental_optimization", "experimental_service", "threading")
    _settings = ("dataset_name", "deterministic", "experimental_deterministic", "experimental_external_state_policy",
                 "experimental_slack", "experimental_symbolic_checkpoint", "experimental_threading",
                 "experimental_warm_start", "framework_type")

    def __init__(self) -> None:
        for group in self._groups:
            object.__setattr__(self, group, Group())

    def __getattr__(self, name: str) -> Any:
        if name in self._settings:
            return None
        raise AttributeError(f"`tf.data.Options` has no setting {name!r}.")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._groups and name not in self._settings:
            raise AttributeError(f"`tf.data.Options` has no setting {name!r}.")
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def merge(self, options: Options) -> Options:
        """These options with those that `options` sets put in their place."""
        result = Options()
        for source in (self, options):
            for name, value in vars(source).items():
                if isinstance(value, Group):
                    vars(vars(result)[name]).update(vars(value))
                elif value is not None:
                    setattr(result, name, value)
        return result


class AutoShardPolicy(enum.IntEnum):
    """How a data set would be split among workers. A wish, like all options."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2
    HINT = 3


class Group:
    """Settings of one kind; None for those not set."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]
