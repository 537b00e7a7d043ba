"""HDF5 files of weights that must not load."""

from __future__ import annotations

import io
import os
import struct
import zlib

import h5py
import numpy as np

from keras_tests.hostile.table import Table
from treadle.keras_like.saving import digests
from treadle.keras_like.saving.tensors import Group, write_tensors

HDF5 = Table("tensors")


def good() -> bytes:
    """A file as we write it."""
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    layers = Group({"dense": Group({"vars": Group({"0": values, "1": values[0] + 100}, {"name": "dense"})})})
    file = io.BytesIO()
    write_tensors(file, Group({"layers": layers}, {"version": 1}))
    return file.getvalue()


def edit(path, change, contents=None):
    """A good file that `change(root)` has changed with h5py."""
    path.write_bytes(good() if contents is None else contents)
    with h5py.File(path, "r+") as root:
        change(root)


def plain(path, make):
    """A file without digests, as Keras writes it."""
    with h5py.File(path, "w") as root:
        root["layers/dense/vars/0"] = np.ones((3, 4), np.float32)
        make(root["layers/dense/vars"])


@HDF5.row("not an HDF5 file")
def text(path):
    path.write_text("these are not the weights you are looking for\n" * 100)


@HDF5.row("not an HDF5 file")
def empty(path):
    path.write_bytes(b"")


for part in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999):
    @HDF5.row("cut off|damaged", f"truncated_at_{part}")
    def truncated(path, part=part):
        contents = good()
        path.write_bytes(contents[:int(len(contents) * part)])


@HDF5.row("tensor '/layers/dense/vars/0' is not the one that was written")
def flipped_bit_in_a_tensor(path):
    contents = bytearray(good())
    place = contents.index(np.arange(12, dtype=np.float32).tobytes())
    contents[place + 9] ^= 4
    path.write_bytes(contents)


@HDF5.row("not the one that was written")
def flipped_bit_in_a_digest(path):
    contents = bytearray(good())
    place = contents.index(digests.of_tensor(np.arange(12, dtype=np.float32).reshape(3, 4)).encode())
    contents[place] ^= 1
    path.write_bytes(contents)


@HDF5.row("not the one that was written")
def swapped_dtype(path):
    def change(root):
        old = root["layers/dense/vars/0"]
        values, kept = old[()].view(np.int32), dict(old.attrs)
        del root["layers/dense/vars/0"]
        root["layers/dense/vars/0"] = values
        root["layers/dense/vars/0"].attrs.update(kept)
    edit(path, change)


@HDF5.row("not the one that was written")
def swapped_shape(path):
    def change(root):
        old = root["layers/dense/vars/0"]
        values, kept = old[()].reshape(4, 3), dict(old.attrs)
        del root["layers/dense/vars/0"]
        root["layers/dense/vars/0"] = values
        root["layers/dense/vars/0"].attrs.update(kept)
    edit(path, change)


@HDF5.row("names, attributes or tensors are not those")
def swapped_tensors(path):
    def change(root):
        group = root["layers/dense/vars"]
        group.move("0", "2")
        group.move("1", "0")
        group.move("2", "1")
    edit(path, change)


@HDF5.row("names, attributes or tensors are not those")
def missing_tensor(path):
    def change(root):
        del root["layers/dense/vars/1"]
    edit(path, change)


@HDF5.row("names, attributes or tensors are not those")
def added_tensor(path):
    def change(root):
        root["layers/dense/vars/2"] = np.ones(3)
    edit(path, change)


@HDF5.row("names, attributes or tensors are not those")
def changed_attribute(path):
    def change(root):
        root["layers/dense/vars"].attrs["name"] = "other"
    edit(path, change)


@HDF5.row("names, attributes or tensors are not those")
def digest_of_the_whole_removed(path):
    def change(root):
        del root.attrs[digests.WHOLE]
    edit(path, change)


@HDF5.row(r"shape \(1099511627776,\)")
def shape_bomb(path):
    plain(path, lambda group: group.create_dataset("1", (1 << 40,), np.float32))


@HDF5.row(r"data of '/layers/dense/vars/1' are not all there")
def shape_that_was_never_filled(path):
    plain(path, lambda group: group.create_dataset("1", (100,), np.float32))


@HDF5.row(r"shape \(1000000, 1000000\)")
def shape_bomb_in_chunks(path):
    plain(path, lambda group: group.create_dataset("1", (10**6, 10**6), np.float32, chunks=(1000, 1000), compression="gzip"))


@HDF5.row("chunks of 4294967296 bytes|bytes can hold")
def chunk_bomb(path):
    plain(path, lambda group: group.create_dataset("1", (10,), "f4", chunks=(1 << 29,), maxshape=(None,), compression="gzip"))


@HDF5.row("bytes can hold")
def decompression_bomb(path):
    def make(group):
        block = 1 << 22
        tensor = group.create_dataset("1", (256 * block,), "u1", chunks=(block,), compression="gzip")
        packed = zlib.compress(bytes(block), 9)
        for i in range(256):
            tensor.id.write_direct_chunk((i * block,), packed)
    plain(path, make)


@HDF5.row("unpacks to more than it says")
def chunk_that_unpacks_to_more(path):
    def make(group):
        tensor = group.create_dataset("1", (10,), "f4", chunks=(10,), compression="gzip")
        tensor.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 26), 9))
    plain(path, make)


@HDF5.row("bytes can hold")
def many_names_for_much(path):
    """Each tensor takes what is allowed; all of them together take too much."""
    def make(group):
        for i in range(100):
            tensor = group.create_dataset(f"n{i}", (1 << 22,), "u1", chunks=(1 << 22,), compression="gzip")
            tensor.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 22), 9))
    plain(path, make)


@HDF5.row("link in the place of '/layers/dense/vars/1'")
def external_link(path):
    def make(group):
        group["1"] = h5py.ExternalLink("/etc/passwd", "/")
    plain(path, make)


@HDF5.row("link in the place of '/layers/dense/vars/1'")
def soft_link(path):
    def make(group):
        group["1"] = h5py.SoftLink("/layers/dense/vars/0")
    plain(path, make)


@HDF5.row("keeps the data of '/layers/dense/vars/1' in other files")
def external_data(path):
    plain(path, lambda group: group.create_dataset("1", (16,), "u1", external=[("/etc/passwd", 0, 16)]))


@HDF5.row("keeps the data of '/layers/dense/vars/1' in other files")
def virtual_data(path):
    def make(group):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
        group.create_virtual_dataset("1", layout)
    plain(path, make)


@HDF5.row("one object in two places")
def cycle_of_groups(path):
    def make(group):
        group["again"] = group.file["layers"]
    plain(path, make)


@HDF5.row("one object in two places")
def group_that_is_the_root(path):
    def make(group):
        group["again"] = group.file["/"]
    plain(path, make)


@HDF5.row("one object in two places")
def tensor_of_two_names(path):
    def make(group):
        group["1"] = group["0"]
    plain(path, make)


@HDF5.row("more than 100 deep")
def deep_groups(path):
    plain(path, lambda group: group.create_group("/".join("g" * 500)))


@HDF5.row("which is no tensor")
def texts_for_a_tensor(path):
    plain(path, lambda group: group.create_dataset("1", data=np.array(["a", "b"], object), dtype=h5py.string_dtype()))


@HDF5.row("which is no tensor")
def references_for_a_tensor(path):
    plain(path, lambda group: group.create_dataset("1", (2,), dtype=h5py.ref_dtype))


@HDF5.row("which is no tensor")
def ragged_rows_for_a_tensor(path):
    plain(path, lambda group: group.create_dataset("1", (2,), dtype=h5py.vlen_dtype(np.float32)))


@HDF5.row("which is no tensor")
def records_for_a_tensor(path):
    plain(path, lambda group: group.create_dataset("1", data=np.zeros(3, [("a", "f4"), ("b", "i4")])))


@HDF5.row("which is no tensor")
def dates_for_a_tensor(path):
    plain(path, lambda group: group.create_dataset("1", data=np.zeros(3, "V2")))


@HDF5.row("has no data at")
def nothing_for_a_tensor(path):
    plain(path, lambda group: group.create_dataset("1", data=h5py.Empty("f4")))


@HDF5.row("neither a group nor a tensor")
def dtype_for_a_tensor(path):
    def make(group):
        group["1"] = np.dtype("f8")
    plain(path, make)


@HDF5.row("filters that are not read")
def unknown_filter(path):
    plain(path, lambda group: group.create_dataset("1", data=np.zeros(100), compression="lzf"))


@HDF5.row("attribute, 'where' of '/layers/dense/vars', that is neither text nor numbers")
def attribute_of_references(path):
    def make(group):
        group.attrs["where"] = group["0"].ref
    plain(path, make)


@HDF5.row("larger than the file")
def text_that_grows(path):
    """Many texts that are all the same bytes of the file."""
    plain(path, lambda group: group.attrs.update(many=["x" * 10_000, *["y"] * 2000]))
    contents = bytearray(path.read_bytes())
    place = contents.index(struct.pack("<I", 10_000), contents.index(b"many")) + 16
    for i in range(2000):
        contents[place + 16 * i:place + 16 * (i + 1)] = contents[place - 16:place]
    path.write_bytes(contents)


@HDF5.row("larger than the file")
def text_of_gigabytes(path):
    """The library would make room for a text before looking for it."""
    plain(path, lambda group: group.attrs.update(name="text"))
    contents = bytearray(path.read_bytes())
    heap = contents.index(b"GCOL")
    place = contents.index(struct.pack("<IQ", 4, heap))
    contents[place:place + 4] = struct.pack("<I", 1 << 31)
    path.write_bytes(contents)


@HDF5.row("damaged")
def random_bytes_in_the_middle(path):
    contents = bytearray(good())
    contents[96:-2000] = os.urandom(len(contents) - 2096)
    path.write_bytes(contents)


@HDF5.row("a text is not where it should be")
def heap_without_an_end(path):
    """The library would look for the end of the strings for ever."""
    plain(path, lambda group: group.attrs.update(name="text"))
    contents = bytearray(path.read_bytes())
    heap = contents.index(b"GCOL")
    contents[heap + 16:heap + 18] = bytes(2)
    contents[heap + 40:heap + 56] = bytes(16)
    path.write_bytes(contents)
