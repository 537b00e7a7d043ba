"""Hashes of strings: FarmHash's 64-bit fingerprint and the keyed SipHash-2-4, many strings at a time.

Strings of one length are the rows of a byte matrix, so that each step of a hash is one NumPy operation for all of them.
All numbers are uint64 and wrap around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_K0, _K1, _K2 = map(np.uint64, (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CAT = np.uint64(0xC6A4A7935BD1E995)


def _by_length(strings: Sequence[bytes], function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`function(byte matrix [n, length])` for the strings of each length, put back in order."""
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    found = np.empty(len(strings), np.uint64)
    with np.errstate(over="ignore"):
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            matrix = np.frombuffer(b"".join([strings[int(i)] for i in places]), np.uint8)
            found[places] = function(matrix.reshape(len(places), length))
    return found


def _fetch(s: np.ndarray, at: int, size: int = 8) -> np.ndarray:
    """`size` bytes from `at` on as a little-endian number; `at` may count from the end."""
    at = at % s.shape[1]
    return np.ascontiguousarray(s[:, at:at + size]).view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotated(x: np.ndarray, by: int) -> np.ndarray:
    """The bits moved `by` places to the right, around the end."""
    return (x >> np.uint64(by)) | (x << np.uint64(64 - by))


def _mixed(x: np.ndarray) -> np.ndarray:
    return x ^ (x >> np.uint64(47))


def _pair(u: np.ndarray, v: np.ndarray, factor: np.uint64) -> np.ndarray:
    """One number from two."""
    return _mixed((v ^ _mixed((u ^ v) * factor)) * factor) * factor


def farmhash64(strings: Sequence[bytes]) -> np.ndarray:
    """The FarmHash fingerprint of each string, uint64. It is the same on all machines and for all time."""
    return _by_length(strings, _farmhash)


def _farmhash(s: np.ndarray) -> np.ndarray:
    length = s.shape[1]
    if length > 64:
        return _farm_long(s)
    factor = _K2 + np.uint64(2 * length)
    if length > 16:
        return _farm_middle(s, factor)
    if length >= 8:
        a, b = _fetch(s, 0) + _K2, _fetch(s, -8)
        return _pair(_rotated(b, 37) * factor + a, (_rotated(a, 25) + b) * factor, factor)
    if length >= 4:
        return _pair(np.uint64(length) + (_fetch(s, 0, 4) << np.uint64(3)), _fetch(s, -4, 4), factor)
    if length:
        first, middle, last = (s[:, i].astype(np.uint64) for i in (0, length >> 1, length - 1))
        y, z = first + (middle << np.uint64(8)), np.uint64(length) + (last << np.uint64(2))
        return _mixed(y * _K2 ^ z * _K0) * _K2
    return np.full(len(s), _K2)


def _farm_middle(s: np.ndarray, factor: np.uint64) -> np.ndarray:
    """17 to 64 bytes."""
    long = s.shape[1] > 32
    a, b = _fetch(s, 0) * (_K2 if long else _K1), _fetch(s, 8)
    c, d = _fetch(s, -8) * factor, _fetch(s, -16) * _K2
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _pair(y, a + _rotated(b + _K2, 18) + c, factor)
    if not long:
        return z
    e, f = _fetch(s, 16) * factor, _fetch(s, 24)
    g, h = (y + _fetch(s, -32)) * factor, (z + _fetch(s, -24)) * factor
    return _pair(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, factor)


def _weak(s: np.ndarray, at: int, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """32 bytes taken into a state of two numbers."""
    w, x, y, z = (_fetch(s, at + i) for i in (0, 8, 16, 24))
    a = a + w
    b = _rotated(b + a + z, 21)
    total = a + x + y
    return total + z, b + _rotated(total, 44) + a


def _farm_long(s: np.ndarray) -> np.ndarray:
    """More than 64 bytes: blocks of 64, and at the end the last 64 once more."""
    length, seed = s.shape[1], np.full(len(s), 81, np.uint64)
    zero = np.zeros_like(seed)
    y = seed * _K1 + np.uint64(113)
    z = _mixed(y * _K2 + np.uint64(113)) * _K2
    v, w = (zero, zero), (zero, zero)
    x = seed * _K2 + _fetch(s, 0)
    factor: Any = _K1
    nine, left = np.uint64(1), np.uint64((length - 1) & 63)
    blocks = range(0, (length - 1) // 64 * 64, 64)
    for at in [*blocks, length - 64]:
        if at == length - 64:
            factor, nine = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1)), np.uint64(9)
            w = (w[0] + left, w[1])
            v = (v[0] + w[0], v[1])
            w = (w[0] + v[0], w[1])
        x = _rotated(x + y + v[0] + _fetch(s, at + 8), 37) * factor
        y = _rotated(y + v[1] + _fetch(s, at + 48), 42) * factor
        x = x ^ (w[1] * nine)
        y = y + v[0] * nine + _fetch(s, at + 40)
        z = _rotated(z + w[0], 33) * factor
        v = _weak(s, at, v[1] * factor, x + w[0])
        w = _weak(s, at + 32, z + w[1], y + _fetch(s, at + 16))
        x, z = z, x
    return _pair(_pair(v[0], w[0], factor) + _mixed(y) * _K0 + z, _pair(v[1], w[1], factor) + x, factor)


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One fingerprint from two, in this order."""
    with np.errstate(over="ignore"):
        found = (first ^ _CAT ^ _mixed(second * _CAT) * _CAT) * _CAT
        return _mixed(_mixed(found) * _CAT)


def siphash64(strings: Sequence[bytes], key: tuple[int, int]) -> np.ndarray:
    """SipHash-2-4 of each string under a key of two 64-bit numbers, uint64."""
    k0, k1 = (np.uint64(k % 2**64) for k in key)
    return _by_length(strings, lambda s: _siphash(s, k0, k1))


def _round(v0: np.ndarray, v1: np.ndarray, v2: np.ndarray, v3: np.ndarray) -> tuple[np.ndarray, ...]:
    v0, v2 = v0 + v1, v2 + v3
    v1, v3 = _rotated(v1, 51) ^ v0, _rotated(v3, 48) ^ v2
    v0, v2 = _rotated(v0, 32) + v3, v2 + v1
    v1, v3 = _rotated(v1, 47) ^ v2, _rotated(v3, 43) ^ v0
    return v0, v1, _rotated(v2, 32), v3


def _siphash(s: np.ndarray, k0: np.uint64, k1: np.uint64) -> np.ndarray:
    count, length = s.shape
    padded = np.zeros((count, length // 8 * 8 + 8), np.uint8)
    padded[:, :length] = s
    padded[:, -1] = length % 256
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v0, v1, v2, v3 = (np.full(count, np.uint64(c) ^ k) for c, k in zip(constants, (k0, k1, k0, k1)))
    for at in range(0, padded.shape[1], 8):
        word = _fetch(padded, at)
        v0, v1, v2, v3 = _round(*_round(v0, v1, v2, v3 ^ word))
        v0 = v0 ^ word
    v2 = v2 ^ np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3
