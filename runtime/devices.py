"""`tf.config`'s devices, and `tf.device`. Programs run on the first device of JAX's default platform, but for those of
`tf.distribute`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

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


class LogicalDeviceConfiguration(NamedTuple):
    """One of the logical devices that a physical one is to be divided into. Used for the CPU, which has no `memory_limit`."""

    memory_limit: float | None = None
    experimental_priority: int | None = None
    experimental_device_ordinal: int | None = None


CPU = PhysicalDevice("/physical_device:CPU:0", "CPU")


def _kind(device: Any) -> str:
    kind = device.platform.upper()
    return "GPU" if kind in ("CUDA", "ROCM") else kind


def _logical(device_type: str | None) -> list[tuple[str, int]]:
    """(kind, number) of each device that programs see: the CPU, then the accelerators."""
    kinds = [_kind(d) for d in jax.devices()]
    kinds = (["CPU"] if "CPU" not in kinds else []) + kinds
    return [(kind, kinds[:i].count(kind)) for i, kind in enumerate(kinds) if device_type in (None, kind)]


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The processors that JAX finds, all or those of a type: "CPU", "GPU" or "TPU". All CPU cores are one processor.

    >>> import treadle as tf
    >>> tf.config.list_physical_devices("CPU")
    [PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')]
    """
    if device_type == "CPU":  # JAX need not start for this: the CPU can be divided until it does
        return [CPU]
    found = [PhysicalDevice(f"/physical_device:{kind}:{n}", kind) for kind, n in _logical(device_type) if kind != "CPU"]
    return ([CPU] if device_type is None else []) + found


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The devices by the names that programs use. The CPU is several ones after `set_logical_device_configuration`.

    >>> import treadle as tf
    >>> tf.config.list_logical_devices("CPU")[0].name
    '/device:CPU:0'
    """
    return [LogicalDevice(f"/device:{kind}:{n}", kind) for kind, n in _logical(device_type)]


def set_memory_growth(device: PhysicalDevice, enable: bool) -> None:
    """Accepted for TensorFlow's sake; it changes nothing.

    Whether a GPU's memory is taken at once is JAX's setting: the environment variable `XLA_PYTHON_CLIENT_PREALLOCATE`, read
    before the first operation.
    """
    _known(device)


def get_memory_growth(device: PhysicalDevice) -> None:
    """None: it is not treadle's to say."""
    _known(device)


def _known(device: Any) -> None:
    if device != CPU and device not in list_physical_devices():
        raise errors.InvalidArgumentError(
            f"There is no such device. Received: {device!r}. `tf.config.list_physical_devices()` lists them.")


# --- before JAX starts ---

class _Asked:
    logical: dict[PhysicalDevice, list[LogicalDeviceConfiguration]] = {}


def set_logical_device_configuration(device: PhysicalDevice, logical_devices: Sequence[LogicalDeviceConfiguration]) -> None:
    """Divide the CPU into several logical devices, to try out `tf.distribute`. They share its cores.

    Call it before the first operation: it is JAX's setting `jax_num_cpu_devices`, read when JAX starts.

    Raises:
        FailedPreconditionError (a RuntimeError): JAX has started.
        UnimplementedError: a GPU is to be divided, or its memory limited; see `XLA_PYTHON_CLIENT_MEM_FRACTION` in JAX's docs.
    """
    _known(device)
    logical = list(logical_devices)
    if not logical:
        raise errors.InvalidArgumentError("A device is divided into one logical device or more. Received: none.")
    if device != CPU:
        if len(logical) == 1 and logical[0].memory_limit is None:
            return
        raise errors.UnimplementedError(
            f"JAX does not divide a GPU, nor limit its memory here. Received: {logical} for {device.name}. Set the environment "
            "variable XLA_PYTHON_CLIENT_MEM_FRACTION to a share of its memory before the process starts.")
    if any(c.memory_limit is not None for c in logical):
        raise errors.InvalidArgumentError(f"The CPU has no memory limit. Received: {logical}.")
    try:
        jax.config.update("jax_num_cpu_devices", len(logical))
    except RuntimeError:
        if len([k for k, _ in _logical("CPU")]) != len(logical):
            raise errors.FailedPreconditionError(
                f"The CPU cannot be divided any more: JAX has started. Received: {len(logical)} logical devices. Call this "
                "before the first operation, and before anything lists devices other than the CPU.") from None
    _Asked.logical[device] = logical


def get_logical_device_configuration(device: PhysicalDevice) -> list[LogicalDeviceConfiguration] | None:
    """What `set_logical_device_configuration` was given, or None."""
    _known(device)
    return _Asked.logical.get(device)


def set_visible_devices(devices: PhysicalDevice | Sequence[PhysicalDevice] | None, device_type: str | None = None) -> None:
    """Say which devices JAX is to use: all of a type, or with `[]` none of it, as in `set_visible_devices([], "GPU")`.

    Call it before the first operation: it is JAX's setting `jax_platforms`, read when JAX starts.

    Raises:
        FailedPreconditionError (a RuntimeError): JAX has started, and with other devices.
        UnimplementedError: some devices of a type, but not all of them; set CUDA_VISIBLE_DEVICES before the process starts.
    """
    wanted = [devices] if isinstance(devices, PhysicalDevice) else list(devices or [])
    for device in wanted:
        _known(device)
    if device_type not in (None, "CPU", "GPU", "TPU"):
        raise errors.InvalidArgumentError(f"`device_type` is 'CPU', 'GPU', 'TPU' or None. Received: {device_type!r}.")
    accelerators = [d for d in wanted if d != CPU]
    if device_type == "CPU" or accelerators:
        kinds = ("GPU", "TPU") if device_type is None else (device_type,)
        if device_type == "CPU" and not wanted or device_type != "CPU" and accelerators != [
                d for k in kinds for d in list_physical_devices(k)]:
            raise errors.UnimplementedError(
                f"Only all devices of a type can be left out, and not the CPU. Received: {wanted} for {device_type!r}. Set the "
                "environment variable CUDA_VISIBLE_DEVICES before the process starts.")
        return
    before = jax.config.jax_platforms  # type: ignore[attr-defined]
    jax.config.update("jax_platforms", "cpu")
    if jax.default_backend() != "cpu":  # it had started
        jax.config.update("jax_platforms", before)
        raise errors.FailedPreconditionError(
            f"JAX has started, with {jax.default_backend()} devices. Received: {wanted} for {device_type!r}. Call "
            "`set_visible_devices` before the first operation.")


def get_visible_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices that JAX uses."""
    return list_physical_devices(device_type)


# --- placement ---

class _Placement(threading.local):
    soft = True
    names: tuple[Any, ...] = ()


_placement = _Placement()
_NAME = re.compile(r"(?:/?job:localhost)?(?:/?replica:0)?(?:/?task:0)?"
                   r"(?:/?(?:device:)?(CPU|GPU|TPU|XLA_[CG]PU)(?::(\d+|\*))?)?",
                   re.IGNORECASE)


def parsed(name: Any) -> tuple[str | None, int]:
    """(kind, number) of a device's name; kind None where the name says none. Raises InvalidArgumentError (a ValueError)."""
    text = "" if name is None else getattr(name, "name", name)
    found = _NAME.fullmatch(text) if isinstance(text, str) and not isinstance(name, PhysicalDevice) else None
    if found is None:
        raise errors.InvalidArgumentError(
            f"A device's name is like '/CPU:0', 'GPU:1' or '/device:GPU:0'. Received: {name!r}.")
    kind, number = found.groups()
    return kind and kind.upper().removeprefix("XLA_"), int(number) if number and number != "*" else 0


class device:
    """A context that names the device for what is computed in it.

    Values are the same on all devices, and treadle runs programs on the first device of the platform that JAX chose, so this
    places nothing: it checks the name. A device that is not there, or not the one programs run on, is an error only after
    `tf.config.set_soft_device_placement(False)`, as in TensorFlow. To use several devices see `tf.distribute`.

    Raises InvalidArgumentError (a ValueError) for what is no device's name.

    >>> import treadle as tf
    >>> with tf.device("/CPU:0"):
    ...     x = tf.constant(1.0)
    """

    def __init__(self, device_name: Any):
        self.name = device_name
        self._kind, self._number = parsed(device_name)

    def __enter__(self) -> None:
        if not _placement.soft and self._kind is not None:
            if number_of(self.name) != jax.devices()[0].id:
                raise errors.InvalidArgumentError(
                    f"Programs run on {program_devices()[0]}. Received: {self.name!r} with soft device placement turned off. "
                    "Leave it on, or choose the platform with the environment variable JAX_PLATFORMS.")
        return None

    def __exit__(self, *error: Any) -> None:
        return None


def program_devices() -> list[str]:
    """The names of the devices of the kind that programs run on."""
    devices = jax.devices()
    return [f"/device:{_kind(d)}:{n}" for n, d in enumerate(devices)]


def number_of(name: Any) -> int:
    """JAX's number of a device of the kind that programs run on. Raises InvalidArgumentError for any other."""
    kind, number = parsed(name)
    devices = jax.devices()
    if kind not in (None, _kind(devices[0])) or number >= len(devices):
        raise errors.InvalidArgumentError(
            f"There is no such device among those that programs run on: {', '.join(program_devices())}. Received: {name!r}.")
    return devices[number].id


def only_device(name: Any) -> str:
    """The name, if it is that of the device that programs run on; that device's, if there is none of the name and placement is
    soft. Raises UnimplementedError for another device that is there.
    """
    names, (kind, number) = program_devices(), parsed(name)
    if f"/device:{kind}:{number}" in names[1:]:
        raise errors.UnimplementedError(
            f"A strategy on one device uses the first one, {names[0]}. Received: {name!r}. Choose which is the first with the "
            "environment variable CUDA_VISIBLE_DEVICES, before the process starts.")
    return names[0] if _placement.soft else str(name)


def set_soft_device_placement(enabled: bool) -> None:
    """Whether `tf.device` with a device that programs do not run on is allowed. Default True."""
    _placement.soft = bool(enabled)


def get_soft_device_placement() -> bool:
    """Whether `tf.device` with a device that programs do not run on is allowed."""
    return _placement.soft


def set_log_device_placement(enabled: bool) -> None:
    """Accepted; nothing is logged: all operations run on one device, which `tensor.device` names."""


def get_device_details(device: PhysicalDevice) -> dict[str, Any]:
    """What is known of a device: its name, for a GPU."""
    _known(device)
    if device == CPU:
        return {}
    number = parsed(device.name.removeprefix("/physical_device:"))[1]
    return {"device_name": jax.devices()[number].device_kind}
