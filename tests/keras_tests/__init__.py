"""Tests of `treadle.keras` against real Keras (JAX backend)."""
