"""Optimizers: `base` is the engine, every other file a formula; `schedules` are learning rates that change with time."""
