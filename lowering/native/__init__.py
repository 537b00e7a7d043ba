"""Kernels in C for CPUs, for what XLA does far below the machine's speed: a few ops, each beside its own rule (`overrides`)."""
