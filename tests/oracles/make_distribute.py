"""Record what TensorFlow gives for the cases of `distribute_cases.py`: python tests/oracles/make_distribute.py"""

import json
import pathlib

import numpy as np
import tensorflow as tf
from distribute_cases import CASES


def record(case, strategy):
    try:
        return [np.asarray(v).tolist() for v in tf.nest.flatten(case(tf, strategy))]
    except (ValueError, tf.errors.InvalidArgumentError):
        return "ValueError"


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    lines = [f"{json.dumps(name)}: {json.dumps(record(case, strategy))}" for name, case in CASES.items()]
    pathlib.Path(__file__).with_name("distribute.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
