"""A variational autoencoder: two layers made of layers, a loss that a layer adds, a training step by hand, eager and compiled.

It learns the 1,797 small digits that come with treadle, and then draws digits of its own.
"""

import argparse
import time

import numpy as np

import treadle as tf
from treadle import keras
from treadle.keras import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="train a few epochs only")
options = parser.parse_args()


class Encoder(layers.Layer):
    """An image to a point in the latent space: a mean, a log-variance, and a draw from that normal distribution."""

    def __init__(self, latent):
        super().__init__()
        self.hidden, self.mean, self.log_var = layers.Dense(128, activation="relu"), layers.Dense(latent), layers.Dense(latent)

    def call(self, x):
        h = self.hidden(x)
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
        # How far the distribution is from the standard normal one.
        self.add_loss(-0.5 * tf.reduce_mean(tf.reduce_sum(1 + log_var - mean**2 - tf.exp(log_var), axis=1)) / 64)
        return z


class VAE(keras.Model):
    """Encodes and decodes."""

    def __init__(self, pixels=64, latent=6):
        super().__init__()
        self.encoder = Encoder(latent)
        self.decoder = keras.Sequential([layers.Dense(128, activation="relu"), layers.Dense(pixels, activation="sigmoid")])

    def call(self, x):
        return self.decoder(self.encoder(x))


(images, _), _ = keras.datasets.digits.load_data()
images = images.reshape(-1, 64).astype("float32") / 16
data = tf.data.Dataset.from_tensor_slices(images).shuffle(2000, seed=0).batch(64, drop_remainder=True)


def train(way, epochs):
    """Train a new model; returns it and the seconds that an epoch took."""
    tf.random.set_seed(0)
    vae, optimizer, loss_fn = VAE(), keras.optimizers.Adam(3e-3), keras.losses.BinaryCrossentropy()

    def train_step(x):
        with tf.GradientTape() as tape:
            loss = loss_fn(x, vae(x)) + sum(vae.losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, vae.trainable_weights), vae.trainable_weights))
        return loss

    step = tf.function(train_step) if way == "compiled" else train_step
    step(images[:64])  # makes the weights and compiles
    start = time.perf_counter()
    for epoch in range(epochs):
        loss = np.mean([step(x) for x in data])
        if epoch % 10 == 0 or epoch == epochs - 1:
            print(f"{way}, epoch {epoch + 1}: loss {loss:.4f}")
    return vae, (time.perf_counter() - start) / epochs


_, eager = train("eager", 1)
vae, compiled = train("compiled", 4 if options.quick else 60)
print(f"an epoch: {eager:.3f} s eager, {compiled:.3f} s compiled ({eager / compiled:.0f} times faster)")

for row in vae.decoder(tf.random.normal([6, 6])).numpy().reshape(6, 8, 8).transpose(1, 0, 2):
    print("   ".join("".join(" .:*#@"[int(v * 5.99)] * 2 for v in digit) for digit in row))
