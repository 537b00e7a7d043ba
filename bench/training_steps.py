"""Is a training step as fast as one written by hand? The MLP, a conv net, an LSTM, a transformer, all with Adam.

`python -m bench.training_steps [NAME ...] [--rounds N]` runs some of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

import treadle as tf
from bench import by_hand
from bench.measure import Table, in_turns
from bench.workloads import RATE, WORKLOADS

# Calls a round, rounds, and the most that treadle may take of the hand-written step's time.
SETTINGS = {"mlp": (50, 41, 0.95), "conv_net": (3, 15, 0.4), "lstm": (5, 21, 0.6), "transformer": (1, 15, 0.5)}


def treadle_step(name: str) -> Callable:
    """The training step as users write it: layers, tape, optimizer."""
    model = WORKLOADS[name].model(tf.keras)
    model.set_weights(WORKLOADS[name].weights())
    optimizer = tf.keras.optimizers.Adam(RATE)
    loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss
    return step


def run(name: str, rounds: int | None = None) -> Table:
    """One model; fails if the two steps do not compute the same losses."""
    calls, usual, target = SETTINGS[name]
    x, y = [jnp.asarray(a) for a in WORKLOADS[name].batches(1)]
    tx, ty = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    step, hand, state = treadle_step(name), by_hand.training_step(name), by_hand.initial_state(name)

    def hand_written():
        nonlocal state
        state, loss = hand(state, x, y)
        return np.asarray(loss)

    def treadle():
        return np.asarray(step(tx, ty))

    for _ in range(3):
        np.testing.assert_allclose(treadle(), hand_written(), rtol=1e-3)
    rows, spread = in_turns({"jax.jit by hand": hand_written, "treadle compiled": treadle}, calls, rounds or usual)
    each = {way: value / 1e3 for way, value in rows.items()}
    return Table(f"One training step: {WORKLOADS[name].title}", "ms a step", each, "jax.jit by hand", f"at most {target}x",
                 spread, peers=["training_steps", name])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, help="rounds of measurement in place of the usual number")
    options = parser.parse_args()
    for name in options.names or WORKLOADS:
        print(run(name, options.rounds), flush=True)


if __name__ == "__main__":
    main()
