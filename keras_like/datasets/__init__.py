"""Data sets: `digits` ships inside the package; the others are kept in the Keras cache folder and downloaded once."""
