"""`keras.preprocessing` of `tf.keras` 2: images changed by NumPy, one by one, and pairs of words."""
