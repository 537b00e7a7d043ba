"""`Module`: an object that knows the variables in its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from treadle.runtime import nest
from treadle.runtime.variable import Variable


class Module:
    """Base class for objects that hold variables and other modules, in attributes or in lists and dicts there.

    >>> import treadle as tf
    >>> class Linear(tf.Module):
    ...     def __init__(self):
    ...         super().__init__(name="linear")
    ...         self.w = tf.Variable(2.0)
    >>> [v.numpy() for v in Linear().trainable_variables]
    [np.float32(2.0)]
    """

    def __init__(self, name: str | None = None):
        self._name = name or type(self).__name__.lower()

    @property
    def name(self) -> str:
        """The module's name."""
        return getattr(self, "_name", type(self).__name__.lower())

    @property
    def name_scope(self) -> Any:
        """A context; names carry no meaning here."""
        return name_scope(self.name)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables of this module and its submodules, each once, in attribute order."""
        return tuple(self._flatten(lambda v: isinstance(v, Variable)))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those of `variables` that are trainable."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """Those of `variables` that are not."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Module, ...]:
        """All modules inside this one, each once."""
        return tuple(self._flatten(lambda v: isinstance(v, Module)))

    def _flatten(self, wanted: Callable[[Any], bool]) -> Iterator[Any]:
        seen = {id(self)}
        pending: list[Any] = [self]
        while pending:
            module = pending.pop(0)
            for key in sorted(vars(module)):
                for leaf in nest.flatten(vars(module)[key]):
                    if id(leaf) in seen:
                        continue
                    seen.add(id(leaf))
                    if wanted(leaf):
                        yield leaf
                    if isinstance(leaf, Module):
                        pending.append(leaf)

    @classmethod
    def with_name_scope(cls, method: Callable) -> Callable:
        """Accepted for compatibility; returns the method."""
        return method


@contextmanager
def name_scope(name: str) -> Iterator[str]:
    """A context in which operations belong together. Names carry no meaning here, so it changes nothing."""
    yield f"{name}/"
