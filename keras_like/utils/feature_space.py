"""`FeatureSpace`: the columns of a table, each preprocessed in its own way, as one vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.deferred import make_input
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.registry import publish_as
from treadle.keras_like.layers.category_encoding import CategoryEncoding
from treadle.keras_like.layers.concatenate import Concatenate
from treadle.keras_like.layers.data_layer import DataLayer
from treadle.keras_like.layers.discretization import Discretization
from treadle.keras_like.layers.hashing import HashedCrossing, Hashing
from treadle.keras_like.layers.index_lookup import IndexLookup
from treadle.keras_like.layers.integer_lookup import IntegerLookup
from treadle.keras_like.layers.normalization import Normalization
from treadle.keras_like.layers.rescaling import Rescaling
from treadle.keras_like.layers.string_lookup import StringLookup
from treadle.keras_like.layers.text_vectorization import TextVectorization
from treadle.keras_like.saving.model_files import save_model


class Feature:
    """How one column is preprocessed: its dtype, the layer, and what is made of the layer's output."""

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        if output_mode not in ("int", "one_hot", "float"):
            raise tf.errors.InvalidArgumentError(
                f"A feature's `output_mode` is 'int', 'one_hot' or 'float'. Received: output_mode={output_mode!r}.")
        self.dtype, self.output_mode = dtype, output_mode
        self.preprocessor = from_description(preprocessor) if isinstance(preprocessor, Mapping) else preprocessor

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dtype": self.dtype, "preprocessor": describe(self.preprocessor), "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """A feature from what `get_config` returned."""
        return cls(**config)


class Cross:
    """Several features hashed together into one of `crossing_dim` bins."""

    def __init__(self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"):
        if output_mode not in ("int", "one_hot"):
            raise tf.errors.InvalidArgumentError(
                f"A cross's `output_mode` is 'int' or 'one_hot'. Received: output_mode={output_mode!r}.")
        self.feature_names, self.crossing_dim, self.output_mode = tuple(feature_names), crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The features' names, joined."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"feature_names": self.feature_names, "crossing_dim": self.crossing_dim, "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """A cross from what `get_config` returned."""
        return cls(**config)


class TFDIdentity(DataLayer):
    """Numbers as they are, in the compute dtype. The name is that in Keras' files."""

    def call(self, inputs: Any) -> Any:
        return tf.cast(inputs, self.compute_dtype)


_PLACE = "keras.src.layers.preprocessing.feature_space"  # where Keras' files look for these
for _kind in (Feature, Cross, TFDIdentity):
    publish_as(_PLACE, _kind.__name__, _kind)


class FeatureSpace(Layer):
    """The columns of a table as one vector, or as a dictionary of encoded columns.

    Args:
        features: {name: how}, with "float", "float_normalized", "float_rescaled", "float_discretized",
            "integer_categorical", "string_categorical", "integer_hashed", "string_hashed", or what the class methods of these
            names return (`FeatureSpace.float_discretized(num_bins=10)`), or `FeatureSpace.feature(dtype, layer, output_mode)`.
        output_mode: "concat" (default): [batch, size], columns in alphabetic order, then crosses; "dict".
        crosses: pairs (or more) of features' names to hash together, or `FeatureSpace.cross(names, crossing_dim)`.
        crossing_dim, hashing_dim, num_discretization_bins: sizes where a name alone is given. Default 32.

    Call it on a dictionary of columns or of single values, or map it over a data set of such. `adapt(data)` comes first, for
    what must be learned. For a functional model there are `get_inputs()` and `get_encoded_features()`.

    >>> from treadle import keras
    >>> data = {"age": [20.0, 30.0, 40.0], "color": ["red", "blue", "red"]}
    >>> space = keras.utils.FeatureSpace({"age": "float_normalized", "color": "string_categorical"})
    >>> space.adapt(data)
    >>> space({"age": 30.0, "color": "red"}).numpy().tolist()
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, features: Mapping[str, Any], output_mode: str = "concat", crosses: Sequence[Any] | None = None,
                 crossing_dim: int = 32, hashing_dim: int = 32, num_discretization_bins: int = 32, name: str | None = None,
                 **kwargs: Any):
        super().__init__(name=name, **kwargs)
        if not features:
            raise tf.errors.InvalidArgumentError(f"`features` names a column or more. Received: features={features!r}.")
        if output_mode not in ("concat", "dict"):
            raise tf.errors.InvalidArgumentError(f"`output_mode` is 'concat' or 'dict'. Received: output_mode={output_mode!r}.")
        self.output_mode, self.crossing_dim = output_mode, crossing_dim
        self.hashing_dim, self.num_discretization_bins = hashing_dim, num_discretization_bins
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {cross.name: HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses}
        self.one_hot_encoders: dict[str, Any] = {}
        self.inputs = {key: make_input((1,), dtype=feature.dtype, name=key) for key, feature in self.features.items()}
        self.encoded_features: Any = None
        self._adapted = False

    # --- kinds of features ---

    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Features hashed together."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A column with a layer of your own; `output_mode`: "float", "int" or "one_hot"."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_named("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """Numbers times `scale` plus `offset`."""
        return Feature("float32", Rescaling(scale, offset, name=_named("float_rescaled", name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers with mean 0 and variance 1."""
        return Feature("float32", Normalization(axis=-1, name=_named("float_normalized", name)), "float")

    @classmethod
    def float_discretized(cls, num_bins: int | None = None, bin_boundaries: Any = None, output_mode: str = "one_hot",
                          name: str | None = None) -> Feature:
        """Numbers by the bin they fall into."""
        layer = Discretization(bin_boundaries, num_bins, name=_named("float_discretized", name))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
                            name: str | None = None) -> Feature:
        """Integers by their place in a vocabulary."""
        layer = IntegerLookup(max_tokens, num_oov_indices, name=_named("integer_categorical", name))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
                           name: str | None = None) -> Feature:
        """Strings by their place in a vocabulary."""
        layer = StringLookup(max_tokens, num_oov_indices, name=_named("string_categorical", name))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Strings by their hash."""
        return Feature("string", Hashing(num_bins, name=_named("string_hashed", name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Integers by their hash."""
        return Feature("int32", Hashing(num_bins, name=_named("integer_hashed", name)), output_mode)

    def _feature(self, key: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, Mapping):
            return from_description(value)
        sizes = {"float_discretized": (self.num_discretization_bins,), "integer_hashed": (self.hashing_dim,),
                 "string_hashed": (self.hashing_dim,)}
        kinds = ("float", "float_rescaled", "float_normalized", "float_discretized", "integer_categorical",
                 "string_categorical", "integer_hashed", "string_hashed")
        if value not in kinds:
            raise tf.errors.InvalidArgumentError(f"A feature is one of {', '.join(kinds)}. Received: {key}={value!r}.")
        return getattr(self, value)(*sizes.get(value, ()), name=key)

    def _cross(self, value: Any) -> Cross:
        cross = from_description(value) if isinstance(value, Mapping) else value
        cross = cross if isinstance(cross, Cross) else Cross(cross, self.crossing_dim)
        unknown = [key for key in cross.feature_names if key not in self.features]
        if unknown or not cross.crossing_dim:
            raise tf.errors.InvalidArgumentError(
                f"A cross is of features that are there, and has a size. Received: {cross.feature_names}, crossing_dim="
                f"{cross.crossing_dim}; the features are {list(self.features)}.")
        return cross

    # --- learning ---

    def _to_adapt(self) -> list[str]:
        """The features whose layers must learn something first."""
        def learns(layer: Any) -> bool:
            if isinstance(layer, Normalization):
                return layer.input_mean is None
            if isinstance(layer, Discretization):
                return layer.num_bins is not None
            if isinstance(layer, TextVectorization):
                layer = layer._lookup_layer
            return not layer._fixed if isinstance(layer, IndexLookup) else hasattr(layer, "adapt")

        return [key for key, layer in self.preprocessors.items() if learns(layer)]

    def adapt(self, dataset: Any) -> None:
        """Learn vocabularies, means and boundaries.

        Args:
            dataset: a data set of dictionaries, or a dictionary of columns.
        """
        if isinstance(dataset, Mapping):
            dataset = tf.data.Dataset.from_tensor_slices(dict(dataset))
        if not isinstance(dataset, tf.data.Dataset) or not isinstance(dataset.element_spec, Mapping):
            raise tf.errors.DtypeError(
                f"`adapt` takes a data set of dictionaries, or a dictionary of columns. Received: {dataset!r}.")
        if all(spec.shape.rank == 0 for spec in dataset.element_spec.values()):
            dataset = dataset.batch(32)
        for key in self._to_adapt():
            self.preprocessors[key].adapt(self._column_of(dataset, key))
        self._adapted, self._built, self.encoded_features = True, True, None
        self.one_hot_encoders.clear()

    def _column_of(self, dataset: Any, key: str) -> Iterator[np.ndarray]:
        for element in dataset:
            values = np.asarray(element[key])
            yield values.reshape(-1, 1) if values.ndim < 2 else values

    # --- encoding ---

    def get_inputs(self) -> dict[str, Any]:
        """Symbolic inputs, one for each feature: [batch, 1]."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What becomes of these inputs, symbolic too."""
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
        return self.encoded_features

    def _encoded(self, columns: Mapping[str, Any]) -> Any:
        if not self._adapted and self._to_adapt():
            raise tf.errors.FailedPreconditionError(
                f"The feature space has things to learn: {', '.join(self._to_adapt())}. Call `adapt(data)` first.")
        self._adapted = True
        missing = [key for key in self.features if key not in columns]
        if missing:
            raise tf.errors.InvalidArgumentError(f"All features are given. Received: {list(columns)}, without {missing}.")
        found = {key: self.preprocessors[key](columns[key]) for key in sorted(self.features)}
        for cross in sorted(self.crosses, key=lambda c: c.name):
            found[cross.name] = self.crossers[cross.name]([found[key] for key in cross.feature_names])
        modes = {key: feature.output_mode for key, feature in self.features.items()} | {
            cross.name: cross.output_mode for cross in self.crosses}
        outputs = {key: self._one_hot(key, value) if modes[key] == "one_hot" else value for key, value in found.items()}
        if self.output_mode == "dict":
            return outputs
        for key, value in outputs.items():
            if not value.dtype.is_floating:
                raise tf.errors.DtypeError(
                    f"Only encoded features can be put together. Received: {key!r} of dtype {value.dtype.name}. Give it "
                    "output_mode='one_hot', or the feature space output_mode='dict'.")
        return Concatenate(axis=-1)(list(outputs.values())) if len(outputs) > 1 else next(iter(outputs.values()))

    def _one_hot(self, key: str, value: Any) -> Any:
        if key not in self.one_hot_encoders:
            layer = self.preprocessors.get(key) or self.crossers[key]
            size = _cardinality(layer)
            if size is None or not value.dtype.is_integer:
                raise tf.errors.InvalidArgumentError(
                    f"The feature {key!r} has output_mode='one_hot', for which its layer must give integers of a known range. "
                    f"Received: {layer!r}, which gives {value.dtype.name}. Use output_mode='int' or 'float'.")
            self.one_hot_encoders[key] = CategoryEncoding(size, "multi_hot")
        return self.one_hot_encoders[key](value)

    def __call__(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(data, Mapping):
            raise tf.errors.DtypeError(f"A feature space is called on a dictionary. Received: {data!r}.")
        columns = {key: tf.convert_to_tensor(value) for key, value in data.items()}
        single = any(value.shape.rank == 0 for value in columns.values())
        found = self._encoded({key: _as_column(value) for key, value in columns.items()})
        self._built = True
        if not single:
            return found
        return tf.nest.map_structure(lambda x: tf.squeeze(x, 0) if x.shape.rank == 2 and x.shape[0] == 1 else x, found)

    # --- configuration and files ---

    def get_config(self) -> dict[str, Any]:
        return {"features": describe(self.features), "output_mode": self.output_mode, "crosses": describe(self.crosses),
                "crossing_dim": self.crossing_dim, "hashing_dim": self.hashing_dim,
                "num_discretization_bins": self.num_discretization_bins}

    def get_build_config(self) -> dict[str, Any]:
        """The shapes that the layers were built for."""
        return {key: layer.get_build_config() for key, layer in self.preprocessors.items()}

    def build_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Build the layers as they were when the feature space was saved, which is after `adapt`."""
        for key, part in (config or {}).items():
            if not self.preprocessors[key].built:
                self.preprocessors[key].build_from_config(part)
        self._adapted = True

    def save(self, filepath: Any) -> None:
        """Save it in a `.keras` file, for `keras.models.load_model`."""
        save_model(self, filepath)


publish_as("keras.utils", "FeatureSpace", FeatureSpace)


def _named(kind: str, name: str | None) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _as_column(value: Any) -> Any:
    """[] or [batch] -> [batch, 1]; other shapes as they are."""
    if value.shape.rank > 1:
        return value
    if value.dtype == tf.string:
        return tf.convert_to_tensor(np.asarray(value).reshape(-1, 1))
    return tf.reshape(value, [-1, 1])


def _cardinality(layer: Any) -> int | None:
    """How many integers a layer may give."""
    if isinstance(layer, IndexLookup):
        return layer.vocabulary_size()
    if isinstance(layer, Discretization):
        return layer.num_bins if layer.bin_boundaries is None else len(layer.bin_boundaries) + 1
    return layer.num_bins if isinstance(layer, (Hashing, HashedCrossing)) else None
