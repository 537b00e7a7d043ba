"""The texts among an HDF5 object's attributes, read from the file's bytes.

The HDF5 library would take from the file how much memory a text needs, and how far it is to the next one; here both are
checked. An object's header is a chain of messages. The message of an attribute has its name, type, shape and data; for
texts the data is, for each: a length, the place of a heap, and a number in it. A heap is "GCOL", a version, its size, and
objects: a number, 6 other bytes, a size, and the content filled up to 8 bytes; the object of number 0 is the rest.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_CONTINUATION, _ATTRIBUTE = 0x10, 0x0C
_VARIABLE_LENGTH = 9
_MOST_CHUNKS = 10_000


class Damaged(ValueError):
    """The bytes are not what they should be."""


class Texts:
    """The texts of one file."""

    def __init__(self, file: BinaryIO, size: int):
        self._file, self._size = file, size
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._left = 8 * size + (1 << 20)  # bytes to be read: what is read again and again is no honest file
        start = self._read(0, min(size, 24))
        if start[:8] != _SIGNATURE or len(start) < 24:
            raise Damaged("its first bytes are not those of HDF5")
        if (start[13:15] if start[8] < 2 else start[9:11]) != b"\x08\x08":
            raise Damaged("its sizes do not have 8 bytes")

    def of(self, address: int) -> dict[str, list[str]]:
        """The attributes that are texts of variable length of the object whose header is at an address."""
        found = {}
        for kind, shared, content in self._messages(address):
            if kind == _ATTRIBUTE and not shared:
                try:
                    name, references = _attribute(content)
                except (struct.error, IndexError) as error:
                    raise Damaged(f"an attribute is cut off: {error}") from None
                if references is not None:
                    if sum(length for length, _, _ in references) > self._size:
                        raise Damaged(f"the texts of the attribute {name!r} are larger than the file")
                    found[name] = [self._text(*reference) for reference in references]
        return found

    def _read(self, place: int, count: int) -> bytes:
        if place + count > self._size:
            raise Damaged(f"it refers to byte {place + count} of its {self._size}")
        self._left -= count
        if self._left < 0:
            raise Damaged("its parts refer to each other's bytes again and again")
        self._file.seek(place)
        return self._file.read(count)

    def _messages(self, address: int) -> Iterator[tuple[int, bool, bytes]]:
        """(kind, whether its content is elsewhere, content) of each message of a header of the older or newer form."""
        newer = self._read(address, 4) == b"OHDR"
        if newer:
            flags = self._read(address, 6)[5]
            at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            chunks = [(at + width, int.from_bytes(self._read(at, width), "little"))]
            head = 6 if flags & 4 else 4
        else:
            chunks, head = [(address + 16, int.from_bytes(self._read(address + 8, 4), "little"))], 8
        for count, (place, size) in enumerate(chunks):
            if count > _MOST_CHUNKS:
                raise Damaged("the header of an object has no end")
            content = self._read(place, size)
            at = 0
            while at + head <= len(content):
                kind = content[at] if newer else int.from_bytes(content[at:at + 2], "little")
                where = at + 1 if newer else at + 2
                length, flags_of_it = int.from_bytes(content[where:where + 2], "little"), content[where + 2]
                message = content[at + head:at + head + length]
                at += head + length
                if kind == _CONTINUATION and len(message) >= 16:
                    next_place, next_size = struct.unpack_from("<QQ", message)
                    # A chunk of the newer form begins with 4 letters and ends with a checksum.
                    chunks.append((next_place + 4, max(0, next_size - 8)) if newer else (next_place, next_size))
                yield kind, bool(flags_of_it & 2), message

    def _text(self, length: int, place: int, number: int) -> str:
        if not length:
            return ""
        content = self._heap(place).get(number)
        if content is None or len(content) != length:
            raise Damaged("a text is not where it should be")
        return content.decode("utf-8", "surrogateescape")

    def _heap(self, place: int) -> dict[int, bytes]:
        if place not in self._heaps:
            head = self._read(place, 16)
            if head[:5] != b"GCOL\1":
                raise Damaged("a heap of texts is not where it should be")
            content = self._read(place + 16, max(0, int.from_bytes(head[8:], "little") - 16))
            found: dict[int, bytes] = {}
            at = 0
            while at + 16 <= len(content):
                number, length = struct.unpack_from("<H6xQ", content, at)
                if not number:
                    break
                found[number] = content[at + 16:at + 16 + length]
                at += 16 + (length + 7) // 8 * 8
            self._heaps[place] = found
        return self._heaps[place]


def _attribute(content: bytes) -> tuple[str, list[tuple[int, int, int]] | None]:
    """(name, references to texts, or None for an attribute of another type) of an attribute's message."""
    version, *sizes = struct.unpack_from("<BxHHH", content)
    at, parts = 9 if version == 3 else 8, []
    for size in sizes:
        parts.append(content[at:at + size])
        at += (size + 7) // 8 * 8 if version == 1 else size
    name, dtype, space = parts
    text = name.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    if dtype[0] & 0xF != _VARIABLE_LENGTH:
        return text, None
    rank = space[1]
    count = math.prod(struct.unpack_from(f"<{rank}Q", space, 8 if space[0] == 1 else 4))
    if count * 16 > len(content) - at:
        raise Damaged(f"the attribute {text!r} has less texts than it says")
    return text, [struct.unpack_from("<IQI", content, at + 16 * i) for i in range(count)]  # type: ignore[misc]
