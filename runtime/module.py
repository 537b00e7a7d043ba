"""`Module`: an object that knows the variables in its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ContextDecorator
from typing import Any

from treadle.ir import location
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
        """A `name_scope` of the module's name."""
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


class name_scope(ContextDecorator):
    """A context in which operations belong together: `tf.profile` sums their time up under the name, "outer/inner".

    A name that ends with "/" stands by itself, whatever is around. Each layer's call is in a scope of its name.

    >>> import treadle as tf
    >>> with tf.name_scope("encoder"), tf.name_scope("attention") as scope:
    ...     print(scope)
    encoder/attention/
    """

    __slots__ = ("name", "_before")

    def __init__(self, name: str):
        self.name = str(name)

    def __enter__(self) -> str:
        inside, name = location.inside, self.name
        self._before = before = inside.scope
        inside.scope = scope = name[:-1] if name[-1:] == "/" else f"{before}/{name}" if before else name
        return scope + "/"

    def __exit__(self, *exception: Any) -> None:
        location.inside.scope = self._before
