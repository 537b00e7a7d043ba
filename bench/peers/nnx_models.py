"""The models of bench/workloads.py in flax nnx, and their training step."""

import jax.numpy as jnp
import optax
from flax import nnx

from bench.workloads import HEADS, LAYERS, RATE, VOCABULARY, WIDTH


class Mlp(nnx.Module):
    def __init__(self, rngs):
        self.first, self.second = nnx.Linear(784, 256, rngs=rngs), nnx.Linear(256, 256, rngs=rngs)
        self.third = nnx.Linear(256, 10, rngs=rngs)

    def __call__(self, x):
        return self.third(nnx.relu(self.second(nnx.relu(self.first(x)))))


class ConvNet(nnx.Module):
    def __init__(self, rngs):
        self.a, self.b = nnx.Conv(3, 32, (3, 3), rngs=rngs), nnx.Conv(32, 32, (3, 3), rngs=rngs)
        self.c, self.d = nnx.Conv(32, 64, (3, 3), rngs=rngs), nnx.Conv(64, 64, (3, 3), rngs=rngs)
        self.dense = nnx.Linear(4096, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.max_pool(nnx.relu(self.b(nnx.relu(self.a(x)))), (2, 2), (2, 2))
        x = nnx.max_pool(nnx.relu(self.d(nnx.relu(self.c(x)))), (2, 2), (2, 2))
        return self.dense(x.reshape(len(x), -1))


class Lstm(nnx.Module):
    def __init__(self, rngs):
        self.cells, self.dense = nnx.RNN(nnx.OptimizedLSTMCell(64, 128, rngs=rngs)), nnx.Linear(128, 10, rngs=rngs)

    def __call__(self, x):
        return self.dense(self.cells(x)[:, -1])


class Block(nnx.Module):
    def __init__(self, rngs):
        self.before, self.between = [nnx.LayerNorm(WIDTH, epsilon=1e-3, rngs=rngs) for _ in range(2)]
        self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
        self.widen, self.narrow = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs), nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)

    def __call__(self, x, mask):
        x = x + self.attention(self.before(x), mask=mask)
        return x + self.narrow(nnx.gelu(self.widen(self.between(x)), approximate=False))


class Transformer(nnx.Module):
    def __init__(self, rngs):
        self.embedding = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.blocks = nnx.List([Block(rngs) for _ in range(LAYERS)])
        self.last = nnx.LayerNorm(WIDTH, epsilon=1e-3, rngs=rngs)
        self.dense = nnx.Linear(WIDTH, VOCABULARY, rngs=rngs)

    def __call__(self, tokens):
        x, mask = self.embedding(tokens), nnx.make_causal_mask(tokens)
        for block in self.blocks:
            x = block(x, mask)
        return self.dense(self.last(x))


MODELS = {"mlp": Mlp, "conv_net": ConvNet, "lstm": Lstm, "transformer": Transformer}


def training_step(name, jit=True):
    """step(x, y) -> loss, logits: cross-entropy and optax' Adam under nnx.jit, or op by op."""
    model = MODELS[name](nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(RATE), wrt=nnx.Param)

    def update(model, optimizer, x, y):
        def loss_of(model):
            logits = model(x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), logits
        (loss, logits), gradients = nnx.value_and_grad(loss_of, has_aux=True)(model)
        optimizer.update(model, gradients)
        return loss, logits
    compiled = nnx.jit(update) if jit else update
    return lambda x, y: compiled(model, optimizer, jnp.asarray(x), jnp.asarray(y))
