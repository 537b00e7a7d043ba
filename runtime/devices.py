"""`tf.config`: the devices that there are. Programs run on the first one of JAX's default platform."""

from __future__ import annotations

from typing import NamedTuple

import jax

from treadle.ir import errors


class PhysicalDevice(NamedTuple):
    """A processor."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A processor, as programs see it."""

    name: str
    device_type: str


def _found(device_type: str | None) -> list[tuple[str, int]]:
    """(kind, number) of each device: the CPU, then the accelerators."""
    kinds = [d.platform.upper() for d in jax.devices()]
    kinds = (["CPU"] if "CPU" not in kinds else []) + ["GPU" if k in ("CUDA", "ROCM") else k for k in kinds]
    return [(kind, kinds[:i].count(kind)) for i, kind in enumerate(kinds) if device_type in (None, kind)]


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The processors that JAX finds, all or those of a type: "CPU", "GPU" or "TPU".

    >>> import treadle as tf
    >>> tf.config.list_physical_devices("CPU")[0]
    PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')
    """
    return [PhysicalDevice(f"/physical_device:{kind}:{n}", kind) for kind, n in _found(device_type)]


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The same, by the names that programs use.

    >>> import treadle as tf
    >>> tf.config.list_logical_devices("CPU")[0].name
    '/device:CPU:0'
    """
    return [LogicalDevice(f"/device:{kind}:{n}", kind) for kind, n in _found(device_type)]


def set_memory_growth(device: PhysicalDevice, enable: bool) -> None:
    """Accepted for TensorFlow's sake; it changes nothing.

    Whether a GPU's memory is taken at once is JAX's setting: the environment variable `XLA_PYTHON_CLIENT_PREALLOCATE`, read
    before the first operation.
    """
    if device not in list_physical_devices():
        raise errors.InvalidArgumentError(
            f"There is no such device. Received: {device!r}. `tf.config.list_physical_devices()` lists them.")
