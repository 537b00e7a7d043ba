"""Control flow by name: `tf.cond`, `tf.while_loop`, `tf.map_fn` and the like. Eagerly Python runs them; a trace stages them."""
