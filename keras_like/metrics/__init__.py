"""Metrics: numbers that add up over batches. `base.py` keeps their state; the others hold the formulas."""
