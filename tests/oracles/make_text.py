"""Record what TensorFlow and real Keras give for the cases of `text_cases.py`: python tests/oracles/make_text.py."""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf
import text_cases

if __name__ == "__main__":
    recorded = {name: text_cases.run(tf, name) for name in text_cases.CASES}
    Path(__file__).with_name("text.json").write_text(
        json.dumps({"tensorflow": tf.__version__, "keras": keras.__version__, "cases": recorded}) + "\n")
