"""A platform's override takes the place of an op's own lowering, eagerly and compiled."""

from __future__ import annotations

import jax
import numpy as np

import treadle as tf
from treadle.lowering.overrides import OVERRIDES


def test_an_override_is_used_on_its_platform_only(monkeypatch):
    here = jax.default_backend()
    other = next(p for p in OVERRIDES if p != here)
    x = tf.constant(np.full(7, 0.25, np.float32))  # a shape no other test compiles softsign for
    monkeypatch.setitem(OVERRIDES[other], "softsign", lambda xp, x: x * 0 + 2)
    np.testing.assert_allclose(tf.nn.softsign(x).numpy(), 0.2)
    monkeypatch.setitem(OVERRIDES[here], "softsign", lambda xp, x: x * 0 + 3)
    np.testing.assert_allclose(tf.function(lambda x: tf.nn.softsign(x))(x).numpy(), 3.0)
    np.testing.assert_allclose(tf.nn.softsign(tf.constant(np.full(9, 0.25, np.float32))).numpy(), 3.0)
