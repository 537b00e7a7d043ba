"""Trees of tensors in HDF5, as Keras lays out `.weights.h5`: groups within groups, down to data sets, with attributes."""

from __future__ import annotations

import io
import math
import os
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

import treadle as tf
from treadle.keras_like.saving import digests
from treadle.keras_like.saving.atomic import SMALL, open_regular, write_atomically
from treadle.keras_like.saving.beside import Beside
from treadle.keras_like.saving.errors import ModelFileError, refuse
from treadle.keras_like.saving.later import h5py
from treadle.keras_like.saving.texts import Texts

DEEPEST = 100
_LARGE = 1 << 20  # bytes of tensors that are worth a thread
_ALIGNMENT, _SMALL, _STRETCH = 64, 64 << 10, 8 << 20
FREE_BYTES = 64 << 20  # what compressed tensors may take unpacked, whatever the size of the file,
MOST_EXPANSION = 20  # and else this many times its size
_DTYPES = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
           "complex64", "complex128"}
# HDF5 knows no such dtype: it is kept as bytes, with its name beside them.
_NAMED = {"bfloat16": np.dtype(tf.bfloat16.as_numpy_dtype)}


class Group(dict[str, Any]):
    """A group: names to arrays and groups; and its `attributes`: names to strings, lists of strings, numbers or arrays."""

    def __init__(self, contents: Mapping[str, Any] = {}, attributes: Mapping[str, Any] = {}):
        super().__init__(contents)
        self.attributes: dict[str, Any] = dict(attributes)

    def group(self, path: str) -> Group:
        """The group at a path of names with "/" between; made if it is not there."""
        found = self
        for name in filter(None, path.split("/")):
            found = found.setdefault(name, Group())
        return found

    def at(self, path: str) -> Any:
        """What is at a path of names with "/" between, or None."""
        found: Any = self
        for name in filter(None, path.split("/")):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


# --- writing --------------------------------------------------------------------------------------------------------


def write_tensors(file: Any, tree: Mapping[str, Any]) -> None:
    """Write a tree of dicts (or `Group`s) with arrays for leaves. `file`: a path (then it is atomic, and read again to
    check it), or a file that can seek and read. Each tensor's digest is kept as an attribute, and one of the whole.

    >>> import io
    >>> file = io.BytesIO()
    >>> write_tensors(file, {"dense": {"vars": Group({"0": np.ones(2)}, attributes={"name": "dense"})}})
    >>> tree = read_tensors(file.getvalue())
    >>> tree["dense"]["vars"]["0"], tree.at("dense/vars").attributes
    (array([1., 1.]), {'name': 'dense'})
    """
    if isinstance(file, (str, os.PathLike)):
        write_atomically(file, lambda opened: write_tensors(opened, tree), lambda path: check_tensors(path), is_small(tree))
        return
    lines: list[tuple[str, Any]] = []
    written: list[tuple[str, int | None, np.ndarray]] | None = [] if is_small(tree) else None
    with h5py.File(file, "w") as root, Beside() as beside:
        _write_group(root, tree, "", lines, written, beside)
        root.attrs[digests.WHOLE] = np.bytes_(digests.of_contents(lines))
    for path, place, array in written or ():
        file.seek(place or 0)
        if place is not None and file.read(array.nbytes) != array.tobytes():
            raise refuse(file, f"is damaged: the tensor {path!r} is not the one that was written.")


def is_small(tree: Mapping[str, Any]) -> bool:
    """True if a tree's tensors take little enough memory to be written there first."""
    left = [tree]
    count = 0
    while left and count <= SMALL:
        for value in left.pop().values():
            if isinstance(value, Mapping):
                left.append(value)
            else:
                count += np.asarray(value).nbytes
    return count <= SMALL


def _write_group(group: Any, tree: Mapping[str, Any], path: str, lines: list[tuple[str, Any]],
                 written: list[tuple[str, int | None, np.ndarray]] | None, beside: Beside) -> None:
    """Write a group. To `lines` go its contents, to be digested; to `written`, if it is given, its tensors: path, place in the
    file, value."""
    for name, value in getattr(tree, "attributes", {}).items():
        group.attrs[name] = value
        lines.append((f"{path}@{name}", _plain(value)))
    for name, value in tree.items():
        below = f"{path}/{name}"
        if isinstance(value, Mapping):
            lines.append((below, None))
            _write_group(group.create_group(name), value, below, lines, written, beside)
            continue
        array = np.asarray(value)
        dtype = array.dtype.name
        if dtype not in _DTYPES and dtype not in _NAMED:
            raise refuse(group.file.filename, f"cannot hold {below!r}, an array of dtype {array.dtype}.",
                         f"Keep numbers: {', '.join(sorted(_DTYPES))}.")
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        found = _digest(array, beside)
        made = _create(h5py.h5d.create, group.id, name, array, _without_time())
        if array.size:
            made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(array))
        if dtype in _NAMED:
            h5py.Dataset(made).attrs["dtype"] = dtype
        digest = found()
        _create(h5py.h5a.create, made, digests.TENSOR, text := np.array(np.bytes_(digest))).write(text)
        lines.append((below, digest))
        if written is not None:
            written.append((below, made.get_offset(), array))


def _without_time() -> Any:
    """Equal tensors make equal files: no data set notes when it was written."""
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_obj_track_times(False)
    return how


def _create(create: Callable, owner: Any, name: str, array: np.ndarray, *how: Any) -> Any:
    """A new data set or attribute for an array: h5py's own functions take several times as long."""
    space = h5py.h5s.create_simple(array.shape) if array.ndim else h5py.h5s.create(h5py.h5s.SCALAR)
    return create(owner, name.encode(), h5py.h5t.py_create(array.dtype, logical=True), space, *how)


def _digest(array: np.ndarray, beside: Beside, of: Callable[[np.ndarray], str] = digests.of_tensor) -> Callable[[], str]:
    """An array's digest, to be asked for later: that of a large one is made beside what else is to be done."""
    if array.nbytes >= _LARGE:
        return beside.start(of, array)
    digest = of(array)
    return lambda: digest


def _plain(value: Any) -> Any:
    """An attribute's value as it is digested: the same before it is written and after it was read."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


# --- reading --------------------------------------------------------------------------------------------------------


def read_tensors(source: Any) -> Group:
    """The tree in an HDF5 file: a path, bytes, or a file that can seek. All of it is read, and nothing else.

    Checked before anything is allocated: sizes against the file's, dtypes, filters; links to elsewhere, virtual and external
    data, and groups within themselves are refused. Checked afterwards: the digests, if the file has them.

    Raises ModelFileError if the file is not as it should be.
    """
    if isinstance(source, (bytes, bytearray)):
        return _Reader(source, io.BytesIO(source)).read()
    if hasattr(source, "read"):
        return _Reader(source, source).read()
    with open_regular(source) as file:
        return _Reader(source, file).read()


def check_tensors(source: Any, again: BinaryIO | None = None) -> None:
    """Raise ModelFileError if an HDF5 file is not as it should be. `source`: a path, or a file that can seek, with the same
    file opened `again`. Nothing of it is kept: tensors are looked at in passing, in a thread, where the file has digests."""
    if again is not None:
        _Reader(source, source, again).read()
        return
    with open_regular(source) as file, open_regular(source) as again:
        _Reader(source, file, again).read()


class _Reader:
    """The reading of one file, or its check if it is given twice."""

    def __init__(self, source: Any, file: BinaryIO, again: BinaryIO | None = None):
        self._source, self._file, self._again = source, file, again
        self._size = file.seek(0, io.SEEK_END)
        self._stored = 0  # bytes of data so far, as the file says
        self._unpacked = 0
        self._memory = _Memory(self._size)
        self._seen: set[int] = set()
        self._lines: list[tuple[str, Any]] = []
        self._digests: list[tuple[str, str, Callable[[], str]]] = []  # of tensors: (path, as it is in the file, as found)

    def _refuse(self, problem: str) -> ModelFileError:
        return refuse(self._source, problem)

    def read(self) -> Group:
        try:
            self._texts = Texts(self._file, self._size)
            self._file.seek(0)
            with h5py.File(self._file, "r") as root, Beside() as self._beside:
                self._seen.add(h5py.h5o.get_info(root.id).addr)
                found = self._group(root, "", 0)
                for path, said, digest in self._digests:
                    if digest() != said:
                        raise self._refuse(f"is damaged: the tensor {path!r} is not the one that was written.")
        except ModelFileError:
            raise
        except _H5_ERRORS as error:
            raise self._refuse(f"is not an HDF5 file, is cut off or is damaged: {error}.") from None
        digest = found.attributes.pop(digests.WHOLE, None)
        written_here = digest is not None or any(value for name, value in self._lines if "@" not in name)
        if written_here and digest != digests.of_contents(self._lines):
            raise self._refuse("is damaged: its names, attributes or tensors are not those that were written.")
        return found

    def _group(self, group: Any, path: str, depth: int) -> Group:
        if depth > DEEPEST:
            raise self._refuse(f"has groups within groups, more than {DEEPEST} deep.")
        found = Group(attributes=self._attributes(group, path))
        self._lines.extend((f"{path}@{name}", _plain(value)) for name, value in found.attributes.items()
                           if path or name != digests.WHOLE)
        for key in group.id:
            name = key.decode("utf-8")
            below = f"{path}/{name}"
            if group.id.links.get_info(key).type != h5py.h5l.TYPE_HARD:
                raise self._refuse(f"has a link in the place of {below!r}.")
            kind = h5py.h5o.get_info(group.id, key)
            if kind.addr in self._seen:
                raise self._refuse(f"has one object in two places, the second of them {below!r}.")
            self._seen.add(kind.addr)
            if kind.type == h5py.h5o.TYPE_GROUP:
                self._lines.append((below, None))
                found[name] = self._group(h5py.Group(h5py.h5g.open(group.id, key)), below, depth + 1)
            elif kind.type == h5py.h5o.TYPE_DATASET:
                found[name] = self._tensor(group, key, below)
            else:
                raise self._refuse(f"has neither a group nor a tensor at {below!r}.")
        return found

    def _tensor(self, group: Any, key: bytes, path: str) -> Any:
        dataset = h5py.Dataset(h5py.h5d.open(group.id, key))
        attributes = self._attributes(dataset, path)
        dtype = self._dtype(dataset, attributes, path)
        self._check_storage(dataset, dtype, path)
        digest, of = attributes.get(digests.TENSOR), digests.of_tensor
        if digest is None:
            digest, of = attributes.get(digests.OLDER_TENSOR), digests.of_tensor_before
        self._lines.append((path, digest))
        place = dataset.id.get_offset() if dataset.dtype == dtype or dtype.name in _NAMED else None
        if self._again is not None and digest is not None and of is digests.of_tensor and place is not None:
            # It lies in the file as it would in memory.
            found = self._beside.start(digests.of_tensor_in_file, self._again, place, dtype, dataset.shape)
            self._digests.append((path, digest, found))
            return None
        array = self._memory.array(dataset.shape, dataset.dtype)
        if array.size:
            dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
        array = array.view(dtype) if dtype.name in _NAMED else array.astype(dtype, copy=False)
        array.flags.writeable = False  # so that variables may take it as it is
        if digest is not None:
            self._digests.append((path, digest, _digest(array, self._beside, of)))
        return array if self._again is None else None

    def _dtype(self, dataset: Any, attributes: Mapping[str, Any], path: str) -> np.dtype:
        found = dataset.dtype
        named = attributes.get("dtype")
        if found.kind == "V" and found.names is None and isinstance(named, str) and named in _NAMED and (
                found.itemsize == _NAMED[named].itemsize and found.subdtype is None):
            return _NAMED[named]
        if found.name not in _DTYPES or found.metadata and "enum" not in found.metadata:
            raise self._refuse(f"has at {path!r} data of dtype {found}, which is no tensor.")
        return found.newbyteorder("=")

    def _check_storage(self, dataset: Any, dtype: np.dtype, path: str) -> None:
        """Sizes, before any of the data is read."""
        if dataset.shape is None:
            raise self._refuse(f"has no data at {path!r}.")
        said = math.prod(dataset.shape) * dtype.itemsize
        plan = dataset.id.get_create_plist()
        layout = plan.get_layout()
        if layout == h5py.h5d.VIRTUAL or plan.get_external_count():
            raise self._refuse(f"keeps the data of {path!r} in other files.")
        filters = [plan.get_filter(i) for i in range(plan.get_nfilters())]
        kinds = [found[0] for found in filters]
        known = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
        if not known.issuperset(kinds) or len(set(kinds)) < len(kinds):
            raise self._refuse(f"has at {path!r} data with filters that are not read: {[found[3] for found in filters]}.")
        if said and not filters:
            self._stored += said
        self._unpacked += said
        if self._stored > self._size or self._unpacked > FREE_BYTES + MOST_EXPANSION * self._size:
            raise self._refuse(f"says that {path!r} has the shape {dataset.shape} of {dtype}: more than its {self._size} bytes "
                               "can hold.")
        if not said:
            return
        if layout == h5py.h5d.CHUNKED:
            self._check_chunks(dataset, dtype, kinds, path)
        elif layout == h5py.h5d.CONTIGUOUS:
            start = dataset.id.get_offset()
            if start is None or start + said > self._size:
                raise self._refuse(f"is cut off: the data of {path!r} are not all there.")

    def _check_chunks(self, dataset: Any, dtype: np.dtype, filters: list[int], path: str) -> None:
        chunk = math.prod(dataset.chunks) * dtype.itemsize
        needed = math.prod(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks))
        if chunk > FREE_BYTES + MOST_EXPANSION * self._size:
            raise self._refuse(f"says that {path!r} has chunks of {chunk} bytes: more than its {self._size} bytes can hold.")
        if dataset.id.get_num_chunks() != needed:
            raise self._refuse(f"is cut off: the data of {path!r} are not all there.")
        for i in range(needed):
            stored = dataset.id.get_chunk_info(i)
            if stored.byte_offset is None or stored.byte_offset + stored.size > self._size:
                raise self._refuse(f"is cut off: the data of {path!r} are not all there.")
            if h5py.h5z.FILTER_DEFLATE in filters and not stored.filter_mask:
                # HDF5 would unpack whatever there is.
                _, packed = dataset.id.read_direct_chunk(stored.chunk_offset)
                if len(zlib.decompressobj().decompress(packed, chunk + 5)) > chunk + 4:  # 4 bytes may be a checksum
                    raise self._refuse(f"has a chunk of {path!r} that unpacks to more than it says: a decompression bomb.")

    def _attributes(self, owner: Any, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        texts: dict[str, list[str]] | None = None
        names: list[bytes] = []
        h5py.h5a.iterate(owner.id, lambda name, *_: names.append(name))
        for raw in names:
            try:
                name = raw.decode("utf-8")
            except UnicodeDecodeError:
                raise self._refuse(f"has an attribute, {raw!r} of {path or '/'!r}, whose name is no text.") from None
            attribute = h5py.h5a.open(owner.id, raw)
            dtype, shape = attribute.dtype, attribute.shape
            string = h5py.check_string_dtype(dtype)
            if shape is None or string is None and dtype.name not in _DTYPES:
                raise self._refuse(f"has an attribute, {name!r} of {path or '/'!r}, that is neither text nor numbers.")
            count = math.prod(shape)
            if string is None or string.length is not None:
                if count * dtype.itemsize > self._size:
                    raise self._refuse(f"has an attribute, {name!r} of {path or '/'!r}, that is too large.")
                array = np.empty(shape, dtype)
                attribute.read(array)
                value = array if shape else array[()]
                found[name] = _text(value) if string is not None else value
                continue
            if texts is None:
                texts = self._texts.of(h5py.h5o.get_info(owner.id).addr)
            if name not in texts or len(texts[name]) != count:
                raise self._refuse(f"is damaged, or has an attribute in a form that is not read, {name!r} of {path or '/'!r}.")
            found[name] = texts[name] if shape else texts[name][0]
        return found


class _Memory:
    """Where tensors are read into: they begin where XLA wants arrays to begin, which takes such a one as it is, and others as
    copies. Several of middle size share a stretch that is large enough for the system to give it in large pages."""

    def __init__(self, size: int):
        self._left = size  # how much may be wanted
        self._stretch = np.empty(0, np.uint8)

    def array(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """A new array."""
        size = math.prod(shape) * dtype.itemsize
        if not _SMALL <= size < _STRETCH // 2:
            return self._cut(np.empty(size + _ALIGNMENT, np.uint8), size)[0].view(dtype).reshape(shape)
        if size + _ALIGNMENT > len(self._stretch):
            self._stretch = np.empty(max(size + _ALIGNMENT, min(self._left, _STRETCH)), np.uint8)
        found, self._stretch = self._cut(self._stretch, size)
        self._left -= size + _ALIGNMENT
        return found.view(dtype).reshape(shape)

    @staticmethod
    def _cut(memory: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        start = -memory.ctypes.data % _ALIGNMENT
        return memory[start:start + size], memory[start + size:]


# What h5py raises for files that are not as they should be.
_H5_ERRORS = (zlib.error, OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, AttributeError,
              NotImplementedError)


def _text(value: Any) -> Any:
    """Strings of an attribute as `str`, or as lists of it."""
    if isinstance(value, np.ndarray):
        return [_text(v) for v in value]
    return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
