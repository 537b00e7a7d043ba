"""`tf.version`."""

VERSION = "0.1.0"

__all__ = ["VERSION"]
