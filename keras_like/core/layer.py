"""`Layer`: weights, made when the first input's shape is known, and a computation that uses them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.deferred import call_layer, is_deferred
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.policy import DTypePolicy, as_policy
from treadle.keras_like.core.resolve import resolve
from treadle.keras_like.core.state import autocasting, calling, inherited_training
from treadle.keras_like.core.variable import Variable


class Layer:
    """A computation with weights. Subclasses define `call`, and usually `build(input_shape)`, which makes the weights.

    Args:
        name: unique within a model. Default: the class's name in snake case, numbered.
        trainable: whether the weights are trained. Default True.
        dtype: a dtype, the name of a dtype policy, or a policy. Default: `keras.config.dtype_policy()`.
        activity_regularizer: a function of the output; what it returns is added to the losses.
        autocast: whether floating inputs and weights are cast to the compute dtype. Default True.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Linear(keras.layers.Layer):
    ...     def __init__(self, units):
    ...         super().__init__()
    ...         self.units = units
    ...     def build(self, input_shape):
    ...         self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs @ self.w
    >>> Linear(2)(tf.ones([1, 3])).numpy().tolist()
    [[3.0, 3.0]]
    """

    def __init__(self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None,
                 autocast: bool = True, name: str | None = None, **kwargs: Any):
        self._start(kwargs)
        self.name = auto_name(type(self).__name__) if name is None else str(name)
        self._trainable = bool(trainable)
        self._dtype_policy = as_policy(dtype)
        self.autocast = autocast
        self.activity_regularizer = resolve("regularizers", activity_regularizer)
        shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            shape = (kwargs.pop("input_dim"),)
        batch_shape = kwargs.pop("batch_input_shape", kwargs.pop("batch_shape", None))
        if shape is not None:
            batch_shape = (None, *((shape,) if isinstance(shape, int) else shape))
        self._batch_input_shape = batch_shape
        if kwargs:
            raise tf.errors.DtypeError(f"`{type(self).__name__}` has no argument {next(iter(kwargs))!r}.")

    def _start(self, kwargs: dict[str, Any]) -> None:
        """State that must be there before the subclass's own."""
        self._losses: list[Any] = []
        self._own: list[Variable] = []
        self._built = False
        self._inbound: list[Any] = []
        self._input_spec: Any = None
        self.supports_masking = getattr(type(self), "supports_masking", False)

    if TYPE_CHECKING:  # attributes that `build` and `_keep` make

        def __getattr__(self, name: str) -> Any: ...

    # --- building ---

    def add_weight(self, *args: Any, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True,
                   autocast: bool = True, regularizer: Any = None, constraint: Any = None, aggregation: str = "none",
                   overwrite_with_gradient: bool = False, name: str | None = None) -> Variable:
        """Make a weight and keep it.

        Args:
            shape: its shape. Default: a scalar.
            initializer: a name, a function of (shape, dtype), or an initializer. Default: "glorot_uniform" for floating
                dtypes, "zeros" for others.
            dtype: default: the layer's variable dtype.
            trainable, regularizer, constraint, name: as they say. `add_weight(name, shape)` by position is understood.
        """
        if not hasattr(self, "_own"):
            raise tf.errors.FailedPreconditionError(
                f"`{type(self).__name__}` adds a weight before `super().__init__()` was called. Call it first.")
        for value in args:
            if isinstance(value, str):
                name = value
            else:
                shape = value
        kind = tf.as_dtype(self.variable_dtype if dtype is None else dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.is_floating else "zeros"
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(s is None for s in shape):
            raise tf.errors.InvalidArgumentError(
                f"The shape of a weight must be known. Received: {shape} for the weight {name!r} of {self.name!r}. Call the "
                "layer on inputs whose last size is known.")
        variable = Variable(resolve("initializers", initializer), shape=shape, dtype=kind, trainable=trainable,
                            autocast=autocast, name=name or "variable")
        variable.path = f"{self.path}/{variable.name}"
        variable.regularizer = resolve("regularizers", regularizer)
        variable.constraint = resolve("constraints", constraint)
        self._own.append(variable)
        return variable

    add_variable = add_weight

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (with None for open sizes). Called before the first call."""
        self._built = True

    @property
    def built(self) -> bool:
        """True once the weights are there."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        self._built = value

    @property
    def path(self) -> str:
        """The layer's name, after those of the layers it is made in."""
        return self.name

    def _build_for(self, arguments: dict[str, Any]) -> None:
        """Call `build` with the shapes it asks for."""
        if self._built:
            return
        names = [p for p in inspect.signature(self.build).parameters if p not in ("args", "kwargs")]
        with tf.init_scope(), autocasting(None):
            shapes = {n: tracking.shapes_of(v) for n, v in arguments.items() if tracking.holds_tensor(v)}
            if len(names) > 1 or names and names[0].endswith("_shape") and names[0].removesuffix("_shape") in shapes:
                self.build(**{n: shapes[n.removesuffix("_shape")] for n in names if n.removesuffix("_shape") in shapes})
            else:
                self.build(next(iter(shapes.values()), None))
        self._built = True

    # --- calling ---

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `call`.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(self, "_own"):
            raise tf.errors.FailedPreconditionError(
                f"`{type(self).__name__}.__init__` must call `super().__init__()` before anything else.")
        args, kwargs = self._converted((args, kwargs))
        if any(map(is_deferred, tf.nest.flatten((args, kwargs)))):
            return call_layer(self, args, kwargs)
        return self._run(args, kwargs)

    def _converted(self, given: Any) -> Any:
        """Arrays and numbers among the arguments as tensors; floating ones in the compute dtype."""
        wanted = tf.as_dtype(self.compute_dtype) if self.autocast else None

        def convert(leaf: Any) -> Any:
            ours = isinstance(leaf, (tf.Tensor, tf.Variable))
            if not ours and (isinstance(leaf, np.ndarray) or hasattr(leaf, "__jax_array__")):
                leaf = tf.convert_to_tensor(leaf)
            if isinstance(leaf, tf.Tensor) and wanted is not None and leaf.dtype.is_floating and leaf.dtype is not wanted:
                return tf.cast(leaf, wanted)
            return leaf

        return tf.nest.map_structure(convert, given)

    def _run(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        parameters = _call_parameters(type(self))  # type: ignore[arg-type]  # a class hashes
        arguments = dict(zip(parameters.names, args)) | kwargs
        self._build_for({n: v for n, v in arguments.items() if n not in ("training", "mask")})
        training = kwargs.get("training", arguments.get("training"))
        if training is None:
            training = inherited_training()
        if parameters.training and "training" not in kwargs and len(args) <= parameters.place("training"):
            kwargs = {**kwargs, "training": bool(training) if training is None else training}
            if parameters.training_default is not None and training is None:
                kwargs["training"] = parameters.training_default
        elif not parameters.training:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}  # for the layers inside
        if parameters.mask and kwargs.get("mask") is None and args and len(args) <= parameters.place("mask"):
            mask = tf.nest.map_structure(tracking.mask_of, args[0])
            if any(m is not None for m in tf.nest.flatten(mask)):
                kwargs = {**kwargs, "mask": mask}
        with calling(training) as outermost, autocasting(self.compute_dtype if self.autocast else None):
            if outermost:
                for layer in self._flatten_layers():
                    layer._losses.clear()
            outputs = tf.autograph.tf_convert(self.call)(*args, **kwargs)
        if self.activity_regularizer is not None:
            for output in tf.nest.flatten(outputs):
                loss = self.activity_regularizer(output)
                # As Keras: the mean over the batch, so that its size does not matter.
                self.add_loss(loss / tf.cast(tf.shape(output)[0], loss.dtype) if output.shape.rank else loss)
        return self._with_masks(args, outputs)

    def _with_masks(self, args: tuple, outputs: Any) -> Any:
        """Outputs carry on the mask of the inputs, if the layer knows what becomes of it."""
        if not self.supports_masking or not args:
            return outputs
        before = tf.nest.map_structure(tracking.mask_of, args[0])
        if all(m is None for m in tf.nest.flatten(before)) and not getattr(self, "_makes_mask", False):
            return outputs
        masks = tf.nest.flatten(self.compute_mask(args[0], before))
        leaves = tf.nest.flatten(outputs)
        if len(masks) == len(leaves):
            for leaf, mask in zip(leaves, masks):
                tracking.set_mask(leaf, mask)
        return outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs. Default: the first one of the inputs."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the output for inputs of a shape. Default: found by tracing `call`."""
        spec = self.compute_output_spec(tracking.specs_of_shapes(args[0] if args else next(iter(kwargs.values())),
                                                                 self.compute_dtype))
        return tf.nest.map_structure(lambda s: tuple(s.shape), spec)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The `TensorSpec`s of the outputs for inputs of given specs. Nothing is computed."""
        call = tf.function(functools.partial(self._run_flat))
        return call.get_concrete_function(*args, **kwargs).structured_outputs

    def _run_flat(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(args, kwargs)

    # --- what it holds ---

    def _flatten_layers(self) -> Iterator[Layer]:
        """This layer and all inside it, each once."""
        return tracking.layers_in(self, Layer)

    @property
    def weights(self) -> list[Any]:
        """All weights: trainable ones first in each layer, this layer's before those of layers inside."""
        return tracking.weights_of(self, Layer)

    variables = weights

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that training changes; none if the layer is not trainable."""
        return [v for v, trained in tracking.weights_with_trainability(self, Layer) if trained]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The other weights."""
        return [v for v, trained in tracking.weights_with_trainability(self, Layer) if not trained]

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained. Setting it sets it for the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` was given during the last outermost call, and the regularization losses, as scalars."""
        found: list[Any] = []
        for layer in self._flatten_layers():
            found.extend(layer._losses)
        for variable in self.trainable_weights:
            regularizer = getattr(variable, "regularizer", None)
            if regularizer is not None:
                found.append(regularizer(variable))
        return found

    def add_loss(self, losses: Any) -> None:
        """Add scalars to the losses of this call. They are forgotten when the outermost layer is called again."""
        for loss in tf.nest.flatten(losses):
            loss = loss() if callable(loss) and not isinstance(loss, tf.Tensor) else loss
            if loss is not None:
                loss = tf.convert_to_tensor(loss)
                self._losses.append(loss if not loss.shape.rank else tf.reduce_mean(loss))

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        if not self._built:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} has no weights yet. Call it on some input, or `build(input_shape)`, first.")
        return sum(int(np.prod(v.shape.as_list())) for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The weights' values as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the weights from arrays in the order of `get_weights`; all of them or none."""
        own = self.weights
        if len(own) != len(weights):
            raise tf.errors.InvalidArgumentError(
                f"The layer {self.name!r} has {len(own)} weights. Received: {len(weights)} arrays.")
        for variable, value in zip(own, weights):
            if tuple(variable.shape) != tuple(np.shape(value)):
                raise tf.errors.InvalidArgumentError(
                    f"The weight {getattr(variable, 'path', variable.name)!r} has the shape {tuple(variable.shape)}. Received: "
                    f"an array of shape {np.shape(value)}.")
        for variable, value in zip(own, weights):
            variable.assign(value)

    # --- dtypes ---

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtype policy."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = as_policy(value)

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self._dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._dtype_policy.variable_dtype

    # --- configuration ---

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, for `from_config`. Subclasses add their own to `super().get_config()`."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": _policy_config(self._dtype_policy)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = self.activity_regularizer
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer, without weights, from what `get_config` returned."""
        try:
            return cls(**config)
        except TypeError as error:
            raise tf.errors.DtypeError(
                f"`{cls.__name__}` cannot be made from its configuration: {error}. Received: {config}. Define `get_config` so "
                "that it returns the constructor's arguments.") from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self._built}>"


def _policy_config(policy: DTypePolicy) -> Any:
    return {"module": "keras", "class_name": "DTypePolicy", "config": policy.get_config(), "registered_name": None}


class _Parameters:
    """The parameters of a layer class's `call`."""

    def __init__(self, call: Callable):
        parameters = list(inspect.signature(call).parameters.values())[1:]
        self.names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        every = {p.name: p for p in parameters}
        self.training, self.mask = "training" in every, "mask" in every
        default = every["training"].default if self.training else None
        self.training_default = default if isinstance(default, bool) else None

    def place(self, name: str) -> int:
        """The parameter's position; beyond all positions if it can be given by name only."""
        return self.names.index(name) if name in self.names else 1 << 30


@functools.lru_cache(maxsize=4096)
def _call_parameters(kind: type) -> _Parameters:
    return _Parameters(kind.call)  # type: ignore[attr-defined]
