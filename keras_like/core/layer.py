"""`Layer`: weights, made when the first input's shape is known, and a computation that uses them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import treadle as tf
from treadle.keras_like.core import fused_layers, tracking
from treadle.keras_like.core.deferred import call_layer, called_inputs, called_outputs, holds_deferred, is_deferred
from treadle.keras_like.core.holding import Holder
from treadle.keras_like.core.input_spec import check_inputs
from treadle.keras_like.core.layouts import place
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.places import say_where
from treadle.keras_like.core.policy import DTypePolicy, as_policy
from treadle.keras_like.core.resolve import resolve
from treadle.keras_like.core.saved import Saved
from treadle.keras_like.core.signature import parameters_of_build, signature_of
from treadle.keras_like.core.state import CallState, autocasting, current_call, inherited_training
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.core.warning import warn


def _as_build(build: Callable) -> Callable:
    """A class's `build`, with what goes around it: the weights' paths, and a note of the shapes."""

    @wraps(build)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        call = current_call()
        if call is not None and call.layer is self and call.building:  # `super().build(...)`
            build(self, *args, **kwargs)
            return
        with tf.init_scope(), autocasting(None), CallState(self, inherited_training(), building=True) as state:
            self._path = state.path
            build(self, *args, **kwargs)
        self._build_shapes = dict(zip(parameters_of_build(type(self)), args)) | kwargs  # type: ignore[arg-type]  # a class hashes
        self._built = True

    return wrapper


class Layer(Saved, Holder):
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
        self._start()
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

    # The `InputSpec`s that the first argument is checked against.
    input_spec: Any = None
    # Whether masks of the inputs go on to the outputs, as `compute_mask` says.
    supports_masking = False
    # Whether an eager call may run as one program (`treadle.keras_like.core.fused_layers`), if the class is built in.
    _fuses = True
    _round = _losses_round = 0
    _path: str | None = None
    _build_shapes: dict[str, Any] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _as_build(vars(cls)["build"])  # type: ignore[method-assign]
        if "compute_mask" in vars(cls) and "supports_masking" not in vars(cls):
            cls.supports_masking = True

    def _start(self) -> None:
        """State that must be there before the subclass's own."""
        self._losses: list[Any] = []
        self._own: list[Variable] = []
        self._stopped: list[Any] = []  # weights that `trainable = False` made so
        self._built = False
        self._inbound: list[Any] = []

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        watchers = attributes.get("_watchers")
        if watchers is not None and name not in tracking.BOOKKEEPING and attributes.get(name, watchers) is not value:
            watchers.forget()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if "_watchers" in self.__dict__:
            self._watchers.forget()
        super().__delattr__(name)

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
                            autocast=autocast, aggregation=aggregation or "none", name=name or "variable")
        call = current_call()
        if call is None or call.layer is not self:
            call = CallState(self, building=True)
        variable.path = f"{call.path}/{variable.name}"
        place(variable)
        variable.regularizer = resolve("regularizers", regularizer)
        variable.constraint = resolve("constraints", constraint)
        self._own.append(variable)
        variable.__dict__["_found_trainable"] = variable.trainable
        if not self._trainable and variable.trainable:
            variable.trainable = False
            self._stopped.append(variable)
        return variable

    add_variable = add_weight

    @_as_build
    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (with None for open sizes). Called before the first call."""

    @property
    def built(self) -> bool:
        """True once the weights are there."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        self._built = value

    @property
    def path(self) -> str:
        """The names of the layers in which it was built, and its own: "sequential/dense"."""
        return self._path or self.name

    def _build_for(self, arguments: dict[str, Any]) -> None:
        """Call `build` with the shapes it asks for: that of the first argument, or `<argument>_shape` of several."""
        shapes = {f"{n}_shape": tracking.shapes_of(v) for n, v in arguments.items()
                  if n not in ("training", "mask") and tracking.holds_tensor(v)}
        names = parameters_of_build(type(self))  # type: ignore[arg-type]
        wanted = {n: shapes[n] for n in names if n in shapes}
        if len(names) == 1 and not wanted or names and names[0] not in wanted:
            wanted[names[0]] = next(iter(shapes.values()), None)
        self.build(**wanted)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that `build` was called with, for `build_from_config`."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Make the weights again that were there when `get_build_config` was called."""
        if config and "input_shape" in config:
            self.build(config["input_shape"])
        elif config and "shapes_dict" in config:
            self.build(**config["shapes_dict"])

    # --- calling ---

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `call`.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if "_own" not in self.__dict__:
            raise tf.errors.FailedPreconditionError(
                f"`{type(self).__name__}.__init__` must call `super().__init__()` before anything else.")
        args = tuple(map(self._converted, args))
        kwargs = {name: self._converted(value) for name, value in kwargs.items()}
        if any(map(holds_deferred, args)) or any(map(holds_deferred, kwargs.values())):
            return call_layer(self, args, kwargs)
        return fused_layers.call(self, args, kwargs)

    def _converted(self, value: Any) -> Any:
        """An argument's arrays as tensors; floating ones in the compute dtype."""
        if isinstance(value, (list, tuple, dict)):
            return tf.nest.map_structure(self._converted_leaf, value)
        return self._converted_leaf(value)

    def _converted_leaf(self, leaf: Any) -> Any:
        if is_deferred(leaf):
            return leaf  # converted when it is carried out
        if not isinstance(leaf, (tf.Tensor, tf.Variable)):
            if leaf is None or isinstance(leaf, (bool, str)) or not (
                    hasattr(leaf, "__array__") or hasattr(leaf, "__jax_array__")):
                return leaf
            leaf = tf.convert_to_tensor(leaf)
        if self.autocast and leaf.dtype.is_floating and leaf.dtype.name != self.compute_dtype:
            wanted = tf.as_dtype(self.compute_dtype)
            if wanted.is_floating:
                mask = tracking.mask_of(leaf)
                leaf = tf.cast(leaf, wanted)
                tracking.set_mask(leaf, mask)
        return leaf

    def _run(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        signature = signature_of(type(self))  # type: ignore[arg-type]  # a class hashes
        arguments = signature.bound(args, kwargs)
        first = args[0] if args else next(iter(arguments.values()), None)
        if self.input_spec is not None:
            check_inputs(self, first)
        if not self._built:
            self._build_for(arguments)
            if self.input_spec is not None:
                check_inputs(self, first)
        training = arguments.get("training")
        if training is None:
            training = inherited_training()
        if training is None:
            training = signature.default_training
        if not signature.training:
            kwargs.pop("training", None)  # meant for the layers inside
        elif training is not None or signature.needs_training:
            args, kwargs = signature.told("training", training, args, kwargs)
        for name, mask_name in signature.masks.items():
            if arguments.get(mask_name) is None and arguments.get(name) is not None:
                mask = tracking.masks_of(arguments[name])
                if mask is not None:
                    args, kwargs = signature.told(mask_name, mask, args, kwargs)
        mask = arguments.get("mask") if signature.mask else None
        if mask is None:
            mask = tracking.masks_of(first)
            if signature.mask and mask is not None:
                args, kwargs = signature.told("mask", mask, args, kwargs)
        with CallState(self, training) as state, autocasting(self._read_dtype()), tf.name_scope(self.name):
            self.__dict__["_round"] = state.round
            try:
                outputs = tf.autograph.tf_convert(self.call)(*args, **kwargs)
            except Exception as error:
                say_where(error, f"In the layer {self.name!r} ({type(self).__name__}), called on {tracking.shapes_of(first)}.")
                raise
            if self.activity_regularizer is not None:
                self._regularize(outputs)
        self.__dict__["_built"] = True
        self._pass_mask_on(first, mask, outputs)
        return outputs

    def _read_dtype(self) -> str | None:
        """The dtype in which weights are read during the call; None: their own."""
        policy = self._dtype_policy
        if not self.autocast or policy.compute_dtype == policy.variable_dtype and current_call() is None:
            return None
        return policy.compute_dtype if tf.as_dtype(policy.compute_dtype).is_floating else None

    def _regularize(self, outputs: Any) -> None:
        for output in tf.nest.flatten(outputs):
            loss = tf.autograph.tf_convert(self.activity_regularizer)(output)
            # As Keras: the mean over the batch, so that its size does not matter.
            self.add_loss(loss / tf.cast(tf.shape(output)[0], loss.dtype) if output.shape.rank else loss)

    def _pass_mask_on(self, inputs: Any, mask: Any, outputs: Any) -> None:
        """Give the outputs the mask that `compute_mask` makes of the inputs'."""
        if not self.supports_masking:
            if mask is not None and not self.__dict__.get("_warned") and all(
                    m is None for m in tf.nest.flatten(tracking.masks_of(outputs))):
                self._warned = True
                warn(
                    f"The layer {self.name!r} ({type(self).__name__}) drops the mask of its inputs: layers after it see none. "
                    "If it should go on, set `supports_masking = True`, or define `compute_mask`.")
            return
        if mask is None and type(self).compute_mask is Layer.compute_mask:
            return
        masks = self.compute_mask(inputs, mask)
        if masks is not None:
            for leaf, one in zip(tf.nest.flatten(outputs), tf.nest.flatten(masks)):
                if one is not None and tracking.mask_of(leaf) is None:
                    tracking.set_mask(leaf, one)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs. Default: that of the inputs."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the output for inputs of a shape (or `<argument>_shape` of several). Default: traces `call`."""
        first = signature_of(type(self)).names[0]  # type: ignore[arg-type]
        names = {name: first if name == "input_shape" else name.removesuffix("_shape") for name in kwargs}
        spec = self.compute_output_spec(
            *(tracking.specs_of_shapes(shape, self.compute_dtype) for shape in args),
            **{names[name]: tracking.specs_of_shapes(shape, self.compute_dtype) for name, shape in kwargs.items()})
        return tf.nest.map_structure(lambda s: tuple(s.shape), spec)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The `TensorSpec`s of the outputs for inputs of given specs, or symbolic inputs. Nothing is computed."""
        args, kwargs = tf.nest.map_structure(
            lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype) if is_deferred(leaf) else leaf, (args, kwargs))
        concrete = tf.function(lambda *a, **k: self._run(a, k)).get_concrete_function(*args, **kwargs)
        self._forget_losses()
        return concrete.structured_outputs

    symbolic_call = compute_output_spec

    def stateless_call(self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, return_losses: bool = False,
                       **kwargs: Any) -> tuple:
        """Call the layer with given values in place of those of its variables, which stay as they are.

        Returns (outputs, the non-trainable variables' values after the call), and the losses with `return_losses`. No
        gradient goes to the values: differentiate with respect to the variables themselves.
        """
        given = [(self.trainable_variables, list(trainable_variables)),
                 (self.non_trainable_variables, list(non_trainable_variables))]
        for own, values in given:
            if len(own) != len(values):
                raise tf.errors.InvalidArgumentError(
                    f"The layer {self.name!r} has {[len(v) for v, _ in given]} trainable and other variables. Received: "
                    f"{[len(v) for _, v in given]} values.")
        before = [(v, v.read_value()) for own, _ in given for v in own]
        try:
            for own, values in given:
                for variable, value in zip(own, values):
                    variable.assign(value)
            outputs = self(*args, **kwargs)
            after = [v.read_value() for v in given[1][0]]
            return (outputs, after, self.losses) if return_losses else (outputs, after)
        finally:
            for variable, value in before:
                variable.assign(value)

    input = property(lambda self: called_inputs(self), doc="The symbolic input of a layer that was called once on one.")
    output = property(lambda self: called_outputs(self), doc="The symbolic output of a layer that was called once on one.")

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Not available: raises UnimplementedError."""
        raise tf.errors.UnimplementedError(
            f"Weights of 8 and 4 bits are not offered. Received: quantize({mode!r}). To halve the memory and the time, use the "
            "dtype policy 'bfloat16' or 'mixed_bfloat16'.")

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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self._built}>"
