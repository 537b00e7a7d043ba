"""`Embedding`: a vector for each integer."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.saved import load_into
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.low_rank import Adapted, LowRank


class Embedding(LowRank):
    """embeddings[inputs]: integers of any shape [...] -> [..., output_dim].

    Args:
        input_dim: how many integers there are: 0 to input_dim - 1.
        output_dim: the vectors' size.
        embeddings_initializer: default "uniform".
        embeddings_regularizer, embeddings_constraint: default: none.
        mask_zero: mask the positions where the input is 0. Default False.
        weights: the first value of the embeddings, [input_dim, output_dim].
        lora_rank, lora_alpha: for `enable_lora`, which `build` then calls. Default: none.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Embedding(10, 4)(tf.constant([[1, 2, 3]])).shape
    TensorShape([1, 3, 4])
    """

    adapted = "embeddings"
    embeddings = Adapted()

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
                 embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
                 weights: Any = None, lora_rank: int | None = None, lora_alpha: float | None = None,
                 activity_regularizer: Any = None, **kwargs: Any):
        length = kwargs.pop("input_length", None)
        if length is not None:
            kwargs["input_shape"] = (length,)
        super().__init__(activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs)
        self.input_dim, self.output_dim = positive(input_dim, "input_dim"), positive(output_dim, "output_dim")
        self._keep(dict(embeddings_initializer=embeddings_initializer, embeddings_regularizer=embeddings_regularizer,
                        embeddings_constraint=embeddings_constraint))
        self.mask_zero = self.supports_masking = mask_zero
        if weights is not None:
            self.build(None)
            self._built = True
            load_into(self.__dict__["embeddings"], weights[0] if isinstance(weights, list) and len(weights) == 1 else weights)

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self._weight("embeddings", (self.input_dim, self.output_dim))
        self._built = True
        self._adapt_if_asked()

    def call(self, inputs: Any) -> Any:
        inputs = tf.convert_to_tensor(inputs)
        if inputs.dtype.name not in ("int32", "int64"):
            inputs = tf.cast(inputs, "int32")
        return tf.gather(self.embeddings, inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return tf.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("weights", None)
        return config
