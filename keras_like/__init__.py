"""Layers, models, data sets: written with the public names only."""
