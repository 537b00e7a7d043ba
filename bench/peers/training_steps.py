"""Milliseconds a training step of a model of bench/workloads.py: tf.function, torch, flax nnx, as the environment has them."""

import importlib.util
import json
import sys

import numpy as np

from bench.peers.timing import median_us
from bench.workloads import HEADS, LAYERS, RATE, VOCABULARY, WIDTH, WORKLOADS

NAME = sys.argv[1]
WORKLOAD = WORKLOADS[NAME]
X, Y = WORKLOAD.batches(1)


def milliseconds(step):
    calls = 50 if NAME == "mlp" else 3
    return median_us(lambda: np.asarray(step()), calls, rounds=7) / 1e3


def with_tensorflow():
    import keras
    import tensorflow as tf
    x, y = tf.constant(X), tf.constant(Y)
    found = {}
    for options in ({}, {"jit_compile": True}):
        model, optimizer = WORKLOAD.model(keras), keras.optimizers.Adam(RATE)
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer.build(model.trainable_variables)

        @tf.function(**options)
        def step(model=model, optimizer=optimizer, loss_of=loss_of):
            with tf.GradientTape() as tape:
                loss = loss_of(y, model(x, training=True))
            optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
            return loss
        try:
            found[f"tf.function{'(jit_compile=True)' if options else ''} ({tf.__version__})"] = milliseconds(step)
        except tf.errors.OpError as error:
            print(f"{NAME} {options}: {str(error)[:200]}", file=sys.stderr)
    return found


def with_torch():
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.between = nn.LayerNorm(WIDTH, 1e-3), nn.LayerNorm(WIDTH, 1e-3)
            self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            heads = [part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.project(self.before(x)).chunk(3, -1)]
            attended = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
            x = x + self.out(attended.transpose(1, 2).flatten(2))
            return x + self.narrow(nn.functional.gelu(self.widen(self.between(x))))

    class Lstm(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.dense = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x):
            return self.dense(self.cells(x)[0][:, -1])

    def conv(a, b):
        return [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]

    models = {
        "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)),
        "conv_net": lambda: nn.Sequential(*conv(3, 32), *conv(32, 32), nn.MaxPool2d(2), *conv(32, 64), *conv(64, 64),
                                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4096, 10)),
        "lstm": Lstm,
        "transformer": lambda: nn.Sequential(nn.Embedding(VOCABULARY, WIDTH), *[Block() for _ in range(LAYERS)],
                                             nn.LayerNorm(WIDTH, 1e-3), nn.Linear(WIDTH, VOCABULARY))}
    x, y = torch.from_numpy(X), torch.from_numpy(Y).long().flatten()
    if NAME == "conv_net":
        x = x.permute(0, 3, 1, 2).contiguous()
    found = {}
    for way, compiled in (("torch eager", lambda f: f), ("torch.compile", torch.compile)):
        model = models[NAME]()
        optimizer = torch.optim.Adam(model.parameters(), RATE)
        forward, update = compiled(model), compiled(optimizer.step)

        def step(optimizer=optimizer, forward=forward, update=update):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(forward(x).flatten(0, -2), y)
            loss.backward()
            update()
            return loss.detach()
        found[f"{way} ({torch.__version__})"] = milliseconds(step)
    return found


def with_nnx():
    import flax
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx
    rngs = nnx.Rngs(0)

    class Mlp(nnx.Module):
        def __init__(self):
            self.first, self.second = nnx.Linear(784, 256, rngs=rngs), nnx.Linear(256, 256, rngs=rngs)
            self.third = nnx.Linear(256, 10, rngs=rngs)

        def __call__(self, x):
            return self.third(nnx.relu(self.second(nnx.relu(self.first(x)))))

    class ConvNet(nnx.Module):
        def __init__(self):
            self.a, self.b = nnx.Conv(3, 32, (3, 3), rngs=rngs), nnx.Conv(32, 32, (3, 3), rngs=rngs)
            self.c, self.d = nnx.Conv(32, 64, (3, 3), rngs=rngs), nnx.Conv(64, 64, (3, 3), rngs=rngs)
            self.dense = nnx.Linear(4096, 10, rngs=rngs)

        def __call__(self, x):
            x = nnx.max_pool(nnx.relu(self.b(nnx.relu(self.a(x)))), (2, 2), (2, 2))
            x = nnx.max_pool(nnx.relu(self.d(nnx.relu(self.c(x)))), (2, 2), (2, 2))
            return self.dense(x.reshape(len(x), -1))

    class Lstm(nnx.Module):
        def __init__(self):
            self.cells, self.dense = nnx.RNN(nnx.OptimizedLSTMCell(64, 128, rngs=rngs)), nnx.Linear(128, 10, rngs=rngs)

        def __call__(self, x):
            return self.dense(self.cells(x)[:, -1])

    class Block(nnx.Module):
        def __init__(self):
            self.before, self.between = [nnx.LayerNorm(WIDTH, epsilon=1e-3, rngs=rngs) for _ in range(2)]
            self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
            self.widen, self.narrow = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs), nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)

        def __call__(self, x, mask):
            x = x + self.attention(self.before(x), mask=mask)
            return x + self.narrow(nnx.gelu(self.widen(self.between(x)), approximate=False))

    class Transformer(nnx.Module):
        def __init__(self):
            self.embedding = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
            self.blocks = nnx.List([Block() for _ in range(LAYERS)])
            self.last = nnx.LayerNorm(WIDTH, epsilon=1e-3, rngs=rngs)
            self.dense = nnx.Linear(WIDTH, VOCABULARY, rngs=rngs)

        def __call__(self, tokens):
            x, mask = self.embedding(tokens), nnx.make_causal_mask(tokens)
            for block in self.blocks:
                x = block(x, mask)
            return self.dense(self.last(x))

    model = {"mlp": Mlp, "conv_net": ConvNet, "lstm": Lstm, "transformer": Transformer}[NAME]()
    optimizer = nnx.Optimizer(model, optax.adam(RATE), wrt=nnx.Param)
    x, y = jnp.asarray(X), jnp.asarray(Y)

    @nnx.jit
    def step(model, optimizer, x, y):
        def loss_of(model):
            return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()
        loss, gradients = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, gradients)
        return loss
    return {f"nnx.jit (flax {flax.__version__}, jax {jax.__version__})": milliseconds(lambda: step(model, optimizer, x, y))}


found = {}
for library, measured in (("tensorflow", with_tensorflow), ("torch", with_torch), ("flax", with_nnx)):
    if importlib.util.find_spec(library):
        found |= measured()
print(json.dumps(found))
