"""Record what TensorFlow gives for the cases of `functional_cases.py`: python tests/oracles/make_functional.py"""

import json
import pathlib

import tensorflow as tf
from functional_cases import CASES

KINDS = (NotImplementedError, IndexError, TypeError, ValueError)


def kind(error):
    """The Python class that both libraries' errors can be caught as."""
    if isinstance(error, tf.errors.OutOfRangeError):
        return "IndexError"
    if isinstance(error, tf.errors.InvalidArgumentError):
        return "ValueError"
    return next((k.__name__ for k in KINDS if isinstance(error, k)), type(error).__name__)


def record(case):
    try:
        result = case(tf)
    except Exception as error:
        return kind(error)
    return [[t.dtype.name, t.numpy().tolist()] for t in map(tf.convert_to_tensor, tf.nest.flatten(result))]


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(record(case))}" for name, case in CASES.items()]
    pathlib.Path(__file__).with_name("functional.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
