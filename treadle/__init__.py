"""treadle: a graph-tracing compiler for training code."""
