"""Files: models, weights, checkpoints, exported programs. docs/files.md says what is promised of them.

`atomic` writes, `archive` (zip) and `tensors` (HDF5) are what all of them are made of.
"""
