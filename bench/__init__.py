"""Benchmarks: one file a question. `python -m bench` runs all, `python -m bench.linear_regression` one."""
