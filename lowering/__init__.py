"""From a graph to JAX and XLA."""
