"""One epoch of `fit` in Keras, on JAX and on TensorFlow (as many as the environment has)."""

import json
import os
import subprocess
import sys

CODE = """
import numpy as np, keras, time, statistics
rng = np.random.default_rng(0)
x, y = rng.uniform(size=(60000, 784)).astype("float32"), rng.integers(0, 10, 60000).astype("int32")
model = keras.Sequential([keras.layers.Dense(256, activation="relu"), keras.layers.Dense(256, activation="relu"),
                          keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
times = []
for _ in range(5):
    start = time.perf_counter()
    model.fit(x, y, batch_size=64, verbose=0)
    times.append(time.perf_counter() - start)
print(keras.__version__, statistics.median(times[1:]) * 1e6)
"""

found = {}
for backend in ("jax", "tensorflow"):
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True,
                          env={**os.environ, "KERAS_BACKEND": backend})
    if done.returncode == 0:
        version, time = done.stdout.split()[-2:]
        found[f"Keras {version} on {backend}, model.fit"] = float(time)
print(json.dumps(found))
