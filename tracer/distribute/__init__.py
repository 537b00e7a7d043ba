"""`tf.distribute`: strategies, and a step that several replicas take."""
