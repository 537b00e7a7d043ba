"""TensorBoard's event files, written by ourselves: records with checksums, each an `Event` in the protobuf encoding.

A record is its length (uint64), the masked CRC-32C of the length, the bytes, and the masked CRC-32C of the bytes. An event is

    Event        {1: wall_time double, 2: step int64, 3: file_version string, 5: summary Summary}
    Summary      {1: value}*
    value        {1: tag string, 8: tensor TensorProto, 9: metadata}
    metadata     {1: plugin {1: name string, 2: content bytes}, 4: data class}
    TensorProto  {1: dtype, 2: shape {2: {1: size}}*, 4: content bytes, 8: strings*}
"""

from __future__ import annotations

import os
import socket
import struct
import time
import zlib
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import BinaryIO

import numpy as np

_FLOAT, _DOUBLE, _STRING = 1, 2, 7
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3
_files = count()


# --- records --------------------------------------------------------------------------------------------------------


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x82F63B78 * (byte & 1)  # Castagnoli's polynomial, bits reversed
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """The checksum as records hold it: rotated, and moved by a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """One record around `data`."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


# --- protobuf -------------------------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _number(field: int, value: int) -> bytes:
    """A varint field; 0 is what is read where there is none."""
    return _varint(field << 3) + _varint(value) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _tensor(dtype: int, shape: Sequence[int], values: bytes) -> bytes:
    sizes = b"".join(_bytes(2, _number(1, size)) for size in shape)
    return _number(1, dtype) + _bytes(2, sizes) + values


def event(wall_time: float, step: int = 0, *, version: str | None = None, summary: bytes | None = None) -> bytes:
    """An `Event` of a moment (seconds since 1970) and a step."""
    found = _varint(1 << 3 | 1) + struct.pack("<d", wall_time) + _number(2, step)
    if version is not None:
        found += _bytes(3, version.encode())
    return found if summary is None else found + _bytes(5, summary)


def _summary(tag: str, plugin: str, kind: int, tensor: bytes, content: bytes = b"") -> bytes:
    data = _bytes(1, plugin.encode()) + (_bytes(2, content) if content else b"")
    return _bytes(1, _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, _bytes(1, data) + _number(4, kind)))


def scalar(tag: str, value: float) -> bytes:
    """A number, as float32."""
    return _summary(tag, "scalars", _SCALAR, _tensor(_FLOAT, (), _bytes(4, np.float32(value).tobytes())))


def histogram(tag: str, values: np.ndarray, buckets: int = 30) -> bytes:
    """How many of the values lie in each of some buckets between the smallest and the largest: [left, right, count]."""
    rows = _buckets(np.asarray(values, np.float64).ravel(), buckets)
    return _summary(tag, "histograms", _TENSOR, _tensor(_DOUBLE, rows.shape, _bytes(4, rows.tobytes())))


def _buckets(values: np.ndarray, buckets: int) -> np.ndarray:
    values = values[np.isfinite(values)]
    if not values.size:
        return np.zeros((buckets, 3))
    low, high = values.min(), values.max()
    counts = np.zeros(buckets)
    if low == high:
        counts[-1] = values.size
        edges = np.full(buckets + 1, low)
    else:
        counts += np.bincount(np.minimum((values - low) / ((high - low) / buckets), buckets - 1).astype(np.int64),
                              minlength=buckets)
        edges = np.linspace(low, high, buckets + 1)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def images(tag: str, pixels: np.ndarray, most: int = 3) -> bytes:
    """The first images of [count, height, width, 1 or 3 or 4], floats from 0 to 1."""
    _, height, width, _ = pixels.shape
    eight = np.clip(np.nan_to_num(np.asarray(pixels[:most], np.float64)) * 255.5, 0, 255).astype(np.uint8)
    parts = [str(width).encode(), str(height).encode(), *(png(one) for one in eight)]
    return _summary(tag, "images", _BLOBS, _tensor(_STRING, (len(parts),), b"".join(_bytes(8, p) for p in parts)))


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of uint8[height, width, 1 or 3 or 4]."""
    height, width, channels = pixels.shape
    color = {1: 0, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)  # each row begins with its filter: none

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def keras_graph(tag: str, description: str) -> bytes:
    """A model's JSON, which TensorBoard draws as a graph of layers."""
    return _summary(tag, "graph_keras_model", 0, _tensor(_STRING, (), _bytes(8, description.encode())), b"1")


# --- files ----------------------------------------------------------------------------------------------------------


class EventFile:
    """An event file in a folder, made at the first event. `add` takes what the functions above return."""

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = Path(folder)
        self._file: BinaryIO | None = None

    def add(self, summary: bytes, step: int) -> None:
        """Append an event of now."""
        self._open().write(record(event(time.time(), step, summary=summary)))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file; a later event begins another."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            now = time.time()
            name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{next(_files)}.v2"
            self._file = open(self.folder / name, "ab")
            self._file.write(record(event(now, version="brain.Event:2")))
        return self._file
