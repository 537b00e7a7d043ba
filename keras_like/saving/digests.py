"""Digests: they find damage. (They are no signatures: who can change a file can change its digests too.)

A tensor's digest is the BLAKE2b of its dtype, its shape and the CRC-32s of its blocks of 1 MiB. So it takes no longer than
reading the file does, and any one or two flipped bits in a block, or a damaged stretch of up to 32 bits, are found for sure;
of other damage to a block, 1 in 4 billion is not. Older files have BLAKE2b of the values themselves.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO

import numpy as np

WHOLE = "treadle_blake2b"  # the attribute of the root; Keras does not look at it, nor at those of tensors
TENSOR = "treadle_crc32"
OLDER_TENSOR = "treadle_blake2b"
BLOCK = 1 << 20


def checksums(content: Any) -> list[int]:
    """The CRC-32s of the blocks of a buffer of bytes.

    >>> len(checksums(bytes(BLOCK))), len(checksums(bytes(BLOCK + 1)))
    (1, 2)
    """
    view = memoryview(content)
    return [zlib.crc32(view[at:at + BLOCK]) for at in range(0, len(view), BLOCK)]


def of_checksums(dtype: np.dtype, shape: tuple[int, ...], found: Iterable[int]) -> str:
    """The digest of a tensor whose blocks have the given checksums, in hexadecimal."""
    made = _begun(dtype, shape)
    made.update(np.fromiter(found, "<u4").tobytes())
    return made.hexdigest()


def of_tensor(array: np.ndarray) -> str:
    """The digest of an array's dtype, shape and values.

    >>> of_tensor(np.zeros(2, np.float32)) == of_tensor(np.zeros(2, np.int32))
    False
    """
    return of_checksums(array.dtype, array.shape, checksums(_bytes(array)))


def of_tensor_in_file(file: BinaryIO, place: int, dtype: np.dtype, shape: tuple[int, ...]) -> str:
    """The same of a tensor that lies in a file as it would in memory: it is looked at in passing.

    >>> import io
    >>> array = np.arange(300_000)
    >>> of_tensor_in_file(io.BytesIO(array.tobytes()), 0, array.dtype, array.shape) == of_tensor(array)
    True
    """
    left = math.prod(shape) * dtype.itemsize
    buffer = memoryview(bytearray(min(left, BLOCK)))
    found = []
    file.seek(place)
    while left:
        block = buffer[:left]
        if file.readinto(block) != len(block):  # type: ignore[attr-defined]
            raise OSError("its end is missing")
        found += checksums(block)
        left -= len(block)
    return of_checksums(dtype, shape, found)


def of_tensor_before(array: np.ndarray) -> str:
    """The digest that older files have."""
    made = _begun(array.dtype, array.shape)
    made.update(_bytes(array))
    return made.hexdigest()


def of_contents(lines: Iterable[tuple[str, Any]]) -> str:
    """The digest of pairs of a name and a value that JSON can hold, in any order."""
    made = hashlib.blake2b(digest_size=16)
    for line in sorted(json.dumps(pair) for pair in lines):
        made.update(line.encode() + b"\n")
    return made.hexdigest()


def _begun(dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    return hashlib.blake2b(f"{dtype.name}{list(shape)}".encode(), digest_size=16)


def _bytes(array: np.ndarray) -> Any:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
