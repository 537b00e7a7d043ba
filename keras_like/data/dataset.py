"""`Dataset`: a sequence of elements made on the host, to be iterated over as often as wanted."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.data.arranging import Arranging
from treadle.keras_like.data.components import as_array, as_tensors, is_dataset
from treadle.keras_like.data.creation import Creation
from treadle.keras_like.data.functional import Functional
from treadle.keras_like.data.iterator import Iterator, NumpyIterator
from treadle.keras_like.data.node import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Node, RowBatches, Rows, Unary
from treadle.keras_like.data.options import Options
from treadle.keras_like.data.sources import Slices, TextLines
from treadle.keras_like.data.spec import spec_of


class Dataset(Creation, Functional, Arranging):
    """A sequence of elements: tensors, or tuples, named tuples and dictionaries of them.

    A data set is a description; nothing runs until it is iterated over, and each iteration starts again. It is begun
    by `from_tensor_slices`, `range`, `from_generator` and the like, and every transformation returns a new one.

    >>> import treadle as tf
    >>> ds = tf.data.Dataset.from_tensor_slices(([[1.0], [2.0], [3.0]], [0, 1, 0])).shuffle(3).batch(2)
    >>> ds
    <Dataset element_spec=(TensorSpec(shape=(None, 1), dtype=tf.float32, name=None), \
TensorSpec(shape=(None,), dtype=tf.int32, name=None))>
    >>> [x.shape.as_list() for x, y in ds]
    [[2, 1], [1, 1]]
    """

    __slots__ = ()

    def __init__(self, node: Node):
        if not isinstance(node, Node):
            raise tf.errors.DtypeError(
                "A `Dataset` is made by one of its methods, such as `from_tensor_slices` or `from_generator`.")
        self._node = node

    @classmethod
    def _of(cls, node: Node) -> Dataset:
        return Dataset(node)

    @property
    def element_spec(self) -> Any:
        """The `tf.TensorSpec`s of an element, in its structure.

        After `map`, it is found by calling the function on the first element.
        """
        return self._node.spec

    def element_runs(self) -> list[tuple[Any, int]] | None:
        """The elements' specs with all sizes known, as [(spec, how many in a row)]; None if that is not known beforehand.

        >>> import treadle as tf
        >>> tf.data.Dataset.range(5).batch(2).element_runs()
        [(TensorSpec(shape=(2,), dtype=tf.int64, name=None), 2), (TensorSpec(shape=(1,), dtype=tf.int64, name=None), 1)]
        """
        return self._node.runs()

    def example_spec(self) -> Any:
        """The spec of the first element, all its sizes known. No random source is drawn from."""
        with tf.init_scope():
            return spec_of(self._node.example())

    def cardinality(self) -> Any:
        """How many elements, as an int64 scalar; INFINITE_CARDINALITY or UNKNOWN_CARDINALITY where that is the answer.

        >>> import treadle as tf
        >>> ds = tf.data.Dataset.range(5)
        >>> int(ds.cardinality()), ds.repeat().cardinality() == tf.data.INFINITE_CARDINALITY
        (5, <tf.Tensor: shape=(), dtype=bool, numpy=True>)
        """
        return tf.convert_to_tensor(self._node.cardinality(), tf.int64)

    def __len__(self) -> int:
        size = self._node.cardinality()
        if size == INFINITE_CARDINALITY:
            raise tf.errors.DtypeError("The data set is infinite; it has no length.")
        if size == UNKNOWN_CARDINALITY:
            raise tf.errors.DtypeError(
                "The length of the data set is only known after an iteration. Count with `sum(1 for _ in dataset)`.")
        return size

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator:
        return Iterator(self._node)

    def as_numpy_iterator(self) -> NumpyIterator:
        """An iterator over the elements with NumPy arrays in place of tensors. The arrays are read-only.

        >>> import treadle as tf
        >>> for x in tf.data.Dataset.from_tensor_slices([[1, 2], [3, 4]]).as_numpy_iterator():
        ...     print(x)
        [1 2]
        [3 4]
        """
        return NumpyIterator(self._node)

    def get_single_element(self, name: str | None = None) -> Any:
        """The one element; InvalidArgumentError if there are none or several.

        >>> import treadle as tf
        >>> tf.data.Dataset.range(3).batch(3).get_single_element().numpy()
        array([0, 1, 2])
        """
        elements = self._node.elements()
        found = list(zip(range(2), elements))
        if len(found) != 1:
            number = "several" if found else "none"
            raise tf.errors.InvalidArgumentError(
                f"`get_single_element` needs a data set of one element. Received: {number}.")
        return as_tensors(found[0][1])

    def with_options(self, options: Options, name: str | None = None) -> Dataset:
        """The same elements, with `options` noted (see `tf.data.Options`)."""
        if not isinstance(options, Options):
            raise tf.errors.DtypeError(f"`options` must be a `tf.data.Options`. Received: {options!r}.")
        return Dataset(WithOptions(self._node, options))

    def options(self) -> Options:
        """The options noted by `with_options`, the latest of each kind."""
        return _options(self._node)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} element_spec={self.element_spec}>"


class WithOptions(Unary):
    """The same elements, with options noted."""

    def __init__(self, source: Node, options: Options):
        super().__init__(source)
        self.options = Options().merge(options)

    def runs(self) -> Any:
        return self.source.runs()

    def elements(self) -> Any:
        return self.source.elements()

    def rows(self) -> Rows | None:
        return self.source.rows()

    def row_batches(self) -> RowBatches | None:
        return self.source.row_batches()

    def is_cheap(self) -> bool:
        return self.source.is_cheap()


def _options(node: Node) -> Options:
    result = Options()
    for source in node.sources:
        result = result.merge(_options(source))
    return result.merge(node.options) if isinstance(node, WithOptions) else result


class TextLineDataset(Dataset):
    """The lines of text files as string scalars, without their line ends.

    Args:
        filenames: a name, a list of names, or a data set of names.
        compression_type: None, "", "GZIP" or "ZLIB".
        buffer_size, num_parallel_reads: accepted; files are read one after the other.

    >>> import pathlib, tempfile
    >>> import treadle as tf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "poem.txt"
    ...     _ = path.write_text("one\\ntwo\\n")
    ...     list(tf.data.TextLineDataset(str(path)).as_numpy_iterator())
    [b'one', b'two']
    """

    __slots__ = ()

    def __init__(self, filenames: Any, compression_type: str | None = None, buffer_size: Any = None,
                 num_parallel_reads: Any = None, name: str | None = None):
        compression = (compression_type or "").upper()
        if compression not in ("", "GZIP", "ZLIB"):
            raise tf.errors.InvalidArgumentError(
                f"`compression_type` must be None, 'GZIP' or 'ZLIB'. Received: {compression_type!r}.")
        if is_dataset(filenames):
            names = filenames._node
        else:
            if not isinstance(filenames, (list, tuple)):
                filenames = [str(filenames)] if hasattr(filenames, "__fspath__") else filenames
            names = Slices(as_array(tf.convert_to_tensor(filenames, tf.string)).reshape(-1))
        super().__init__(TextLines(names, compression))


def row_batches(dataset: Dataset) -> RowBatches | None:
    """A data set of batches as arrays and the row numbers of each batch; None where that is not what it is."""
    return dataset._node.row_batches()


def slices_in_place(arrays: Any) -> Dataset:
    """`from_tensor_slices` without the copy: nobody may write to the arrays while the data set is in use."""
    return Dataset(Slices(arrays))
