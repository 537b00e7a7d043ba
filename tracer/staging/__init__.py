"""Staging: blocks of Python code are run once on symbolic tensors and become the nested graphs of `cond`, `while`, `scan`."""
