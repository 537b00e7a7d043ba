"""Digests: they find damage. (They are no signatures: who can change a file can change its digests too.)"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

ATTRIBUTE = "treadle_blake2b"  # of a tensor, and of the whole at the root; Keras looks at neither


def of_tensor(array: np.ndarray) -> str:
    """The digest of an array's dtype, shape and values, in hexadecimal.

    >>> of_tensor(np.zeros(2, np.float32)) == of_tensor(np.zeros(2, np.int32))
    False
    """
    made = hashlib.blake2b(f"{array.dtype.name}{list(array.shape)}".encode(), digest_size=16)
    made.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return made.hexdigest()


def of_contents(lines: Iterable[tuple[str, Any]]) -> str:
    """The digest of pairs of a name and a value that JSON can hold, in any order."""
    made = hashlib.blake2b(digest_size=16)
    for line in sorted(json.dumps(pair) for pair in lines):
        made.update(line.encode() + b"\n")
    return made.hexdigest()
