"""Computations on batches of images that layers and `keras.ops.image` share."""
