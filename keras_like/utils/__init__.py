"""`keras.utils`: helpers around data, images and boxes."""
