"""Cases of `keras.utils.FeatureSpace`, for real Keras on TensorFlow and for treadle: `run(keras, name)`."""

import numpy as np

DATA = {
    "a_float": [0.0, 1.5, -2.0, 4.0, 3.0, 7.5], "b_float": [10.0, 20.0, 35.0, 40.0, 55.0, 60.0],
    "word": ["red", "blue", "red", "green", "blue", "red"], "number": [3, 7, 7, 1, 3, 7],
}
ONE = {"a_float": 1.0, "b_float": 33.0, "word": "blue", "number": 9}
ALL = {"a_float": "float", "b_float": "float_normalized", "word": "string_categorical", "number": "integer_categorical"}


def space(features, **config):
    def case(keras):
        made = features(keras.utils.FeatureSpace) if callable(features) else features
        layer = keras.utils.FeatureSpace(made, **{k: v(keras.utils.FeatureSpace) if callable(v) else v
                                                  for k, v in config.items()})
        layer.adapt({k: np.array(v) for k, v in DATA.items()})
        return [layer({k: np.array(DATA[k]) for k in made}), layer({k: ONE[k] for k in made})]
    return case


CASES = {
    "all": space(ALL), "dict": space(ALL, output_mode="dict"),
    "crosses": space(ALL, crosses=[("word", "number"), ("number", "word")], crossing_dim=8),
    "cross_int": space(ALL, crosses=lambda s: [s.cross(("word", "number"), 16, output_mode="int")], output_mode="dict"),
    "hashed": space({"word": "string_hashed", "number": "integer_hashed"}, hashing_dim=5),
    "discretized": space({"a_float": "float_discretized", "b_float": "float_rescaled"}, num_discretization_bins=3),
    "own": space(lambda s: {"a_float": s.float_rescaled(0.5, 1.0), "b_float": s.float_discretized(4),
                            "word": s.string_categorical(max_tokens=3, num_oov_indices=1),
                            "number": s.integer_categorical(num_oov_indices=2)}),
    "ints": space(lambda s: {"word": s.string_categorical(output_mode="int"), "number": s.integer_hashed(7, output_mode="int")},
                  output_mode="dict"),
}


def plain(value):
    """A result as lists, a dictionary as pairs in the order of its names."""
    if isinstance(value, dict):
        return [[key, plain(value[key])] for key in sorted(value)]
    array = np.asarray(value)
    return [plain(v) for v in array] if array.ndim else float(f"{array.item():.7g}")


def run(keras, name):
    """The case's results as plain values."""
    return [plain(r) for r in CASES[name](keras)]
