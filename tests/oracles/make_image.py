"""Record what real TensorFlow gives for the cases of `image_cases.py`: python tests/oracles/make_image.py"""

import json
from pathlib import Path

import image_cases
import numpy as np
import tensorflow as tf


def listed(array):
    return None if array is None else {"dtype": array.dtype.name, "shape": list(array.shape),
                                       "values": [float(f"{v:.6g}") for v in array.astype(np.float64).ravel()]}


if __name__ == "__main__":
    recorded = {}
    for name in image_cases.CASES:
        results, gradients = image_cases.run(tf, name)
        recorded[name] = {"results": [listed(r) for r in results], "gradients": [listed(g) for g in gradients]}
    Path(__file__).with_name("image.json").write_text(json.dumps({"tensorflow": tf.__version__, "cases": recorded}) + "\n")
