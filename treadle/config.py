"""`tf.config`: settings, and the devices that there are."""

from types import SimpleNamespace

from treadle.runtime.devices import (
    LogicalDevice,
    PhysicalDevice,
    list_logical_devices,
    list_physical_devices,
    set_memory_growth,
)
from treadle.tracer.function import functions_run_eagerly, run_functions_eagerly

experimental = SimpleNamespace(list_logical_devices=list_logical_devices, list_physical_devices=list_physical_devices,
                               set_memory_growth=set_memory_growth)

__all__ = [
    "LogicalDevice", "PhysicalDevice", "experimental", "functions_run_eagerly", "list_logical_devices",
    "list_physical_devices", "run_functions_eagerly",
]
