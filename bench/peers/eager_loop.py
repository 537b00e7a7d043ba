"""The undecorated MNIST loop (MLP 784-256-256-10, Adam, accuracy, batch 64) in Keras on TensorFlow, and in torch."""

import json

import numpy as np

from bench.peers.timing import median_us

found = {}
rng = np.random.default_rng(0)
x, y = rng.uniform(size=(64, 784)).astype(np.float32), rng.integers(0, 10, 64)
try:
    import keras
    import tensorflow as tf
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((784,)), dense(256, "relu"), dense(256, "relu"), dense(10)])
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer, accuracy = keras.optimizers.Adam(1e-3), keras.metrics.SparseCategoricalAccuracy()

    def with_tensorflow():
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_of(y, logits)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        accuracy.update_state(y, logits)
        return loss.numpy()
    if keras.backend.backend() == "tensorflow":
        found[f"Keras {keras.__version__} on TensorFlow {tf.__version__}, eager"] = median_us(with_tensorflow, 20)
except ImportError:
    pass
try:
    import torch
    net = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(),
                              torch.nn.Linear(256, 10))
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    right = 0

    def with_torch():
        global right
        adam.zero_grad()
        classes = torch.from_numpy(y)
        logits = net(torch.from_numpy(x))
        loss = torch.nn.functional.cross_entropy(logits, classes)
        loss.backward()
        adam.step()
        right += (logits.argmax(-1) == classes).sum()
        return loss.item()
    found[f"torch {torch.__version__}, eager"] = median_us(with_torch, 100)
except ImportError:
    pass
print(json.dumps(found))
