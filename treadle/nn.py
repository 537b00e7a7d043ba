"""`tf.nn`: functions that neural networks are made of."""

