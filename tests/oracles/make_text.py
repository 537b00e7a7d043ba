"""Record what real Keras gives for `text_cases.py` and `feature_space_cases.py`, and write the files of `text_models.py`:
python tests/oracles/make_text.py (needs tensorflow)."""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"

import feature_space_cases
import keras
import tensorflow as tf
import text_cases
import text_models

if __name__ == "__main__":
    recorded = {name: text_cases.run(tf, name) for name in text_cases.CASES}
    spaces = {name: feature_space_cases.run(keras, name) for name in feature_space_cases.CASES}
    models = {}
    for name, (make, inputs) in text_models.MODELS.items():
        model = make(keras)
        models[name] = text_models.outputs(model, inputs, tf.constant)
        model.save(Path(__file__).with_name(f"text_{name}.keras"))
    found = {"tensorflow": tf.__version__, "keras": keras.__version__, "cases": recorded, "feature_spaces": spaces,
             "models": models}
    Path(__file__).with_name("text.json").write_text(json.dumps(found) + "\n")
