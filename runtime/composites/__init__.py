"""Functions over ops, in the signatures of TensorFlow 2. They are plain Python: eager, traced and differentiated alike."""
