"""`tf.config.keep_freed_memory`: what the C library does with memory that programs on CPU give back."""

from __future__ import annotations

import ctypes

from treadle.ir import errors
from treadle.lowering.memory import FreeMemory

# From glibc's <malloc.h>: (parameter, to keep memory, glibc's own value).
_PARAMETERS = {
    "M_MMAP_MAX": (-4, 0, 65536),  # how many blocks are mapped by themselves; such a block is unmapped when it is freed
    "M_TRIM_THRESHOLD": (-1, (1 << 31) - 1, 128 << 10),  # free bytes at the heap's end before they are given back
    "M_TOP_PAD": (-2, 64 << 20, 128 << 10),  # bytes that are asked for beyond what is needed
    "M_ARENA_MAX": (-8, 1, 0),  # heaps; those of threads hold no large blocks. 0: by the number of cores
}


def keep_freed_memory(keep: bool = True) -> None:
    """Have this process keep the memory that XLA's programs on CPU free, in place of giving it back to the system each time.

    XLA asks the C library for a program's temporary memory at every call. Blocks of over 32 MB are mapped anew each time, and
    the system fills each page with zeros when it is first touched. Programs of up to 512 MB / cores ask for smaller blocks,
    which are mostly kept (`treadle.lowering.compiler_options`). This switch is for larger ones: a step of a transformer of 4
    layers and width 256 took 0.76 of the time with it at batch 32 (0.5 GB, 2 cores), 0.96 at batch 8, a conv net 1.05. Measure
    your own.

    On a busy machine, where several threads ask at once, it was seen to keep nothing of a program's memory in some processes.

    It is a setting of the whole process, and so never changed unless asked for. Call it before the first operation. The
    process never becomes smaller than at its largest. `keep=False` goes back to what glibc does by default.

    Raises:
        UnimplementedError: if the C library is not glibc (Linux), which has this setting (`man mallopt`).

    >>> import treadle as tf
    >>> tf.config.keep_freed_memory()
    >>> tf.config.keep_freed_memory(False)
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        raise errors.UnimplementedError(
            "`tf.config.keep_freed_memory` needs `mallopt` of the GNU C library, which this system does not have. "
            "Leave the call out here.") from None
    for name, (number, kept, default) in _PARAMETERS.items():
        if not mallopt(number, kept if keep else default):
            raise errors.UnimplementedError(f"This C library refuses the setting {name}. Leave the call out here.")
    FreeMemory.kept = keep
