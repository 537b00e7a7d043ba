"""Records what real tf.data makes of the pipelines in `data_cases.py`, for `tests/test_data.py`.

    python tests/oracles/make_data.py        # with a Python that has TensorFlow
"""

import json
import pathlib

import tensorflow as tf
from data_cases import CASES
from data_record import record

if __name__ == "__main__":
    results = {name: record(make(tf)) for name, make in CASES.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in results.items())
    path = pathlib.Path(__file__).with_name("data.json")
    path.write_text("{\n" + lines + "\n}\n")
    print(f"{len(results)} cases of TensorFlow {tf.__version__} in {path}")
