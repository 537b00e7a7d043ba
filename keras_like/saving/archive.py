"""Zip archives: written as Keras writes them, read with nothing trusted and nothing put on the disk."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from treadle.keras_like.saving.atomic import open_regular, write_atomically
from treadle.keras_like.saving.errors import ModelFileError, refuse

MOST_MEMBERS = 10_000
MOST_DIRECTORY_BYTES = 4 << 20
FREE_BYTES = 64 << 20  # what members may take unpacked, whatever the size of the file,
MOST_EXPANSION = 20  # and else this many times its size
_IN_MEMORY = 256 << 20
_BLOCK = 1 << 18

Member = bytes | Callable[[BinaryIO], None]


def write_archive(path: Any, members: Mapping[str, Member], verify: Callable[[str], None] | None = None,
                  small: bool = False) -> None:
    """Write a zip file of members, given as bytes or as functions that write to a file. Atomic; members are stored
    uncompressed and with the same date, so that equal members give equal files. `path` may be a file opened for writing.
    `verify(path)`: what to do before the file is put in its place; default: `check_archive`. `small`: see `write_atomically`.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/a.zip"
    >>> write_archive(path, {"hello.txt": b"hello", "made.bin": lambda file: file.write(b"made")})
    >>> with read_archive(path) as archive:
    ...     print(sorted(archive), archive["made.bin"])
    ['hello.txt', 'made.bin'] b'made'
    """
    if hasattr(path, "write"):
        _write(path, members, _write_copied)
    else:
        write_atomically(path, lambda file: _write(file, members, _write_in_place), verify or check_archive, small)


def _write(file: BinaryIO, members: Mapping[str, Member], write: Callable[[Any, BinaryIO, BinaryIO], None]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            if callable(member):
                with archive.open(info, "w", force_zip64=True) as place:
                    write(member, file, place)  # type: ignore[arg-type]
            else:
                archive.writestr(info, member)


def _write_in_place(member: Callable, file: BinaryIO, place: BinaryIO) -> None:
    """Have a member written to where it belongs in the file. Then hand `zipfile` its bytes, which writes the same ones once
    more and so knows their checksum: that takes less than half of the time and memory of a copy made elsewhere."""
    start = at = file.tell()
    part = _Part(file, start, 0)
    member(part)
    buffer = memoryview(bytearray(_BLOCK))
    while at < start + part.size:
        file.seek(at)
        block = buffer[:min(_BLOCK, start + part.size - at)]
        if file.readinto(block) != len(block):  # type: ignore[attr-defined]
            raise OSError("What was written to the file is not all there.")
        file.seek(at)
        place.write(block)
        at += len(block)


def _write_copied(member: Callable, file: BinaryIO, place: BinaryIO) -> None:
    """Copy a member to a file that can do nothing but be written to."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
        member(content)
        content.seek(0)
        shutil.copyfileobj(content, place, _BLOCK)


def check_archive(path: str) -> None:
    """Raise ModelFileError if a member is damaged."""
    with read_archive(path) as archive:
        for name in archive:
            archive.check(name)


class Archive(Mapping[str, bytes]):
    """The members of a zip file, by name. Reading one checks its size and its checksum."""

    def __init__(self, source: Any, file: BinaryIO):
        self._source, self._file = source, file
        try:
            self._size = file.seek(0, io.SEEK_END)
            self._check_directory()
            self._zip = zipfile.ZipFile(file)
            self._members = self._checked(self._zip.infolist())
        except ModelFileError:
            raise
        except _ZIP_ERRORS as error:
            raise self._refuse(f"is not a zip file, or is damaged: {error}.") from None

    def _refuse(self, problem: str) -> ModelFileError:
        return refuse(self._source, problem)

    def _check_directory(self) -> None:
        """The number of members and the size of their list, before that list is read."""
        tail_size = min(self._size, (1 << 16) + 22)
        self._file.seek(self._size - tail_size)
        tail = self._file.read(tail_size)
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < 22:
            raise self._refuse("is not a zip file, or is cut off.")
        count, size = struct.unpack_from("<HI", tail, at + 10)
        if count == 0xFFFF or size == 0xFFFFFFFF:
            at64 = tail.rfind(b"PK\6\6", 0, at)
            if at64 >= 0 and at - at64 >= 56:
                count, size = struct.unpack_from("<QQ", tail, at64 + 32)
        if count > MOST_MEMBERS or size > MOST_DIRECTORY_BYTES:
            raise self._refuse(f"says that it has {count} members, listed in {size} bytes. At most {MOST_MEMBERS} members in "
                               f"{MOST_DIRECTORY_BYTES} bytes are read.")

    def _checked(self, listed: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        found: dict[str, zipfile.ZipInfo] = {}
        if len(listed) > MOST_MEMBERS:
            raise self._refuse(f"has {len(listed)} members. At most {MOST_MEMBERS} are read.")
        for info in listed:
            name = info.orig_filename
            self._check_name(name)
            if name in found:
                raise self._refuse(f"has two members named {name!r}.")
            if info.flag_bits & 0x1:
                raise self._refuse(f"has an encrypted member, {name!r}.")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._refuse(f"has a member, {name!r}, with the compression {info.compress_type}; only stored and "
                                   "deflated ones are read.")
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise self._refuse(f"has a member, {name!r}, that is a link or a special file.")
            if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
                raise self._refuse(f"says of its member {name!r} two sizes, {info.compress_size} and {info.file_size} bytes.")
            found[name] = info
        stored = sum(info.compress_size for info in listed)
        unpacked = sum(info.file_size for info in listed)
        if stored > self._size:
            raise self._refuse(f"says that its members take {stored} bytes, but has only {self._size}.")
        if unpacked > FREE_BYTES + MOST_EXPANSION * self._size:
            raise self._refuse(f"has {self._size} bytes and would unpack to {unpacked}: a decompression bomb.")
        return {name: info for name, info in found.items() if not name.endswith("/")}

    def _check_name(self, name: str) -> None:
        parts = name.removesuffix("/").split("/")
        if not name or "\\" in name or "\0" in name or ":" in parts[0] or any(p in ("", ".", "..") for p in parts):
            raise self._refuse(f"has a member with a name that is not allowed, {name[:200]!r}: it may lead outside.")
        if len(name) > 4096:
            raise self._refuse(f"has a member with a name of {len(name)} characters.")

    def __getitem__(self, name: str) -> bytes:
        info = self._members[name]
        content = bytearray()
        for block in self._blocks(info):
            content += block
        return bytes(content)

    def _blocks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """A member's bytes; never more than its header says, and with their checksum tested at the end."""
        count = 0
        try:
            with self._zip.open(info) as member:
                while block := member.read(_BLOCK):
                    count += len(block)
                    if count > info.file_size:
                        raise self._refuse(f"has a member, {info.filename!r}, that is larger than it says.")
                    yield block
        except _ZIP_ERRORS as error:
            if isinstance(error, ModelFileError):
                raise
            raise self._refuse(f"has a damaged member, {info.filename!r}: {error}.") from None
        if count != info.file_size:
            raise self._refuse(f"has a member, {info.filename!r}, that is cut off.")

    def check(self, name: str) -> None:
        """Raise if a member is damaged."""
        for _ in self._blocks(self._members[name]):
            pass

    def open(self, name: str) -> BinaryIO:
        """A member, checked, as a file that can seek. One that is stored uncompressed is not copied into memory."""
        info = self._members[name]
        if info.compress_type != zipfile.ZIP_STORED:
            return io.BytesIO(self[name])
        self.check(name)
        return self.part(name)

    def part(self, name: str) -> BinaryIO:
        """A member that is stored uncompressed, as a file that can seek; its checksum is not looked at."""
        info = self._members[name]
        self._file.seek(info.header_offset)
        name_size, extra_size = struct.unpack("<HH", self._file.read(30)[26:])
        return io.BufferedReader(_Part(self._file, info.header_offset + 30 + name_size + extra_size, info.file_size))

    def size(self, name: str) -> int:
        """A member's size in bytes."""
        return self._members[name].file_size

    def __contains__(self, name: object) -> bool:  # Mapping's own would read the member
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


# What `zipfile` raises for files that are not as they should be.
_ZIP_ERRORS = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError,
               RuntimeError, struct.error, OverflowError, UnicodeError, KeyError, IndexError)


class _Part(io.RawIOBase):
    """A stretch of a file as a file. One that is written to grows."""

    def __init__(self, file: BinaryIO, start: int, size: int):
        self._file, self._start, self.size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[:max(0, self.size - self._at)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view) if len(view) else 0  # type: ignore[attr-defined]
        self._at += count
        return count

    def write(self, content: Any) -> int:
        self._file.seek(self._start + self._at)
        count = self._file.write(content)
        self._at += count
        self.size = max(self.size, self._at)
        return count

    def truncate(self, size: int | None = None) -> int:
        self.size = self._at if size is None else size
        return self._file.truncate(self._start + self.size)


def read_archive(source: Any) -> Archive:
    """Open a zip file: a path, bytes, or a file that can seek. A context manager, and a mapping of names to bytes.

    Checked before anything is unpacked: the number, names and kinds of members, that no two have one name, and their sizes
    against the file's. Checked while a member is read: its size and its checksum. Nothing is written to the disk.

    Raises ModelFileError if the file is not as it should be.
    """
    if isinstance(source, (bytes, bytearray)):
        return Archive(source, io.BytesIO(source))
    if hasattr(source, "read"):
        return Archive(source, source)
    file = open_regular(source)
    try:
        return Archive(source, file)
    except BaseException:
        file.close()
        raise
