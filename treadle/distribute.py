"""`tf.distribute`: training on several devices (see docs/distribution.md)."""

from types import SimpleNamespace

from treadle.tracer.distribute.replica_context import ReduceOp, ReplicaContext
from treadle.tracer.distribute.strategy import (
    CentralStorageStrategy,
    InputContext,
    MeshStrategy,
    MirroredStrategy,
    MultiWorkerMirroredStrategy,
    OneDeviceStrategy,
    ParameterServerStrategy,
    Strategy,
    TPUStrategy,
    get_replica_context,
    get_strategy,
    has_strategy,
    in_cross_replica_context,
    summed_over_replicas,
)
from treadle.tracer.distribute.values import PerReplica as DistributedValues

experimental = SimpleNamespace(
    CentralStorageStrategy=CentralStorageStrategy, MultiWorkerMirroredStrategy=MultiWorkerMirroredStrategy,
    ParameterServerStrategy=ParameterServerStrategy, TPUStrategy=TPUStrategy)

__all__ = [
    "CentralStorageStrategy", "DistributedValues", "InputContext", "MeshStrategy", "MirroredStrategy",
    "MultiWorkerMirroredStrategy", "OneDeviceStrategy", "ParameterServerStrategy", "ReduceOp", "ReplicaContext",
    "Strategy", "TPUStrategy", "experimental", "get_replica_context", "get_strategy", "has_strategy",
    "in_cross_replica_context", "summed_over_replicas",
]
