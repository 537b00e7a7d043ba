"""`treadle demo`: two real training jobs, eagerly and compiled, beside hand-written `jax.jit`."""
