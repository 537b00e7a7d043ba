"""A generative adversarial network whose `train_step` is overridden, trained with `fit`: points on a ring out of noise."""

import argparse

import numpy as np

import treadle as tf
from treadle import keras
from treadle.keras import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="train a few epochs only")
options = parser.parse_args()


class GAN(keras.Model):
    """A generator, and a discriminator that tells its points from real ones; each step trains both."""

    def __init__(self, discriminator, generator, noise):
        super().__init__()
        self.discriminator, self.generator, self.noise = discriminator, generator, noise
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, real):
        if isinstance(real, tuple):
            real = real[0]
        batch = tf.shape(real)[0]
        fake = self.generator(tf.random.normal((batch, self.noise)))
        points = tf.concat([fake, real], axis=0)
        labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(points))
        gradients = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(gradients, self.discriminator.trainable_weights))

        with tf.GradientTape() as tape:  # the generator gains where its points pass for real ones
            answers = self.discriminator(self.generator(tf.random.normal((batch, self.noise))))
            g_loss = self.loss_fn(tf.zeros((batch, 1)), answers)
        gradients = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(gradients, self.generator.trainable_weights))

        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


tf.random.set_seed(0)
rng = np.random.default_rng(0)
angles, radii = rng.uniform(0, 2 * np.pi, 4096), rng.normal(2.0, 0.1, 4096)
ring = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype("float32")

discriminator = keras.Sequential([keras.Input((2,)), layers.Dense(64), layers.LeakyReLU(0.2), layers.Dense(64),
                                  layers.LeakyReLU(0.2), layers.Dense(1)])
generator = keras.Sequential([keras.Input((8,)), layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu"),
                              layers.Dense(2)])
gan = GAN(discriminator, generator, noise=8)
gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5),
            keras.losses.BinaryCrossentropy(from_logits=True))
history = gan.fit(ring, batch_size=128, epochs=5 if options.quick else 120, verbose=2 if options.quick else 0).history
print(f"losses at the end: discriminator {history['d_loss'][-1]:.3f}, generator {history['g_loss'][-1]:.3f}")

made = generator.predict(rng.normal(size=(1000, 8)).astype("float32"), verbose=0)
print(f"radius of the points made: {np.linalg.norm(made, axis=1).mean():.2f} +- {np.linalg.norm(made, axis=1).std():.2f}"
      " (real ones: 2.00 +- 0.10)")
grid = np.histogram2d(made[:, 1], made[:, 0], bins=(16, 32), range=[[-3, 3], [-3, 3]])[0]
print("\n".join("".join(" .:*#"[min(int(n), 4)] for n in row) for row in grid[::-1]))
