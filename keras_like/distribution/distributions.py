"""`DataParallel` and `ModelParallel`: what to split over the devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import treadle as tf
from treadle.keras_like.core import layouts
from treadle.keras_like.distribution.meshes import DeviceMesh, LayoutMap, TensorLayout, list_devices


class Distribution:
    """Base of `DataParallel` and `ModelParallel`."""

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True):
        self.device_mesh, self.auto_shard_dataset = device_mesh, auto_shard_dataset
        self.batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        self.strategy = tf.distribute.MeshStrategy(device_mesh.shape, device_mesh.axis_names,
                                                   list(device_mesh.devices.reshape(-1)), self.batch_dim_name)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A context in which this distribution is in force."""
        before = layouts.distribution()
        layouts.set_distribution(self)
        try:
            yield
        finally:
            layouts.set_distribution(before)

    def get_data_layout(self, data_shape: Any) -> TensorLayout:
        """The layout of a batch."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a weight."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def place(self, variable: Any) -> None:
        """Lay out a weight."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Batches are split over the devices; every device has all weights.

    Args:
        device_mesh: a mesh of one axis; or
        devices: a list of names. Default: all.
        auto_shard_dataset: accepted; there is one process, which takes each batch whole.

    >>> from treadle import keras
    >>> distribution = keras.distribution.DataParallel(devices=["cpu:0"])
    >>> with distribution.scope():
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    """

    def __init__(self, device_mesh: DeviceMesh | None = None, devices: Any = None, auto_shard_dataset: bool = True):
        if device_mesh is None:
            devices = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(devices),), ("batch",), devices)
        super().__init__(device_mesh, None, auto_shard_dataset)


class ModelParallel(Distribution):
    """Weights are split over the devices as a `LayoutMap` says by their paths, and batches along one axis of its mesh.

    Args:
        layout_map: the layouts; weights without one lie on every device.
        batch_dim_name: the mesh's axis along which batches are split. Default: the first.
        auto_shard_dataset: accepted; there is one process, which takes each batch whole.

    Build the model after `set_distribution`, or in `scope()`. Raises InvalidArgumentError for a weight whose size cannot be
    split evenly.
    """

    def __init__(self, layout_map: LayoutMap | None = None, batch_dim_name: str | None = None, auto_shard_dataset: bool = True,
                 **kwargs: Any):
        if kwargs or not isinstance(layout_map, LayoutMap):
            raise tf.errors.InvalidArgumentError(
                f"`ModelParallel` needs a `LayoutMap`. Received: layout_map={layout_map!r}, {sorted(kwargs)}.")
        super().__init__(layout_map.device_mesh, batch_dim_name, auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        return self._layout_map[variable.path] or super().get_variable_layout(variable)

    def place(self, variable: Any) -> None:
        """Split a weight, if its path has a layout."""
        if self._layout_map[variable.path] is not None:
            self.strategy.lay_out(variable, self._layout_map[variable.path].axes)


def set_distribution(value: Distribution | None) -> None:
    """Set the distribution for the models that are made from now on. None: none.

    >>> from treadle import keras
    >>> keras.distribution.set_distribution(keras.distribution.DataParallel(devices=["cpu:0"]))
    >>> keras.distribution.distribution()
    <DataParallel device_mesh=<DeviceMesh shape=(1,), axis_names=['batch']>>
    >>> keras.distribution.set_distribution(None)
    """
    layouts.set_distribution(value)


def initialize(job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Not there: several processes; `UnimplementedError`."""
    raise tf.errors.UnimplementedError(
        "treadle trains on the devices of one process. Received: initialize(...). Leave it out; `DataParallel()` finds the "
        "devices of this machine.")
