"""`tf.distribute` strategies: the same training step on several devices, each with its part of the batch.

Variables are whole on every device. `Strategy.run` makes one program for all replicas (see `replicas`); `fit` splits each batch
over the devices and computes what one device would compute for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.op import REGISTRY
from treadle.ir.operators import TABLE
from treadle.ir.ops.distribution import shard
from treadle.lowering import sharding
from treadle.runtime import devices as found_devices
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.dispatch import spread_variable
from treadle.runtime.interpreter import current
from treadle.tracer.distribute import context
from treadle.tracer.distribute.replica_context import ReplicaContext, as_reduction
from treadle.tracer.distribute.replicas import is_replica, replicate
from treadle.tracer.distribute.values import PerReplica, map_values
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.function import Function, function

_MOST_FUNCTIONS = 64


class InputContext:
    """What the function of `distribute_datasets_from_function` is told. There is one pipeline, for all replicas."""

    def __init__(self, num_replicas_in_sync: int):
        self.num_input_pipelines, self.input_pipeline_id = 1, 0
        self.num_replicas_in_sync = num_replicas_in_sync

    def get_per_replica_batch_size(self, global_batch_size: int) -> int:
        """The size of each replica's part of a batch. Raises InvalidArgumentError (a ValueError) if it is not even."""
        if global_batch_size % self.num_replicas_in_sync:
            raise errors.InvalidArgumentError(
                f"A global batch must be a multiple of the number of replicas, {self.num_replicas_in_sync}. "
                f"Received: {global_batch_size}.")
        return global_batch_size // self.num_replicas_in_sync


class Strategy:
    """Where variables lie and steps run. Made by its subclasses; `tf.distribute.get_strategy()` returns the one in whose scope
    code runs, or one that stands for the one device.
    """

    def __init__(self, devices: Sequence[str]):
        if len(devices) == 1:
            devices = [found_devices.only_device(devices[0])]
        numbers = [found_devices.number_of(d) for d in devices]
        if len(set(numbers)) != len(numbers):
            raise errors.InvalidArgumentError(f"Each replica needs a device of its own. Received: {list(devices)}.")
        self.devices = tuple(devices)
        self._mesh: Any = None
        self._numbers, self._axis = tuple(numbers), "replica"
        if len(numbers) > 1:
            self._mesh = ((("replica", len(numbers)),), self._numbers)
            sharding.jax_mesh(self._mesh)
        self._functions: dict[Any, Function] = {}

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas take a step together."""
        return len(self.devices)

    @property
    def extended(self) -> Strategy:
        """The strategy itself: what TensorFlow keeps there has no other place here."""
        return self

    @property
    def cluster_resolver(self) -> None:
        """None: all devices belong to this process."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {', '.join(self.devices)}>"

    def scope(self) -> AbstractContextManager[None]:
        """A context in which `tf.distribute.get_strategy()` is this strategy. Build and compile models in it."""
        return context.entered(self, None, True)

    # --- running ---

    def run(self, fn: Callable, args: Any = (), kwargs: dict[str, Any] | None = None, options: Any = None) -> Any:
        """`fn(*args, **kwargs)` in each replica, with its own value in the place of each `PerReplica`.

        Returns what `fn` returns, with a `PerReplica` for each tensor (a tensor, if there is one replica).

        With several replicas `fn` is compiled: it becomes one program for all of them, which runs on all devices at once.
        Optimizers add up the replicas' gradients; so divide a loss by the global batch size, as
        `tf.nn.compute_average_loss` does. Random numbers differ from replica to replica.

        Raises InvalidArgumentError if replicas assign different values to a variable without an `aggregation`.

        >>> import treadle as tf
        >>> strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        >>> strategy.run(lambda x: x + 1.0, args=(tf.constant(2.0),)).numpy()
        np.float32(3.0)
        """
        args, kwargs = tuple(args), dict(kwargs or {})
        if self.num_replicas_in_sync == 1:
            with context.entered(self, ReplicaContext(self), False):
                return current().converted(fn)(*args, **kwargs)
        fn = getattr(fn, "python_function", fn)
        if isinstance(current(), FuncGraph):
            return self._replicated(fn, args, kwargs)
        if fn not in self._functions:
            if len(self._functions) >= _MOST_FUNCTIONS:
                del self._functions[next(iter(self._functions))]
            self._functions[fn] = function(lambda args, kwargs: self._replicated(fn, args, kwargs))
        return self._functions[fn](args, kwargs)

    def _replicated(self, fn: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
        if is_replica():
            raise errors.FailedPreconditionError("`Strategy.run` was called inside `Strategy.run`.")

        def replica(number: Any, *args: Any, **kwargs: Any) -> Any:
            with context.entered(self, ReplicaContext(self, number), False):
                return current().converted(fn)(*args, **kwargs)

        return replicate(replica, args, kwargs, self.num_replicas_in_sync, self._mesh)

    def __deepcopy__(self, memo: Any) -> Strategy:
        return self

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """The sum or mean of a `PerReplica` over the replicas and, if `axis` is given, over that axis of each value.

        A tensor, where there is one replica, is reduced over `axis` alone.

        >>> import treadle as tf
        >>> tf.distribute.get_strategy().reduce("MEAN", tf.constant([1.0, 3.0]), axis=0).numpy()
        np.float32(2.0)
        """
        reduction = as_reduction(reduce_op)
        reduce = REGISTRY[f"reduce_{reduction}"]

        def one(v: Any) -> Any:
            if isinstance(v, PerReplica):
                axes = [0] if axis is None else [0, axis + 1 if axis >= 0 else axis]
                return reduce(v.stacked, axis=axes)
            if self.num_replicas_in_sync > 1 and reduction == "sum":
                raise errors.InvalidArgumentError(
                    f"Only a value that differs from replica to replica can be added up. Received: {v!r}, which `run` did not "
                    "return.")
            v = convert_to_tensor(v)
            return v if axis is None else reduce(v, axis=axis)

        return map_values(one, value)

    def gather(self, value: Any, axis: int) -> Any:
        """The replicas' values joined along an axis, as one tensor."""
        return map_values(lambda v: TABLE["concat"](list(v.values), axis=axis) if isinstance(v, PerReplica)
                          else convert_to_tensor(v), value)

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """The replicas' values, one by one."""
        return value.values if isinstance(value, PerReplica) else (value,)

    # --- data ---

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """A data set of global batches as one whose elements have a `PerReplica` for each tensor: equal parts of the batch.

        A batch that cannot be divided evenly raises InvalidArgumentError; `batch(..., drop_remainder=True)` leaves it out.
        """
        count = self.num_replicas_in_sync
        return dataset if count == 1 else dataset.map(
            lambda *batch: _single(nest.map_structure(lambda t: _parts(t, count), batch)))

    def distribute_datasets_from_function(self, dataset_fn: Callable, options: Any = None) -> Any:
        """The same for `dataset_fn(input_context)`, a data set of batches for one replica: each takes the next one."""
        count = self.num_replicas_in_sync
        dataset = dataset_fn(InputContext(count))
        return dataset if count == 1 else dataset.batch(count, drop_remainder=True).map(
            lambda *batches: _single(nest.map_structure(PerReplica, batches)))

    def experimental_distribute_values_from_function(self, value_fn: Callable) -> Any:
        """A `PerReplica` of `value_fn(context)` for each replica, where `context.replica_id_in_sync_group` is its number."""
        found = [value_fn(ReplicaContext(self, i)) for i in range(self.num_replicas_in_sync)]
        if len(found) == 1:
            return found[0]
        return nest.map_structure(lambda *v: PerReplica(TABLE["stack"]([convert_to_tensor(x) for x in v])), *found)

    # --- fit ---

    def split_batch(self, batch: Any, axis: int = 0) -> Any:
        """Inside a compiled function: the batch, split over the devices where its size allows it. What `fit` does.

        The program computes what it would compute on one device; only where it computes it changes.
        """
        mesh = self._mesh
        if mesh is None or not isinstance(current(), FuncGraph):
            return batch

        def split(tensor: Any) -> Any:
            tensor = convert_to_tensor(tensor)
            size = tensor.type.shape[axis] if len(tensor.type.shape) > axis else None
            even = isinstance(size, int) and size and size % self.num_replicas_in_sync == 0
            return shard(tensor, mesh=mesh, spec=(*[None] * axis, self._axis)) if even else tensor

        return nest.map_structure(split, batch)


def _single(parts: tuple) -> Any:
    return parts[0] if len(parts) == 1 else parts


def _parts(tensor: Any, count: int) -> PerReplica:
    size = REGISTRY["shape"](tensor)
    if not tensor.type.shape or isinstance(tensor.type.shape[0], int) and tensor.type.shape[0] % count:
        raise errors.InvalidArgumentError(
            f"A batch must be divisible by the number of replicas, {count}. Received: a batch of shape {tensor.shape}. Choose "
            "such a batch size, and leave out a last smaller batch with `batch(..., drop_remainder=True)`.")
    shape = TABLE["concat"]([np.array([count], np.int32), size[:1] // count, size[1:]], axis=0)
    return PerReplica(REGISTRY["reshape"](tensor, shape))


class MirroredStrategy(Strategy):
    """One replica on each of several devices of this process.

    Args:
        devices: their names, such as ["GPU:0", "GPU:1"]. Default: all of the kind that programs run on.
        cross_device_ops: accepted; XLA chooses how gradients are added up.

    Raises InvalidArgumentError for a device that is not there, or of another kind than the one programs run on.

    >>> import treadle as tf
    >>> strategy = tf.distribute.MirroredStrategy()
    >>> with strategy.scope():
    ...     v = tf.Variable(1.0)
    >>> tf.distribute.get_strategy() is strategy
    False
    """

    def __init__(self, devices: Sequence[str] | None = None, cross_device_ops: Any = None):
        super().__init__(found_devices.program_devices() if devices is None else [devices] if isinstance(devices, str)
                         else list(devices))


class MeshStrategy(Strategy):
    """Devices in a grid: batches are split along one of its axes, and variables may be split along others.

    What `keras.distribution` is made of. It has no replicas for `run`: use `fit`, or `split_batch` in a compiled function.

    Args:
        shape, axis_names: the grid's sizes and names of its axes.
        devices: the names of its devices in row-major order.
        batch_axis: the axis along which batches are split.
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str], batch_axis: str):
        super().__init__(devices)
        self._sizes = dict(zip(axis_names, shape))
        self._axis = batch_axis
        if len(devices) > 1:
            self._mesh = (tuple(self._sizes.items()), self._numbers)
            sharding.jax_mesh(self._mesh)

    @property
    def num_replicas_in_sync(self) -> int:
        """Into how many parts a batch is split."""
        return self._sizes[self._axis]

    def run(self, fn: Callable, args: Any = (), kwargs: dict[str, Any] | None = None, options: Any = None) -> Any:
        """Not there; `UnimplementedError`."""
        raise errors.UnimplementedError("`keras.distribution` has no replicas to run a function in. Use `fit`, or a "
                                        "`tf.distribute.MirroredStrategy`.")

    def lay_out(self, variable: Any, axes: Sequence[str | None]) -> None:
        """Split a variable: its i-th axis along the grid's axis `axes[i]`, not at all where that is None.

        Raises InvalidArgumentError for another axis, or a size that cannot be split evenly.
        """
        shape = tuple(variable.shape)
        if len(axes) != len(shape) or any(
                a is not None and (a not in self._sizes or n % self._sizes[a]) for a, n in zip(axes, shape)):
            raise errors.InvalidArgumentError(
                f"The variable {variable.name!r} of shape {shape} cannot be laid out so. Received: {tuple(axes)} for the axes "
                f"{self._sizes}. Name an axis, or None, for each of its own; its size must be a multiple.")
        if self._mesh is not None:
            spread_variable(variable, sharding.sharding(self._mesh, axes))


class OneDeviceStrategy(Strategy):
    """One replica, on the device named: a device of the kind that programs run on."""

    def __init__(self, device: str):
        super().__init__([device])


class _DefaultStrategy(Strategy):
    """The one device, without any scope."""

    def __init__(self) -> None:
        super().__init__(found_devices.program_devices()[:1])


class _Unsupported(Strategy):
    instead = ""

    def __init__(self, *args: Any, **kwargs: Any):
        raise errors.UnimplementedError(f"`{type(self).__name__}` is not there: {self.instead}")


class MultiWorkerMirroredStrategy(_Unsupported):
    """Not supported: there is no training over several machines."""

    instead = "treadle trains on the devices of one process. Use `tf.distribute.MirroredStrategy`."


class ParameterServerStrategy(_Unsupported):
    """Not supported: there are no parameter servers."""

    instead = "treadle has no parameter servers. Use `tf.distribute.MirroredStrategy`."


class CentralStorageStrategy(_Unsupported):
    """Not supported: variables lie on every device."""

    instead = "variables lie on every device. Use `tf.distribute.MirroredStrategy`."


class TPUStrategy(MirroredStrategy):
    """`MirroredStrategy` on all TPU cores of this machine.

    Args:
        tpu_cluster_resolver: accepted and not needed.

    Raises FailedPreconditionError where JAX finds no TPU.
    """

    def __init__(self, tpu_cluster_resolver: Any = None, **kwargs: Any):
        names = found_devices.program_devices()
        if not names[0].startswith("/device:TPU"):
            raise errors.FailedPreconditionError(
                f"There is no TPU. Received: devices {', '.join(names)}. Use `tf.distribute.MirroredStrategy`, which takes the "
                "devices that there are.")
        super().__init__(names)


_default: list[Strategy] = []


def get_strategy() -> Strategy:
    """The strategy in whose scope (or `run`) this code runs, or the default one, which has one replica."""
    if context.state.strategy is not None:
        return context.state.strategy
    if not _default:
        _default.append(_DefaultStrategy())
    return _default[0]


def has_strategy() -> bool:
    """True in the scope of a strategy."""
    return context.state.strategy is not None


def get_replica_context() -> ReplicaContext | None:
    """The replica that this code runs in. None in a strategy's scope, outside `run`."""
    if context.state.crosses:
        return None
    return context.state.replica or ReplicaContext(get_strategy())


def in_cross_replica_context() -> bool:
    """True in a strategy's scope, outside `run`."""
    return context.state.crosses


def summed_over_replicas(tensors: Sequence[Any]) -> list[Any]:
    """Each tensor summed over the replicas that run this code; as they are where there is one. What optimizers do."""
    replica = context.state.replica
    if replica is None or replica.num_replicas_in_sync == 1:
        return list(tensors)
    return replica.all_reduce("SUM", list(tensors))
