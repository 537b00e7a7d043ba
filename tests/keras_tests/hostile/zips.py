"""Zip archives that must not load."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

from keras_tests.hostile.table import Table

ZIPS = Table("archive")
MEMBERS = {"metadata.json": b'{"keras_version": "3.15.0"}', "config.json": b'{"module": "keras"}' * 20,
           "model.weights.h5": bytes(range(256)) * 40}


def good() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    return file.getvalue()


def with_member(path, name, content=b"x", **changes):
    """A good archive with one member more."""
    path.write_bytes(good())
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(name)
        for field, value in changes.items():
            setattr(info, field, value)
        archive.writestr(info, content, info.compress_type)


def patched(path, at, what, contents=None):
    """An archive with bytes changed; `at` counts from the entry of the last member in the list of members."""
    contents = bytearray(good() if contents is None else contents)
    start = contents.rindex(b"PK\1\2") + at
    contents[start:start + len(what)] = what
    path.write_bytes(contents)


@ZIPS.row("is not a zip file")
def text(path):
    path.write_text("no zip file\n" * 100)


@ZIPS.row("is not a zip file")
def empty(path):
    path.write_bytes(b"")


for part in (0.1, 0.5, 0.9, 0.99):
    @ZIPS.row("not a zip file", f"truncated_at_{part}")
    def truncated(path, part=part):
        path.write_bytes(good()[:int(len(good()) * part)])


@ZIPS.row("damaged")
def beginning_missing(path):
    path.write_bytes(good()[100:])


@ZIPS.row("damaged member, 'model.weights.h5'")
def flipped_bit(path):
    contents = bytearray(good())
    contents[contents.index(bytes(range(256))) + 1000] ^= 8
    path.write_bytes(contents)


@ZIPS.row("decompression bomb")
def decompression_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("model.weights.h5", "w", force_zip64=True) as member:
            for _ in range(400):
                member.write(bytes(1 << 20))


@ZIPS.row("decompression bomb")
def many_small_bombs(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for i in range(30):
            archive.writestr(f"assets/{i}", bytes(10 << 20))


@ZIPS.row("damaged member|cut off|larger")
def size_that_lies(path):
    """Deflated zeros, of which the list says that they are few."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(50 << 20))
    patched(path, 24, struct.pack("<I", 1000), path.read_bytes())


@ZIPS.row("two sizes")
def stored_with_two_sizes(path):
    patched(path, 24, struct.pack("<I", 1 << 31))


@ZIPS.row("members take|decompression bomb")
def one_content_for_many_members(path):
    """The list names the same bytes again and again."""
    contents = good()
    start = contents.rindex(b"PK\1\2")
    end = contents.rindex(b"PK\5\6")
    entries = b"".join(contents[start:end].replace(b"model.weights.h5", b"%016d" % i) for i in range(2000))
    count = 3 + 2000
    tail = bytearray(contents[end:])
    struct.pack_into("<HHI", tail, 8, count, count, end - contents.index(b"PK\1\2") + len(entries))
    path.write_bytes(contents[:end] + entries + tail)


for name in ("../evil", "assets/../../evil", "/etc/evil", "C:/evil", "assets\\..\\evil", "./config.json", "assets//x"):
    @ZIPS.row("name that is not allowed", f"name_{name}".replace("/", "|"))
    def bad_name(path, name=name):
        with_member(path, name)


@ZIPS.row("name that is not allowed")
def name_with_a_null(path):
    with_member(path, "config.jsonXevil")
    path.write_bytes(path.read_bytes().replace(b"jsonXevil", b"json\0evil"))


@ZIPS.row("two members named 'config.json'")
def two_of_one_name(path):
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with_member(path, "config.json", b"{}")


@ZIPS.row("damaged member, 'model.weights.h5'")
def name_that_differs_at_the_member(path):
    contents = bytearray(good())
    place = contents.index(b"model.weights.h5")
    contents[place:place + 5] = b"other"
    path.write_bytes(contents)


@ZIPS.row("link or a special file")
def link_member(path):
    with_member(path, "assets/link", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16)


@ZIPS.row("link or a special file")
def pipe_member(path):
    with_member(path, "assets/pipe", b"", external_attr=(stat.S_IFIFO | 0o644) << 16)


@ZIPS.row("encrypted member")
def encrypted(path):
    patched(path, 8, struct.pack("<H", 1))


@ZIPS.row("compression 14")
def lzma_member(path):
    with_member(path, "assets/x", b"x" * 1000, compress_type=zipfile.ZIP_LZMA)


@ZIPS.row("compression 99")
def unknown_compression(path):
    patched(path, 10, struct.pack("<H", 99))


@ZIPS.row("members")
def too_many_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(10_001):
            archive.writestr(f"{i}", b"")


@ZIPS.row("decompression bomb|members take|two sizes|damaged")
def size_beyond_all_memory(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(1000))
    contents = bytearray(path.read_bytes())
    start = contents.rindex(b"PK\1\2")
    extra = struct.pack("<HHQ", 1, 8, 1 << 62)
    struct.pack_into("<I", contents, start + 24, 0xFFFFFFFF)
    struct.pack_into("<H", contents, start + 30, len(extra))
    end = contents.rindex(b"PK\5\6")
    contents[end:end] = extra
    end += len(extra)
    struct.pack_into("<I", contents, end + 12, end - start)
    path.write_bytes(contents)
