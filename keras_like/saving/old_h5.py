"""Models in `.h5` files, as Keras wrote them before `.keras`: read, never written."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.descriptions import from_description
from treadle.keras_like.core.registry import customs
from treadle.keras_like.core.saved import load_into
from treadle.keras_like.optimizers import registry as optimizers
from treadle.keras_like.saving.errors import refuse
from treadle.keras_like.saving.tensors import Group, read_tensors


def read_old_model(source: Any) -> tuple[dict[str, Any], Group]:
    """(the model's description, the file's contents). Raises ModelFileError if the file holds no model."""
    root = read_tensors(source)
    text = root.attributes.get("model_config")
    if text is None or "model_weights" not in root:
        raise refuse(source, "holds no model: it has no configuration, or no weights.",
                     "If it holds weights alone, make the model and call `load_weights`.")
    try:
        description = json.loads(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise refuse(source, f"has a configuration that is no JSON: {error}.") from None
    if not isinstance(description, dict) or "class_name" not in description:
        raise refuse(source, "has a configuration that describes no model.")
    return description, root


def load_old_weights(source: Any, model: Any, group: Group) -> None:
    """Give the layers of a model their weights, in the order in which the file lists both."""
    names = _list(group, "layer_names")
    stored = [(name, found) for name in names if (found := _arrays(source, group, name))]
    layers = [layer for layer in model.layers if layer.weights]
    if len(stored) != len(layers):
        raise refuse(source, f"has weights for {len(stored)} layers; the model has {len(layers)} layers with weights.",
                     "Load weights into a model of the same layers.")
    pairs = []
    for layer, (name, arrays) in zip(layers, stored):
        own = _in_order(layer)
        if len(own) != len(arrays) or any(tuple(v.shape) != a.shape for v, a in zip(own, arrays)):
            raise refuse(source, f"has for {name!r} weights of the shapes {[a.shape for a in arrays]}; the layer "
                                 f"{layer.name!r} has {[tuple(v.shape) for v in own]}.",
                         "Load weights into a model of the same layers.")
        pairs += list(zip(own, arrays))
    for variable, array in pairs:
        load_into(variable, array)


def compile_old_model(source: Any, model: Any, root: Group, custom_objects: Mapping[str, Any] | None) -> None:
    """Compile as the model was when it was saved, if the file says how; with the optimizer's state if it is ours."""
    text = root.attributes.get("training_config")
    if text is None:
        return
    given = json.loads(text)
    with customs(custom_objects):
        parts = {k: from_description(given[k]) for k in ("loss", "metrics", "weighted_metrics", "loss_weights") if given.get(k)}
        model.compile(optimizer=optimizers.get(given["optimizer_config"]), **parts)
    state = root.get("optimizer_weights")
    if state is None:
        return
    arrays = _arrays(source, root, "optimizer_weights")
    model.optimizer.build(model.trainable_variables)
    own = model.optimizer.variables
    if [tuple(v.shape) for v in own] == [a.shape for a in arrays]:
        for variable, array in zip(own, arrays):
            load_into(variable, array)
    else:
        warnings.warn("The optimizer's state in the file is that of an older Keras: the optimizer begins anew.", stacklevel=3)


def _in_order(layer: Any) -> list[Any]:
    """A layer's weights in the order of these files: all trainable ones, then all others."""
    trained = {id(v) for v in layer.trainable_weights}
    return [*layer.trainable_weights, *(v for v in layer.weights if id(v) not in trained)]


def _arrays(source: Any, group: Group, name: str) -> list[np.ndarray]:
    layer = group.at(name)
    if not isinstance(layer, Group):
        raise refuse(source, f"lists a layer {name!r} that is not there.")
    found = [layer.at(weight) for weight in _list(layer, "weight_names")]
    if not all(isinstance(array, np.ndarray) for array in found):
        raise refuse(source, f"lists weights of {name!r} that are not there.")
    return found


def _list(group: Group, name: str) -> list[str]:
    """A list of names; a long one is kept in numbered parts."""
    parts = [name] if name in group.attributes else []
    while f"{name}{len(parts)}" in group.attributes:
        parts.append(f"{name}{len(parts)}")
    found = [one for part in parts for one in group.attributes[part]]
    if not all(isinstance(one, str) for one in found):
        raise tf.errors.InvalidArgumentError(f"`{name}` is a list of names. Received: {found[:3]}.")
    return found
