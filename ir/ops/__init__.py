"""Every op's definition: one block an op, one file a family."""
