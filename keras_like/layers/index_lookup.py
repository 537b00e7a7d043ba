"""What `StringLookup` and `IntegerLookup` share: a vocabulary, given or learned, and how its indices are encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.layers.category_encoding import MODES, check_mode, encoded_shape, refuse_sparse
from treadle.keras_like.layers.data_layer import Edition, HostLayer, batches_of
from treadle.keras_like.layers.hashing import as_salt

# The index of what counts for nothing: the mask token where rows are encoded.
NOWHERE = np.iinfo(np.int64).max


class IndexLookup(HostLayer):
    """Tokens to indices: the mask token's (0, for "int" only), those of unknown tokens, then the vocabulary's."""

    vocabulary_dtype = "string"

    def __init__(self, max_tokens: int | None, num_oov_indices: int, mask_token: Any, oov_token: Any, vocabulary: Any = None,
                 idf_weights: Any = None, invert: bool = False, output_mode: str = "int", sparse: bool = False,
                 pad_to_max_tokens: bool = False, oov_method: str = "floormod", salt: Any = None, name: str | None = None,
                 has_input_vocabulary: bool | None = None, vocabulary_size: int | None = None, trainable: bool = True,
                 dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, trainable=trainable, **kwargs)
        refuse_sparse(self, sparse=sparse)
        self.output_mode = check_mode(output_mode, ("int", *MODES, "tf_idf"))
        wrong = (
            "`max_tokens` is 2 or more" if max_tokens is not None and max_tokens <= 1 else
            "`pad_to_max_tokens` needs `max_tokens`" if pad_to_max_tokens and max_tokens is None else
            "`num_oov_indices` is 0 or more" if num_oov_indices < 0 else
            "`oov_method` is 'floormod' or 'farmhash'" if oov_method not in ("floormod", "farmhash") else
            "`salt` goes with oov_method='farmhash'" if salt is not None and self._is_numeric and oov_method != "farmhash" else
            "`invert` goes with output_mode='int'" if invert and self.output_mode != "int" else
            "`idf_weights` go with output_mode='tf_idf'" if idf_weights is not None and self.output_mode != "tf_idf" else
            "With output_mode='tf_idf' a `vocabulary` comes with `idf_weights`" if (
                self.output_mode == "tf_idf" and vocabulary is not None and idf_weights is None) else None)
        if wrong:
            raise tf.errors.InvalidArgumentError(
                f"{wrong}. Received: max_tokens={max_tokens}, num_oov_indices={num_oov_indices}, oov_method={oov_method!r}, "
                f"salt={salt}, invert={invert}, output_mode={output_mode!r}, pad_to_max_tokens={pad_to_max_tokens}.")
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token, self.invert, self.sparse = mask_token, oov_token, invert, False
        self.pad_to_max_tokens, self.oov_method, self.salt = pad_to_max_tokens, oov_method, as_salt(salt)
        # A vocabulary that came as a file's name belongs to the files saved with a model, not to its configuration.
        self.input_vocabulary = None if isinstance(vocabulary, str) else vocabulary
        self.input_idf_weights = idf_weights
        self._fixed = vocabulary is not None if has_input_vocabulary is None else has_input_vocabulary
        self._known_size = vocabulary_size
        self._tokens: list[Any] = []
        self._idf: np.ndarray | None = None
        self._edition = Edition()
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # --- what subclasses say ---

    @property
    def _is_numeric(self) -> bool:
        return self.vocabulary_dtype != "string"

    def _as_tokens(self, values: Any) -> list[Any]:
        """An array of tokens as a list of what the vocabulary holds: bytes objects or ints."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `_as_tokens`.")

    def _shown(self, token: Any) -> Any:
        """A token as users see it."""
        return token

    def _changed(self) -> None:
        """Another vocabulary is there: make what the lookup needs."""

    # --- the vocabulary ---

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    @property
    def _specials(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens by index.

        Args:
            include_special_tokens: whether the mask token and those of unknown tokens are among them. Default True.
        """
        specials = self._specials if include_special_tokens else []
        return [*specials, *map(self._shown, self._tokens)]

    def vocabulary_size(self) -> int:
        """How many indices there are, those of special tokens included."""
        return self._token_start + len(self._tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens in place of `adapt`.

        Args:
            vocabulary: a list, array or tensor of tokens, or the name of a text file with one in each line. Special tokens may
                come first; otherwise they are added.
            idf_weights: for output_mode="tf_idf": a weight for each token.
        """
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise tf.errors.InvalidArgumentError(
                f"`idf_weights` are given for output_mode='tf_idf', and only there. Received: output_mode={self.output_mode!r}"
                f", idf_weights={idf_weights}.")
        if isinstance(vocabulary, str):
            vocabulary = self._of_file(vocabulary)
        given = self._as_tokens(vocabulary)
        if not given:
            raise tf.errors.InvalidArgumentError(f"A vocabulary is not empty. Received: vocabulary={vocabulary!r}.")
        start = self._token_start
        named = given[:start] == self._as_tokens(self._specials) if None not in self._specials else False
        tokens = given[start:] if named else given
        repeated = [self._shown(t) for t, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise tf.errors.InvalidArgumentError(f"A vocabulary holds each token once. Received more than once: {repeated}.")
        for token, what in ((self.mask_token, "mask"), (self.oov_token if self.invert else None, "OOV")):
            if token is not None and self._as_tokens([token])[0] in tokens:
                raise tf.errors.InvalidArgumentError(
                    f"The {what} token is among the tokens. Received: {token!r} at another place than the first. Leave special "
                    f"tokens out, or put them first in this order: {self._specials}.")
        if self.max_tokens is not None and start + len(tokens) > self.max_tokens:
            raise tf.errors.InvalidArgumentError(
                f"The vocabulary has {start + len(tokens)} tokens, special ones included. Received: max_tokens="
                f"{self.max_tokens}.")
        self._set(tokens)
        if idf_weights is not None:
            weights = np.asarray(idf_weights, floatx())
            if weights.shape != (len(given),):
                raise tf.errors.InvalidArgumentError(
                    f"There is one of `idf_weights` for each of {len(given)} tokens. Received: shape {weights.shape}.")
            self._set_idf(weights, 0 if named else start)

    def _of_file(self, name: str) -> list[str]:
        if self.output_mode == "tf_idf":
            raise tf.errors.InvalidArgumentError("With output_mode='tf_idf' a vocabulary is a list. Received: a file's name.")
        if not Path(name).is_file():
            raise tf.errors.NotFoundError(f"The vocabulary file does not exist. Received: {name!r}.")
        return Path(name).read_text(encoding="utf-8").split("\n")[:None if Path(name).read_bytes()[-1:] != b"\n" else -1]

    def _set(self, tokens: list[Any]) -> None:
        size = self._token_start + len(tokens)
        if self.output_mode != "int" and not self.pad_to_max_tokens and self._known_size not in (None, size):
            raise tf.errors.FailedPreconditionError(
                f"With output_mode={self.output_mode!r} the vocabulary's size stays as it is, since it is that of the outputs. "
                f"Received: {size} tokens after {self._known_size}. Make a new layer, or pass `pad_to_max_tokens=True`.")
        self._tokens, self._known_size = tokens, size
        self._edition.change()
        self._changed()

    def _set_idf(self, weights: np.ndarray, front: int) -> None:
        """Weights with the mean for the special tokens in front, and zeros for indices that are not used."""
        weights = np.concatenate([np.full(front, weights.mean()), weights])
        if self.pad_to_max_tokens:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))  # type: ignore[operator]
        self._idf = weights.astype(floatx())

    # --- learning it ---

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens of `data` by how often they are there; of equally frequent ones the last in the
        alphabet comes first.

        Args:
            data: a list or array of tokens (or of rows of tokens), or batches of such: a data set or generator.
            steps: how many batches to take. Default: all.
        """
        self.reset_state()
        whole = isinstance(data, (list, tuple, np.ndarray, tf.Tensor))
        for batch in batches_of(data, steps):
            array = np.asarray(tf.convert_to_tensor(batch))
            self.update_state(array.reshape(-1, 1) if whole and array.ndim == 1 else array)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of more data: rows of tokens, or one row."""
        array = np.asarray(tf.convert_to_tensor(data))
        self.count_rows([array.reshape(-1)] if array.ndim < 2 else list(array.reshape(len(array), -1)))

    def count_rows(self, rows: Iterable[Any]) -> None:
        """Count the tokens of documents, each a row."""
        if self._fixed:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} was given its vocabulary, so there is nothing to adapt. Leave `vocabulary` out.")
        for row in rows:
            tokens = self._as_tokens(row)
            self._counts.update(tokens)
            if self.output_mode == "tf_idf":
                self._documents.update(set(tokens))
                self._document_count += 1

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._fixed or not self._counts:
            return
        for token in self._as_tokens([t for t in (self.mask_token, self.oov_token) if t is not None]):
            self._counts.pop(token, None)
        tokens = [t for t, _ in sorted(self._counts.items(), key=lambda item: (item[1], item[0]), reverse=True)]
        tokens = tokens[:None if self.max_tokens is None else self.max_tokens - self._token_start]
        documents, count = self._documents, self._document_count
        self.reset_state()
        self._set(tokens)
        if self.output_mode == "tf_idf":
            known = np.array([documents[t] for t in tokens], np.float64)
            self._set_idf(np.log(1 + count / (1 + known)), self._token_start)

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counts: Counter[Any] = Counter()
        self._documents: Counter[Any] = Counter()
        self._document_count = 0

    # --- shapes and dtypes ---

    @property
    def depth(self) -> int | None:
        """How long encoded rows are. Raises FailedPreconditionError before there is a vocabulary."""
        found = self.max_tokens if self.pad_to_max_tokens else self._known_size
        if found is None:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} has no vocabulary yet, so with output_mode={self.output_mode!r} the size of its "
                "outputs is not known. Pass `vocabulary`, or call `adapt(data)`.")
        return found

    @property
    def compute_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def variable_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def output_dtype(self) -> str:
        return floatx() if self.output_mode != "int" else self.vocabulary_dtype if self.invert else "int64"

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, "count" if self.output_mode == "tf_idf" else self.output_mode, self.depth)

    # --- configuration and files ---

    def get_config(self) -> dict[str, Any]:
        names = ("invert", "max_tokens", "num_oov_indices", "oov_token", "mask_token", "output_mode", "sparse",
                 "pad_to_max_tokens", "oov_method", "salt")
        return Layer.get_config(self) | {name: getattr(self, name) for name in names} | {
            "idf_weights": listed(self.input_idf_weights), "vocabulary": listed(self.input_vocabulary),
            "vocabulary_size": self._known_size}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if isinstance(config.get("vocabulary"), str):
            raise tf.errors.InvalidArgumentError(
                f"A configuration names no file to read a vocabulary from. Received: vocabulary={config['vocabulary']!r}. Call "
                "`set_vocabulary(file)` yourself.")
        return super().from_config(config)

    def save_own_variables(self, store: Any) -> None:
        """Put what must be saved into a dictionary of arrays."""
        if self.output_mode == "tf_idf" and self._idf is not None:
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Any) -> None:
        """Take what was saved."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self._idf = np.asarray(store["idf_weights"], floatx())

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder, if the configuration does not have it."""
        if self.input_vocabulary is None:
            lines = "\n".join(map(str, self.get_vocabulary()))
            (Path(dir_path) / "vocabulary.txt").write_text(lines, encoding="utf-8")

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from there."""
        path = Path(dir_path) / "vocabulary.txt"
        if self.input_vocabulary is not None or not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").split("\n")
        while lines and not lines[-1]:
            lines.pop()
        if len(lines) > len(self._specials):
            tokens = [int(line) for line in lines] if self._is_numeric else lines
            self.set_vocabulary(tokens, self._idf if self.output_mode == "tf_idf" else None)


def listed(value: Any) -> Any:
    """Tokens or weights as a plain list, as configurations hold them."""
    if value is None or isinstance(value, str):
        return value
    values = value.numpy().tolist() if isinstance(value, tf.Tensor) else np.asarray(value).tolist()
    return [v.decode() if isinstance(v, bytes) else v for v in values]
