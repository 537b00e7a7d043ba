"""`tf.config`: settings, and the devices that there are."""

from types import SimpleNamespace

from treadle.runtime.devices import (
    LogicalDevice,
    PhysicalDevice,
    list_logical_devices,
    list_physical_devices,
    set_memory_growth,
)
from treadle.runtime.fusing import eager_calls_are_fused, fuse_eager_calls
from treadle.tracer.function import functions_run_eagerly, run_functions_eagerly

experimental = SimpleNamespace(list_logical_devices=list_logical_devices, list_physical_devices=list_physical_devices,
                               set_memory_growth=set_memory_growth)

__all__ = [
    "LogicalDevice", "PhysicalDevice", "eager_calls_are_fused", "experimental", "functions_run_eagerly", "fuse_eager_calls",
    "list_logical_devices", "list_physical_devices", "run_functions_eagerly",
]
