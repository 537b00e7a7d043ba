"""`treadle run`: scripts written for TensorFlow 2, as they are."""
