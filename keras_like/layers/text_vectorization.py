"""`TextVectorization`: text to rows of integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.descriptions import as_config
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.category_encoding import MODES, check_mode, refuse_sparse
from treadle.keras_like.layers.data_layer import HostLayer, batches_of
from treadle.keras_like.layers.index_lookup import listed
from treadle.keras_like.layers.string_lookup import StringLookup

_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")


class TextVectorization(HostLayer):
    """Text to integers: it is standardized, split into tokens, made into n-grams, and each gets its index in a vocabulary.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included. Default: no limit.
        standardize: "lower_and_strip_punctuation" (default), "lower", "strip_punctuation", None, or a function of a string
            tensor (`tf.strings`).
        split: "whitespace" (default), "character", None (inputs are tokens: [batch, tokens]), or a function of a string
            tensor of rank 1 that returns rows of tokens, or of one string that returns its tokens.
        ngrams: n: runs of up to n tokens; a tuple: runs of these lengths. Default: tokens alone.
        output_mode: "int" (default): [batch] -> int64 [batch, tokens], short rows padded with 0; "multi_hot", "count",
            "tf_idf": [batch] -> [batch, vocabulary], as in `StringLookup`.
        output_sequence_length: for "int": the length that all rows are cut or padded to. Default: that of the longest.
        pad_to_max_tokens: encoded rows have `max_tokens` places. Default False.
        vocabulary: a list of tokens, or the name of a text file with one in each line. Default: `adapt` learns it.
        idf_weights: for "tf_idf", with `vocabulary`.
        sparse, ragged: not offered.
        encoding: of the text. Default "utf-8".

    In the vocabulary 0 is padding (""), and 1 unknown tokens ("[UNK]"). Strings live on the host: map the layer over the data
    set, `dataset.map(lambda text, y: (layer(text), y))`, or call it before training.

    >>> from treadle import keras
    >>> layer = keras.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> layer(["Foo qux, bar!", "qux baz"]).numpy().tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    keeps_sizes = False

    def __init__(self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation",
                 split: Any = "whitespace", ngrams: Any = None, output_mode: str = "int",
                 output_sequence_length: int | None = None, pad_to_max_tokens: bool = False, vocabulary: Any = None,
                 idf_weights: Any = None, sparse: bool = False, ragged: bool = False, encoding: str = "utf-8",
                 name: str | None = None, has_input_vocabulary: bool | None = None, vocabulary_size: int | None = None,
                 **kwargs: Any):
        super().__init__(name=name, **kwargs)
        refuse_sparse(self, sparse=sparse, ragged=ragged)
        mode = check_mode(output_mode, ("int", *MODES, "tf_idf"))
        ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        wrong = (
            f"`standardize` is one of {', '.join(_STANDARDIZE)}, None or a function" if not (
                standardize is None or standardize in _STANDARDIZE or callable(standardize)) else
            "`split` is 'whitespace', 'character', None or a function" if not (
                split in (None, "whitespace", "character") or callable(split)) else
            "`ngrams` is an integer or a tuple of them" if not (
                ngrams is None or isinstance(ngrams, int) or isinstance(ngrams, tuple)
                and all(isinstance(n, int) for n in ngrams)) else
            "`output_sequence_length` is an integer, and goes with output_mode='int'" if not (
                output_sequence_length is None or mode == "int" and isinstance(output_sequence_length, int)) else None)
        if wrong:
            raise tf.errors.InvalidArgumentError(
                f"{wrong}. Received: standardize={standardize!r}, split={split!r}, ngrams={ngrams!r}, output_mode="
                f"{output_mode!r}, output_sequence_length={output_sequence_length!r}.")
        self.standardize, self.split, self.ngrams, self.output_mode = standardize, split, ngrams, mode
        self.output_sequence_length, self.encoding = output_sequence_length, encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, pad_to_max_tokens=pad_to_max_tokens,
            mask_token="", output_mode=mode, has_input_vocabulary=has_input_vocabulary, encoding=encoding,
            vocabulary_size=vocabulary_size, name=f"{self.name}_lookup")

    # --- text to tokens ---

    def _standardized(self, array: np.ndarray) -> np.ndarray:
        if callable(self.standardize):
            return _strings(_of_tensor_or_text(self.standardize, array))
        lower = self.standardize in ("lower", "lower_and_strip_punctuation")
        unwanted = _PUNCTUATION if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation") else b""
        if self.standardize is None:
            return array
        result = np.empty(array.shape, object)
        result.reshape(-1)[:] = [(s.lower() if lower else s).translate(None, unwanted) for s in array.reshape(-1)]
        return result

    def _rows(self, array: np.ndarray) -> list[list[bytes]]:
        """The tokens of each text in an array of rank 1, or of each row where texts are tokens already."""
        array = self._standardized(_strings(array))
        if self.split is None:
            rows = array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1).tolist()
        else:
            if array.ndim > 1 and array.shape[-1] != 1:
                raise tf.errors.InvalidArgumentError(
                    f"Texts to split are a tensor of rank 1, or of a last axis of size 1. Received: shape {array.shape}.")
            texts = array.reshape(-1)
            if self.split == "whitespace":
                rows = [s.split() for s in texts]
            elif self.split == "character":
                rows = [[c.encode() for c in s.decode("utf-8", "replace")] for s in texts]
            else:
                rows = _split(self.split, texts)
        if self.ngrams is None:
            return rows
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [[b" ".join(row[i:i + n]) for n in widths for i in range(len(row) - n + 1)] for row in rows]

    def on_host(self, *arrays: np.ndarray) -> np.ndarray:
        array, = arrays
        if array.dtype != object:
            raise tf.errors.DtypeError(f"The layer {self.name!r} takes text. Received: an array of dtype {array.dtype}.")
        rows = [self._lookup_layer.indices(row) for row in self._rows(array)]
        if self.output_mode == "one_hot":
            result = np.stack([self._lookup_layer.on_host(_tokens(row)) for row in self._rows(array)])
        elif self.output_mode != "int":
            result = self._lookup_layer.encoded_rows(rows)
        else:
            length = self.output_sequence_length
            length = max(map(len, rows), default=0) if length is None else length
            result = np.zeros((len(rows), length), np.int64)
            for into, row in zip(result, rows):
                into[:len(row)] = row[:length]
        return result.reshape(self._leading(array.shape) + result.shape[1:])

    def _leading(self, shape: Any) -> tuple:
        """The axes of the inputs that the outputs have too."""
        if self.split is None:
            return tuple(shape[:-1] if len(shape) > 1 else shape)
        return tuple(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape)

    # --- the vocabulary ---

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens of the texts by how often they are there; of equally frequent ones the last in the
        alphabet comes first.

        Args:
            data: a list or array of texts, or batches of such: a data set or generator.
            steps: how many batches to take. Default: all.
        """
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of more texts."""
        self._lookup_layer.count_rows(map(_tokens, self._rows(np.asarray(tf.convert_to_tensor(data)))))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens by index; with `include_special_tokens` (default) padding and the unknown token are among them."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many indices there are, those of special tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens, a list or the name of a text file, in place of `adapt`; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # --- shapes, configuration, files ---

    @property
    def compute_dtype(self) -> str:
        return "string"

    @property
    def variable_dtype(self) -> str:
        return "string"

    @property
    def output_dtype(self) -> str:
        return self._lookup_layer.output_dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        leading = self._leading(tuple(input_shape))
        if self.output_mode == "int":
            return (*leading, self.output_sequence_length)
        return (*leading, *((None,) if self.output_mode == "one_hot" else ()), self._lookup_layer.depth)

    def get_config(self) -> dict[str, Any]:
        lookup = self._lookup_layer
        return Layer.get_config(self) | {
            "max_tokens": lookup.max_tokens, "standardize": as_config(self.standardize), "split": as_config(self.split),
            "ngrams": self.ngrams, "output_mode": self.output_mode, "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens, "sparse": False, "ragged": False,
            "vocabulary": listed(lookup.input_vocabulary), "idf_weights": listed(lookup.input_idf_weights),
            "encoding": self.encoding, "vocabulary_size": self.vocabulary_size()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if isinstance(config.get("vocabulary"), str):
            raise tf.errors.InvalidArgumentError(
                f"A configuration names no file to read a vocabulary from. Received: vocabulary={config['vocabulary']!r}. Call "
                "`set_vocabulary(file)` yourself.")
        return super().from_config(config)

    def save_own_variables(self, store: Any) -> None:
        """Put what must be saved into a dictionary of arrays."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Take what was saved."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write those files into a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read those files from a folder."""
        self._lookup_layer.load_assets(dir_path)


def _tokens(row: list[bytes]) -> np.ndarray:
    return np.array(row, object)


def _strings(value: Any) -> np.ndarray:
    """Text as an array of bytes objects."""
    return np.asarray(tf.convert_to_tensor(value))


def _of_tensor_or_text(function: Callable[[Any], Any], array: np.ndarray) -> Any:
    """A user's function of strings: of a string tensor, or where it wants NumPy's text (`np.char`), of that."""
    try:
        return function(tf.constant(array))
    except TypeError as error:
        if isinstance(error, tf.errors.OpError):
            raise
        return function(np.array([s.decode("utf-8", "replace") for s in array.reshape(-1)]).reshape(array.shape))


def _split(function: Callable[[Any], Any], texts: np.ndarray) -> list[list[bytes]]:
    """A user's function that splits all texts at once, or where their rows differ in length, each by itself."""
    try:
        rows: Any = _of_tensor_or_text(function, texts)
    except tf.errors.UnimplementedError:
        rows = [_of_tensor_or_text(function, _tokens([text])[0]) if len(texts) else [] for text in texts]
    return [_strings(list(row) if isinstance(row, tuple) else row).reshape(-1).tolist() for row in _iterated(rows)]


def _iterated(rows: Any) -> Any:
    return np.asarray(rows) if isinstance(rows, tf.Tensor) else rows
