"""Losses: how far predictions are from the truth. `base.py` reduces values per example to one; the others hold the formulas."""
