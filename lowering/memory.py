"""What compiling leaves behind in a process that meets ever new shapes, given back from time to time.

JAX notes what it finds out about each shape while it lowers a program: its sharding, its layout, what an operation makes of
it. Nothing refers to these notes but tables of up to 4,096 entries each; for a small graph they grow by 6 kB a shape, to 20 MB.
They are emptied now and then. They hold neither traces nor programs: no function is traced or compiled again for it.

glibc keeps most of what is freed: after 300 small programs were dropped, 70 MB of free memory stayed with the process; after a
transformer's training step was compiled (1.6 s) 130 MB. `malloc_trim` gives that back, in 3% of the time that compiling took.

But what a program's steps free, and ask for again at the next step, glibc gives back too soon: see `keep_blocks`.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import sys
from collections.abc import Sequence
from typing import Any

_NOTES = (
    ("jax._src.core", "get_sharding"),
    ("jax._src.core", "update_aval_with_sharding"),
    ("jax._src.interpreters.partial_eval", "_cached_abstract_eval"),
    ("jax._src.interpreters.pxla", "is_default_layout"),
    ("jax._src.lax.lax", "_variadic_reduction_jaxpr"),  # an argmax leaves 20 kB each time that it is lowered
    ("jax._src.pjit", "_check_and_canonicalize_out_shardings"),
    ("jax._src.pjit", "_process_in_axis_resources"),
    ("jax._src.pjit", "create_meta_ty"),
    ("jax._src.sharding", "_common_shard_shape"),
)
_PRUNED = ("jax._src.interpreters.pxla", "_dce_jaxpr")  # from traces to traces without the inputs that are not used
_LOWERED_BETWEEN = 128  # programs lowered; the next one takes 10 ms longer
_DROPPED_BETWEEN = 16  # programs dropped; a small one takes 0.25 MB
_COMPILED_BETWEEN = 0.5  # seconds of compiling
_lowered = itertools.count(1)


def lowered(jitted: Any, types: Sequence[Any]) -> Any:
    """The lowered form of a jitted function of our own that is used once."""
    traced = jitted.trace(*types)
    result = traced.lower()
    # JAX 0.12 finds that all inputs are used, and keeps that for the trace: the trace itself. So the trace stays, and the
    # program that is compiled from it.
    _carry_out(_PRUNED, "evict_weakref", traced.jaxpr)
    if next(_lowered) % _LOWERED_BETWEEN == 0:
        for notes in _NOTES:
            _carry_out(notes, "cache_clear")
    return result


def _carry_out(table: tuple[str, str], method: str, *args: Any) -> None:
    """Call a method of one of JAX's tables, if this version of JAX has it."""
    module, name = table
    found = getattr(getattr(sys.modules.get(module), name, None), method, None)
    if found is not None:
        found(*args)


class FreeMemory:
    """Free memory that glibc holds on to."""

    kept = False  # the user wants it kept: `tf.config.keep_freed_memory`
    _dropped = 0  # programs, since memory was given back
    _compiled = 0.0  # seconds of compiling, since then
    _listens = False

    @classmethod
    def program_compiled(cls, seconds: float) -> None:
        """To be called when XLA has compiled a program."""
        cls._compiled += seconds
        if cls._compiled >= _COMPILED_BETWEEN:
            cls._give_back()

    @classmethod
    def program_dropped(cls) -> None:
        """To be called when a program is about to go."""
        cls._dropped += 1
        if cls._dropped >= _DROPPED_BETWEEN and not cls._listens and _malloc_trim is not None:
            # Programs mostly go in a garbage collection, which frees all of them at its very end.
            cls._listens = True
            gc.callbacks.append(cls._collected)

    @classmethod
    def _collected(cls, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and cls._dropped >= _DROPPED_BETWEEN:
            cls._give_back()

    @classmethod
    def _give_back(cls) -> None:
        if not cls.kept and _malloc_trim is not None:
            cls._dropped, cls._compiled = 0, 0.0
            _malloc_trim(0)


LARGEST_KEPT = 32 << 20  # bytes; glibc maps a larger block anew each time (DEFAULT_MMAP_THRESHOLD_MAX)


def keep_blocks() -> None:
    """Have glibc hold on to freed blocks of up to 32 MB, as long as no more than 64 MB are free at a heap's end.

    It decides by the largest mapped block that was ever freed (`man mallopt`, M_MMAP_THRESHOLD): twice its size may stay. So
    one block of 32 MB is asked for, not touched, and freed. Where the user has set these thresholds (`mallopt`, the
    environment) that changes nothing.

    A transformer whose blocks have 5 MB gave 10 MB at a time back to the system, 9,000 to 18,000 page faults a step in eight
    processes; with this 0 to 9,000 in most, 18,000 in some, where all of a thread's heap of 64 MB was free at once. Its step
    took 0.89 of the time (medians of 7 and 11 processes), 0.97 next to the same step by hand, 2 CPU cores.
    """
    if _malloc_trim is not None:
        _C.malloc.restype, _C.malloc.argtypes, _C.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
        _C.free(_C.malloc(LARGEST_KEPT - (8 << 10)))  # with its header and whole pages it is no larger


try:
    _C = ctypes.CDLL(None)
    _malloc_trim: Any = _C.malloc_trim
except (AttributeError, OSError, TypeError):  # another C library
    _malloc_trim = None
