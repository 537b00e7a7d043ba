"""`treadle.data`: input pipelines."""

from treadle.keras_like.data import (
    AUTOTUNE,
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Dataset,
    DatasetSpec,
    Iterator,
    NumpyIterator,
    Options,
    TextLineDataset,
    experimental,
)

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "DatasetSpec", "Iterator", "NumpyIterator",
    "Options", "TextLineDataset", "experimental",
]
