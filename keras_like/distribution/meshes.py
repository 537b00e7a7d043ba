"""`DeviceMesh`, `TensorLayout` and `LayoutMap`: a grid of devices, and how tensors lie on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

import treadle as tf


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of the devices that programs run on, or of a type, "cpu", "gpu" or "tpu": "cpu:0", "cpu:1" ...

    >>> from treadle import keras
    >>> keras.distribution.list_devices("cpu")[0]
    'cpu:0'
    """
    found = tf.config.list_logical_devices(device_type and device_type.upper())
    if device_type is None:  # an accelerator's machine has a CPU, too
        found = [d for d in found if d.device_type == found[-1].device_type]
    return [d.name.removeprefix("/device:").lower() for d in found]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices `list_devices` lists."""
    return len(list_devices(device_type))


class DeviceMesh:
    """Devices in a grid with named axes.

    Args:
        shape: its sizes, such as (2, 4).
        axis_names: a name for each axis, such as ("batch", "model").
        devices: their names. Default: all, as `list_devices` lists them.

    Raises InvalidArgumentError if there are not as many devices as places.

    >>> from treadle import keras
    >>> keras.distribution.DeviceMesh((1, 1), ("batch", "model"), ["cpu:0"]).shape
    (1, 1)
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None):
        if not shape or len(shape) != len(axis_names):
            raise tf.errors.InvalidArgumentError(
                f"A mesh has a name for each axis. Received: shape={shape}, axis_names={axis_names}.")
        devices = list_devices() if devices is None else [str(d) for d in np.asarray(devices).reshape(-1)]
        if len(devices) != int(np.prod(shape)):
            raise tf.errors.InvalidArgumentError(
                f"A mesh of shape {tuple(shape)} has {int(np.prod(shape))} devices. "
                f"Received: {len(devices)} devices, {devices}.")
        self.shape, self.axis_names = tuple(shape), list(axis_names)
        self.devices = np.array(devices).reshape(self.shape)

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """How a tensor lies on a mesh: for each of its axes the mesh's axis along which it is split, or None."""

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        self.axes, self.device_mesh = tuple(axes), device_mesh
        unknown = [] if device_mesh is None else [a for a in self.axes if a is not None and a not in device_mesh.axis_names]
        if unknown:
            raise tf.errors.InvalidArgumentError(
                f"The mesh has the axes {device_mesh.axis_names}. Received: {unknown[0]!r} in {self.axes}.")  # type: ignore[union-attr]

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}>"


class LayoutMap(MutableMapping):
    """Layouts by weights' paths: the keys are regular expressions, found anywhere in a path.

    A key that is the path itself comes first. Raises InvalidArgumentError if several keys match, and for a key set twice.

    >>> from treadle import keras
    >>> mesh = keras.distribution.DeviceMesh((1, 1), ("batch", "model"), ["cpu:0"])
    >>> layouts = keras.distribution.LayoutMap(mesh)
    >>> layouts["dense.*kernel"] = (None, "model")
    >>> layouts["net/dense_1/kernel"]
    <TensorLayout axes=(None, 'model')>
    """

    def __init__(self, device_mesh: DeviceMesh):
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        found = [k for k in self._layouts if re.search(k, key)]
        if len(found) > 1:
            raise tf.errors.InvalidArgumentError(f"Several keys match {key!r}. Received: {found}. Make them more precise.")
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise tf.errors.InvalidArgumentError(f"{key!r} has a layout already. Received: {layout!r}. Delete it first.")
        axes = layout.axes if isinstance(layout, TensorLayout) else layout
        self._layouts[key] = TensorLayout(axes, self.device_mesh)

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)
