"""Derivatives of the ops that hold graphs: one file an op."""
