"""`tf.io`: whole files as strings, and what strings of bytes or comma-separated values hold. On the host."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.runtime.composites.strings import host_strings, string_tensor
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor, from_numpy


def _name(filename: Any) -> str:
    found = host_strings(filename, "filename")
    if found.shape:
        raise errors.InvalidArgumentError(f"`filename` is one name, a scalar string. Received: shape {found.shape}.")
    return os.fsdecode(found.item())


def read_file(filename: Any, name: str | None = None) -> Tensor:
    """The bytes of a file as a scalar string.

    Raises NotFoundError if there is none.

    >>> import tempfile, treadle as tf
    >>> path = tempfile.mktemp()
    >>> tf.io.write_file(path, "text")
    >>> tf.io.read_file(path).numpy()
    b'text'
    """
    path = _name(filename)
    try:
        with open(path, "rb") as file:
            return string_tensor(file.read())
    except FileNotFoundError:
        raise errors.NotFoundError(f"There is no such file. Received: {path!r}.") from None


def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write a scalar string to a file; folders on the way to it are made."""
    path, text = _name(filename), host_strings(contents, "contents")
    if text.shape:
        raise errors.InvalidArgumentError(f"`contents` is a scalar string. Received: shape {text.shape}.")
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(text.item())


def matching_files(pattern: Any, name: str | None = None) -> Tensor:
    """The names, sorted, of the files that match a pattern (`*`, `?`, `[...]`), or one of several patterns."""
    patterns = host_strings(pattern, "pattern").reshape(-1)
    found = sorted({path for p in patterns for path in glob.glob(os.fsdecode(p))})
    return string_tensor(np.array([os.fsencode(path) for path in found], object))


def decode_raw(input_bytes: Any, out_type: Any, little_endian: bool = True, fixed_length: int | None = None,
               name: str | None = None) -> Tensor:
    """The numbers whose bytes strings hold: shape `input_bytes.shape + [n]`. The strings must be of one length.

    `fixed_length`: take so many bytes of each string; shorter ones are filled with zeros.

    >>> import treadle as tf
    >>> tf.io.decode_raw("Duck", tf.uint8).numpy()
    array([ 68, 117,  99, 107], dtype=uint8)
    """
    array, dtype = host_strings(input_bytes, "input_bytes"), dtypes.as_dtype(out_type)
    texts = [bytes(text) for text in array.reshape(-1)]
    if fixed_length is not None:
        texts = [text[:fixed_length].ljust(fixed_length, b"\0") for text in texts]
    lengths = {len(text) for text in texts}
    width = np.dtype(dtype.numpy).itemsize
    if len(lengths) > 1 or any(length % width for length in lengths):
        raise errors.InvalidArgumentError(
            f"The strings must have one length, a multiple of {width} ({dtype.name}). Received: lengths {sorted(lengths)}. "
            "Pass `fixed_length`.")
    numbers = np.frombuffer(b"".join(texts), dtype.numpy)
    if not little_endian:
        numbers = numbers.byteswap()
    length = next(iter(lengths), 0) // width
    return from_numpy(numbers.reshape(*array.shape, length).copy(), dtype)


def decode_csv(records: Any, record_defaults: Sequence[Any], field_delim: str = ",", use_quote_delim: bool = True,
               na_value: str = "", select_cols: Sequence[int] | None = None, name: str | None = None) -> list[Tensor]:
    """The columns of lines of comma-separated values (RFC 4180): one tensor of the shape of `records` for each column.

    Args:
        record_defaults: for each column its dtype, or a tensor or value: its dtype is the column's, and the value stands
            where a field is empty. An empty one (`tf.constant([], tf.float32)`) or a dtype: the field must not be empty.
        field_delim: what is between fields. Default ",".
        use_quote_delim: fields may stand in double quotes. Default True.
        na_value: another text that counts as an empty field.
        select_cols: the numbers of the columns wanted, ascending. Default: all.

    Raises InvalidArgumentError for a line with more or fewer fields, a field that is no number, an empty one without default.

    >>> import treadle as tf
    >>> name, number = tf.io.decode_csv(["a,1", "b,"], [tf.string, 7])
    >>> name.numpy().tolist(), number.numpy().tolist()
    ([b'a', b'b'], [1, 7])
    """
    lines = host_strings(records, "records")
    kinds = [_default(default) for default in record_defaults]
    columns: list[list[Any]] = [[] for _ in kinds]
    for number, line in enumerate(lines.reshape(-1)):
        fields = next(csv.reader([line.decode()], delimiter=field_delim,
                                 quoting=csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE)) or [""]
        if select_cols is not None:
            fields = [fields[column] for column in select_cols if column < len(fields)]
        if len(fields) != len(kinds):
            raise errors.InvalidArgumentError(
                f"Expected {len(kinds)} fields in record {number}. Received: {len(fields)} in {line.decode()!r}.")
        for place, (field, (dtype, default)) in enumerate(zip(fields, kinds)):
            columns[place].append(_field(field, dtype, default, field in ("", na_value), place, number))
    tensors: list[Tensor] = []
    for column, (dtype, _) in zip(columns, kinds):
        array = np.empty(len(column), object if dtype.is_string else dtype.numpy)
        array[:] = column
        tensors.append(from_numpy(array.reshape(lines.shape), dtype))
    return tensors


def _default(given: Any) -> tuple[Any, Any]:
    """A column's dtype, and its default or None."""
    if isinstance(given, (dtypes.DType, type)):
        return dtypes.as_dtype(given), None
    tensor = convert_to_tensor(given)
    values = np.asarray(tensor._array, object).reshape(-1)  # type: ignore[attr-defined]
    return tensor.dtype, values[0] if values.size else None


def _field(text: str, dtype: Any, default: Any, empty: bool, place: int, record: int) -> Any:
    if empty:
        if default is None:
            raise errors.InvalidArgumentError(
                f"Field {place} of record {record} is empty, and `record_defaults` has no value for it. Received: {text!r}.")
        return default
    if dtype.is_string:
        return text.encode()
    try:
        return int(text) if dtype.is_integer else float(text)
    except ValueError:
        raise errors.InvalidArgumentError(
            f"Field {place} of record {record} is no {dtype.name}. Received: {text!r}.") from None


errors.shield(globals())
