"""`tf.config`: settings, and the devices that there are."""

from types import SimpleNamespace

from treadle.lowering.native.library import native_kernels_are_used, use_native_kernels
from treadle.lowering.rolling import roll_repeated_blocks
from treadle.runtime.devices import (
    LogicalDevice,
    LogicalDeviceConfiguration,
    PhysicalDevice,
    get_logical_device_configuration,
    get_soft_device_placement,
    get_visible_devices,
    list_logical_devices,
    list_physical_devices,
    set_logical_device_configuration,
    set_soft_device_placement,
    set_visible_devices,
)
from treadle.runtime.devices import get_device_details as _get_device_details
from treadle.runtime.devices import get_memory_growth as _get_memory_growth
from treadle.runtime.devices import set_memory_growth as _set_memory_growth
from treadle.runtime.fusing import eager_calls_are_fused, fuse_eager_calls
from treadle.runtime.host_memory import keep_freed_memory
from treadle.runtime.settings import get_jit as _get_jit
from treadle.runtime.settings import get_optimizer_options as _get_optimizer_options
from treadle.runtime.settings import set_jit as _set_jit
from treadle.runtime.settings import set_optimizer_options as _set_optimizer_options
from treadle.tracer.function import functions_run_eagerly, run_functions_eagerly

experimental = SimpleNamespace(
    VirtualDeviceConfiguration=LogicalDeviceConfiguration, get_device_details=_get_device_details,
    get_memory_growth=_get_memory_growth, get_visible_devices=get_visible_devices,
    get_virtual_device_configuration=get_logical_device_configuration, list_logical_devices=list_logical_devices,
    list_physical_devices=list_physical_devices, set_memory_growth=_set_memory_growth,
    set_virtual_device_configuration=set_logical_device_configuration, set_visible_devices=set_visible_devices)
optimizer = SimpleNamespace(get_experimental_options=_get_optimizer_options, get_jit=_get_jit, set_jit=_set_jit,
                            set_experimental_options=_set_optimizer_options)

__all__ = [
    "LogicalDevice", "LogicalDeviceConfiguration", "PhysicalDevice", "eager_calls_are_fused", "experimental",
    "functions_run_eagerly", "fuse_eager_calls", "get_logical_device_configuration", "get_soft_device_placement",
    "get_visible_devices", "keep_freed_memory", "list_logical_devices", "list_physical_devices", "native_kernels_are_used",
    "optimizer", "roll_repeated_blocks", "run_functions_eagerly", "set_logical_device_configuration",
    "set_soft_device_placement", "set_visible_devices", "use_native_kernels",
]
