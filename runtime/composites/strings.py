"""`tf.strings`: functions of string tensors, which live on the host.

XLA has no strings: inside `@function` these take strings that are known while tracing. Strings are bytes; text is UTF-8.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.runtime.composites.fingerprint import farmhash64, joined, siphash64
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import EagerTensor, Tensor, from_numpy


def host_strings(value: Any, what: str = "input") -> np.ndarray:
    """The bytes objects of a string tensor, or of what becomes one, as an array of objects.

    Raises UnimplementedError for a string that is not known before the program runs.
    """
    tensor = convert_to_tensor(value)
    if not tensor.dtype.is_string:
        raise errors.DtypeError(f"`{what}` is a tensor of strings. Received: a tensor of dtype {tensor.dtype.name}.")
    if not isinstance(tensor, EagerTensor):
        raise errors.UnimplementedError(
            f"Strings are worked on before a compiled program runs: XLA has none. Received: {tensor!r}. Map the function over "
            "the data set (`dataset.map`), or call it outside of `@tf.function`.", see="strings")
    return np.asarray(tensor._array, object)


def string_tensor(array: Any) -> EagerTensor:
    """An array of bytes objects as a string tensor."""
    return from_numpy(np.asarray(array, object), dtypes.string)


def _each(function: Callable[[bytes], Any], array: np.ndarray, dtype: Any = object) -> np.ndarray:
    """`function` of each string."""
    result = np.empty(array.shape, dtype)
    result.reshape(-1)[:] = [function(s) for s in array.reshape(-1)]
    return result


def _text(encoding: str, change_text: Callable[[str], str], change_bytes: Callable[[bytes], bytes]) -> Callable:
    """One of two functions, by the argument `encoding`."""
    if encoding not in ("", "utf-8"):
        raise errors.InvalidArgumentError(f"`encoding` is '' (bytes) or 'utf-8'. Received: {encoding!r}.")
    return (lambda s: change_text(s.decode()).encode()) if encoding else change_bytes


def lower(input: Any, encoding: str = "", name: str | None = None) -> Tensor:
    """Small letters; those of ASCII unless `encoding="utf-8"`.

    >>> import treadle as tf
    >>> tf.strings.lower(["A b", "C"]).numpy().tolist()
    [b'a b', b'c']
    """
    return string_tensor(_each(_text(encoding, str.lower, bytes.lower), host_strings(input)))


def upper(input: Any, encoding: str = "", name: str | None = None) -> Tensor:
    """Capital letters; those of ASCII unless `encoding="utf-8"`."""
    return string_tensor(_each(_text(encoding, str.upper, bytes.upper), host_strings(input)))


def strip(input: Any, name: str | None = None) -> Tensor:
    """Without white space at both ends.

    >>> import treadle as tf
    >>> tf.strings.strip("  a b ").numpy()
    b'a b'
    """
    return string_tensor(_each(bytes.strip, host_strings(input)))


def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """How many bytes, or characters (`unit="UTF8_CHAR"`), each string has: int32.

    >>> import treadle as tf
    >>> tf.strings.length(["a", "née"], unit="UTF8_CHAR").numpy().tolist()
    [1, 3]
    """
    count = {"BYTE": len, "UTF8_CHAR": lambda s: len(s.decode("utf-8", "replace"))}.get(unit)
    if count is None:
        raise errors.InvalidArgumentError(f"`unit` is 'BYTE' or 'UTF8_CHAR'. Received: {unit!r}.")
    return from_numpy(_each(count, host_strings(input), np.int32), dtypes.int32)


def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """`len` bytes or characters from `pos` on, which counts from the end where negative.

    Raises InvalidArgumentError where `pos` lies outside a string.

    >>> import treadle as tf
    >>> tf.strings.substr(["Hello", "World"], 1, 3).numpy().tolist()
    [b'ell', b'orl']
    """
    if unit not in ("BYTE", "UTF8_CHAR"):
        raise errors.InvalidArgumentError(f"`unit` is 'BYTE' or 'UTF8_CHAR'. Received: {unit!r}.")

    strings, starts, counts = np.broadcast_arrays(host_strings(input), np.asarray(pos), np.asarray(len))
    result = np.empty(strings.shape, object)
    result.reshape(-1)[:] = [_part(*each, unit) for each in zip(strings.ravel(), starts.ravel(), counts.ravel())]
    return string_tensor(result)


def _part(s: bytes, at: int, count: int, unit: str) -> bytes:
    whole: Any = s if unit == "BYTE" else s.decode("utf-8", "replace")
    if not -len(whole) <= at <= len(whole):
        raise errors.InvalidArgumentError(f"`pos` lies outside the string. Received: pos={at} for {s!r}.")
    found = whole[at % len(whole) if at < 0 else at:][:max(count, 0)]
    return found if unit == "BYTE" else found.encode()


def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Tensor:
    """The parts of each string between separators: [...] -> [..., parts].

    Args:
        sep: default: runs of white space, and none at the ends.
        maxsplit: how many splits there are at most; -1: any number.

    Strings of a tensor of rank 1 or more must have equally many parts, since there are no ragged tensors.

    >>> import treadle as tf
    >>> tf.strings.split("the cat  sat").numpy().tolist()
    [b'the', b'cat', b'sat']
    """
    between = None if sep is None else host_strings(sep, "sep").item() or None
    return _rows(_each(lambda s: s.split(between, maxsplit), host_strings(input)), "split")


def unicode_split(input: Any, input_encoding: str = "UTF-8", errors: str = "replace", replacement_char: int = 65533,
                  name: str | None = None) -> Tensor:
    """The characters of each string: [...] -> [..., characters].

    >>> import treadle as tf
    >>> tf.strings.unicode_split("née", "UTF-8").numpy().tolist()
    [b'n', b'\\xc3\\xa9', b'e']
    """
    return _rows(_each(lambda s: characters(s, input_encoding, errors), host_strings(input)), "unicode_split")


def characters(string: bytes, encoding: str = "UTF-8", on_error: str = "replace") -> list[bytes]:
    """The characters of one string."""
    return [c.encode() for c in string.decode(encoding, on_error)]


def _rows(parts: np.ndarray, what: str) -> Tensor:
    """An array of lists as a tensor with one axis more."""
    lists = list(parts.reshape(-1))
    sizes = {len(p) for p in lists}
    if len(sizes) > 1:
        raise errors.UnimplementedError(
            f"`tf.strings.{what}` gives rows of one length, as there are no ragged tensors. Received: strings with "
            f"{min(sizes)} to {max(sizes)} parts. Split one string at a time (`dataset.map` before `batch`), and pad with "
            "`padded_batch`.", see="strings")
    result = np.empty((*parts.shape, sizes.pop() if sizes else 0), object)
    result.reshape(-1)[:] = [p for row in lists for p in row]
    return string_tensor(result)


def join(inputs: Sequence[Any], separator: str = "", name: str | None = None) -> Tensor:
    """The strings of several tensors one after the other, element by element; scalars go with every element.

    >>> import treadle as tf
    >>> tf.strings.join([["a", "b"], "c"], separator="-").numpy().tolist()
    [b'a-c', b'b-c']
    """
    between = host_strings(separator, "separator").item()
    arrays = [host_strings(x, "inputs") for x in inputs]
    shapes = {a.shape for a in arrays if a.ndim}
    if len(shapes) > 1:
        raise errors.InvalidArgumentError(
            f"The tensors to join have one shape, or are scalars. Received: shapes {[a.shape for a in arrays]}.")
    arrays = list(np.broadcast_arrays(*arrays))
    result = np.empty(arrays[0].shape, object)
    result.reshape(-1)[:] = [between.join(each) for each in zip(*(a.ravel() for a in arrays))]
    return string_tensor(result)


def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: str | None = None) -> Tensor:
    """The strings along axes (default: all) one after the other.

    >>> import treadle as tf
    >>> tf.strings.reduce_join([["a", "b"], ["c", "d"]], axis=1, separator=" ").numpy().tolist()
    [b'a b', b'c d']
    """
    array, between = host_strings(inputs, "inputs"), host_strings(separator, "separator").item()
    axes = list(range(array.ndim)) if axis is None else [int(a) % array.ndim for a in np.atleast_1d(axis)]
    kept = [a for a in range(array.ndim) if a not in axes]
    moved = array.transpose(kept + axes).reshape([array.shape[a] for a in kept] + [-1])
    result = np.empty(moved.shape[:-1], object)
    result.reshape(-1)[:] = [between.join(row) for row in moved.reshape(-1, moved.shape[-1])]
    return string_tensor(np.expand_dims(result, sorted(axes)) if keepdims else result)


@functools.lru_cache(maxsize=256)
def _pattern(pattern: bytes) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise errors.InvalidArgumentError(f"The regular expression is malformed: {error}. Received: {pattern!r}.") from None


def regex_replace(input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: str | None = None) -> Tensor:
    """The matches of a regular expression replaced: all of them, or the first. `\\\\1` in `rewrite` is the first group.

    >>> import treadle as tf
    >>> tf.strings.regex_replace("a <b>bold</b> word", "<[^>]+>", "").numpy()
    b'a bold word'
    """
    found = _pattern(host_strings(pattern, "pattern").item())
    new = re.sub(rb"\\0", rb"\\g<0>", host_strings(rewrite, "rewrite").item())
    return string_tensor(_each(lambda s: found.sub(new, s, count=0 if replace_global else 1), host_strings(input)))


def regex_full_match(input: Any, pattern: Any, name: str | None = None) -> Tensor:
    """Whether a regular expression matches the whole of each string: bool."""
    found = _pattern(host_strings(pattern, "pattern").item())
    return from_numpy(_each(lambda s: found.fullmatch(s) is not None, host_strings(input), np.bool_), dtypes.bool_)


def to_number(input: Any, out_type: Any = dtypes.float32, name: str | None = None) -> Tensor:
    """The numbers that strings spell.

    >>> import treadle as tf
    >>> tf.strings.to_number(["1.5", "2"]).numpy().tolist()
    [1.5, 2.0]
    """
    dtype = dtypes.as_dtype(out_type)
    if dtype not in (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64):
        raise errors.DtypeError(f"`out_type` is float32, float64, int32 or int64. Received: {dtype.name}.")

    def number(s: bytes) -> Any:
        try:
            return int(s) if dtype.is_integer else float(s)
        except ValueError:
            raise errors.InvalidArgumentError(f"A string spells no {dtype.name}. Received: {s!r}.") from None
    return from_numpy(_each(number, host_strings(input), dtype.numpy), dtype)


def as_string(input: Any, name: str | None = None) -> Tensor:
    """Integers and bools as strings, as TensorFlow spells them.

    >>> import treadle as tf
    >>> tf.strings.as_string([3, -1]).numpy().tolist()
    [b'3', b'-1']
    """
    tensor = convert_to_tensor(input)
    if tensor.dtype.is_string:
        return tensor
    if not isinstance(tensor, EagerTensor):
        raise errors.UnimplementedError(
            f"`as_string` needs values, which a compiled program has only when it runs. Received: {tensor!r}.", see="strings")
    if tensor.dtype.is_bool:
        return string_tensor(_each(lambda v: b"true" if v else b"false", np.asarray(tensor)))
    form = "%d" if tensor.dtype.is_integer else "%f"
    return string_tensor(_each(lambda v: (form % v).encode(), np.asarray(tensor)))


def to_hash_bucket_fast(input: Any, num_buckets: int, name: str | None = None) -> Tensor:
    """FarmHash fingerprint modulo `num_buckets`: int64. The same on all machines, and in TensorFlow.

    >>> import treadle as tf
    >>> tf.strings.to_hash_bucket_fast(["Hello", "TensorFlow", "2.x"], 3).numpy().tolist()
    [0, 2, 2]
    """
    return _bucket(host_strings(input), farmhash64, num_buckets)


def to_hash_bucket_strong(input: Any, num_buckets: int, key: Sequence[int], name: str | None = None) -> Tensor:
    """SipHash under a key of two integers, modulo `num_buckets`: int64.

    >>> import treadle as tf
    >>> tf.strings.to_hash_bucket_strong(["Hello", "TF"], 3, [1, 2]).numpy().tolist()
    [2, 0]
    """
    k0, k1 = (int(k) for k in key)
    return _bucket(host_strings(input), lambda strings: siphash64(strings, (k0, k1)), num_buckets)


def _bucket(array: np.ndarray, function: Callable[[list[bytes]], np.ndarray], count: int) -> Tensor:
    if count < 1:
        raise errors.InvalidArgumentError(f"`num_buckets` is 1 or more. Received: {count}.")
    hashes = function(list(array.reshape(-1))) % np.uint64(count)
    return from_numpy(hashes.astype(np.int64).reshape(array.shape), dtypes.int64)


def cross_hashed(inputs: Sequence[Any], num_buckets: int, hash_key: int = 0xDECAFCAFFE, name: str | None = None) -> Tensor:
    """One hash of several features together, modulo `num_buckets`: int64, the numbers of TensorFlow's `sparse.cross_hashed`.

    Args:
        inputs: tensors of strings or integers, of one shape.

    >>> import treadle as tf
    >>> tf.strings.cross_hashed([["A", "B"], tf.constant([101, 101])], 5).numpy().tolist()
    [1, 4]
    """
    arrays = []
    for value in inputs:
        tensor = convert_to_tensor(value)
        if tensor.dtype.is_integer and isinstance(tensor, EagerTensor):
            arrays.append(np.asarray(tensor).astype(np.int64).astype(np.uint64))
        else:
            strings = host_strings(tensor, "inputs")
            arrays.append(farmhash64(list(strings.reshape(-1))).reshape(strings.shape))
    hashes = np.asarray(functools.reduce(joined, arrays, np.full(arrays[0].shape, hash_key, np.uint64)))
    return from_numpy((hashes % np.uint64(num_buckets)).astype(np.int64), dtypes.int64)


def ngrams(data: Any, ngram_width: Any, separator: str = " ", name: str | None = None) -> Tensor:
    """Runs of neighbours along the last axis, joined: those of each width in turn.

    >>> import treadle as tf
    >>> tf.strings.ngrams(["a", "b", "c"], 2).numpy().tolist()
    [b'a b', b'b c']
    """
    widths = [ngram_width] if isinstance(ngram_width, int) else list(ngram_width)
    between = host_strings(separator, "separator").item()
    array = host_strings(data, "data")
    parts = np.empty(array.shape[:-1], object)
    parts.reshape(-1)[:] = [neighbours(list(row), widths, between) for row in array.reshape(-1, array.shape[-1])]
    return _rows(parts, "ngrams")


def neighbours(tokens: list[bytes], widths: Sequence[int], separator: bytes = b" ") -> list[bytes]:
    """The n-grams of a list, for each width in turn."""
    return [separator.join(tokens[i:i + n]) for n in widths for i in range(len(tokens) - n + 1)]


errors.shield(globals())
