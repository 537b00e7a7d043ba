"""`keras.distribution`: how models are laid out on several devices."""

from treadle.keras_like.core.layouts import distribution
from treadle.keras_like.distribution.distributions import DataParallel, ModelParallel, initialize, set_distribution
from treadle.keras_like.distribution.meshes import DeviceMesh, LayoutMap, TensorLayout, get_device_count, list_devices

__all__ = ["DataParallel", "DeviceMesh", "LayoutMap", "ModelParallel", "TensorLayout", "distribution", "get_device_count",
           "initialize", "list_devices", "set_distribution"]
