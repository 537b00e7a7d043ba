"""`Model`: a layer that is trained, saved and looked at as a whole."""

from __future__ import annotations

import inspect
from typing import Any

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.registry import customs
from treadle.keras_like.models.files import ModelFiles
from treadle.keras_like.models.summary import print_summary
from treadle.keras_like.saving import graphs
from treadle.keras_like.training.trainer import Trainer


class Model(ModelFiles, Trainer, Layer):
    """A layer made of layers.

    `Model(inputs, outputs)` is the graph between symbolic tensors (`keras.Input`); a subclass defines `call`.

    >>> from treadle import keras
    >>> x = keras.Input(shape=(3,))
    >>> model = keras.Model(x, keras.layers.Dense(2)(x))
    >>> model.output_shape, model.count_params()
    ((None, 2), 8)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _is_graph(args, kwargs):
            from_graph: Any = _functional[0]
            return Layer.__new__(from_graph)
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        self._note_strategy()
        if not _is_graph(args, kwargs):
            super().__init__(*args, **kwargs)
        elif not isinstance(self, _functional[0]):  # a subclass that is given a graph is a functional model
            _make_functional(type(self))
            _functional[0].__init__(self, *args, **kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers this one is made of, without those inside them."""
        return list({id(c): c for c in tracking.children(self, Layer)}.values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place in `layers`."""
        layers = self.layers
        if index is not None:
            if index >= len(layers):
                raise tf.errors.InvalidArgumentError(f"The model has {len(layers)} layers. Received: index={index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise tf.errors.InvalidArgumentError(
            f"The model has no layer of that name. Received: {name!r}. Names: {', '.join(x.name for x in layers)}.")

    def summary(self, line_length: int | None = None, positions: Any = None, print_fn: Any = None, expand_nested: bool = False,
                show_trainable: bool = False, layer_range: Any = None) -> None:
        """Print a table of the layers, their output shapes and numbers of parameters, and the totals.

        Args:
            line_length: in characters. Default: what the terminal has, up to 88 (108 with a column of connections).
            positions: where the columns end, as shares of the line or in characters.
            print_fn: is given the whole text in place of printing it.
            expand_nested: show the layers of models inside too. Default False.
            show_trainable: show whether layers are trained. Default False.
            layer_range: two names, or patterns of names: the first and the last layer to show.
        """
        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def build(self, input_shape: Any) -> None:
        """Make the weights of all layers, by tracing a call on inputs of this shape."""
        if not self._built and input_shape is not None:
            self._built = True
            self.compute_output_spec(tracking.specs_of_shapes(input_shape, self.compute_dtype))
        self._built = True

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The model of a configuration, with new weights. `custom_objects`: your own classes and functions by name."""
        with customs(custom_objects):
            if not graphs.is_graph(config) or not is_made_from_graph(cls):
                return super().from_config(config)
            inputs, outputs = graphs.graph_from(config)
        rest = {k: v for k, v in config.items() if k not in ("layers", "input_layers", "output_layers")}
        return cls(inputs=inputs, outputs=outputs, **rest)

    def _build_for(self, arguments: dict[str, Any]) -> None:
        if type(self).build is Model.build:
            self._built = True  # its layers make their weights when they are called
            shapes = [tracking.shapes_of(v) for v in arguments.values() if tracking.holds_tensor(v)]
            self._build_shapes = {"input_shape": shapes[0]} if shapes else None
        else:
            super()._build_for(arguments)


def _is_graph(args: tuple, kwargs: dict[str, Any]) -> bool:
    """True for the arguments `inputs` and `outputs`."""
    return len(args) >= 2 or "outputs" in kwargs and (len(args) == 1 or "inputs" in kwargs)


def is_made_from_graph(kind: type) -> bool:
    """True for a class of models whose constructor takes `inputs` and `outputs`, so that a graph's configuration suffices."""
    parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    names = [p.name for p in parameters][1:3]
    return names == ["inputs", "outputs"] or {p.kind for p in parameters} >= {
        inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def _make_functional(kind: type) -> None:
    """Put `Functional` in the place of `Model` among the bases of a class and of those it is derived from."""
    if Model in kind.__bases__:
        kind.__bases__ = tuple(_functional[0] if base is Model else base for base in kind.__bases__)
    for base in kind.__bases__:
        if issubclass(base, Model) and not issubclass(base, _functional[0]):
            _make_functional(base)


# What `Model(inputs, outputs)` makes: set by `treadle.keras_like.models.functional`, which builds on this module.
_functional: list[Any] = []
