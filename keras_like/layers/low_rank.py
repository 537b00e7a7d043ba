"""`LowRank`: layers whose large weight can stand still while two small ones, whose product is added to it, are trained."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.resolve import resolve
from treadle.keras_like.core.saved import load_into
from treadle.keras_like.layers.built_in import BuiltIn


class Adapted:
    """An attribute: the weight as it was added, or with the product of the two small ones once there are such."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if self.name not in layer.__dict__:
            raise AttributeError(f"The layer {layer.name!r} has no `{self.name}` before it is built. Call it on some input.")
        weight = layer.__dict__[self.name]
        if not layer.lora_enabled:
            return weight
        # [..., rank] @ [rank, n]: the first of the two has the weight's axes but for the last.
        first, second = layer._lora_pair()
        rows = tf.reshape(first, (-1, first.shape[-1]))
        change = tf.reshape(tf.matmul(rows, second), tf.shape(weight)) * (layer.lora_alpha / layer.lora_rank)
        return tf.cast(tf.cast(weight, change.dtype) + change, layer.compute_dtype)

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__dict__[self.name] = value


class LowRank(BuiltIn):
    """A layer with `enable_lora` (low-rank adaptation: https://arxiv.org/abs/2106.09685). Subclasses name the large weight.

    With it, weight + alpha / rank * a @ b stands where the weight stood; a is [..., rank], b is [rank, n].
    """

    # The name of the large weight, an `Adapted` attribute, and that of its constraint.
    adapted = "kernel"
    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

    def __init__(self, *, lora_rank: int | None = None, lora_alpha: float | None = None, **kwargs: Any):
        if kwargs.pop("quantization_config", None) is not None:
            raise tf.errors.UnimplementedError(
                "Weights of 8 and 4 bits are not offered. Leave `quantization_config` out; dtype='bfloat16' halves the memory.")
        super().__init__(**kwargs)
        if lora_rank is not None:
            _check_rank(lora_rank)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha

    def _adapt_if_asked(self) -> None:
        """The last line of `build`."""
        if self.lora_rank:
            self._built = True
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(self, rank: int, lora_alpha: float | None = None, a_initializer: Any = "he_uniform",
                    b_initializer: Any = "zeros") -> None:
        """Stop training the large weight, and train two small ones whose product is added to it.

        Args:
            rank: the size that the two share; the smaller, the fewer numbers are trained.
            lora_alpha: the product is multiplied by lora_alpha / rank. Default: `rank`.
            a_initializer, b_initializer: of the two. Default "he_uniform" and "zeros": at first nothing changes.

        In a file the sum is saved as the one weight, so that a model without the two small ones can load it; loading sets b
        to 0. A compiled model must be compiled again.

        Raises FailedPreconditionError before the layer is built or if it has them already, InvalidArgumentError for a weight
        with a constraint.

        >>> import treadle as tf
        >>> from treadle import keras
        >>> layer = keras.layers.Dense(100)
        >>> x = tf.ones([1, 50])
        >>> before = layer(x)
        >>> layer.enable_lora(rank=2)
        >>> [tuple(v.shape) for v in layer.trainable_weights]
        [(100,), (50, 2), (2, 100)]
        >>> bool(tf.reduce_all(layer(x) == before))
        True
        """
        if getattr(self, f"{self.adapted}_constraint", None):
            raise tf.errors.InvalidArgumentError(
                f"A sum cannot be kept to a constraint. Leave `{self.adapted}_constraint` out to use `enable_lora` on "
                f"{self.name!r}.")
        if not self._built:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} has no weights yet. Call it on some input, or `build(input_shape)`, before "
                "`enable_lora`.")
        if self.lora_enabled:
            raise tf.errors.FailedPreconditionError(f"`enable_lora` was called on {self.name!r} before. Once is enough.")
        _check_rank(rank)
        weight = self.__dict__[self.adapted]
        regularizer = getattr(self, f"{self.adapted}_regularizer")
        for letter, shape, initializer in (("a", (*weight.shape[:-1], rank), a_initializer),
                                           ("b", (rank, weight.shape[-1]), b_initializer)):
            name = f"lora_{self.adapted}_{letter}"
            # float32 whatever the weight's dtype is: small steps would be lost in a narrower one.
            setattr(self, name, self.add_weight(name=name, shape=shape, initializer=resolve("initializers", initializer),
                                                dtype="float32", regularizer=regularizer, autocast=False))
        weight.trainable = False
        self._stopped = [v for v in self._stopped if v is not weight]
        self.lora_enabled, self.lora_rank = True, rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha

    def _lora_pair(self) -> tuple[Any, Any]:
        return tuple(getattr(self, f"lora_{self.adapted}_{letter}") for letter in "ab")  # type: ignore[return-value]

    def _without_pair(self) -> list[Any]:
        """The weights but for the two small ones."""
        pair = {id(v) for v in self._lora_pair()}
        return [v for v in tracking.own_weights(self) if id(v) not in pair]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        if not self.lora_enabled:
            super().save_own_variables(store)
            return
        for i, variable in enumerate(self._without_pair()):
            merged = variable is self.__dict__[self.adapted]
            store[str(i)] = tf.cast(getattr(self, self.adapted), variable.dtype) if merged else variable

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        if not self.lora_enabled:
            super().load_own_variables(store)
            return
        own = self._without_pair()
        if set(store) != {str(i) for i in range(len(own))}:
            raise tf.errors.InvalidArgumentError(
                f"The layer {self.name!r} ({type(self).__name__}) has {len(own)} weights in a file, with the small ones' "
                f"product added. Received: {sorted(store)}.")
        for i, variable in enumerate(own):
            load_into(variable, store[str(i)])
        second = self._lora_pair()[1]
        second.assign(np.zeros(second.shape, np.float32))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.lora_rank:
            return config | {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        return {k: v for k, v in config.items() if k not in ("lora_rank", "lora_alpha")}


def _check_rank(rank: Any) -> None:
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)) or rank <= 0:
        raise tf.errors.InvalidArgumentError(f"The rank is a positive integer. Received: {rank!r}.")
