"""`keras.ops`: NumPy-like functions of tensors that mix dtypes by Keras' rules. One family a file; `tf.*` does the work."""
