"""What the HDF5 library does not check: heaps of strings that it would read for ever.

A heap is "GCOL", a version, its size, and objects: a number, 6 other bytes, a size, and the content filled up to 8 bytes.
The object of number 0 is the rest, whose size counts its own head. The library goes from object to object by their sizes,
and where one adds up to nothing it stays.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL\1"
_HEAD = 16
_BLOCK = 1 << 20
_LARGEST_HEAP = 64 << 20


def problem_of(file: BinaryIO) -> str | None:
    """What is wrong with a file, in words; None if nothing is. Its beginning and its heaps are looked at."""
    file.seek(0)
    start = file.read(24)
    if start[:8] != _SIGNATURE:
        return "is not an HDF5 file."
    sizes = start[13:15] if start[8:9] < b"\2" else start[9:11]
    if sizes != b"\x08\x08":
        return "is not an HDF5 file, or one with sizes of other than 8 bytes."
    at, kept = 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        text = kept + block
        found = text.find(_HEAP)
        while found >= 0:
            place = at - len(kept) + found
            if not _ends(file, place):
                return f"is damaged: it has a heap without an end at byte {place}."
            found = text.find(_HEAP, found + 1)
        at += len(block)
        kept = text[-(len(_HEAP) - 1):]
        file.seek(at)
    return None


def _ends(file: BinaryIO, place: int) -> bool:
    """Whether going from object to object leads out of a heap."""
    file.seek(place + 8)
    size = int.from_bytes(file.read(8), "little")
    content = io.BytesIO(file.read(max(0, min(size - _HEAD, _LARGEST_HEAP)))).getbuffer()
    at = 0
    while at + _HEAD <= len(content):
        number, _, length = struct.unpack_from("<H6sQ", content, at)
        step = (length if not number else _HEAD + (length + 7) // 8 * 8) % 2**64
        if not step:
            return False
        at += step
    return True
