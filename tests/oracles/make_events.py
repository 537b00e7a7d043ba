"""Makes events.json: TensorBoard events as TensorFlow serializes them, and a record file that TensorFlow wrote.

    python tests/oracles/make_events.py        (with TensorFlow 2.21)
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

V1 = tf.compat.v1


def event(wall_time, step=0, version=None, value=None):
    found = V1.Event(wall_time=wall_time, step=step)
    if version:
        found.file_version = version
    if value is not None:
        found.summary.value.append(value)
    return found.SerializeToString(deterministic=True)


def value(tag, plugin, kind, tensor, content=b""):
    found = V1.Summary.Value(tag=tag, tensor=tensor)
    found.metadata.plugin_data.plugin_name = plugin
    found.metadata.plugin_data.content = content
    found.metadata.data_class = kind
    return found


def tensor(dtype, shape, content=None, strings=()):
    found = tensor_pb2.TensorProto(dtype=dtype)
    found.tensor_shape.SetInParent()
    for size in shape:
        found.tensor_shape.dim.add(size=size)
    if content is not None:
        found.tensor_content = content
    found.string_val.extend(strings)
    return found


ROWS = np.array([[-1.0, 0.0, 2.0], [0.0, 1.0, 3.0]])
EVENTS = {
    "version": event(1700000000.25, version="brain.Event:2"),
    "scalar": event(1700000001.5, 7, value=value("epoch_loss", "scalars", 1, tensor(1, (), np.float32(0.1).tobytes()))),
    "histogram": event(1700000001.5, 300, value=value("kernel/histogram", "histograms", 2, tensor(2, (2, 3), ROWS.tobytes()))),
    "graph": event(1700000001.5, 0, value=value("keras", "graph_keras_model", 0, tensor(7, (), strings=['{"a": "é"}'.encode()]),
                                                b"1")),
    "long tag": event(1700000001.5, 2**40, value=value("w" * 300, "scalars", 1, tensor(1, (), np.float32(-2).tobytes()))),
}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records")
        with tf.io.TFRecordWriter(str(path)) as writer:
            for one in EVENTS.values():
                writer.write(one)
        found = {"events": {name: one.hex() for name, one in EVENTS.items()}, "file": path.read_bytes().hex()}
    Path(__file__).with_name("events.json").write_text(json.dumps(found, indent=1) + "\n")
