"""Input pipelines in the manner of `tf.data`, on the host.

    creation, functional, arranging, dataset   the methods of `Dataset`, and their arguments checked
    sources, mapping, selection, shuffling,    the nodes behind them, which do the work
    batching, background
    order                                      the shuffle and the regrouping of row indices: the fast path
    structure, components, spec                what an element is
"""

from treadle.keras_like.data import experimental
from treadle.keras_like.data.dataset import Dataset, TextLineDataset, row_batches, slices_in_place
from treadle.keras_like.data.iterator import Iterator, NumpyIterator, Optional
from treadle.keras_like.data.node import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, RowBatches
from treadle.keras_like.data.options import Options
from treadle.keras_like.data.spec import DatasetSpec

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "DatasetSpec", "Iterator", "NumpyIterator",
    "Optional", "Options", "RowBatches", "TextLineDataset", "experimental", "row_batches", "slices_in_place",
]
