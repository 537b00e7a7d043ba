"""Things that exist: tensors, variables, the tape, eager execution."""
