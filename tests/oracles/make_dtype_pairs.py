"""Records what TensorFlow makes of pairs of operands: run with a Python that has tensorflow, from the repository root.

    python tests/oracles/make_dtype_pairs.py > tests/oracles/dtype_pairs.json
"""

import json
import operator
import sys

import numpy as np

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
          "complex64", "complex128"]
OPERATORS = {"+": operator.add, "<": operator.lt, "==": operator.eq}


def operands(tensor):
    """Every kind of operand, by name; `tensor(value, dtype)` makes a tensor."""
    found = {"True": True, "1": 1, "2**40": 2**40, "-1": -1, "1.5": 1.5, "1j": 1j, "[1]": [1], "[1.5]": [1.5], "[True]": [True]}
    for dtype in DTYPES:
        found[f"np.{dtype}"] = np.dtype(dtype).type(1)
        found[f"array({dtype})"] = np.array([1], dtype)
        found[f"tensor({dtype})"] = tensor([1], dtype)
    return found


def table(tensor):
    """The dtype of each `a op b` with at least one tensor, or "error"."""
    rows, every = {}, operands(tensor)
    for sign, function in OPERATORS.items():
        for left, a in every.items():
            for right, b in every.items():
                if "tensor" in left or "tensor" in right:
                    try:
                        result = function(a, b)
                        rows[f"{left} {sign} {right}"] = result.dtype.name
                    except Exception:
                        rows[f"{left} {sign} {right}"] = "error"
    return rows


if __name__ == "__main__":
    import tensorflow as tf

    json.dump(table(lambda value, dtype: tf.cast(tf.constant(value), dtype)), sys.stdout, indent=0)
