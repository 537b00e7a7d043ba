# A DCGAN-like pair in one dimension, trained by hand as in TensorFlow's tutorial.
import tensorflow as tf
from tensorflow.keras import layers

BATCH_SIZE, NOISE = 64, 8
tf.random.set_seed(0)


def make_generator_model():
    model = tf.keras.Sequential()
    model.add(layers.Dense(16, use_bias=False, input_shape=(NOISE,)))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Dense(2))
    return model


def make_discriminator_model():
    model = tf.keras.Sequential()
    model.add(layers.Dense(32, input_shape=(2,)))
    model.add(layers.LeakyReLU())
    model.add(layers.Dropout(0.1))
    model.add(layers.Dense(1))
    return model


cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_output, fake_output):
    real_loss = cross_entropy(tf.ones_like(real_output), real_output)
    fake_loss = cross_entropy(tf.zeros_like(fake_output), fake_output)
    return real_loss + fake_loss


def generator_loss(fake_output):
    return cross_entropy(tf.ones_like(fake_output), fake_output)


generator, discriminator = make_generator_model(), make_discriminator_model()
generator_optimizer, discriminator_optimizer = tf.keras.optimizers.Adam(1e-2), tf.keras.optimizers.Adam(1e-2)


@tf.function
def train_step(points):
    noise = tf.random.normal([BATCH_SIZE, NOISE])
    with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
        generated = generator(noise, training=True)
        real_output = discriminator(points, training=True)
        fake_output = discriminator(generated, training=True)
        gen_loss = generator_loss(fake_output)
        disc_loss = discriminator_loss(real_output, fake_output)
    gradients_of_generator = gen_tape.gradient(gen_loss, generator.trainable_variables)
    gradients_of_discriminator = disc_tape.gradient(disc_loss, discriminator.trainable_variables)
    generator_optimizer.apply_gradients(zip(gradients_of_generator, generator.trainable_variables))
    discriminator_optimizer.apply_gradients(zip(gradients_of_discriminator, discriminator.trainable_variables))
    return gen_loss, disc_loss


data = tf.random.normal([1024, 2]) * 0.3 + tf.constant([3.0, -2.0])
dataset = tf.data.Dataset.from_tensor_slices(data).shuffle(1024).batch(BATCH_SIZE)


def train(dataset, epochs):
    for epoch in range(epochs):
        for batch in dataset:
            losses = train_step(batch)
    tf.print("losses", *losses)


if __name__ == "__main__":
    train(dataset, 30)
    found = tf.reduce_mean(generator(tf.random.normal([500, NOISE]), training=False), axis=0)
    print(found.numpy().round(1))
    print("near the data:", bool(tf.norm(found - tf.constant([3.0, -2.0])) < 2.5))
