"""Training: batches of the user's data, the loop, callbacks."""
