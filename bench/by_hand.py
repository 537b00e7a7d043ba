"""The models of bench/workloads.py written by hand for JAX, as people write them: the yardstick.

Parameters are a list in Keras' order; Adam's state are pytrees like it; the whole state is donated. No treadle here: it
is imported alone where memory is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bench.workloads import BETA_1, BETA_2, EPSILON, HEADS, LAYERS, RATE, WIDTH, WORKLOADS


def mlp(w: list, x: Any) -> Any:
    x = jax.nn.relu(x @ w[0] + w[1])
    x = jax.nn.relu(x @ w[2] + w[3])
    return x @ w[4] + w[5]


def _conv(x: Any, kernel: Any, bias: Any) -> Any:
    return jax.nn.relu(lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias)


def _pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def conv_net(w: list, x: Any) -> Any:
    x = _pool(_conv(_conv(x, w[0], w[1]), w[2], w[3]))
    x = _pool(_conv(_conv(x, w[4], w[5]), w[6], w[7]))
    return x.reshape(len(x), -1) @ w[8] + w[9]


def lstm(w: list, x: Any) -> Any:
    kernel, recurrent, bias = w[:3]

    def cell(carry: Any, z: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((len(x), recurrent.shape[0]))
    (h, _), _ = lax.scan(cell, (zeros, zeros), jnp.swapaxes(x @ kernel + bias, 0, 1))
    return h @ w[3] + w[4]


def _normalized(x: Any, scale: Any, offset: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-3) * scale + offset


def _attention(x: Any, q: Any, bq: Any, k: Any, bk: Any, v: Any, bv: Any, out: Any, bo: Any) -> Any:
    """Causal self-attention with heads in an axis of the kernels."""
    project = partial(jnp.einsum, "btd,dhk->bthk", x)
    query, key, value = project(q) + bq, project(k) + bk, project(v) + bv
    scores = jnp.einsum("bqhk,bshk->bhqs", query, key) / jnp.sqrt(WIDTH // HEADS)
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -1e9)
    return jnp.einsum("bqhk,hkd->bqd", jnp.einsum("bhqs,bshk->bqhk", jax.nn.softmax(scores), value), out) + bo


def transformer(w: list, tokens: Any) -> Any:
    weights = iter(w)
    x = next(weights)[tokens]
    for _ in range(LAYERS):
        y = _normalized(x, next(weights), next(weights))
        x = x + _attention(y, *[next(weights) for _ in range(8)])
        y = _normalized(x, next(weights), next(weights))
        y = jax.nn.gelu(y @ next(weights) + next(weights), approximate=False)
        x = x + y @ next(weights) + next(weights)
    return _normalized(x, next(weights), next(weights)) @ next(weights) + next(weights)


FORWARD: dict[str, Callable] = {"mlp": mlp, "conv_net": conv_net, "lstm": lstm, "transformer": transformer}


def initial_state(name: str) -> dict:
    """Weights, Adam's two moments, the number of steps."""
    weights = [jnp.asarray(w) for w in WORKLOADS[name].weights()]
    return {"weights": weights, "m": jax.tree.map(jnp.zeros_like, weights), "v": jax.tree.map(jnp.zeros_like, weights),
            "step": jnp.float32(0.0)}


def training_step(name: str) -> Callable:
    """step(state, x, y) -> (state, loss): softmax cross-entropy and Adam, compiled; it takes the state over."""
    forward = FORWARD[name]

    def loss_of(weights: list, x: Any, y: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(weights, x)), y[..., None], axis=-1))

    @partial(jax.jit, donate_argnums=0)
    def step(state: dict, x: Any, y: Any) -> tuple[dict, Any]:
        loss, gradients = jax.value_and_grad(loss_of)(state["weights"], x, y)
        count = state["step"] + 1.0
        rate = RATE * jnp.sqrt(1.0 - BETA_2**count) / (1.0 - BETA_1**count)
        m = jax.tree.map(lambda m, g: m + (g - m) * (1.0 - BETA_1), state["m"], gradients)
        v = jax.tree.map(lambda v, g: v + (g * g - v) * (1.0 - BETA_2), state["v"], gradients)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), state["weights"], m, v)
        return {"weights": weights, "m": m, "v": v, "step": count}, loss
    return step
