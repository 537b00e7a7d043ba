"""A data set's elements, spec and cardinality as JSON, the same for tf.data and for treadle."""

import numpy as np


def record(dataset):
    return {"elements": [element(e) for e in dataset.as_numpy_iterator()] if not nested(dataset.element_spec)
            else [[element(e) for e in window.as_numpy_iterator()] for window in dataset],
            "spec": spec(dataset.element_spec), "cardinality": int(dataset.cardinality())}


def nested(found):
    return type(found).__name__ == "DatasetSpec"


def element(value):
    if isinstance(value, dict):
        return {"dict": [[key, element(part)] for key, part in value.items()]}
    if isinstance(value, tuple):
        return {type(value).__name__: [element(part) for part in value]}
    if value is None:
        return None
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        return {"string": np.vectorize(bytes.decode, otypes=[object])(array).tolist(), "shape": list(array.shape)}
    return {array.dtype.name: array.tolist(), "shape": list(array.shape)}


def spec(value):
    if isinstance(value, dict):
        return {"dict": [[key, spec(part)] for key, part in value.items()]}
    if isinstance(value, tuple):
        return {type(value).__name__: [spec(part) for part in value]}
    if nested(value):
        return {"dataset": spec(value.element_spec)}
    if not hasattr(value, "dtype"):
        return type(value).__name__
    return [value.dtype.name, None if value.shape.rank is None else value.shape.as_list()]
