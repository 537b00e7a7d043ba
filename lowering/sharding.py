"""Programs on several devices: JAX's shardings for the meshes of `treadle.ir.ops.distribution`.

One program runs on all of a mesh's devices. Its state lies on all of them, whole or split; where the program splits a batch,
XLA lets each device compute its part, and adds what must be added up.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from treadle.ir.graph import Graph
from treadle.lowering import compat

ROWS = "rows"  # JAX's name for the rows of a `vectorized_call`


class Spread(NamedTuple):
    """How a program's first inputs, all of its state among them, lie on a mesh. New state lies as the old one did, and
    results `whole` on each device.
    """

    whole: NamedSharding
    inputs: list[NamedSharding]


class _State(threading.local):
    spreads = False  # whether the program that is lowered now runs on several devices


_state = _State()
_meshes: list[Any] = []  # those that programs were asked to run on: as long as there are none, nobody has to look


@functools.lru_cache(maxsize=64)
def jax_mesh(mesh: tuple) -> Mesh:
    """JAX's mesh."""
    axes, numbers = mesh
    found = {d.id: d for d in jax.devices()}
    _meshes.append(mesh)
    return Mesh(np.array([found[n] for n in numbers]).reshape([size for _, size in axes]), tuple(name for name, _ in axes))


def in_use() -> bool:
    """True if there is any mesh."""
    return bool(_meshes)


def sharding(mesh: tuple, spec: Sequence[Any] = ()) -> NamedSharding:
    """How an array lies on a mesh: its i-th axis split along the mesh's axis `spec[i]`, the rest whole on each device."""
    return NamedSharding(jax_mesh(mesh), PartitionSpec(*spec))


def as_mesh(where: NamedSharding) -> tuple:
    """The mesh of a sharding."""
    mesh = where.mesh
    return tuple(mesh.shape.items()), tuple(d.id for d in mesh.devices.flat)


def mesh_of(graph: Graph) -> tuple | None:
    """The mesh that a graph's `shard` operations name."""
    if not _meshes:
        return None
    return next((o.attributes["mesh"] for o in graph.walk() if o.op.name == "shard"), None)


def constrain(x: Any, mesh: tuple, spec: Sequence[Any]) -> Any:
    """`x`, split; inside a program for one device as it is."""
    return lax.with_sharding_constraint(x, sharding(mesh, spec)) if _state.spreads else x


@contextmanager
def spreading(spreads: bool) -> Iterator[None]:
    """While a program is lowered: whether it runs on several devices."""
    before, _state.spreads = _state.spreads, spreads
    try:
        yield
    finally:
        _state.spreads = before


def placed(array: Any, where: NamedSharding) -> Any:
    """The array on a mesh, in buffers of its own: they may be donated."""
    with compat.enable_x64(True):
        # JAX would use the buffer of a `jax.Array` as the first device's part.
        return jax.device_put(jnp.copy(array) if isinstance(array, jax.Array) else np.array(array), where)


def local(array: Any) -> Any:
    """A copy, on one device, of an array on a mesh."""
    with compat.enable_x64(True):
        return jnp.copy(array.addressable_data(0)) if array.is_fully_replicated else jax.device_put(np.asarray(array))


def local_if_spread(array: Any) -> Any:
    """The array, or a copy on one device."""
    return local(array) if isinstance(array, jax.Array) and len(array.devices()) > 1 else array
