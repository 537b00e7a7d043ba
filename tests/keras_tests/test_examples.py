"""What the code examples of keras.io do, in small: each stands for a program that failed here once."""

import numpy as np

from keras_tests.oracle import close, ours, theirs

rng = np.random.default_rng(0)


def test_ctc_in_a_layer_that_takes_the_labels():
    """The number of labels is open, and the rows of labels and outputs are only known to be as many when there are some."""
    y, x = rng.integers(1, 5, (4, 3)), rng.normal(size=(4, 9, 6)).astype(np.float32)

    def program(k):
        class Endpoint(k.layers.Layer):
            def call(self, labels, logits):
                self.add_loss(k.losses.CTC()(k.ops.cast(labels, "int32"), logits))
                return logits

        labels, logits = k.Input((None,)), k.Input((None, 6))
        model = k.Model([labels, logits], Endpoint()(labels, logits))
        model.compile("sgd")
        return model.evaluate([y, x], verbose=0)

    close(np.float32(program(ours)), np.float32(program(theirs)))
