"""`keras.distribution`: how models are laid out on several devices."""
