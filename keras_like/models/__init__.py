"""Models: layers put together - in a row, as a graph of symbolic tensors, or by a subclass's own `call`."""
