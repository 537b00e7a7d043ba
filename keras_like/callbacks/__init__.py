"""Callbacks: what happens between the steps of training."""
