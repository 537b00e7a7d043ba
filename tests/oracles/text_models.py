"""Models with preprocessing layers, for real Keras on TensorFlow and for treadle: what they learn is in the files they make."""

import numpy as np

TEXTS = np.array([["a b"], ["c d"]])
COLUMNS = [np.array([["x"], ["q"]]), np.array([[5], [6]]), np.array([[1.0, 2.0], [4.0, 9.0]], np.float32)]
TABLE = {"a": np.array([1.0, 2.0, 5.0]), "w": np.array(["x", "y", "x"]), "n": np.array([1, 1, 2]),
         "r": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 2.0, 3.0])}


def text(keras):
    layer = keras.layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    layer.adapt(["a b", "b c", "c ü"])
    return keras.Sequential([keras.Input((1,), dtype="string"), layer])


def columns(keras):
    layers = keras.layers
    word, number, real = (keras.Input((size,), dtype=dtype) for size, dtype in ((1, "string"), (1, "int64"), (2, "float32")))
    words, numbers = layers.StringLookup(output_mode="one_hot"), layers.IntegerLookup(output_mode="multi_hot")
    mean, bins = layers.Normalization(), layers.Discretization(num_bins=3, output_mode="multi_hot")
    words.adapt(["x", "y"])
    numbers.adapt([5, 5, 6])
    mean.adapt(np.array([[1.0, 2.0], [3.0, 6.0]], np.float32))
    bins.adapt(np.arange(12.0).reshape(6, 2))
    return keras.Model([word, number, real], [
        words(word), numbers(number), mean(real), bins(real), layers.Hashing(5, output_mode="one_hot", salt=3)(word),
        layers.Rescaling(0.5)(real), layers.CategoryEncoding(7, "count")(number)])


def space(keras):
    found = keras.utils.FeatureSpace(
        {"a": "float_normalized", "w": "string_categorical", "n": "integer_categorical", "r": "float",
         "b": "float_discretized"}, crosses=[("w", "n")], crossing_dim=4, num_discretization_bins=3)
    found.adapt(TABLE)
    return found


MODELS = {"text": (text, TEXTS), "columns": (columns, COLUMNS), "space": (space, TABLE)}


def outputs(model, inputs, as_tensor):
    """The model's outputs for inputs made tensors, as lists."""
    if isinstance(inputs, dict):
        found = model(inputs)
    else:
        found = model([as_tensor(x) for x in inputs] if isinstance(inputs, list) else as_tensor(inputs))
    return [np.asarray(x).tolist() for x in (found if isinstance(found, (list, tuple)) else [found])]
